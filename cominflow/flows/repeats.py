"""Repeats: the feed's rules about what was received before, applied when a file is accepted.

    look     before the acceptance of a large file, without holding anybody up: compare it with what was accepted
    accept   in the transaction of the acceptance, under a lock on the customer's feeds: compare again if another file
             was accepted since, decide by how the earlier requests stand now, and write it all down

A request that is refused, or answered again, has its answer from the beginning: no provider sees it and nothing is
charged. An earlier request that is corrected is cancelled, and goes out with the next answer to its own file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from django.db import transaction

from cominflow import failpoint
from cominflow.exchange import feeds, repeated, requests
from cominflow.exchange.feed import Feed
from cominflow.exchange.feed import Repeats as Rules
from cominflow.exchange.repeated import ANSWERED_AGAIN, CORRECTS, Decided
from cominflow.exchange.request_states import ANSWERED, CANCELLED, CORRECTED, OPEN, REFUSED, STATE_TEXT, WAITING, are
from cominflow.exchange.requests import Answers, Portion
from cominflow.exchange.stored import columns, reference_runs
from cominflow.exchange.stored.reference_runs import Numbers, arrivals_of, positions_of
from cominflow.flows import comparing, contents, deciding
from cominflow.flows.comparing import Compared
from cominflow.flows.deciding import Standing
from cominflow.models import Arrival, Batch, Event, Once
from cominflow.models import Feed as FeedRow
from tracciati.layout import Layout

# Who answers a request that was there before.
BY = "repeats"
# How an operator released a repeated file: all of it, or only what changed in it.
ANEW, CHANGED = "anew", "changed"


@dataclass(frozen=True)
class Looked:
    """What was compared, and the last acceptance (of any file) that was known then."""

    pairs: Compared
    acceptance: int


def rules_of(arrival: Arrival, feed: Feed) -> Rules | None:
    """The rules for an arrival's requests; None when all of them are worked whatever came before."""
    if arrival.released_as == ANEW:
        return None
    if arrival.released_as == CHANGED:
        return replace(feed.repeats, same_request="refuse")
    return feed.repeats if feed.repeats.concerns_requests else None


def counts_as_seen(arrival: Arrival, twin: Arrival, *, at: datetime) -> bool:
    """Does the same content, received as `twin`, make `arrival` a duplicate by the rules of its feed?"""
    version = feeds.current(arrival.customer, bytes(arrival.name))
    rules = Rules() if version is None else feeds.load(version).repeats
    if rules.same_file == "read":
        return False
    since = _since(rules, at)
    return since is None or twin.accepted_at is None or twin.accepted_at >= since


def look(arrival: Arrival, feed: Feed, layout: Layout, rules: Rules, *, at: datetime) -> Looked:
    """Compare the stored requests of a large file with what was accepted so far."""
    with transaction.atomic():
        lock(arrival)  # who accepts a file of this feed has either committed, and is seen, or comes later
        last = Once.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    looked = Looked(comparing.compare(arrival, feed, layout, since=_since(rules, at)), last)
    failpoint.hit("repeats.looked")
    return looked


def accept(arrival: Arrival, feed: Feed, layout: Layout, rules: Rules, looked: Looked | None, *, at: datetime) -> None:
    """Decide about the requests of an arrival that is being accepted. Call it in that transaction."""
    lock(arrival)
    if looked is None or _is_stale(arrival, looked):
        pairs = comparing.compare(arrival, feed, layout, since=_since(rules, at))
    else:
        pairs = looked.pairs
    if not len(pairs):
        return
    others = np.unique(arrivals_of(pairs.places))
    others = others[others != arrival.pk].tolist()
    if rules.changed_request == "correct-if-open":
        list(Arrival.objects.select_for_update(no_key=True).filter(pk__in=others).order_by("pk").values_list("pk"))
    decided = deciding.decide(arrival.pk, pairs, _standing(arrival, pairs), rules)
    if len(decided):
        _answer(arrival, decided, at=at)
        _cancel(arrival, decided, at=at)
    failpoint.hit("repeats.decided")


def _since(rules: Rules, at: datetime) -> datetime | None:
    return None if rules.within_days is None else at - timedelta(days=rules.within_days)


def lock(arrival: Arrival) -> None:
    """Hold the customer's feeds, always all and in one order: no two files of theirs are accepted at the same time."""
    rows = FeedRow.objects.select_for_update(no_key=True).filter(customer_id=arrival.customer_id)
    list(rows.order_by("pk").values_list("pk"))


def _is_stale(arrival: Arrival, looked: Looked) -> bool:
    assert arrival.feed_version is not None
    since = list(Once.objects.filter(pk__gt=looked.acceptance, step="accepted").values_list("arrival_id", flat=True))
    feed = arrival.feed_version.feed_id
    return Arrival.objects.filter(pk__in=since, feed_version__feed=feed).exists() if since else False


def _standing(arrival: Arrival, pairs: Compared) -> Standing:
    """How the earlier requests stand now."""
    known, back = np.unique(pairs.places, return_inverse=True)
    states, outcomes = np.full(len(known), WAITING, dtype=STATE_TEXT), np.full(len(known), "", dtype="U12")
    done = 0
    for portion in _portions(known):
        part = slice(done, done + len(portion))
        if portion.arrival_id != arrival.pk:
            states[part], outcomes[part] = portion.states, portion.outcomes
        done += len(portion)
    is_nothing = are(states, (CANCELLED, REFUSED)) | np.isin(outcomes, ("failed", "repeated"))
    return Standing(
        counts=~is_nothing[back], is_open=are(states, (WAITING, OPEN))[back], has_answer=are(states, _ANSWERED)[back]
    )


