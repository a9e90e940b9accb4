"""A preloaded command is a process of its own, with what its caller gave it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests import preloaded

LAYOUT = Path(__file__).resolve().parents[2] / "layouts" / "banca-demo" / "visure.toml"


def test_arguments_folder_and_streams_are_those_of_the_caller(tmp_path: Path) -> None:
    generate = [
        preloaded.program("tracciati"),
        "generate",
        LAYOUT,
        "--seed",
        "1",
        "--count",
        "3",
        "--out",
        "a file.txt",
    ]
    subprocess.run(generate, cwd=tmp_path, check=True)
    check = [preloaded.program("tracciati"), "check", LAYOUT, "a file.txt"]
    done = subprocess.run(check, cwd=tmp_path, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"no findings" in done.stdout


def test_the_environment_is_that_of_the_caller_alone(tmp_path: Path) -> None:
    environment = {"COMINFLOW_DATA": str(tmp_path / "elsewhere"), "PATH": os.environ["PATH"]}
    done = subprocess.run([preloaded.program("cominflow"), "init"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert f"ready: {tmp_path}/elsewhere" in done.stdout


def test_the_exit_code_and_the_words_of_a_failure_come_back() -> None:
    done = subprocess.run([preloaded.program("cominflow"), "bogus", ""], capture_output=True, text=True)
    assert done.returncode == 2 and "No such command 'bogus'" in done.stderr and done.stdout == ""


def test_a_command_ends_with_its_caller(tmp_path: Path) -> None:
    environment = {**os.environ, "COMINFLOW_DATA": str(tmp_path), "COMINFLOW_DATABASE_URL": ""}
    cominflow = preloaded.program("cominflow")
    subprocess.run([cominflow, "init"], env=environment, check=True, capture_output=True)
    watching = [cominflow, "status", "--watch", "--json", "--every", "0.1"]
    with subprocess.Popen(watching, env=environment, stdout=subprocess.PIPE) as caller:
        assert caller.stdout is not None and caller.stdout.readline()
        caller.kill()
        caller.stdout.read()  # ends when the command, which writes to it, has ended
