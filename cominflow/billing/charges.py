"""Charges: what fulfilled requests cost, split so that the parts add up to the cent.

An invoice line is rounded once: quantity times unit price. Its parts (chunks, single requests) take what the total
so far gains by them, `round(total so far) - round(total before)`, so that they sum to the line whatever the price.
Pure rules: no database, no clock.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cominflow.money import E8, Cents, round_half_up, times

# Above this a product of quantity and unit price could leave int64.
_E8_TOTAL_MAX = 2**62


def part(unit_price: E8, before: int, quantity: int) -> Cents:
    """Cents of `quantity` pieces that come after `before` others of the same line.

    >>> [part(E8(333_333), before, 1) for before in range(4)]
    [0, 1, 0, 0]
    >>> sum(part(E8(333_333), before, 1) for before in range(4)) == times(E8(333_333), 4)
    True
    """
    return Cents(times(unit_price, before + quantity) - times(unit_price, before))


def parts_of_line(unit_price: E8, before: int, count: int) -> NDArray[np.int64]:
    """Cents of each of `count` pieces that come after `before` others of the same line: int64 (count,).

    >>> parts_of_line(E8(333_333), 1, 3).tolist()
    [1, 0, 0]
    """
    assert unit_price * (before + count + 1) < _E8_TOTAL_MAX, "the line total leaves int64: limit the price or the file"
    totals = np.arange(before, before + count + 1, dtype=np.int64) * np.int64(unit_price)
    cents = (totals + 500_000) // 1_000_000  # halves up: unit prices are never negative
    parts: NDArray[np.int64] = np.diff(cents)
    assert int(parts.sum()) == part(unit_price, before, count)
    return parts


def vat_of_parts(net_cents: NDArray[np.int64], rate_bp: int, *, before: int = 0) -> NDArray[np.int64]:
    """VAT of each part of one rate group, in cents, summing to the group's VAT (rate in hundredths of a percent).

    before  net cents of all parts of the group that come before these

    >>> vat_of_parts(np.array([7, 7, 7]), 2200).tolist(), vat_of_parts(np.array([7]), 2200, before=14).tolist()
    ([2, 1, 2], [2])
    """
    totals = np.concatenate(([0], np.cumsum(net_cents, dtype=np.int64))) + before
    assert int(totals[-1]) * max(rate_bp, 1) < _E8_TOTAL_MAX, "the group's total leaves int64"
    cents = (totals * rate_bp + 5_000) // 10_000
    parts: NDArray[np.int64] = np.diff(cents)
    assert int(cents[-1]) == round_half_up(Decimal(int(totals[-1]) * rate_bp) / Decimal(10**6))
    return parts
