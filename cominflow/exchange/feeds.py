"""Feeds: published feeds and layouts, as immutable versions in the database. The engine reads only these.

`layouts/` in the repository holds proposals; `publish` makes a version out of one. An arrival keeps its version for
life, so an answer is written with the layout its request was read with.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import transaction

from cominflow.errors import UsageError
from cominflow.exchange import agreement, complete, feed, names
from cominflow.exchange.feed import Feed
from cominflow.models import Customer, Event, FeedVersion, LayoutVersion
from cominflow.models import Feed as FeedRow
from tracciati import declare
from tracciati.layout import Layout

# Parsed feeds and layouts that one process keeps: more than a busy system has live.
PARSED_MAX = 256


@dataclass(frozen=True)
class Published:
    """What publishing did.

    `is_new` is False when these very words were the newest version already; `is_change` too when, besides, the feed
    was LIVE (or the DRAFT it is kept as) before.
    """

    version: FeedVersion
    is_new: bool
    is_change: bool
    notes: tuple[str, ...]


def publish(
    customer: Customer,
    feed_text: str,
    layout_texts: Mapping[str, str],
    *,
    at: datetime,
    by: str,
    name: str = "",
    feed_name: str = "feed.toml",
    is_live: bool = True,
) -> Published:
    """Make a version of a feed with its layouts, and the feed LIVE (or keep it a DRAFT, which takes no files).

    layout_texts   file name -> text of each layout version that the feed may be read with; the file's own date chooses
    name           of the feed among the customer's; its layout's id when empty

    LayoutError with every line that is wrong, or, live, has no behaviour yet. UsageError when a version number was
    published with other bytes, or the names collide with another live feed's.
    """
    agreed, parsed = agreement.examine(feed_text, layout_texts, feed_name=feed_name)
    if is_live:
        agreement.refuse_unsupported(agreed, parsed)
    fingerprint = _fingerprint(agreed, parsed)
    with transaction.atomic():
        Customer.objects.select_for_update().get(pk=customer.pk)  # one publishing at a time: the names are compared
        row, _ = FeedRow.objects.get_or_create(customer=customer, name=name or agreed.layout)
        if is_live:
            _check_rivals(row, agreed)
        elif row.state != "DRAFT":
            raise UsageError(
                f"feed {row.name} of {customer.code} is {row.state}: a draft would replace what it is read with",
                hint="look at the draft with `cominflow feed check`, and publish it when it is agreed",
            )
        newest = row.versions.order_by("-number").first()
        is_new = newest is None or newest.fingerprint != fingerprint
        if newest is None or is_new:
            number = 1 if newest is None else newest.number + 1
            newest = FeedVersion.objects.create(
                feed=row, number=number, fingerprint=fingerprint, text=feed_text, published_at=at, published_by=by
            )
            newest.layouts.set([_keep(layout, at=at, by=by) for layout in parsed])
        is_change = _set_live(row, newest, is_live=is_live, is_new=is_new, at=at, by=by)
    return Published(newest, is_new, is_change, agreement.notes_on(agreed, parsed))


def current(customer: Customer, file_name: bytes) -> FeedVersion | None:
    """The version of the customer's live feed that takes files of that name; None when no feed does."""
    return next((version for version in live(customer) if load(version).match(file_name)), None)


def names_of(customer: Customer) -> list[str]:
    """The names that the customer's live feeds take, as agreed."""
    return [load(version).names.request.text for version in live(customer)]


@contextmanager
def remembered() -> Iterator[None]:
    """Inside of it what is live is read once, and each version once: a batch goes by what was live when it began."""
    if _memory.get() is not None:
        yield
        return
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


_memory: ContextVar[dict[tuple[str, int], Any] | None] = ContextVar("live feeds", default=None)


_V = TypeVar("_V", FeedVersion, LayoutVersion)


def versions(keys: Collection[int]) -> dict[int, FeedVersion]:
    """Feed versions by key, with their feeds."""
    return _remembering("version", keys, FeedVersion.objects.select_related("feed").in_bulk)


def layout_versions(keys: Collection[int]) -> dict[int, LayoutVersion]:
    """Layout versions by key."""
    return _remembering("layout", keys, LayoutVersion.objects.in_bulk)


def _remembering(kind: str, keys: Collection[int], read: Callable[[Collection[int]], dict[int, _V]]) -> dict[int, _V]:
    """Versions never change: what was read inside of `remembered` is not read again."""
    memory = _memory.get()
    if memory is None:
        memory = {}
    missing = [key for key in keys if (kind, key) not in memory]
    memory |= {(kind, key): row for key, row in read(missing).items()} if missing else {}
    return {key: memory[kind, key] for key in keys}


def load(version: FeedVersion) -> Feed:
    """The published feed as a value."""
    return _feed(version.text, f"{version.feed.name}, version {version.number}")


def layouts(version: FeedVersion) -> list[tuple[LayoutVersion, Layout]]:
    """The layouts a feed version was published with, the one that begins last first."""
    memory = _memory.get()
    key = ("layouts", version.pk)
    if memory is None or key not in memory:
        rows = sorted(version.layouts.all(), key=lambda row: (row.valid_from or date.min, row.pk), reverse=True)
        found = [(row, layout(row)) for row in rows]
        if memory is None:
            return found
        memory[key] = found
        memory |= {("layout", row.pk): row for row, _ in found}
    return list(memory[key])


