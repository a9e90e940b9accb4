"""Command line: one file per command. `COMMANDS` is the table of contents.

`cominflow --help` must answer in 0.2 s, so a command's module imports click and nothing else at its top: Django,
pandas and the parts are imported inside the command (`cli.setup` makes Django ready).
"""

from __future__ import annotations

import difflib
import importlib
import os
from pathlib import Path

import click

from tracciati.cli.words import in_full, in_utf_8

# Name -> module in `cominflow.cli`, in the order in which a newcomer needs them. A command's function has its name.
COMMANDS = {
    "init": "init",
    "customer": "customer",
    "key": "key",
    "service": "service",
    "provider": "provider",
    "price": "price",
    "feed": "feed",
    "up": "up",
    "sftp": "sftp",
    "run": "run",
    "status": "status",
    "doctor": "doctor",
    "arrival": "arrival",
    "work": "work",
    "delivery": "delivery",
    "trace": "trace",
    "reconcile": "reconcile",
    "purge": "purge",
    "demo": "demo",
}


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is used, or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"cominflow.cli.{COMMANDS[cmd_name]}"), cmd_name)
        assert isinstance(command, click.Command), cmd_name
        return in_full(in_utf_8(command))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant. Raises UsageError, which names the one that is near, when there is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(f"{problem.message} Did you mean `{near[0]}`?", ctx) from problem


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder.  [default: COMINFLOW_DATA, else ./var]",
)
@click.version_option(package_name="cominflow", prog_name="cominflow")
def group(data: Path | None) -> None:
    """Request files in, answers and invoices out, in each customer's own record layout.

    \b
    A first system, from nothing:
      cominflow init
      cominflow customer add banca-demo --name "Banca Demo"
      cominflow feed publish banca-demo layouts/banca-demo/feed.toml
      cominflow up

    \b
    Exit codes: 0 done, 1 the data has findings, 2 wrong usage, 3 could not read, write or connect,
    4 someone else holds the lock, 70 our own defect.
    """
    if data is not None:
        # Settings are read from the environment, once, when Django starts; so do the processes that we start.
        os.environ["COMINFLOW_DATA"] = str(data.absolute())
