"""Words: texts among a command's arguments, and what a list of commands says of each.

A text that is not UTF-8 is wrong usage; a path may have any bytes.
"""

from __future__ import annotations

import os

import click


class _Utf8(click.types.StringParamType):
    """A text as click's own, but for bytes that are no UTF-8: Python hands them on as what nothing can store."""

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(super().convert(value, param, ctx))
        try:
            text.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(text).decode("utf-8", "backslashreplace")
            hint = "write it in UTF-8; the terminal or script that gave it has another encoding"
            self.fail(f"'{shown}' is not UTF-8\n  do: {hint}", param, ctx)
        return text


_UTF_8 = _Utf8()


def in_utf_8(command: click.Command) -> click.Command:
    """The command, and those below it, with every text among its arguments demanded in UTF-8."""
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = _UTF_8
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            in_utf_8(inner)
    return command


# Longer than any first sentence of a command's help.
_SENTENCE_MAX = 1_000


def in_full(command: click.Command) -> click.Command:
    """The command, and those below it, listed with the whole first sentence of their help: click cuts it to a line."""
    command.short_help = command.get_short_help_str(_SENTENCE_MAX)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            in_full(inner)
    return command
