"""Fulfil: ask the providers for what waits, prove that each result fits the customer's layout, store the answers.

A provider sees a whole portion of one service as a DataFrame and gives one back. What it says becomes a state:
fulfilled, not_found and failed are answers; pending goes on a person's list. A result that does not fit its field is
never cut: it follows the field's `on_overflow`, by default to a person's list.
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

from cominflow import failpoint
from cominflow.exchange import requests
from cominflow.exchange.requests import Answers, Portion
from cominflow.flows import contents
from cominflow.fulfilment import outcomes as outcomes_of
from cominflow.fulfilment import provider
from cominflow.models import Arrival, Service
from tracciati import writing

WORKER = "provider"


def waiting(arrival: Arrival) -> list[int]:
    """Ordinals of the portions (-1: the rows) in which a request waits to be asked."""
    return requests.waiting_ordinals(arrival) if arrival.state == "QUEUED" else []


def fulfil(arrival: Arrival, ordinal: int, *, at: datetime) -> None:
    """Ask for every waiting request of one portion. Asked again after a crash: nothing is stored before all is known.

    Raises WorldError when a provider cannot answer: the portion stays as it was and is asked again later.
    """
    portion = requests.read_portion(arrival, ordinal, states={"WAITING"})
    if portion is None:
        return
    services = np.asarray(portion.services.to_pylist(), dtype=object)
    asked = [_ask(portion, code, np.flatnonzero(services == code)) for code in dict.fromkeys(services.tolist())]
    answered = outcomes_of.together(asked)
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
        requests.store(portion, answers, at=at)
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


def _ask(portion: Portion, code: str, index: NDArray[np.int64]) -> pd.DataFrame:
    """Outcomes and results of the requests `index` of one service, indexed by their place in the portion."""
    service = Service.objects.get(code=code)
    asked = portion.columns.take(pa.array(index)).to_pandas(types_mapper=pd.ArrowDtype)  # exact: text, cents, nulls
    asked.index = pd.Index(index, name="place")
    return provider.ask(service.provider, service.provider_settings, asked, service=code)


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
    # What does not fit can never be written; a person answers such a request anew, with all its results.
    kept = pa.array(~np.logical_or.reduce(list(found.values())))
    results = pa.table(
        {name: pc.if_else(kept, answers.results.column(name), None) for name in answers.results.column_names}
    )
    return replace(answers, states=states.astype(np.str_), outcomes=outcomes.astype(np.str_), results=results)


def _is_told(arrival: Arrival, path: str) -> bool:
    return contents.layout_of(arrival).field(path).on_overflow == "outcome"