def layout_for(version: FeedVersion, reference_date: date) -> LayoutVersion | None:
    """The layout version that is valid on a file's own date; None when the date is before all of them."""
    return next(
        (row for row, _ in layouts(version) if row.valid_from is None or row.valid_from <= reference_date),
        None,
    )


def layout(version: LayoutVersion) -> Layout:
    """The published layout as a value."""
    return _layout(version.text, f"{version.layout_id}@{version.version}")


def listed(customer: Customer | None = None) -> list[dict[str, Any]]:
    """Feeds with their newest version, for people: by customer and name."""
    rows = FeedRow.objects.select_related("customer").order_by("customer__code", "name")
    if customer is not None:
        rows = rows.filter(customer=customer)
    return [_listed_row(row) for row in rows]


def find(customer: Customer, name: str) -> FeedRow:
    """A customer's feed by name. UsageError when there is none."""
    row = FeedRow.objects.filter(customer=customer, name=name).first()
    if row is None:
        known = ", ".join(FeedRow.objects.filter(customer=customer).values_list("name", flat=True)) or "none"
        raise UsageError(f"{customer.code} has no feed {name!r}", hint=f"its feeds: {known}")
    return row


@functools.lru_cache(PARSED_MAX)
def _feed(text: str, name: str) -> Feed:
    return feed.loads(text, name)


@functools.lru_cache(PARSED_MAX)
def _layout(text: str, name: str) -> Layout:
    return declare.loads(text, name)


def live(customer: Customer) -> list[FeedVersion]:
    """The newest version of each live feed of a customer."""
    memory = _memory.get()
    if memory is None:
        return _read_live(customer)
    if ("live", customer.pk) not in memory:
        memory["live", customer.pk] = found = _read_live(customer)
        memory |= {("version", version.pk): version for version in found}
    return list(memory["live", customer.pk])


def _read_live(customer: Customer) -> list[FeedVersion]:
    versions = FeedVersion.objects.filter(feed__customer=customer, feed__state="LIVE").select_related("feed")
    newest: dict[int, FeedVersion] = {version.feed_id: version for version in versions.order_by("feed__name", "number")}
    return list(newest.values())


def _check_rivals(row: FeedRow, agreed: Feed) -> None:
    for version in live(row.customer):
        if version.feed_id == row.pk:
            continue
        its = load(version)
        why = names.rival(agreed.names, its.names)
        why = why or complete.rival(agreed.complete, agreed.names, its.complete, its.names)
        if why is not None:
            raise UsageError(
                f"feed {row.name} cannot be live beside feed {version.feed.name}: {why}",
                hint="agree names that tell the two apart",
            )


def _keep(parsed: Layout, *, at: datetime, by: str) -> LayoutVersion:
    """The row of a layout version, made when it is new. A number that was published with other bytes is refused."""
    known = LayoutVersion.objects.filter(layout_id=parsed.id, version=parsed.version).first()
    if known is None:
        return LayoutVersion.objects.create(
            layout_id=parsed.id,
            version=parsed.version,
            fingerprint=parsed.fingerprint,
            text=parsed.source_text,
            valid_from=parsed.valid_from,
            published_at=at,
            published_by=by,
        )
    if known.fingerprint != parsed.fingerprint:
        raise UsageError(
            f"{parsed.id}@{parsed.version} was published on {known.published_at:%Y-%m-%d} with other words "
            f"(#{known.fingerprint[:8]}, now #{parsed.fingerprint[:8]})",
            hint="a published version never changes: raise `version` in the layout",
        )
    return known


def _set_live(row: FeedRow, version: FeedVersion, *, is_live: bool, is_new: bool, at: datetime, by: str) -> bool:
    """Set a feed that goes live LIVE, and record what changed; returns whether anything did."""
    goes_live = is_live and row.state != "LIVE"
    if goes_live:
        row.state = "LIVE"
        row.save(update_fields=["state"])
    if is_new or goes_live:
        subject = f"feed {row.customer.code}/{row.name}"[:40]
        reason = f"version {version.number}, {row.state}, #{version.fingerprint[:8]}"
        Event.objects.create(at=at, by=by, subject=subject, what="published", reason=reason)
    return is_new or goes_live


def _fingerprint(agreed: Feed, parsed: list[Layout]) -> str:
    parts = [agreed.fingerprint, *sorted(layout.fingerprint for layout in parsed)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _listed_row(row: FeedRow) -> dict[str, Any]:
    version = row.versions.order_by("-number").first()
    assert version is not None, f"feed {row.name} was made without a version"
    return {
        "customer": row.customer.code,
        "feed": row.name,
        "state": row.state,
        "version": version.number,
        "requests": load(version).names.request.text,
        "layouts": [f"{known.layout_id}@{known.version}" for known in version.layouts.order_by("pk")],
        "published_at": version.published_at,
        "published_by": version.published_by,
    }
