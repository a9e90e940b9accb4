"""Bounds: what a field's value must be beyond its base: between `min` and `max`, or of the form of a `pattern`.

A value outside is read all the same, and sums with the others: what is wrong is the record, not the reading.
Patterns are RE2's (https://github.com/google/re2/wiki/Syntax), for the whole value: their time is linear, whatever
stands in the file.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.layout import Field
    from tracciati.values.cells import Flags

_EPOCH = date(1970, 1, 1)


def outside(numbers: NDArray[np.int64] | NDArray[np.int32], field: Field) -> Flags | None:
    """Which numbers (as `Column.values` has them) are below `least` or above `most`: bool (n,), None when none is."""
    if not len(numbers) or (field.least is None and field.most is None):
        return None
    found = np.zeros(len(numbers), np.bool_)
    if field.least is not None:
        found |= numbers < field.least
    if field.most is not None:
        found |= numbers > field.most
    return found if found.any() else None


def unlike(texts: pa.StringArray, field: Field) -> Flags | None:
    """Which texts are not of the field's pattern: bool (n,), None when all are. A null, or nothing, is no text."""
    if not field.pattern or not len(texts):
        return None
    fit = pc.or_(pc.match_substring_regex(texts, whole(field.pattern)), pc.equal(texts, ""))
    found = ~np.asarray(pc.fill_null(fit, True))
    return found if found.any() else None


def whole(pattern: str) -> str:
    """The pattern for the whole of a text."""
    return rf"\A(?:{pattern})\z"


def problem(pattern: str) -> str:
    """Why RE2 cannot take the pattern; empty when it can."""
    try:
        pc.match_substring_regex(pa.array([""]), whole(pattern))
    except pa.ArrowInvalid as error:
        return str(error).removeprefix("Invalid regular expression: ")
    return ""


def expected(field: Field) -> tuple[str, str]:
    """What the field wants, in English and Italian."""
    if field.pattern:
        return f"the form {field.pattern}", f"la forma {field.pattern}"
    least, most = (None if one is None else shown(one, field) for one in (field.least, field.most))
    if most is None:
        english, italian = f"{least} or more", f"{least} o più"
    elif least is None:
        english, italian = f"{most} or less", f"{most} o meno"
    else:
        english, italian = f"between {least} and {most}", f"tra {least} e {most}"
    return english, italian.replace(".", ",")


def shown(number: int, field: Field) -> str:
    """A bound as a person writes it: 0.01, or 2026-01-31."""
    if field.base == "date":
        return (_EPOCH + timedelta(days=number)).isoformat()
    return str(Decimal(number).scaleb(-field.scale)) if field.scale else str(number)
