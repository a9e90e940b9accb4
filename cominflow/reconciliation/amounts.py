"""Amounts: prices and VAT to the cent, computed once more. Pure.

Unit prices are whole numbers of 1e-8 euro, rates hundredths of a percent; halves go up, as nothing is negative.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def cents_of(unit_price_e8: int, quantity: int) -> int:
    """So many pieces at a price, rounded once.

    >>> cents_of(333_333, 3), cents_of(500_000, 1)
    (1, 1)
    """
    return _rounded(Decimal(unit_price_e8) * quantity / 1_000_000)


def vat_of(net_cents: int, rate_bp: int) -> int:
    """The VAT of all lines of one rate, rounded once.

    >>> vat_of(105, 1000), vat_of(1400, 2200)
    (11, 308)
    """
    return _rounded(Decimal(net_cents) * rate_bp / 10_000)


def _rounded(cents: Decimal) -> int:
    return int(cents.quantize(Decimal(1), rounding=ROUND_HALF_UP))
