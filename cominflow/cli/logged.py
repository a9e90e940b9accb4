"""Logged: `--log-json` of the commands that stay, and the start of their logs."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click

from cominflow.errors import UsageError

VARIABLE = "COMINFLOW_LOG"
_FORMS = ("text", "json")


def log_json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The `--log-json` of a command that stays."""
    return click.option(
        "--log-json", is_flag=True, help=f"One JSON object a line on standard error, as {VARIABLE}=json."
    )(command)


def begin(*, log_json: bool) -> None:
    """Begin to log, before anything can go wrong. Processes that we start log as we do. UsageError: no such form."""
    from cominflow import logs

    if log_json:
        os.environ[VARIABLE] = "json"
    form = os.environ.get(VARIABLE) or "text"
    if form not in _FORMS:
        raise UsageError(f"{VARIABLE} is {form!r}", hint=f"set it to {' or '.join(_FORMS)}, or leave it out")
    logs.begin(as_json=form == "json")
