"""Fulfil: ask the providers for what waits, prove that each result fits the customer's layout, store the answers.

A provider sees requests of one service as a DataFrame and gives one back: those of small files that are worked on
together, or one portion of a large one, whose answers a second thread stores while the next portion is asked. What it
says becomes a state: fulfilled, not_found and failed are answers; pending goes on a person's list. A result that does
not fit its field is never cut: it follows the field's `on_overflow`, by default to a person's list.

Of a provider that is paused nothing is asked: its requests wait. What the other providers say is stored all the same.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction
from numpy.typing import NDArray

from cominflow import clock, failpoint, stopping
from cominflow.behind import Behind
from cominflow.errors import UsageError, WorldError
from cominflow.exchange import requests
from cominflow.exchange.moves import record
from cominflow.exchange.requests import ROWS_ORDINAL, Answers, Portion, joined
from cominflow.exchange.stored import columns
from cominflow.flows import contents
from cominflow.fulfilment import pauses, provider
from cominflow.fulfilment.outcomes import Said, called
from cominflow.limits import CHUNK_REQUESTS
from cominflow.models import Arrival, Service
from tracciati import writing
from tracciati.layout import Layout

WORKER = "provider"

# Of requests that a provider set aside in one go, so many are named in the arrival's history; the log names all.
_NOTES_MAX = 20


def together(arrivals: Sequence[Arrival]) -> list[list[Arrival]]:
    """Those of which a request waits, as they are asked for: small ones some thousands of requests at a time, each
    large one by itself.
    """
    queued = [arrival for arrival in arrivals if arrival.state == "QUEUED"]
    waits = requests.waiting_of(queued)
    found: list[list[Arrival]] = []
    count = CHUNK_REQUESTS
    for arrival in (one for one in queued if ROWS_ORDINAL in waits.get(one.pk, ())):
        if count + arrival.requests_count > CHUNK_REQUESTS:
            found.append([])
            count = 0
        found[-1].append(arrival)
        count += arrival.requests_count
    return [*found, *([one] for one in queued if waits.get(one.pk, [ROWS_ORDINAL])[0] != ROWS_ORDINAL)]


def fulfil(arrivals: Sequence[Arrival]) -> bool:
    """Ask for every waiting request of these arrivals. Asked again after a crash: only what still waits.

    Returns False when some were not asked because their provider is paused.

    Raises WorldError when a provider cannot answer: of its requests nothing is stored (of a provider that is asked
    in several goes: nothing of the go that failed), and they are asked again later, under the same keys.
    """
    waits = requests.waiting_of(arrivals)
    ordinals = sorted({ordinal for its in waits.values() for ordinal in its})
    is_whole = True
    those = ([one for one in arrivals if ordinal in waits.get(one.pk, ())] for ordinal in ordinals)
    portions = map(_waiting, those, ordinals)
    services = functools.cache(lambda code: Service.objects.get(code=code))
    with Behind("storing answers") as behind:
        second = behind if len(ordinals) > 1 else None
        for by_service in second.ahead(portions) if second else portions:
            stopping.look()
            is_whole &= _fulfil_portion(by_service, services, second)
    return is_whole


def _fulfil_portion(by_service: _ByService, services: Callable[[str], Service], behind: Behind | None) -> bool:
    """Ask for these requests, and store what is said: `behind` the asking of the next ones, if there are any.

    services  the service that has a code
    """
    at = clock.now()
    told: list[_Told] = []
    is_whole = True
    try:
        for (code, _), asked in by_service.items():
            is_whole &= _ask_all(asked, services(code), told, at=at)
    finally:
        # When one provider fails, the others need not be asked again for that.
        if told:
            store = partial(_store, _answers(told), _notes(told), at=at)
            behind.do(store) if behind else store()
    return is_whole


@dataclass(frozen=True)
class _Asked:
    """Requests of one arrival: `index` (int64) are their places in the portion, `columns` what a provider is told."""

    arrival: Arrival
    portion: Portion
    index: NDArray[np.int64]
    columns: pa.Table

    def take(self, start: int, stop: int) -> _Asked:
        index = self.index[start:stop]
        return replace(self, index=index, columns=self.columns.slice(start, len(index)))


# Some requests of one arrival, and what was said of them.
_Told = tuple[_Asked, Said]
# Requests of each service, and of each layout by itself: one layout, one set of columns and types.
_ByService = dict[tuple[str, int | None], list[_Asked]]


def _waiting(arrivals: Sequence[Arrival], ordinal: int) -> _ByService:
    """What waits in one portion of each of these arrivals."""
    by_key = {arrival.pk: arrival for arrival in arrivals}
    found: _ByService = {}
    for portion in requests.read_portions(arrivals, ordinal, states={"WAITING"}):
        arrival = by_key[portion.arrival_id]
        services = portion.services.dictionary_encode()
        places = services.indices.to_numpy()
        for place, code in enumerate(services.dictionary.to_pylist()):
            index = np.flatnonzero(places == place)
            asked = _Asked(arrival, portion, index, columns.take(portion.columns, index))
            found.setdefault((code, arrival.layout_version_id), []).append(asked)
    return found


def _ask_all(asked: Sequence[_Asked], service: Service, told: list[_Told], *, at: datetime) -> bool:
    """Ask for requests of one service and add what was said to `told`. False when its provider is paused.

    A slow provider is asked in several goes, each stored before the next: a kill, a stop or a pause costs one of them.
    """
    if pauses.is_paused(service.provider):
        return False
    most = _most(service, sum(len(one.index) for one in asked))
    for number, go in enumerate(_in_goes(asked, most)):
        if number:
            _store(_answers(told), _notes(told), at=at)
            told.clear()
            if pauses.is_paused(service.provider):
                return False
        told.extend(_ask(service, go))
    return True


def _in_goes(asked: Sequence[_Asked], most: int) -> Iterator[list[_Asked]]:
    """The requests `most` at a time."""
    go: list[_Asked] = []
    room = most
    for one in asked:
        start = 0
        while start < len(one.index):
            share = one.take(start, start + room)
            go.append(share)
            start += len(share.index)
            room -= len(share.index)
            if not room:
                yield go
                go, room = [], most
    if go:
        yield go


def _most(service: Service, count: int) -> int:
    try:
        return provider.at_once(service.provider, count)
    except UsageError as problem:  # it was there when the service was entered
        raise WorldError(
            "find", f"provider {service.provider} for service {service.code}", problem.text, retryable=True,
            hint=f"install it again, or name another: cominflow service set {service.code} --provider NAME",
        ) from None  # fmt: skip


def _ask(service: Service, asked: Sequence[_Asked]) -> list[_Told]:
    """What the service's provider says of these requests, as far as it fits; arrival by arrival, all of one layout."""
    counts = [len(one.index) for one in asked]
    table = columns.stacked([one.columns for one in asked], counts)
    frame = table.to_pandas(types_mapper=pd.ArrowDtype)  # exact: text, cents, nulls
    keys = [
        provider.keys(one.arrival.reference, one.portion.positions[one.index], one.arrival.claim_id) for one in asked
    ]
    frame.index = pd.Index(np.concatenate(keys), dtype=object)
    try:
        said = provider.ask(service.provider, service.provider_settings, frame, service=service.code)
    except WorldError as problem:
        pauses.note_failure(service.provider, str(problem), at=clock.now())
        raise
    said = _fitting(contents.layout_of(asked[0].arrival), said)
    if len(asked) == 1:
        return [(asked[0], said)]
    stops = np.cumsum(counts).tolist()
    return [(one, _rows(said, stop - count, stop)) for one, count, stop in zip(asked, counts, stops, strict=True)]


