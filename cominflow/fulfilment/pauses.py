"""Pauses: providers that an operator has stopped asking, and what is known of their health.

The engine reads the rows before it asks. Each change is one transaction with its event, and resuming wakes what rests:
the lock on the row decides whether a batch that is just going to rest comes before (it is woken) or after (it does not
rest).
"""

from __future__ import annotations

import difflib
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from cominflow import entered
from cominflow.clock import to_the_minute
from cominflow.errors import UsageError
from cominflow.fulfilment import provider
from cominflow.models import Batch, Event, ProviderPause, Service

FAILED = "failed"


def is_paused(name: str) -> bool:
    """Whether this provider is to be asked nothing now."""
    return ProviderPause.objects.filter(provider=name).exists()


def everything() -> list[ProviderPause]:
    """All pauses, by provider."""
    return list(ProviderPause.objects.order_by("provider"))


def lock() -> bool:
    """Hold every pause until the transaction ends: none is lifted meanwhile. False when there is none."""
    return bool(list(ProviderPause.objects.select_for_update().order_by("pk")))


def pause(name: str, *, by: str, reason: str, at: datetime) -> ProviderPause:
    """Ask this provider nothing from here on. UsageError: unknown, no reason given, or paused already."""
    _require_known(name)
    if not entered.one_line("the reason", reason):
        raise UsageError(f"no reason is given to pause {name}", hint="say why with --reason, for who finds it later")
    try:
        with transaction.atomic():
            row = ProviderPause.objects.create(provider=name, paused_at=at, paused_by=by, reason=reason.strip())
            Event.objects.create(at=at, by=by, subject=_subject(name), what="paused", reason=reason.strip())
            return row
    except IntegrityError:
        present = ProviderPause.objects.filter(provider=name).first()
        since = f" since {to_the_minute(present.paused_at)} by {present.paused_by}" if present else ""
        raise UsageError(
            f"provider {name} is paused already{since}", hint=f"let it go on with `cominflow provider resume {name}`"
        ) from None


def resume(name: str, *, by: str, reason: str = "", at: datetime) -> int:
    """Ask this provider again, at once. UsageError when it is not paused. Returns how many batches were woken.

    All that waits for its next try is woken, what failed too: whoever pauses a provider mostly does so to repair it.
    """
    with transaction.atomic():
        deleted, _ = ProviderPause.objects.filter(provider=name).delete()
        if not deleted:
            raise UsageError(f"provider {name} is not paused", hint="see which are: cominflow provider list")
        Event.objects.create(at=at, by=by, subject=_subject(name), what="resumed", reason=reason.strip())
        return wake()


def wake() -> int:
    """Have everything that waits for its next try begin now. Returns how many batches."""
    return Batch.objects.filter(finished_at=None).exclude(not_before=None).update(not_before=None)


def note_failure(name: str, error: str, *, at: datetime) -> None:
    """Keep what a provider failed with, for `provider list`; the same as the last time is not written again."""
    last = _failures(name).values_list("reason", flat=True).first()
    if last != error:
        Event.objects.create(at=at, by="engine", subject=_subject(name), what=FAILED, reason=error)


def last_failure(name: str) -> Event | None:
    """The last failure that was kept, or None."""
    found: Event | None = _failures(name).first()
    return found


def _failures(name: str) -> QuerySet[Event]:
    return Event.objects.filter(subject=_subject(name), what=FAILED).order_by("-pk")


def _subject(name: str) -> str:
    return f"provider {name}"[:40]


def _require_known(name: str) -> None:
    known = {*provider.installed(), *Service.objects.values_list("provider", flat=True)}
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}"
        raise UsageError(f"there is no provider {name!r}", hint=hint)
