"""Deciding: what the feed's `repeats` make of requests that were there before, in the same file or in an earlier one.

For each request the newest earlier one that counts and says the same decides, or else the newest that counts. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cominflow.exchange.feed import Repeats
from cominflow.exchange.repeated import ANSWERED_AGAIN, CORRECTS, REFUSED, Decided
from cominflow.exchange.stored.reference_runs import arrivals_of, positions_of
from cominflow.flows.comparing import Compared

_WORKED = -1


@dataclass(frozen=True)
class Standing:
    """How the earlier request of each pair stands, side by side with the pairs; of the file's own requests unused.

    counts      bool (n,): it was accepted, and neither refused nor cancelled, nor did it fail
    is_open     bool (n,): it was not answered yet
    has_answer  bool (n,): it was, and the answer can be given again
    """

    counts: NDArray[np.bool_]
    is_open: NDArray[np.bool_]
    has_answer: NDArray[np.bool_]


def decide(arrival_id: int, pairs: Compared, standing: Standing, rules: Repeats) -> Decided:
    """What is decided about each request that is not simply worked, or that corrects an earlier one."""
    is_own = arrivals_of(pairs.places) == arrival_id
    # Requests of one reference in one file depend on each other, and are decided one after the other.
    linked = np.union1d(pairs.positions[is_own], positions_of(pairs.places[is_own]))
    in_turn = np.isin(pairs.positions, linked)
    alone = _alone(pairs, standing, rules, np.flatnonzero(~in_turn & standing.counts))
    rest = _in_turn(pairs, standing, rules, np.flatnonzero(in_turn), is_own)
    order = np.argsort(np.concatenate([alone.positions, rest.positions]), kind="stable")
    return Decided(
        np.concatenate([alone.positions, rest.positions])[order],
        np.concatenate([alone.places, rest.places])[order],
        np.concatenate([alone.is_same, rest.is_same])[order],
        np.concatenate([alone.what, rest.what])[order],
    )


def _alone(pairs: Compared, standing: Standing, rules: Repeats, index: NDArray[np.int64]) -> Decided:
    """Those that only earlier files decide about, all at once."""
    index = index[np.lexsort((pairs.places[index], pairs.is_same[index], pairs.positions[index]))]
    own = pairs.positions[index]
    index = index[np.append(own[1:] != own[:-1], True)] if len(index) else index
    is_same = pairs.is_same[index]
    same = np.where(standing.has_answer[index], _same(rules, has_answer=True), _same(rules, has_answer=False))
    changed = np.where(standing.is_open[index], _changed(rules, is_open=True), _changed(rules, is_open=False))
    what = np.where(is_same, same, changed).astype(np.int8)
    decided = Decided(pairs.positions[index], pairs.places[index], is_same, what)
    return decided.take(what != _WORKED)


def _in_turn(
    pairs: Compared, standing: Standing, rules: Repeats, index: NDArray[np.int64], is_own: NDArray[np.bool_]
) -> Decided:
    """Those that another request of the same file decides about, in the order of the file."""
    by_position: dict[int, list[int]] = {}
    for one in index.tolist():
        by_position.setdefault(int(pairs.positions[one]), []).append(one)
    gone: set[int] = set()  # own positions that are not worked; places that were corrected
    corrected: set[int] = set()
    found: list[tuple[int, int, bool, int]] = []
    for position in sorted(by_position):
        best: tuple[bool, bool, int, int] | None = None
        for one in by_position[position]:
            place, own = int(pairs.places[one]), bool(is_own[one])
            counts = int(positions_of(pairs.places[one])) not in gone if own else bool(standing.counts[one])
            if counts and place not in corrected:
                candidate = (bool(pairs.is_same[one]), own, place, one)
                best = candidate if best is None else max(best, candidate)
        if best is None:
            continue
        is_same, own, place, one = best
        if is_same:
            what = _same(rules, has_answer=not own and bool(standing.has_answer[one]))
        else:
            what = _changed(rules, is_open=own or bool(standing.is_open[one]))
        if what in (REFUSED, ANSWERED_AGAIN):
            gone.add(position)
        if what == CORRECTS:
            corrected.add(place)
        if what != _WORKED:
            found.append((position, place, is_same, what))
    columns = list(zip(*found, strict=True)) or [(), (), (), ()]
    return Decided(
        np.array(columns[0], np.int64),
        np.array(columns[1], np.int64),
        np.array(columns[2], np.bool_),
        np.array(columns[3], np.int8),
    )


def _same(rules: Repeats, *, has_answer: bool) -> int:
    if rules.same_request == "new":
        return _WORKED
    return ANSWERED_AGAIN if rules.same_request == "answer-again" and has_answer else REFUSED


def _changed(rules: Repeats, *, is_open: bool) -> int:
    if rules.changed_request == "new":
        return _WORKED
    return CORRECTS if rules.changed_request == "correct-if-open" and is_open else REFUSED
