"""[continuity]: balances that go on from file to file, and whether the layout's records can carry them.

A closing balance has one opening balance: that of the file, or of the group in which both stand. So each pair is one
account's statement, and the statements of an account follow each other, within a file and from file to file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracciati.declare.references import Trouble, find, unreachable
from tracciati.declare.toml import did_you_mean
from tracciati.expression import Name
from tracciati.layout import NUMBERS, Continuity
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.declare.references import World
    from tracciati.declare.toml import Document, Table
    from tracciati.layout import Field, Record

_Found = tuple["Record", "Field"]


def read_continuity(document: Document, world: World) -> Continuity | None:
    """Read [continuity]; None when the layout has none. Problems are noted in the document."""
    table = document.table().inner("continuity")
    if "continuity" not in document.value:
        return None
    opening, closing = (_balance(table, key, world) for key in ("opening", "closing"))
    account = table.texts("account")
    table.close()
    if opening and closing:
        _check_pair(table, opening, closing, world)
    for path in account:
        _check_account(table, path, opening, world)
    return Continuity(table.text("opening"), table.text("closing"), account)


def _balance(table: Table, key: str, world: World) -> _Found | None:
    path = table.text(key, required=True)
    found = _field(table, key, path, world) if path else None
    if found is not None and found[1].base not in NUMBERS:
        table.problem(key, f"`{key}`: {path} is {found[1].base}, and a balance is a number", "name an amount")
        return None
    return found


def _field(table: Table, key: str, path: str, world: World) -> _Found | None:
    """The field of that path; None when there is none, which is noted."""
    name, _, field = path.partition(".")
    record = world.records.get(name)
    if record is None or not field:
        hint = did_you_mean(name, world.records) if field else "write record.field, as coda.saldo"
        table.problem(
            key, f"`{key}` leads to no field: {path!r}", hint or f"records are {', '.join(world.records) or 'none'}"
        )
        return None
    found = find(Name(name, field), world, record)
    if isinstance(found, Trouble):
        table.problem(key, f"`{key}`: {found.text}", found.hint)
        return None
    return record, found


def _check_pair(table: Table, opening: _Found, closing: _Found, world: World) -> None:
    (first, begin), (last, end) = opening, closing
    if begin is end:
        table.problem("closing", "`opening` and `closing` are the same field", "name the two balances")
        return
    if begin.scale != end.scale:
        sizes = f"`opening` has {counted(begin.scale, 'decimal')}, `closing` {end.scale}"
        table.problem("closing", f"{sizes}: they could never be compared", "give both fields one type")
    name = Name(first.name, begin.name)
    found = find(name, world, last)
    troubles = [found] if isinstance(found, Trouble) else []
    if not troubles:
        troubles = list(unreachable(name, world, last, [d for d in world.directions_of(last) if d == "request"]))
    for trouble in troubles:
        table.problem("opening", f"`opening`: {trouble.text}", trouble.hint)
    for automaton in world.structure.values():
        if first is last or troubles or not {first.index, last.index} <= automaton.types:
            continue
        if automaton.scope(last.index, (first.name,)) is None:
            text = f"`closing`: after one {first.name} there can be several records {last.name}"
            table.problem("closing", text, "name a field of a record that is there once for each opening balance")
            return


def _check_account(table: Table, path: str, opening: _Found | None, world: World) -> None:
    found = _field(table, "account", path, world)
    if found is not None and opening is not None and found[0] is not opening[0]:
        text = f"`account`: {path} is not a field of {opening[0].name}, where the opening balance stands"
        table.problem("account", text, f"its fields are {', '.join(f.name for f in opening[0].fields)}")
