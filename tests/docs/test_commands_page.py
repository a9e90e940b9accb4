"""docs/cli.md is what the commands say of themselves, and they say enough."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cominflow.cli import group as cominflow
from docs import build, commands
from tests.docs import blocks
from tracciati.cli import tracciati

COMMANDS = [*commands.walk(cominflow, "cominflow"), *commands.walk(tracciati, "tracciati")]
LEAVES = [(path, command) for path, command in COMMANDS if not isinstance(command, click.Group)]
GROUPS = [(path, command) for path, command in COMMANDS if isinstance(command, click.Group)]
DOES_NOT_END = ("cominflow up", "cominflow sftp")


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    """Every page as `make docs` makes it, in a process of its own: click keeps help as it was first asked for."""
    program = "import json; from docs import build as b; print(json.dumps({n: make() for n, make in b.PAGES.items()}))"
    done = subprocess.run([sys.executable, "-c", program], cwd=blocks.ROOT, stdout=subprocess.PIPE, check=True)
    pages: dict[str, str] = json.loads(done.stdout)
    return pages


@pytest.mark.parametrize("name", build.PAGES)
def test_a_generated_page_is_what_make_docs_would_write(name: str, made: dict[str, str]) -> None:
    written = (Path(build.__file__).parent / name).read_text(encoding="utf-8")
    assert written == made[name], f"docs/{name} is out of date; do: make docs"


@pytest.mark.parametrize(("path", "command"), GROUPS, ids=[path for path, _ in GROUPS])
def test_a_list_of_commands_cuts_no_sentence(path: str, command: click.Command) -> None:
    listed = click.Context(command, info_name=path, terminal_width=80).get_help().partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_command_has_help_with_an_example_to_paste(path: str, command: click.Command) -> None:
    assert command.help, f"{path} has no help"
    assert f"\n  {path} " in f"{command.epilog} " or f"\n  {path}\n" in f"{command.epilog}\n", f"{path} has no example"


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_command_that_ends_can_print_json(path: str, command: click.Command) -> None:
    options = {text for parameter in command.params for text in parameter.opts}
    assert "--json" in options or path in DOES_NOT_END, f"{path} has no --json"


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[path for path, _ in LEAVES])
def test_every_option_says_what_it_is_for(path: str, command: click.Command) -> None:
    silent = [p.opts[0] for p in command.params if isinstance(p, click.Option) and not p.help]
    assert not silent, f"{path}: no help for {silent}"
