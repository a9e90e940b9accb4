"""Block: some hundred arrivals with what belongs to them, as tables side by side, so that memory stays small.

Every table is read once, when a check first asks for it. Integers are int64 also where a table is empty.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from django.db.models import Count, Max, Min, Q, QuerySet

from cominflow.exchange.disk import Folders
from cominflow.limits import RECONCILE_ARRIVALS, RECONCILE_STALE_S
from cominflow.models import Arrival, Charge, Chunk, Delivery, Invoice, InvoiceLine, Once, Price, Request, Service

ROME = ZoneInfo("Europe/Rome")

# States in which a file's requests are not settled yet: they come and go while it is read.
UNREAD = frozenset({"CLAIMING", "CLAIMED", "READING"})
ACCEPTED = frozenset({"QUEUED", "ANSWERED", "CLOSED", "PURGED"})

COUNTERS = ("waiting", "open", "answered", "refused", "cancelled", "expired")
COUNTER_OF: Mapping[str, str] = {
    "WAITING": "waiting",
    "OPEN": "open",
    "ANSWERED": "answered",
    "CORRECTED": "answered",
    "REFUSED": "refused",
    "CANCELLED": "cancelled",
    "EXPIRED": "expired",
}
UNENDED = ("WAITING", "OPEN")


@dataclass(frozen=True)
class Look:
    """One look at a system: when, how closely, and at what.

    day      only what arrived or was invoiced on this day in Italy; None: everything
    is_deep  read and hash every file, and look every reference up
    """

    folders: Folders
    at: datetime
    day: date | None = None
    is_deep: bool = False

    @property
    def stale_before(self) -> datetime:
        """What began before and goes on since is not going on."""
        return self.at - timedelta(seconds=RECONCILE_STALE_S)

    def is_hashed(self, since: datetime | None) -> bool:
        """Whether a file of this instant is read and hashed: those of the day, by default of the last 24 hours."""
        if self.is_deep or since is None:
            return self.is_deep
        if self.day is not None:
            return since.astimezone(ROME).date() == self.day
        return since >= self.at - timedelta(days=1)


@dataclass
class Block:
    """Arrivals in the order of their keys, and their tables."""

    look: Look
    keys: list[int]
    services: Mapping[int, str]
    seen: dict[str, int] = field(default_factory=dict)

    @cached_property
    def arrivals(self) -> list[Arrival]:
        """The rows, without their large columns, with customer and batch."""
        rows = Arrival.objects.filter(pk__in=self.keys).select_related("customer", "batch").order_by("pk")
        return list(rows.defer("head", "tail", "report", "reason", "reason_it", "reason_en"))

    @cached_property
    def by_key(self) -> dict[int, Arrival]:
        """The same, by key."""
        return {row.pk: row for row in self.arrivals}

    @cached_property
    def chunks(self) -> pd.DataFrame:
        """Chunks without their blobs, by arrival and ordinal."""
        names = ["pk", "arrival_id", "ordinal", "first_position", "requests_count", "delivery_number"]
        rows = self._of(Chunk).order_by("arrival_id", "ordinal")
        return table(rows, [*names, *(f"{counter}_count" for counter in COUNTERS)])

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Requests kept as rows, summed up: how many of each arrival, service, state, outcome and delivery."""
        names = ["arrival_id", "service_id", "state", "outcome", "delivery_number"]
        return table(self._of(Request).order_by().values(*names).annotate(count=Count("pk")), [*names, "count"])

    @cached_property
    def row_places(self) -> pd.DataFrame:
        """First and last position, and number, of each arrival's rows."""
        rows = self._of(Request).order_by().values("arrival_id")
        found = rows.annotate(first=Min("position"), last=Max("position"), count=Count("pk"))
        return table(found, ["arrival_id", "first", "last", "count"])

    @cached_property
    def charges(self) -> pd.DataFrame:
        """Charges with their unit price, in the order in which their amounts were rounded."""
        rows = self._of(Charge).order_by("arrival_id", "delivery_number", "service_id", "chunk_ordinal")
        names = ["arrival_id", "chunk_ordinal", "delivery_number", "service_id", "price_id", "quantity"]
        return table(rows, [*names, "amount_cents", "price__unit_price_e8"])

    @cached_property
    def prices(self) -> pd.DataFrame:
        """Every price of the customers of this block, oldest first."""
        rows = Price.objects.filter(customer_id__in={row.customer_id for row in self.arrivals})
        return table(rows.order_by("valid_from"), ["pk", "customer_id", "service_id", "unit_price_e8", "valid_from"])

    @cached_property
    def deliveries(self) -> pd.DataFrame:
        """Deliveries of these arrivals."""
        names = ["pk", "arrival_id", "kind", "number", "folder", "name", "state", "sha256", "bytes_count"]
        rows = table(self._of(Delivery).order_by("pk"), [*names, "planned_at", "published_at"])
        return rows.assign(name=[bytes(name) for name in rows["name"]])

    @cached_property
    def invoices(self) -> list[Invoice]:
        """Invoices of these arrivals."""
        return list(self._of(Invoice).order_by("pk"))

    @cached_property
    def lines(self) -> pd.DataFrame:
        """The lines of those invoices."""
        rows = InvoiceLine.objects.filter(invoice__arrival_id__in=self.keys).order_by("invoice_id", "position")
        names = ["invoice_id", "position", "service_id", "quantity", "unit_price_e8", "net_cents", "vat_rate_bp"]
        return table(rows, names)

    @cached_property
    def once(self) -> dict[int, set[str]]:
        """Steps that are done, of each arrival."""
        found: dict[int, set[str]] = {key: set() for key in self.keys}
        for key, step in self._of(Once).values_list("arrival_id", "step"):
            found[key].add(step)
        return found

    def _of(self, model: Any) -> QuerySet:
        return model.objects.filter(arrival_id__in=self.keys)


def blocks(look: Look, only: list[int] | None = None) -> Iterator[Block]:
    """The arrivals that a look is at, some hundred at a time; `only` those of these keys."""
    services = dict(Service.objects.values_list("pk", "code"))
    wanted = _wanted(look)
    if only is not None:
        wanted = wanted.filter(pk__in=only)
    last = 0
    while keys := list(wanted.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:RECONCILE_ARRIVALS]):
        yield Block(look, keys, services)
        last = keys[-1]


def _wanted(look: Look) -> QuerySet:
    if look.day is None:
        return Arrival.objects.all()
    begin, end = bounds(look.day)
    invoiced = Invoice.objects.filter(issued_on=look.day).values("arrival_id")
    return Arrival.objects.filter(Q(claimed_at__gte=begin, claimed_at__lt=end) | Q(pk__in=invoiced))


def bounds(day: date) -> tuple[datetime, datetime]:
    """The first instant of a day in Italy, and that of the next one."""
    begin, end = (datetime(one.year, one.month, one.day, tzinfo=ROME) for one in (day, day + timedelta(days=1)))
    return begin, end


def table(rows: QuerySet, names: list[str]) -> pd.DataFrame:
    """A query as a table; columns of whole numbers are int64."""
    found = pd.DataFrame(list(rows.values_list(*names)), columns=names)
    return found.astype({name: "int64" for name in names if _is_number(name)})


def _is_number(name: str) -> bool:
    endings = ("pk", "_id", "_count", "number", "ordinal", "quantity", "_cents", "_e8", "_bp", "position")
    return name.endswith(endings) or name in ("count", "first", "last")
