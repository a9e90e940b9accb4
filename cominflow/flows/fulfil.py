"""Fulfil: ask the providers for what waits, prove that each result fits the customer's layout, store the answers.

A provider sees requests of one portion and one service as a DataFrame and gives one back. What it says becomes a state:
fulfilled, not_found and failed are answers; pending goes on a person's list. A result that does not fit its field is
never cut: it follows the field's `on_overflow`, by default to a person's list.

Of a provider that is paused nothing is asked: its requests wait. What the other providers say is stored all the same.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction
from numpy.typing import NDArray

from cominflow import clock, failpoint
from cominflow.errors import UsageError, WorldError
from cominflow.exchange import requests
from cominflow.exchange.moves import record
from cominflow.exchange.requests import Answers, Portion
from cominflow.flows import contents
from cominflow.fulfilment import outcomes as outcomes_of
from cominflow.fulfilment import pauses, provider
from cominflow.models import Arrival, Service
from tracciati import writing

WORKER = "provider"

# Of requests that a provider set aside in one go, so many are named in the arrival's history; the log names all.
_NOTES_MAX = 20


def waiting(arrival: Arrival) -> list[int]:
    """Ordinals of the portions (-1: the rows) in which a request waits to be asked."""
    return requests.waiting_ordinals(arrival) if arrival.state == "QUEUED" else []


def fulfil(arrival: Arrival, ordinal: int, *, at: datetime) -> bool:
    """Ask for every waiting request of one portion. Asked again after a crash: only what still waits is asked.

    Returns False when some were not asked because their provider is paused.

    Raises WorldError when a provider cannot answer: of its requests nothing is stored (of a provider that is asked
    in several goes: nothing of the go that failed), and they are asked again later, under the same keys.
    """
    portion = requests.read_portion(arrival, ordinal, states={"WAITING"})
    if portion is None:
        return True
    services = np.asarray(portion.services.to_pylist(), dtype=object)
    told: list[pd.DataFrame] = []
    is_whole = True
    try:
        for code in dict.fromkeys(services.tolist()):
            is_whole &= _ask_all(arrival, portion, code, np.flatnonzero(services == code), told, at=at)
    finally:
        # When one provider fails, the others need not be asked again for that.
        _store(arrival, portion, told, at=at)
    return is_whole


def _ask_all(
    arrival: Arrival, portion: Portion, code: str, index: NDArray[np.int64], told: list[pd.DataFrame], *, at: datetime
) -> bool:
    """Ask for the requests `index` of one service and add what was said to `told`. False when its provider is paused.

    A slow provider is asked in several goes, each stored before the next: a kill, a stop or a pause costs one of them.
    """
    service = Service.objects.get(code=code)
    if pauses.is_paused(service.provider):
        return False
    goes = np.array_split(index, -(-len(index) // _at_once(service, len(index))))
    for number, go in enumerate(goes):
        if number:
            _store(arrival, portion, told, at=at)
            if pauses.is_paused(service.provider):
                return False
        told.append(_ask(arrival, portion, service, go))
    return True


def _at_once(service: Service, count: int) -> int:
    try:
        return provider.at_once(service.provider, count)
    except UsageError as problem:  # it was there when the service was entered
        raise WorldError(
            "find", f"provider {service.provider} for service {service.code}", problem.text, retryable=True,
            hint=f"install it again, or name another: cominflow service set {service.code} --provider NAME",
        ) from None  # fmt: skip


def _store(arrival: Arrival, portion: Portion, told: list[pd.DataFrame], *, at: datetime) -> None:
    """Store what was said, and forget it here. Nothing was said: nothing happens."""
    if not told:
        return
    answered = outcomes_of.together(told)
    notes = {key: words for answer in told for key, words in answer.attrs["notes"].items()}
    told.clear()
    outcomes = answered["outcome"].to_numpy(dtype=object)
    answers = Answers(
        positions=portion.positions[answered.index.to_numpy()],
        states=np.where(outcomes == "pending", "OPEN", "ANSWERED"),
        outcomes=outcomes.astype(np.str_),
        results=outcomes_of.table_of(answered),
        by=WORKER,
    )
    answers = _fitting(arrival, answers)
    failpoint.hit("fulfil.asked")
    with transaction.atomic():
        requests.store(portion, answers, at=at, but_cancelled=True)
        for key, words in list(notes.items())[:_NOTES_MAX]:
            record(arrival.reference, f"{key} set aside"[:40], at=at, by=WORKER, reason=words)
        failpoint.hit("fulfil.stored")
    failpoint.hit("fulfil.committed")


def misfits(arrival: Arrival, answers: Answers) -> dict[str, NDArray[np.bool_]]:
    """Field path -> which of the fulfilled answers its field cannot hold; only fields with at least one.

    A layout without an answer direction holds anything: its answers are text and JSON.
    """
    layout = contents.layout_of(arrival)
    if "answer" not in layout.structure:
        return {}
    values = {f"result.{name}": answers.results.column(name) for name in answers.results.column_names}
    fulfilled = answers.outcomes == "fulfilled"
    found = {path: ~fits & fulfilled for path, fits in writing.fits(layout, "answer", values).items()}
    return {path: wrong for path, wrong in found.items() if wrong.any()}


def _ask(arrival: Arrival, portion: Portion, service: Service, index: NDArray[np.int64]) -> pd.DataFrame:
    """Outcomes and results of the requests `index` of one service, indexed by their place in the portion."""
    asked = portion.columns.take(pa.array(index)).to_pandas(types_mapper=pd.ArrowDtype)  # exact: text, cents, nulls
    asked.index = provider.keys(arrival.reference, portion.positions[index].tolist(), name=arrival.claim_id)
    try:
        answer = provider.ask(service.provider, service.provider_settings, asked, service=service.code)
    except WorldError as problem:
        pauses.note_failure(service.provider, str(problem), at=clock.now())
        raise
    notes = answer.attrs["notes"]
    answer = answer.set_axis(pd.Index(index, name="place"))
    answer.attrs = {"notes": notes}
    return answer


def _fitting(arrival: Arrival, answers: Answers) -> Answers:
    """The same answers, less what the customer's fields cannot hold: that follows the field's `on_overflow`."""
    found = misfits(arrival, answers)
    if not found:
        return answers
    states, outcomes = answers.states.astype(object), answers.outcomes.astype(object)
    # Where two fields misfit, a person looks at it: `manual` is applied last.
    for path in sorted(found, key=lambda path: not _is_told(arrival, path)):
        outcomes[found[path]], states[found[path]] = (
            ("failed", "ANSWERED") if _is_told(arrival, path) else ("pending", "OPEN")
        )
    # What does not fit can never be written. A person answers such a request anew, and sees there what did not fit.
    kept = pa.array(~np.logical_or.reduce(list(found.values())) | (states == "OPEN"))
    results = pa.table(
        {name: pc.if_else(kept, answers.results.column(name), None) for name in answers.results.column_names}
    )
    return replace(answers, states=states.astype(np.str_), outcomes=outcomes.astype(np.str_), results=results)


def _is_told(arrival: Arrival, path: str) -> bool:
    return contents.layout_of(arrival).field(path).on_overflow == "outcome"
