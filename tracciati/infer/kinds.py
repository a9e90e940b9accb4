"""Kinds: what a field is, by its values: the most telling base that nearly all of them fit, with what chance would do.

Each base is asked through the engine's own reading, so that a value that agrees here agrees when the file is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from tracciati.infer import codes, dates, numbers
from tracciati.infer.anchors import WIDTHS, chance_of
from tracciati.infer.tables import Cells, field_of
from tracciati.layout import Base

# Share of the values that must fit; at least so many must agree where some do not.
_SHARE, _AGREEING = 0.9, 10
# The most that chance may be for a kind that is known by its check characters.
_CHANCE_MAX = 1e-3
# From how many records on what never changes is called constant, and up to how many characters.
_CONSTANT_OF, _CONSTANT_WIDTH = 5, 12
_BY_CHANCE: tuple[tuple[Base, float, tuple[int, int]], ...] = (
    ("partita_iva", 0.1, (11, 11)),
    ("codice_fiscale", 1 / 2600, (11, 16)),
    ("iban", 1 / 970, (15, 34)),
    ("mod97", 1 / 97, (6, 34)),
    ("luhn", 0.1, (8, 19)),
)


@dataclass
class Kind:
    """A base and the keys that go with it, as the layout will say them."""

    base: Base
    keys: dict[str, object] = field(default_factory=dict)
    chance: float = 0.0
    why: str = ""

    def engine_keys(self) -> dict[str, object]:
        """The keys under the names that `layout.Field` has for them, for trying the kind out."""
        found = {key: value for key, value in self.keys.items() if key in _KEYS}
        if found.get("sign") in ("leading", "trailing"):
            found = {"plus": "", "minus": "-", **found}
        if "null" in found:
            found["null"] = tuple(found["null"])  # type: ignore[arg-type]
        return found


_KEYS = {
    "align", "pad", "digits", "scale", "mark", "sign", "plus", "minus", "format", "pivot", "value", "null", "codes",
    "yes", "no",
}  # fmt: skip


def found(cells: Cells, codec: str, *, known: Base | None = None) -> Kind:
    """What the cells are.

    cells  one field of records of one type, as many as are looked at
    known  what an anchor found them to be
    """
    empty = cells.empty()
    if empty.all():
        return Kind("filler" if cells.lengths is None else "text", why="always blank")
    values = cells.chosen(~empty)
    if known == "date":
        form = dates.best(cells)
        if form is not None:
            return _day(cells, form)
    if known in ("codice_fiscale", "iban", "partita_iva"):
        return Kind(known, _sensitive(known), why="right check characters")
    for kind in _proposed(cells, values, codec):
        if _fits(cells, kind, codec):
            return kind
    return _text(cells, codec)


def _fits(cells: Cells, kind: Kind, codec: str) -> bool:
    null, bad = cells.read(field_of(kind.base, cells, **kind.engine_keys()), codec)
    count = int(np.count_nonzero(~null))
    wrong = int(np.count_nonzero(bad))
    return wrong == 0 or (count - wrong >= _SHARE * count and count - wrong >= _AGREEING)


def _proposed(cells: Cells, values: Cells, codec: str) -> Iterator[Kind]:
    texts, counts = values.distinct()
    constant = _constant(cells, values, texts, codec)
    if constant is not None:
        yield constant
    for base, by_chance, sizes in _BY_CHANCE:
        lengths = {len(text) for text in texts}
        if cells.lengths is None and cells.width != WIDTHS.get(base, cells.width):
            continue
        if min(lengths) >= sizes[0] and max(lengths) <= sizes[1]:
            chance = chance_of(values, base, by_chance)
            if chance <= _CHANCE_MAX and not (base == "iban" and values.width < 15):
                yield Kind(base, _sensitive(base) | _zero_null(cells, base, codec), chance, "right check characters")
    form = dates.best(cells)
    if form is not None and (form.chance <= 0.02 or len(values) >= 20):
        yield _day(cells, form)
    yes_or_no = codes.boolean(cells, texts, counts)
    if yes_or_no is not None:
        yield Kind("boolean", yes_or_no, why=f"always one of two values, {counts[0]} and {counts[-1]} times")
    for base, keys, why in numbers.proposed(cells, values):
        yield Kind(base, keys, why=why)
    if (listed := codes.listed(texts, counts, cells)) is not None:
        yield Kind("text", {"codes": listed}, why=f"{len(listed)} different values")


def _sensitive(base: Base) -> dict[str, object]:
    return {"sensitive": True} if base in ("codice_fiscale", "iban") else {}


def _zero_null(cells: Cells, base: Base, codec: str) -> dict[str, object]:
    """Zeros or nines throughout, where they have no right check characters: what stands there for no value."""
    texts = [text for text in dates.sentinels(cells) if len(text) == cells.width and text.strip()]
    wrong = []
    for text in texts:
        one = Cells(
            np.frombuffer(text, np.uint8).reshape(1, -1), None if cells.lengths is None else np.array([len(text)])
        )
        if one.read(field_of(base, one), codec)[1].any():
            wrong.append(text.decode("ascii"))
    return {"null": wrong} if wrong else {}


def _day(cells: Cells, seen: dates.Seen) -> Kind:
    keys: dict[str, object] = {"format": seen.form}
    if "yyyy" not in seen.form:
        keys["pivot"] = dates.PIVOT
    nulls = [text.decode("ascii") for text in dates.sentinels(cells) if len(text) == cells.width]
    if nulls:
        keys["null"] = nulls
    words = f"days of {seen.span_years:.0f} years" if seen.span_years >= 1.5 else "days"
    words += f"; {' and '.join(seen.rivals)} would read them too" if seen.rivals else ""
    return Kind("date", keys, seen.chance, words)


def _constant(cells: Cells, values: Cells, texts: list[bytes], codec: str) -> Kind | None:
    if len(texts) != 1 or len(values) < len(cells) or len(cells) < _CONSTANT_OF or len(texts[0]) > _CONSTANT_WIDTH:
        return None
    if set(texts[0]) <= set(b"0 ") or dates.best(cells) is not None:
        return None  # no amount, no day: what stands there when nothing does; or the day of the file
    text = texts[0].decode(codec, "replace")
    if cells.lengths is None:
        text = cells.cells[0].tobytes().decode(codec, "replace")
    if not text.isprintable() or len(text.encode(codec, "replace")) != (
        cells.width if cells.lengths is None else len(text)
    ):
        return None
    return Kind("const", {"value": text}, why="always the same")


def _text(cells: Cells, codec: str) -> Kind:
    """Text, or bytes that mean nothing where too many are no text."""
    keys: dict[str, object] = {}
    if cells.lengths is None and _stands_right(cells):
        keys["align"] = "right"
    kind = Kind("text", keys)
    return (
        kind if _fits(cells, kind, codec) or cells.lengths is not None else Kind("filler", why="bytes that are no text")
    )


def _stands_right(cells: Cells) -> bool:
    """Do values begin at different columns and all end at the last one?"""
    there = cells.chosen(~cells.empty()).cells
    return bool(len(there) >= 3 and (there[:, -1] != 32).all() and (there[:, 0] == 32).any())
