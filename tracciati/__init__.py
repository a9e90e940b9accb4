"""tracciati: record layouts (tracciati record) declared as data; files read, checked and written by them.

    load       a layout's TOML file -> Layout, with `read` and `write`: see `tracciati.api`

    declare    a layout's TOML text -> Layout            layout     the values that a layout is made of
    structure  the order of records                      expression checks and totals

Knows nothing of databases, networks or of who sends the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracciati.api import Batch, Batches, Layout, load

__all__ = ["Batch", "Batches", "Layout", "load"]


def __getattr__(name: str) -> Any:
    """The library for programs, loaded when it is first asked for: `tracciati --help` does without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tracciati import api

    return getattr(api, name)
