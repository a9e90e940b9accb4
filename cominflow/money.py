"""Money: whole cents in postings, 1e-8 euro in unit prices, and the one rounding function.

No float comes near. A unit price is an int in units of 1e-8 euro (`E8`), as SQLite keeps DecimalField in floats.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import NewType

Cents = NewType("Cents", int)
E8 = NewType("E8", int)


def round_half_up(value: Decimal) -> Cents:
    """Euros with any number of decimals to whole cents, halves away from zero (as Italian VAT law rounds).

    >>> round_half_up(Decimal("1.005")), round_half_up(Decimal("-1.005"))
    (101, -101)
    """
    return Cents(int((value * 100).quantize(Decimal(1), rounding=ROUND_HALF_UP)))


def times(unit_price: E8, quantity: int) -> Cents:
    """What `quantity` pieces cost, in whole cents: exact product, one rounding.

    >>> times(E8(350_000_000), 3), times(E8(500_000), 1)
    (1050, 1)
    """
    return round_half_up(Decimal(unit_price * quantity) / Decimal(10**8))


def parse_e8(text: str) -> E8:
    """A unit price as a person writes it (`3.50`) to 1e-8 euro. ValueError when it is not one, or is negative.

    >>> parse_e8("3.50")
    350000000
    """
    cleaned = text.strip()
    if cleaned.startswith("-") and cleaned[1:].replace(".", "", 1).isdecimal():
        raise ValueError(f"a price cannot be negative, as {cleaned} is")
    if not cleaned or any(c not in "0123456789." for c in cleaned) or cleaned.count(".") > 1 or cleaned == ".":
        raise ValueError(f"{text!r} is not a price such as 3.50")
    value = Decimal(cleaned) * 10**8
    if value != value.to_integral_value():
        raise ValueError(f"{text!r} has more than 8 decimals")
    if value >= 10**17:
        raise ValueError(f"{text!r} is above the largest unit price, 999999999.99999999")
    return E8(int(value))


def format_cents(cents: int) -> str:
    """Cents for a person: `1,234.50`.

    >>> format_cents(123450), format_cents(-5)
    ('1,234.50', '-0.05')
    """
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100:,}.{abs(cents) % 100:02d}"


def format_e8(price: int) -> str:
    """A unit price for a person, with at least two decimals.

    >>> format_e8(350_000_000), format_e8(500_000)
    ('3.50', '0.005')
    """
    whole, rest = divmod(price, 10**8)
    decimals = f"{rest:08d}".rstrip("0").ljust(2, "0")
    return f"{whole}.{decimals}"
