"""What stands in deploy/ would run: units that systemd takes, commands and options that exist, paths that agree."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs import blocks
from tests.docs.test_pages import unknown_in
from tests.system import BIN

if TYPE_CHECKING:
    from collections.abc import Callable

DEPLOY = blocks.ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
_SCHEDULE = re.compile(r"(\S+ +){5}cominflow +(?P<command>\S.*)")


def unit(path: Path) -> configparser.ConfigParser:
    """A unit as its sections and keys."""
    parsed = configparser.ConfigParser(interpolation=None, strict=False, delimiters="=")
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(path)
    return parsed


def scheduled() -> list[str]:
    """The commands of the cron file."""
    lines = (DEPLOY / "cominflow.cron").read_text().splitlines()
    return [found["command"] for line in lines if (found := _SCHEDULE.fullmatch(line))]


def commands() -> list[tuple[str, str]]:
    """(where, command line) of every command of ours in deploy/."""
    found = [(path.name, unit(path)["Service"]["ExecStart"].replace("/opt/cominflow/bin/", "")) for path in UNITS]
    found += [("cominflow.cron", line) for line in scheduled()]
    readme = (DEPLOY / "README.md").read_text()
    found += [
        ("README.md", line) for line in re.findall(r"cominflow-server [^\n]*", readme) if "/usr/local" not in line
    ]
    lines = [(where, re.search(r"cominflow(-server)? [a-z][^)]*", line)) for where, line in found]
    return [
        (where, match.group().replace("-server", "", 1).partition(" 2>")[0])
        for where, match in lines
        if match is not None
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong_with_a_unit(path: Path, tmp_path: Path, program: Callable[[str], str]) -> None:
    verify = program("systemd-analyze")
    copy = tmp_path / path.name
    copy.write_text(path.read_text().replace("/opt/cominflow/bin/", f"{BIN}/"))
    done = subprocess.run([verify, "verify", "--man=no", copy], capture_output=True, text=True)
    told = [line for line in done.stderr.splitlines() if path.name in line]
    assert (done.returncode, told) == (0, [])


def test_systemd_refuses_a_unit_that_is_wrong(tmp_path: Path, program: Callable[[str], str]) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text(UNITS[0].read_text().replace("ProtectSystem=strict", "ProtectSistem=strict"))
    done = subprocess.run([program("systemd-analyze"), "verify", "--man=no", wrong], capture_output=True, text=True)
    assert "ProtectSistem" in done.stderr


def test_every_command_and_option_in_deploy_is_one() -> None:
    found = commands()
    assert len(found) >= 8
    assert {where for where, _ in found} == {"README.md", "cominflow.cron", *(path.name for path in UNITS)}
    for where, line in found:
        assert not unknown_in(line), f"{where}: {line}"


def test_all_of_deploy_speaks_of_the_same_paths_and_account() -> None:
    server = (DEPLOY / "cominflow-server").read_text()
    assert os.access(DEPLOY / "cominflow-server", os.X_OK)
    for path in UNITS:
        service = unit(path)["Service"]
        assert service["User"] == service["Group"] == "cominflow"
        (data,) = re.findall(r"COMINFLOW_DATA=(\S+)", service["Environment"])
        assert f"export COMINFLOW_DATA={data}\n" in server and f"cd {data}\n" in server
        assert f"/var/lib/{service['StateDirectory']}" == data
        assert service["EnvironmentFile"].removeprefix("-") in server
        assert f"umask {service['UMask']}\n" in server
        assert service["ExecStart"].split()[0] in server
    assert len(scheduled()) == 3 and all("cominflow-server" in line for line in scheduled())


def test_the_shell_can_read_what_cron_and_operators_run() -> None:
    assert subprocess.run(["sh", "-n", DEPLOY / "cominflow-server"]).returncode == 0
    for line in scheduled():
        assert "%" not in line, "cron makes a line break of it"
        assert subprocess.run(["sh", "-n", "-c", line]).returncode == 0


def test_a_line_of_cron_prints_nothing_unless_something_is_wrong(tmp_path: Path) -> None:
    (line,) = (line for line in scheduled() if "$report" in line)
    server = tmp_path / "cominflow-server"
    for code, printed in ((0, ""), (1, "it does not add up\n")):
        server.write_text(f"#!/bin/sh\necho it does not add up\nexit {code}\n")
        server.chmod(0o755)
        environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
        done = subprocess.run(["sh", "-c", line], env=environment, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == (printed, "")
