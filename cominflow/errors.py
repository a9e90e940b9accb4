"""Errors: what the world does to us. Wrong data in a file is a finding, and wrong code is an assert.

CominflowError           exit code 70 unless a class below says otherwise
├── UsageError           2   what was asked cannot be done as asked: unknown customer, illegal move
├── WorldError           3   disk, network, database, partner; `retryable` says whether to try again
└── LockedError          4   someone else holds the lock
"""

from __future__ import annotations


class CominflowError(Exception):
    """Base. `hint` says what to do next; `exit_code` is the command's contract with scripts."""

    exit_code = 70

    def __init__(self, text: str, *, hint: str = "") -> None:
        self.text, self.hint = text, hint
        super().__init__(f"{text}\n  do: {hint}" if hint else text)


class UsageError(CominflowError):
    """The request itself is wrong: a name that does not exist, a move that the state does not allow."""

    exit_code = 2


class WorldError(CominflowError):
    """The world failed: operation, path (or endpoint) and the system's own words."""

    exit_code = 3

    def __init__(self, operation: str, path: str, cause: object, *, retryable: bool = False, hint: str = "") -> None:
        self.operation, self.path, self.cause, self.retryable = operation, path, cause, retryable
        # A foreign error may quote a person's data: its type is told, and its words stay out of logs and tables.
        is_foreign = isinstance(cause, BaseException) and not isinstance(cause, CominflowError)
        super().__init__(f"cannot {operation} {path}: {type(cause).__name__ if is_foreign else cause}", hint=hint)


class LockedError(CominflowError):
    """Another process holds what must be held by one."""

    exit_code = 4
