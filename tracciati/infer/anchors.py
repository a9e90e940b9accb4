"""Anchors: stretches of a record that say what they are wherever they stand: days, tax codes, IBANs, running numbers.

A window over the columns is tried at every place. What chance would bring about is estimated from the different values
that fit, the share of all values that would fit, and the number of windows: one hit by accident is no evidence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracciati.bases import iban
from tracciati.infer import dates
from tracciati.infer.tables import Cells, Flags, field_of, rows_count
from tracciati.layout import Base

# Records of a type that windows are tried on; share of those with a value that must fit; the most that chance may be.
_LOOKED_AT, _SHARE, _CHANCE_MAX = 200, 0.9, 0.01
# The most that it may be where another type has the same in the same columns.
_CHANCE_HINTED = 0.05
# From so many steps on, some may be others: records that were left out, or numbers that were.
MANY_STEPS, STEPS_SHARE = 20, 0.95
# Share of the steps at which a number rises that each of several records has.
_SHARED = 0.6
# Share of random values of its form that have right check characters.
_BY_CHANCE: dict[Base, float] = {"codice_fiscale": 1 / 2600, "partita_iva": 0.1, "iban": 1 / 970}
# The only widths that fields of these bases have.
WIDTHS: dict[Base, int] = {"codice_fiscale": 16, "partita_iva": 11}


@dataclass(frozen=True)
class Anchor:
    """A stretch [start, stop) that is a field; `base` is empty for what only bounds its neighbours."""

    start: int
    stop: int
    base: Base
    chance: float
    is_counter: bool = False


def found(
    cells: Cells, free: list[tuple[int, int]], files: NDArray[np.int64], hints: Sequence[Anchor] = ()
) -> list[Anchor]:
    """Anchors in the free stretches of a type's records, none over another, in the order of the columns.

    cells  whole records; at least one, and the first of them as they follow one another (`tables.spread`)
    hints  what was found in records of other types: the same columns often hold the same, and need less evidence
    """
    some = np.unique(np.linspace(0, len(cells) - 1, _LOOKED_AT).astype(np.int64))
    looked = cells.chosen(some)
    follow = slice(0, rows_count(cells.width) // 2)
    proposed = [*_counters(Cells(cells.cells[follow]), free, files[follow])]
    windows = sum(stop - start for start, stop in free)
    for start, stop in free:
        proposed += _attested(looked, start, stop, windows)
        proposed += _days(looked, start, stop)
        proposed += _hinted(looked, start, stop, hints)
    chosen: list[Anchor] = []
    for one in sorted(proposed, key=lambda one: (one.chance, one.start)):
        if all(one.stop <= other.start or other.stop <= one.start for other in chosen):
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start)


def _hinted(cells: Cells, start: int, stop: int, hints: Sequence[Anchor]) -> Iterator[Anchor]:
    """What another type has in these columns, where these records may have it too: one window, not all there are."""
    for hint in hints:
        if not start <= hint.start < hint.stop <= stop:
            continue
        window = cells.cut(hint.start, hint.stop)
        if hint.base == "date":
            seen = dates.best(window)
            is_short = hint.stop - hint.start <= 6
            chance = seen.chance if seen is not None and seen.different > is_short else 1.0
        elif hint.is_counter:
            # Right behind the type, in records of which there are several, a number that rises elsewhere is one too.
            are_digits = bool(((window.cells >= 48) & (window.cells < 58)).all())
            chance = _CHANCE_HINTED if are_digits and start == hint.start and len(cells) >= MANY_STEPS else 1.0
        else:
            chance = chance_of(window, hint.base, _BY_CHANCE[hint.base])
        if chance <= _CHANCE_HINTED:
            yield replace(hint, chance=chance)


def _windows(cells: Cells, start: int, stop: int, form: tuple[tuple[int, int], ...]) -> list[int]:
    """Where in the stretch the form could begin: at least every second byte that is no blank is as it wants it."""
    count = stop - start - len(form) + 1
    if count < 1:
        return []
    part = cells.cells[:, start:stop]
    filled = np.maximum((part != 32).sum(axis=0), 1)
    can_begin = np.ones(count, np.bool_)
    shares = {one: ((part >= one[0]) & (part <= one[1])).sum(axis=0) * 2 >= filled for one in set(form)}
    for place, one in enumerate(form):
        can_begin &= shares[one][place : place + count]
    return [int(at) for at in np.flatnonzero(can_begin)]


def _share_of(cells: Cells, wanted: tuple[tuple[int, int], ...]) -> float:
    """Share of the cells that are not empty whose first bytes lie in the ranges."""
    there = ~cells.empty()
    if not there.any():
        return 0.0
    fits = np.ones(len(cells), np.bool_)
    for place, (least, most) in enumerate(wanted):
        fits &= (cells.cells[:, place] >= least) & (cells.cells[:, place] <= most)
    return float(fits[there].mean())


_LETTER, _FIGURE = (65, 90), (48, 57)
_FORMS: dict[Base, tuple[tuple[int, int], ...]] = {
    "codice_fiscale": (_LETTER,) * 6,
    "partita_iva": (_FIGURE,) * 11,
    "iban": (_LETTER, _LETTER, _FIGURE, _FIGURE),
}


def _attested(cells: Cells, start: int, stop: int, windows: int) -> Iterator[Anchor]:
    for base, form in _FORMS.items():
        for at in (start + at for at in _windows(cells, start, stop, form)):
            if _share_of(cells.cut(at, at + len(form)), form) < (0.5 if base == "codice_fiscale" else _SHARE):
                continue
            width = WIDTHS.get(base) or _iban_width(cells.cut(at, stop))
            if not width or at + width > stop:
                continue
            chance = chance_of(cells.cut(at, at + width), base, _BY_CHANCE[base]) * windows
            if chance <= _CHANCE_MAX:
                yield Anchor(at, at + width, base, chance)


def _iban_width(cells: Cells) -> int:
    countries = {text[:2].decode("ascii", "replace") for text in cells.cut(0, 2).distinct()[0] if text}
    sizes = [iban.SIZES.get(country, 0) for country in countries]
    return max(sizes) if sizes and all(sizes) else 0


def chance_of(cells: Cells, base: Base, by_chance: float, **keys: object) -> float:
    """How probable it is that so many values fit by chance; 1 where too few do."""
    values = cells.chosen(~cells.empty() & ~_is_zero(cells))
    if not len(values):
        return 1.0
    null, bad = values.read(field_of(base, values, **keys), "ascii")
    good = ~null & ~bad
    if float(good.mean()) < _SHARE:
        return 1.0
    return float(by_chance ** min(len(values.chosen(good).distinct()[0]), 12))


def _is_zero(cells: Cells) -> Flags:
    found: Flags = ((cells.cells == 48) | (cells.cells == 32)).all(axis=1)
    return found


def _days(cells: Cells, start: int, stop: int) -> Iterator[Anchor]:
    tried = [
        (start + at, form)
        for form in dates.FORMS
        for at in _windows(cells, start, stop, tuple(_FIGURE if one in "yMd" else (ord(one),) * 2 for one in form))
        if dates.can_be(cells.cut(start + at, start + at + len(form)), form)
    ]
    for at, form in tried:
        end = at + len(form)
        seen = dates.seen(cells.cut(at, end), form)
        if seen is None:
            continue
        if _stands_alone(cells, at, end, start, stop):
            chance, most = seen.chance * 2, 3 * _CHANCE_MAX
        else:
            # In a run of digits one value that could be a day is hardly evidence; of six digits, two are not.
            is_short = len(form) <= 6
            chance = seen.chance * len(tried)
            most = 0.0 if is_short and seen.different < 3 else _CHANCE_MAX / (10 if seen.different == 1 else 1)
        if chance <= most:
            yield Anchor(at, end, "date", chance)


def _stands_alone(cells: Cells, at: int, end: int, start: int, stop: int) -> bool:
    """Is there no digit beside it?"""
    sides = [cells.cells[:, place] for place in (at - 1, end) if start <= place < stop]
    return not any(((side >= 48) & (side < 58)).any() for side in sides)


def _counters(cells: Cells, free: list[tuple[int, int]], files: NDArray[np.int64]) -> Iterator[Anchor]:
    """Numbers that rise by one from record to record, or now and then stay."""
    same_file: Flags = np.diff(files) == 0
    if np.count_nonzero(same_file) < 3:
        return
    for start, stop in free:
        figures = cells.cells[:, start:stop].astype(np.int64) - 48
        are_digits: Flags = np.logical_and.reduce((figures >= 0) & (figures <= 9), axis=0)
        steps = np.diff(figures, axis=0)[same_file] % 10
        of = len(steps)
        least = of if of < MANY_STEPS else STEPS_SHARE * of
        rising = (steps == 1).sum(axis=0)
        # The first digits of a number that grows evenly stay less often than a number that several records share.
        stays = (steps <= 1).all(axis=0) & (rising <= _SHARED * of)
        for at in np.flatnonzero(are_digits & (stays | (rising >= least))).tolist():
            rises = int(rising[at])
            begin = _beginning(figures, are_digits, at, same_file)
            chance = 10.0 ** -min(of, 12) if rises >= least else 0.2 ** min(of, 17)
            if rises >= 3 and chance * (stop - start) <= _CHANCE_MAX:
                yield Anchor(start + begin, start + at + 1, "integer", chance * 1e-6, is_counter=True)


def _beginning(figures: NDArray[np.int64], are_digits: Flags, last: int, same_file: Flags) -> int:
    """The first column of the number whose last digit is in column `last`: as far as it still rises by one at most."""
    begin, value = last, figures[:, last].copy()
    for at in range(last - 1, max(last - 15, -1), -1):
        if not are_digits[at]:
            break
        value = value + figures[:, at] * 10 ** (last - at)
        # What was cut off on the left makes 100 of 099, that is 00 of 99.
        steps = np.diff(value)[same_file] % 10 ** (last - at + 1)
        is_leading = (figures[:, at] == figures[0, at]).all()
        if (steps > 1).sum() > (1 - STEPS_SHARE) * len(steps) * (len(steps) >= MANY_STEPS) or (
            is_leading and figures[0, at] and begin < last
        ):
            break
        begin = at
    return begin
