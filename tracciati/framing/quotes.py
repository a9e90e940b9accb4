"""Quotes: which quotes of a delimited file open and close values, and which are mere text.

A quote opens a value only where one begins: after a delimiter, a line feed, or at the start of a record. Inside, a
quote closes the value, and one right behind it opens it again (that is a doubled quote). Any other quote is text, as in
`D'ANGELO`: it opens nothing, so that it spoils its own record and not the ones that follow.

Nearly always every second quote may open, which one look at these tells. Only from the first that may not on the quotes
are followed one by one: as a composition of functions from state to state, so that no loop goes over them.

Source: RFC 4180, section 2, rules 5 to 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tracciati.framing import LINE_FEED

if TYPE_CHECKING:
    from tracciati.framing import Bytes, Continues

Flags = NDArray[np.bool_]

# The state behind a quote: outside of quotes; outside, by that very quote; inside.
_OUTSIDE, _CLOSED, _INSIDE = 0, 1, 2
# What a quote is: text unless something else; right behind another one; where a value begins.
_PLAIN, _FOLLOWS, _BEGINS = 0, 1, 2
# From each of the three states to the next, by what the quote is.
_STEPS = {
    _PLAIN: (_OUTSIDE, _OUTSIDE, _CLOSED),
    _FOLLOWS: (_OUTSIDE, _INSIDE, _CLOSED),
    _BEGINS: (_INSIDE, _INSIDE, _CLOSED),
}


@dataclass(frozen=True)
class Quotes:
    """The quotes of a block.

    every  bool (n,): the byte is a quote
    real   bool (n,): it opens or closes a value, or is one of a doubled pair inside
    left   how the block ends: inside quotes, where a quote could open, or neither
    """

    every: Flags
    real: Flags
    left: Continues


def find(buffer: Bytes, quote: int, delimiter: int, *, first: int, continues: Continues) -> Quotes | None:
    """The quotes of a block, or None when there are none and none is open.

    first      where the first record begins
    continues  what the block before left unfinished
    """
    every = buffer == quote
    at = np.flatnonzero(every)
    if not len(at) and continues != "quoted":
        return None
    is_inside = continues == "quoted"
    openers = at[int(is_inside) :: 2]
    may_open = np.zeros(256, np.bool_)
    may_open[[delimiter, LINE_FEED, quote]] = True
    fits = may_open[buffer[openers - 1]]
    if len(openers) and int(openers[0]) == first:  # nothing stands before it
        fits[0] = continues in ("", "opens")
    wrong = np.flatnonzero(~fits)
    if not len(wrong):
        is_open = (len(at) + is_inside) % 2 == 1
        return Quotes(every, every, _left(buffer, delimiter, continues, _INSIDE if is_open else _CLOSED, quote))
    since = int(wrong[0]) * 2 + is_inside
    previous = buffer[at[since:] - 1]
    previous[0] = 0  # the wrong one itself, which may be the first byte
    states = _followed((previous == delimiter) | (previous == LINE_FEED), previous == quote)
    before = np.concatenate((np.array([_OUTSIDE], np.uint8), states[:-1]))
    real = every.copy()
    real[at[since:][(before != _INSIDE) & (states != _INSIDE)]] = False
    return Quotes(every, real, _left(buffer, delimiter, continues, int(states[-1]), quote))


def left_without(buffer: Bytes, delimiter: int, continues: Continues) -> Continues:
    """How a block without quotes ends."""
    return _left(buffer, delimiter, continues, _OUTSIDE, -1)


def _left(buffer: Bytes, delimiter: int, continues: Continues, state: int, quote: int) -> Continues:
    if state == _INSIDE:
        return "quoted"
    if not len(buffer):
        return continues
    last = int(buffer[-1])
    return "opens" if last == delimiter or (state == _CLOSED and last == quote) else "record"


def _followed(begins: Flags, follows: Flags) -> NDArray[np.uint8]:
    """The state behind each quote, from outside on: every quote is a function of the state, and those are composed."""
    functions, composed, from_outside = _algebra()
    found = functions[np.where(begins, _BEGINS, np.where(follows, _FOLLOWS, _PLAIN))]
    reach = 1  # each function spans so many quotes, the last of them its own; twice as many after each round
    while reach < len(found):
        found[reach:] = composed[found[:-reach], found[reach:]]
        reach *= 2
    states: NDArray[np.uint8] = from_outside[found]
    return states


@cache
def _algebra() -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """All functions from state to state by number: those of the kinds of quotes, one after another, from outside."""
    every = list(product((_OUTSIDE, _CLOSED, _INSIDE), repeat=3))
    number = {function: index for index, function in enumerate(every)}
    functions = np.array([number[_STEPS[kind]] for kind in (_PLAIN, _FOLLOWS, _BEGINS)], np.uint8)
    table = [[number[(then[first[0]], then[first[1]], then[first[2]])] for then in every] for first in every]
    from_outside = np.array([function[_OUTSIDE] for function in every], np.uint8)
    return functions, np.array(table, np.uint8), from_outside
