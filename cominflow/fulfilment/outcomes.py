"""Outcomes: what can become of a request, and what a provider's answer has to look like. Pure.

Results leave a provider as one of five Arrow types (text, int64, bool, decimal, date), never as floating point: pandas
makes floats out of whole numbers when one is missing, so whole ones become integers again, and the others text.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cominflow.arrow import in_one_piece

# Outcome -> the state of a request that has it (`exchange.request_states`).
STATE_OF: Mapping[str, str] = {
    "fulfilled": "ANSWERED",
    "not_found": "ANSWERED",
    "failed": "ANSWERED",
    "pending": "OPEN",
    "cancelled": "CANCELLED",
    "too_late": "EXPIRED",
    "expired": "EXPIRED",
    "no_credit": "REFUSED",
    "repeated": "REFUSED",
    "invalid": "REFUSED",
}
# What a provider may say; the rest is decided by the flows.
OF_PROVIDERS = ("fulfilled", "not_found", "pending", "failed")

_WHOLE_FLOAT_MAX = 2**53

# What messages show of an answer: indices up to a million (a portion has ten thousand), and names of columns as
# programmers write them.
_PLACE_MAX = 1_000_000
# A request's key as `provider.keys` makes it: what people call it, a point, and what tells it from others of that name.
_KEY = re.compile(r"(A-\d{1,15}|test)/\d{1,9}\.[0-9a-f]{32}")
_COLUMN = re.compile(r"[a-z][a-z_]{0,39}[0-9]?")


class Unusable(ValueError):
    """An answer that cannot be taken; the text says why, by positions and column names, never by values."""


def states_of(outcomes: NDArray[np.object_]) -> NDArray[np.str_]:
    """The state for each outcome: texts (n,)."""
    return np.array([STATE_OF[outcome] for outcome in outcomes], dtype=np.str_)


@dataclass(frozen=True)
class Said:
    """What a provider said, proved to be an answer. Row i belongs to the i-th request that was asked.

    outcomes  texts (n,), each one of OF_PROVIDERS
    results   n rows in stored types, null beside any outcome but fulfilled; no columns where there are none
    notes     key of a request -> words for the operator
    """

    outcomes: NDArray[np.str_]
    results: pa.Table
    notes: Mapping[str, str] = field(default_factory=dict)


def checked(answer: object, asked: pd.Index[Any]) -> Said:
    """A provider's answer in the order it was asked, its columns in stored types. Raises Unusable.

    answer  the DataFrame that the provider gave: index as asked, a column `outcome`, result columns
    asked   the index of the requests
    """
    if not isinstance(answer, pd.DataFrame):
        raise Unusable(f"it answered with {type(answer).__name__}, not with a DataFrame")
    _check_rows(answer.index, asked)
    names = [str(name) for name in answer.columns]
    if len(set(names)) < len(names):
        raise Unusable(f"a column stands twice: {_columns({n for n in names if names.count(n) > 1})}")
    if "outcome" not in names:
        raise Unusable(f"it has no column `outcome`, only {_columns(names) or 'none'}")
    ordered = answer if answer.index is asked or answer.index.equals(asked) else answer.loc[asked]
    outcomes = _outcomes(ordered["outcome"], asked)
    results = {str(name): _column(_columns([str(name)]), ordered[name]) for name in answer.columns if name != "outcome"}
    is_fulfilled = pa.array(outcomes == "fulfilled")
    # A result belongs to a fulfilled request: what stands beside another outcome is not delivered by accident.
    kept = {name: pc.if_else(is_fulfilled, column, None) for name, column in results.items()}
    notes = answer.attrs.get("notes", {})
    return Said(outcomes, pa.table(kept), dict(notes) if isinstance(notes, Mapping) else {})


def _outcomes(given: pd.Series[Any], asked: pd.Index[Any]) -> NDArray[np.str_]:
    """The column `outcome` as texts, each of them one of OF_PROVIDERS."""
    words = given.to_numpy(dtype=object)
    places = np.full(len(words), -1, np.int8)
    for place, word in enumerate(OF_PROVIDERS):
        places[words == word] = place
    wrong = places < 0
    if wrong.any():
        raise Unusable(
            f"{_these(asked[wrong])}: the outcome is none of {', '.join(OF_PROVIDERS)}, "
            f"but for example {_word(words[wrong][0])}"
        )
    return np.array(OF_PROVIDERS)[places]


def _check_rows(answered: pd.Index[Any], asked: pd.Index[Any]) -> None:
    if answered is asked:
        return
    unknown = answered[~answered.isin(asked)]
    if len(unknown):
        # Numbers are shown; a text that we did not give may be anybody's name.
        which = _these(unknown) if unknown.dtype.kind in "iu" else f"{len(unknown)} row{'s' * (len(unknown) > 1)}"
        raise Unusable(f"{which}: answered, but not asked; keep the index of the requests")
    if not answered.is_unique:
        raise Unusable(f"{_these(answered[answered.duplicated()].unique())}: answered more than once")
    missing = asked[~asked.isin(answered)]
    if len(missing):
        raise Unusable(f"{_these(missing)}: asked, but not answered; every request needs a row, if only `pending`")


def _column(name: str, series: pd.Series[Any]) -> pa.Array:
    """A result column as one of the five types."""
    try:
        column = pa.array(series.array if isinstance(series.dtype, pd.ArrowDtype) else series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        raise Unusable(f"column {name} mixes kinds of values; give all as text, or all as one other type") from None
    except OverflowError:
        raise Unusable(f"column {name} holds integers above 9223372036854775807; give them as text") from None
    except UnicodeError:
        raise Unusable(f"column {name} holds half a character (a lone surrogate), which is no text") from None
    column = in_one_piece(column)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_string(kind) or pa.types.is_boolean(kind) or pa.types.is_date32(kind):
        return column
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind) or pa.types.is_null(kind) or _is_time(kind):
        return column.cast(pa.string())
    if pa.types.is_signed_integer(kind) or pa.types.is_unsigned_integer(kind):
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:
            raise Unusable(f"column {name} holds integers above 9223372036854775807; give them as text") from None
    if pa.types.is_decimal(kind) and kind.precision <= 38:
        return column.cast(pa.decimal128(kind.precision, max(kind.scale, 0)))
    if pa.types.is_floating(kind):
        return _without_floats(name, column)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        days = column.cast(pa.date32())
        if not days.cast(kind).equals(column):
            raise Unusable(f"column {name} holds times of day; give dates, or all of it as text")
        return days
    raise Unusable(f"column {name} is {kind}; give text, whole numbers, decimals, dates or true and false")


def _is_time(kind: pa.DataType) -> bool:
    """A time of day has no stored type of its own: it is text, as 12:30:00."""
    return bool(pa.types.is_time(kind))


def _without_floats(name: str, column: pa.Array) -> pa.Array:
    """Whole floats as integers; others as the shortest text that reads back as the same number."""
    values = column.to_numpy(zero_copy_only=False)
    valid = ~np.isnan(values)
    if not np.isfinite(values[valid]).all():
        raise Unusable(f"column {name} holds an infinite number")
    if np.all((values[valid] == np.trunc(values[valid])) & (np.abs(values[valid]) <= _WHOLE_FLOAT_MAX)):
        return pa.array(np.where(valid, values, 0).astype(np.int64), mask=~valid)
    return pa.array(
        [np.format_float_positional(v, trim="-") if ok else None for v, ok in zip(values, valid, strict=True)]
    )


def _these(index: pd.Index[Any]) -> str:
    """Rows by their index: `rows 3, 4, 9 and 12 more`."""
    first = ", ".join(shown(key) for key in index[:3].tolist())
    more = f" and {len(index) - 3} more" if len(index) > 3 else ""
    return f"row{'s' if len(index) > 1 else ''} {first}{more}"


def shown(key: object) -> str:
    """A row's index for a message: a key or a number such as we give. Anything else may be a person's own code."""
    if isinstance(key, str) and _KEY.fullmatch(key):
        return called(key)
    is_ours = isinstance(key, int) and abs(key) <= _PLACE_MAX
    return str(key) if is_ours else f"(index of type {type(key).__name__})"


def called(key: str) -> str:
    """What people call the request that has this key: `A-17/3`."""
    return key.partition(".")[0]


def _columns(names: Collection[str]) -> str:
    """Names of columns: those that look like one are shown, others may be what stands in a cell."""
    shown = (name if _COLUMN.fullmatch(name) else f"(a name of {len(name)} characters)" for name in sorted(names))
    return ", ".join(shown)


def _word(value: object) -> str:
    """An outcome that is none: a word that is one of ours elsewhere, or nearly one; anything else only by its type."""
    if not isinstance(value, str):
        return type(value).__name__
    near = difflib.get_close_matches(value.strip().lower(), STATE_OF, 1, 0.7)
    return (repr(value) if value in STATE_OF else f"a word near {near[0]!r}") if near else "another text"
