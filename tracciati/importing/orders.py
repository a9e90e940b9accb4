"""Orders: what whoever imports says beside the copybook or table, which neither has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Form = Literal["fixed", "rdw", "rdw-little", "lines"]
FORMS: tuple[Form, ...] = ("fixed", "rdw", "rdw-little", "lines")


@dataclass(frozen=True)
class Segment:
    """In records whose `field` has `value`, the group or record `name` is there."""

    field: str
    value: str
    name: str


@dataclass(frozen=True)
class Order:
    """How the files are made, and what the layout is called.

    name         of what is read, for messages and the layout's `source`
    form         how records are told: all of one length, each with its length before it, or lines
    length_adds  what has to be added to the length before a record: 4, where it does not count its own bytes
    columns      of a table: the heading for what it is (`length`: `Lunghezza`)
    """

    name: str
    id: str
    codec: str
    form: Form
    segments: tuple[Segment, ...] = ()
    length_adds: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
