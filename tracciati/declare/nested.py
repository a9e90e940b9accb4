"""Nested lines of `fields`: repeated ones (`occurs`) and alternatives over the same bytes (`variants`), written out.

    { name = "rata", occurs = 12, fields = [ { name = "importo", ... } ] }     rata_1_importo to rata_12_importo
    { name = "nota", len = 20, type = "text", occurs = { by = "numero", max = 5 } }     nota_1 to nota_5
    { variants = [ { when = "tipo = 'A'", fields = [ ... ] }, { when = ..., fields = [ ... ] } ] }

What comes out is one field after another, as any other field: with a name, a place, and the condition under which it
is there. Repeated by a field, the last ones are there only in records whose number is large enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from tracciati.declare.fields import read_field
from tracciati.expression import And, Compare, Condition, ExpressionError, Literal, Name, parse
from tracciati.limits import OCCURS_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracciati.declare.toml import Table
    from tracciati.layout import Field, FileForm


@dataclass(frozen=True)
class Written:
    """A field of a record, and the line that it comes from."""

    line: Table
    field: Field


@dataclass(frozen=True)
class Repeated:
    """Where a record's repeated end begins, what says how often it is there, and how many bytes one time takes."""

    by: str
    start: int
    size: int


@dataclass(frozen=True)
class _Place:
    """Where a line stands: its offset, what comes before its name and behind it, and under which condition it is."""

    at: int
    prefix: str = ""
    suffix: str = ""
    when: Condition | None = None


class Nested:
    """Writes out the fields of one record. `repeated`: its end that differs in length, if it has one."""

    def __init__(self, types: Mapping[str, Table], form: FileForm) -> None:
        self._types, self._form = types, form
        self.repeated: Repeated | None = None
        self.stop = 0

    def fields(self, lines: list[Table]) -> Iterator[Written]:
        """The record's fields, in the order of its lines. Problems are noted."""
        yield from self._all(lines, _Place(0))

    def _all(self, lines: list[Table], place: _Place) -> Iterator[Written]:
        for line in lines:
            place = replace(place, at=self.stop)
            if self.repeated is not None and not place.suffix and "occurs" not in line:
                hint = "put it before, or repeat by a fixed number"
                line.problem("", f"what is repeated by `{self.repeated.by}` must come last in the record", hint)
            if "variants" in line:
                yield from self._variants(line, place)
            elif "occurs" in line:
                yield from self._occurs(line, place)
            else:
                yield self._field(line, place)

    def _field(self, line: Table, place: _Place) -> Written:
        field = read_field(line, self._types, self._form, place.at)
        when = _both(place.when, _condition(line, "when") if "when" in line else None)
        if when is not None and self._form.kind == "delimited":
            line.problem("when", "`when` is for fixed records: a column is there or not in all of them", "take it out")
            when = None
        self.stop = place.at + (field.length or 0 if self._form.kind == "fixed" else 1)
        return Written(line, replace(field, name=f"{place.prefix}{field.name}{place.suffix}", when=when))

    def _occurs(self, line: Table, place: _Place) -> Iterator[Written]:
        by, most = _times(line)
        name = line.text("name", required=True)
        is_group = "fields" in line
        inner = line.inner_tables("fields") if is_group else [line]
        if is_group:
            line.asked.extend(("name", "occurs"))
            line.close()
        if by and self._form.kind == "delimited":
            line.problem("occurs", f"`{name}`: columns are repeated by a fixed number", "write occurs = 3")
        if by and (place.suffix or place.when is not None):
            line.problem("occurs", f"`{name}`: what is repeated by a field cannot be repeated again", "write a number")
        start = self.stop
        for number in range(1, most + 1):
            when = place.when
            if by:
                when = _both(when, Compare(">=", Name(None, by), Literal(Decimal(number))))
            if is_group:
                inside = replace(place, prefix=f"{place.prefix}{name}_{number}_", suffix=place.suffix or "", when=when)
                yield from self._group(inner, inside)
            else:
                at = replace(place, at=self.stop, suffix=f"{place.suffix}_{number}", when=when)
                yield self._field(line, at)
        if by and most:
            self.repeated = Repeated(by, start, (self.stop - start) // most)

    def _group(self, lines: list[Table], place: _Place) -> Iterator[Written]:
        yield from self._all(lines, place)

    def _variants(self, line: Table, place: _Place) -> Iterator[Written]:
        start, stops = self.stop, []
        if self._form.kind == "delimited":
            line.problem("variants", "`variants` are over the same bytes: for fixed records", "take them out")
        for variant in line.inner_tables("variants"):
            self.stop = start
            when = _both(place.when, _condition(variant, "when"))
            yield from self._all(variant.inner_tables("fields"), replace(place, when=when))
            stops.append(self.stop)
            variant.close()
        line.close()
        if len(set(stops)) > 1:
            sizes = " and ".join(str(stop - start) for stop in dict.fromkeys(stops))
            line.problem("variants", f"the variants take {sizes} bytes", "end the shorter ones with a filler")
        self.stop = max(stops, default=start)


def _times(line: Table) -> tuple[str, int]:
    """`occurs`: the field that says how often ("" for always), and how often at most."""
    written = line.value.get("occurs")
    by = ""
    if isinstance(written, dict):
        table = line.inner("occurs")
        by, most = table.text("by", required=True), table.integer("max", least=1, required=True)
        table.close()
    else:
        most = line.integer("occurs", least=1)
    if most is not None and most > OCCURS_MAX:
        line.problem("occurs", f"{most} times are more than {counted(OCCURS_MAX, 'field')} may come of a line")
        most = 1
    return by, most or 1


def _condition(table: Table, key: str) -> Condition | None:
    text = table.text(key, required=True)
    if not text:
        return None
    try:
        found = parse(text)
    except ExpressionError as error:
        marked = f"{error.why}\n  {text}\n  {' ' * error.position}^"
        table.problem(key, marked, "write for instance: tipo = 'A'")
        return None
    if not isinstance(found, Condition):
        table.problem(key, f"`{text}` is a total, not a condition", "write for instance: tipo = 'A'")
        return None
    return found


def _both(one: Condition | None, other: Condition | None) -> Condition | None:
    if one is None or other is None:
        return one if other is None else other
    return And((one, other))
