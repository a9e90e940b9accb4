"""Secrets: passwords and tokens of providers. Settings say where one is; the database never holds it.

    {"env": "SCORES_TOKEN"}        {"file": "/etc/cominflow/scores.token", "prefix": "Bearer "}

The environment is that of the process that asks (the engine, or `provider test`). A file's line end does not count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from cominflow.errors import WorldError

_KEYS = ("env", "file", "prefix")
_BYTES_MAX = 64 * 1024
# A name that says that its value is secret.
_SOUNDS_SECRET = re.compile(r"auth|token|secret|passw|cookie|key|credential", re.IGNORECASE)


def problems(name: str, value: object) -> list[str]:
    """What is wrong with one setting that may be a text or a secret; empty when nothing is."""
    if isinstance(value, str):
        if _SOUNDS_SECRET.search(name):
            return [f'{name!r} is a secret: say where it is, as {{"env": "NAME"}} or {{"file": "/path"}}']
        return [] if _is_one_line(value) else [f"{name!r} must be one line of ASCII"]
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for text in value.values()):
        return [f'{name!r} must be a text, {{"env": "NAME"}} or {{"file": "/path"}}']
    unknown = [key for key in value if key not in _KEYS]
    if unknown or ("env" in value) == ("file" in value):
        return [f"{name!r} must have either 'env' or 'file', and may have 'prefix'"]
    return []


def read(name: str, value: str | Mapping[str, str]) -> str:
    """The text that a checked setting stands for. WorldError when it is not there; the message never shows it."""
    if isinstance(value, str):
        return value
    text = _of_environment(name, value["env"]) if "env" in value else _of_file(name, value["file"])
    whole = value.get("prefix", "") + text
    if not _is_one_line(whole):
        raise WorldError("use", f"the secret of {name}", "it is not one line of ASCII", hint="write it anew")
    return whole


def _of_environment(name: str, variable: str) -> str:
    text = os.environ.get(variable, "").strip()
    if not text:
        raise WorldError(
            "read", f"the secret of {name}", f"the environment has no {variable}",
            hint=f"set {variable} where the engine is started, and start it again",
        )  # fmt: skip
    return text


def _of_file(name: str, path: str) -> str:
    try:
        with Path(path).open("rb") as opened:
            text = opened.read(_BYTES_MAX).decode("ascii", "replace").strip()
    except OSError as cause:
        raise WorldError(
            "read", f"the secret of {name} in {path}", cause.strerror or cause,
            hint="put it there, readable for the account that runs cominflow and for nobody else",
        ) from cause  # fmt: skip
    if not text:
        raise WorldError("read", f"the secret of {name} in {path}", "the file is empty", hint="write it there")
    return text


def _is_one_line(text: str) -> bool:
    return text.isascii() and text.isprintable()