def _rows(said: Said, start: int, stop: int) -> Said:
    """What was said of some; the notes stay with the first, since each names its request."""
    results = said.results.slice(start, stop - start)
    return Said(said.outcomes[start:stop], results, {} if start else said.notes)


def _answers(told: Sequence[_Told]) -> list[tuple[Portion, Answers]]:
    """What was said of the requests of each portion, as it is to be stored."""
    parts: dict[int, list[Answers]] = {}
    portions: dict[int, Portion] = {}
    for asked, said in told:
        portions[asked.arrival.pk] = asked.portion
        parts.setdefault(asked.arrival.pk, []).append(
            Answers(
                positions=asked.portion.positions[asked.index],
                states=np.where(said.outcomes == "pending", "OPEN", "ANSWERED"),
                outcomes=said.outcomes,
                results=said.results,
                by=WORKER,
            )
        )
    return [(portion, joined(parts[key])) for key, portion in portions.items()]


def _notes(told: Sequence[_Told]) -> dict[str, str]:
    """A request's name -> what its provider says of it."""
    return {called(key): words for _, said in told for key, words in said.notes.items()}


def _store(answers: Sequence[tuple[Portion, Answers]], notes: Mapping[str, str], *, at: datetime) -> None:
    failpoint.hit("fulfil.asked")
    with transaction.atomic():
        requests.store_all(answers, at=at, but_cancelled=True)
        for name, words in list(notes.items())[:_NOTES_MAX]:
            record(name.partition("/")[0], f"{name} set aside"[:40], at=at, by=WORKER, reason=words)
        failpoint.hit("fulfil.stored")
    failpoint.hit("fulfil.committed")


def misfits(layout: Layout, answers: Answers | Said) -> dict[str, NDArray[np.bool_]]:
    """Field path -> which of the fulfilled answers its field cannot hold; only fields with at least one.

    A layout without an answer direction holds anything: its answers are text and JSON.
    """
    if "answer" not in layout.structure:
        return {}
    values = {f"result.{name}": answers.results.column(name) for name in answers.results.column_names}
    fulfilled = answers.outcomes == "fulfilled"
    found = {path: ~fits & fulfilled for path, fits in writing.fits(layout, "answer", values).items()}
    return {path: wrong for path, wrong in found.items() if wrong.any()}


def _fitting(layout: Layout, said: Said) -> Said:
    """The same, less what the customer's fields cannot hold: that follows the field's `on_overflow`."""
    found = misfits(layout, said)
    if not found:
        return said
    is_told = {path: layout.field(path).on_overflow == "outcome" for path in found}
    outcomes = said.outcomes.astype(object)
    # Where two fields misfit, a person looks at it: `manual` is applied last.
    for path in sorted(found, key=lambda path: not is_told[path]):
        outcomes[found[path]] = "failed" if is_told[path] else "pending"
    # What does not fit can never be written. A person answers such a request anew, and sees there what did not fit.
    kept = pa.array(~np.logical_or.reduce(list(found.values())) | (outcomes == "pending"))
    results = pa.table({name: pc.if_else(kept, said.results.column(name), None) for name in said.results.column_names})
    return replace(said, outcomes=outcomes.astype(np.str_), results=results)
