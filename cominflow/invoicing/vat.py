"""VAT: one amount per rate group, rounded half up once per group, as the FatturaPA checks want it (SdI 00421, 00422).

Pure rules: no database, no clock. Rates in hundredths of a percent: 2200 is 22 %.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from cominflow.money import Cents, round_half_up


@dataclass(frozen=True)
class VatGroup:
    """All lines of one rate: taxable amount and VAT, in cents."""

    rate_bp: int
    net_cents: Cents
    vat_cents: Cents


def groups(lines: Iterable[tuple[int, int]]) -> tuple[VatGroup, ...]:
    """Group (rate_bp, net_cents) lines by rate, ascending, and compute each group's VAT.

    >>> groups([(2200, 700), (2200, 700), (1000, 105)])
    (VatGroup(rate_bp=1000, net_cents=105, vat_cents=11), VatGroup(rate_bp=2200, net_cents=1400, vat_cents=308))
    """
    nets: dict[int, int] = {}
    for rate_bp, net_cents in lines:
        assert 0 <= rate_bp <= 10_000, "a VAT rate is 0 to 100 %"
        nets[rate_bp] = nets.get(rate_bp, 0) + net_cents
    return tuple(
        VatGroup(rate, Cents(net), round_half_up(Decimal(net * rate) / Decimal(10**6)))
        for rate, net in sorted(nets.items())
    )
