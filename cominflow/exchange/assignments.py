"""Assignments: who answers an open request. One person at a time; it ends when the request is open no more.

The rows say what holds now; who had a request before stands in its events (subject `A-17/3`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cominflow.errors import UsageError
from cominflow.models import WorkAssignment

ASSIGNEE_LETTERS_MAX = 80


def name_of(text: str) -> str:
    """A person's name as it is kept: without blanks around it. UsageError when nobody can be called so.

    >>> name_of(" rossi ")
    'rossi'
    """
    name = text.strip()
    if not name or len(name) > ASSIGNEE_LETTERS_MAX or not name.isprintable():
        raise UsageError(
            f"nobody can be called {text!r}",
            hint=f"write a name of 1 to {ASSIGNEE_LETTERS_MAX} letters, as in `cominflow work assign A-17/3 rossi`",
        )
    return name


def assignee_of(arrival_id: int, position: int) -> str:
    """Who the request at `position` (from 0) is assigned to; empty when nobody has it."""
    found = WorkAssignment.objects.filter(arrival_id=arrival_id, position=position)
    return found.values_list("assignee", flat=True).first() or ""


def assignees(*, assignee: str | None = None) -> dict[tuple[int, int], str]:
    """(arrival, position) -> who has it, of all that is assigned, or of what `assignee` has."""
    rows = WorkAssignment.objects.all() if assignee is None else WorkAssignment.objects.filter(assignee=assignee)
    return {
        (arrival, position): name for arrival, position, name in rows.values_list("arrival", "position", "assignee")
    }


def end(positions: Mapping[int, NDArray[np.int64]]) -> None:
    """Nobody has these requests any more: arrival -> places in it. One look where nothing of theirs is assigned."""
    rows = WorkAssignment.objects.filter(arrival_id__in=positions).values_list("pk", "arrival_id", "position")
    keys = [key for key, arrival_id, position in rows if (positions[arrival_id] == position).any()]
    if keys:
        WorkAssignment.objects.filter(pk__in=keys).delete()