_ANSWERED = (ANSWERED, CORRECTED)


def _portions(places: Numbers) -> list[Portion]:
    """The requests at these places (rising, each once), in their order."""
    ids = arrivals_of(places)
    return [
        portion
        for arrival_id in np.unique(ids).tolist()
        for portion in requests.read_positions(arrival_id, positions_of(places[ids == arrival_id]))
    ]


def _answer(arrival: Arrival, decided: Decided, *, at: datetime) -> None:
    """Store what the file's own requests get without being asked, and keep what was decided."""
    corrected = decided.places[decided.what == CORRECTS]
    cancelled = positions_of(corrected[arrivals_of(corrected) == arrival.pk])
    for portion in _portions(reference_runs.place_of(arrival.pk, np.union1d(decided.positions, cancelled))):
        here = decided.take(np.isin(decided.positions, portion.positions))
        told = here.take((here.what != CORRECTS) & ~np.isin(here.positions, cancelled))
        gone = np.intersect1d(cancelled, portion.positions)
        answers = _together(_of_repeated(arrival, told), _cancelling(gone))
        if len(answers.positions):
            requests.store(portion, answers, at=at)
        if len(here):
            repeated.keep(arrival, portion.ordinal, here)


def _of_repeated(arrival: Arrival, decided: Decided) -> Answers:
    """Refused, or the earlier answer given again where it fits the customer's layout."""
    again = np.flatnonzero(decided.what == ANSWERED_AGAIN)
    states = np.where(decided.what == ANSWERED_AGAIN, ANSWERED, REFUSED).astype(STATE_TEXT)
    outcomes = np.full(len(decided), "repeated", dtype="U12")
    results = pa.table({})
    if len(again):
        earlier, results = _earlier(decided.places[again])
        fits = _fits(arrival, decided.positions[again], results)
        outcomes[again[earlier == "not_found"]] = "not_found"
        states[again[~fits]] = REFUSED
        results = columns.lay_over(pa.table({}), columns.take(results, np.flatnonzero(fits)), again[fits], len(decided))
    return Answers(positions=decided.positions, states=states, outcomes=outcomes, results=results, by=BY)


def _earlier(places: Numbers) -> tuple[np.ndarray, pa.Table]:
    """Outcomes and results of the requests at these places, in this order."""
    known, back = np.unique(places, return_inverse=True)
    outcomes = np.full(len(known), "", dtype="U12")
    results, done = pa.table({}), 0
    for portion in _portions(known):
        index = np.arange(done, done + len(portion))
        outcomes[index] = portion.outcomes
        results = columns.lay_over(results, portion.results, index, len(known))
        done += len(portion)
    return outcomes[back], columns.take(results, back.astype(np.int64))


def _fits(arrival: Arrival, positions: Numbers, results: pa.Table) -> np.ndarray:
    """bool (n,): which results the customer's layout can hold; it may be another version than they were made for."""
    from cominflow.flows.fulfil import misfits  # pandas: only when an answer is given again

    count = len(positions)
    answers = Answers(positions, np.full(count, ANSWERED), np.full(count, "fulfilled"), results, BY)
    found = list(misfits(contents.layout_of(arrival), answers).values())
    return ~np.logical_or.reduce(found) if found else np.ones(count, np.bool_)


def _cancelling(positions: Numbers) -> Answers:
    count = len(positions)
    return Answers(positions, np.full(count, CANCELLED), np.full(count, "cancelled"), pa.table({}), BY)


def _together(first: Answers, second: Answers) -> Answers:
    count = len(first.positions) + len(second.positions)
    index = np.arange(len(first.positions))
    return Answers(
        positions=np.concatenate([first.positions, second.positions]),
        states=np.concatenate([first.states, second.states]),
        outcomes=np.concatenate([first.outcomes, second.outcomes]),
        results=columns.lay_over(pa.table({}), first.results, index, count),
        by=BY,
    )


def _cancel(arrival: Arrival, decided: Decided, *, at: datetime) -> None:
    """Cancel the requests of earlier files that are corrected, and have them told."""
    corrects = decided.take((decided.what == CORRECTS) & (arrivals_of(decided.places) != arrival.pk))
    corrects = corrects.take(np.argsort(corrects.places))
    for portion in _portions(corrects.places):
        requests.store(portion, _cancelling(portion.positions), at=at)
    Event.objects.bulk_create(
        Event(
            at=at,
            by=BY,
            subject=f"A-{other}/{earlier + 1}",
            what="cancelled",
            reason=f"corrected by {arrival.reference}/{position + 1}",
        )
        for other, earlier, position in zip(
            arrivals_of(corrects.places).tolist(),
            positions_of(corrects.places).tolist(),
            corrects.positions.tolist(),
            strict=True,
        )
    )
    for other in np.unique(arrivals_of(corrects.places)).tolist():
        late = Batch.objects.select_for_update().filter(late_for=other, finished_at=None, attempts_count=0)
        if not late.exists():
            Batch.objects.create(created_at=at, late_for_id=other)
