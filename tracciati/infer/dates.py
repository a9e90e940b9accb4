"""Dates: in which form, if any, values are days, and how probable it is that they are not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tracciati.infer.tables import Cells, Flags, field_of
from tracciati.layout import Field

# In this order of preference where values fit several alike.
FORMS = (
    "yyyyMMdd", "ddMMyyyy", "yyyy-MM-dd", "dd/MM/yyyy", "dd-MM-yyyy", "dd.MM.yyyy", "yyyy/MM/dd", "MM/dd/yyyy",
    "ddMMyy", "yyMMdd", "dd/MM/yy", "MMddyyyy",
)  # fmt: skip
# Years that somebody could mean, and from where a year of two digits is of this century.
_YEARS, PIVOT = (1900, 2100), 50
_SHARE = 0.9
# Six digits are days by chance more easily: over more years than these, all of them must be days.
_SPAN_OF_DOUBT = 15


@dataclass(frozen=True)
class Seen:
    """How well a form fits: the share of values, the chance that it is none, the years from the first to the last day,
    how many of them differ, and the forms that read them all as days too.
    """

    form: str
    share: float
    chance: float
    span_years: float
    different: int
    rivals: tuple[str, ...] = ()


def field(cells: Cells, form: str) -> Field:
    """A field that reads such cells as days."""
    return field_of("date", cells, format=form, pivot=None if "yyyy" in form else PIVOT)


def can_be(cells: Cells, form: str) -> bool:
    """A quick look: do digits and marks stand where the form has them, in the cells that are not empty?"""
    there = ~cells.empty()
    if not there.any() or cells.width < len(form):
        return False
    shown = cells.cells[there][:, : len(form)]
    for place, character in enumerate(form):
        column = shown[:, place]
        fits = (column >= 48) & (column < 58) if character in "yMd" else column == ord(character)
        if fits.mean() < _SHARE:
            return False
    return True


def seen(cells: Cells, form: str) -> Seen | None:
    """What speaks for the form; None where the values are no such days, or of years that nobody means."""
    values = cells.chosen(~cells.empty() & ~_is_sentinel(cells))
    if not len(values) or len(values) * 2 < np.count_nonzero(~cells.empty()) and len(values) < 3:
        return None
    as_field = field(values, form)
    null, bad = values.read(as_field, "ascii")
    good = ~null & ~bad
    days = values.values(as_field, "ascii")
    years = days / 365.25 + 1970
    good &= (years >= _YEARS[0]) & (years < _YEARS[1])
    share = float(good.mean())
    if share < _SHARE or (share < 1 and good.sum() < 10):
        return None
    span = float(np.ptp(years[good]))
    if "yyyy" not in form and share < 1 and span > _SPAN_OF_DOUBT:
        return None
    digits = sum(character in "yMd" for character in form)
    # Random digits would be days of the years that were seen, and of a few around them, with this probability.
    by_chance = min(1.0, (max(span, 4) + 8) * 365.25 / 10**digits)
    different = min(len(values.chosen(good).distinct()[0]), 12)
    marks = len(form) - digits
    return Seen(form, share, float(by_chance**different) * 0.05**marks, span, different)


def best(cells: Cells) -> Seen | None:
    """The form that fits best: the most values, then the days that lie nearest together."""
    fitting = [one for form in FORMS if can_be(cells, form) and (one := seen(cells, form)) is not None]
    if not fitting:
        return None
    found = min(fitting, key=lambda one: (-round(one.share, 2), round(one.span_years), FORMS.index(one.form)))
    rivals = (one.form for one in fitting if one.form != found.form and one.share >= found.share)
    return replace(found, rivals=tuple(rivals))


def _is_sentinel(cells: Cells) -> Flags:
    first = cells.cells[:, :1]
    same = (cells.cells == first) | (cells.cells == 0)
    found: Flags = same.all(axis=1) & np.isin(first[:, 0], (32, 48, 57))
    return found


def sentinels(cells: Cells) -> list[bytes]:
    """Values of zeros, nines or blanks throughout: what stands where there is no day."""
    texts = cells.chosen(_is_sentinel(cells)).distinct()[0]
    return [text for text in texts if text] if cells.lengths is not None else [t.ljust(cells.width) for t in texts]
