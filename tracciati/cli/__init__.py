"""Command line of tracciati: one file per command. `COMMANDS` is the table of contents.

A command's module imports click and nothing heavy at its top, so that `tracciati --help` answers at once; numpy,
pyarrow and the engine are imported inside the command.
"""

from __future__ import annotations

import difflib
import importlib
import keyword

import click

from tracciati.cli.words import in_full, in_utf_8

# A command's module and its function have its name, with a low line behind it where Python has the word for itself. In
# the order in which a newcomer needs them.
COMMANDS = (
    "check", "explain", "rewrite", "convert", "generate", "describe", "diff", "import", "export", "continuity", "infer",
)  # fmt: skip


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is used, or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command = getattr(importlib.import_module(f"tracciati.cli.{name}"), name)
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
@click.version_option(package_name="cominflow", prog_name="tracciati")
def tracciati() -> None:
    """Files of records, read, checked, explained, rewritten and made by a layout that is data.

    \b
    A first look:
      tracciati generate layouts/banca-demo/visure.toml --seed 1 --count 5 --out /tmp/visure.txt
      tracciati check layouts/banca-demo/visure.toml /tmp/visure.txt
      tracciati explain layouts/banca-demo/visure.toml /tmp/visure.txt --record 2

    \b
    Exit codes: 0 clean, 1 the data has findings, 2 wrong usage or a layout that contradicts itself,
    3 could not read or write, 70 our own defect.
    """
