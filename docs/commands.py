"""The page on the two commands, from their own `--help`: what is said there is all there is to say."""

from __future__ import annotations

from collections.abc import Iterator

import click

from cominflow.cli import group as cominflow
from tracciati.cli import tracciati

# Help is wrapped at this width wherever the page is built.
WIDTH = 100

HEAD = """\
# The commands

Made by `make docs` from the commands' own help; a test compares. `cominflow` runs the system; `tracciati` is the
layout library by itself, for whoever negotiates a layout.

Exit codes are a contract with scripts:

| code | meaning |
|---|---|
| 0 | done |
| 1 | the data has findings; `cominflow`: a feed or layout that was given is wrong |
| 2 | wrong usage; `tracciati`: the layout is wrong, so nothing can be said of the data |
| 3 | could not read, write or connect |
| 4 | someone else holds the lock |
| 70 | our own defect |
"""


def page() -> str:
    """The text of docs/cli.md."""
    parts = [HEAD]
    for name, group in (("cominflow", cominflow), ("tracciati", tracciati)):
        for path, command in walk(group, name):
            heading = "##" if path == name else "###"
            parts.append(f"{heading} {path}\n\n```text\n{_help(command, path, group)}\n```\n")
    return "\n".join(parts)


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command under `command`, itself first: (what is typed, the command)."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None, f"{path} lists {name} and does not have it"
            yield from walk(inner, f"{path} {name}")


def _help(command: click.Command, path: str, group: click.Group) -> str:
    """The page that `path --help` shows. The first page made of a command decides for good what its help is called."""
    names = group.context_settings["help_option_names"]
    context = click.Context(
        command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH, help_option_names=names
    )
    return "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
