"""Balances: what each account ended with, and what the next statement says it begins with.

One entry an account is remembered, nothing of the single statements. What a file adds is taken over when it is known
that the file counts (`keep`), or forgotten (`drop`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracciati.findings.report import amount
from tracciati.history.words import Words


@dataclass(frozen=True)
class Statements:
    """n statements in the order of the file, side by side; a balance that cannot be read is not `known`.

    accounts  whose they are
    """

    accounts: Sequence[str]
    openings: NDArray[np.int64]
    openings_known: NDArray[np.bool_]
    closings: NDArray[np.int64]
    closings_known: NDArray[np.bool_]


@dataclass(frozen=True)
class Breaks:
    """Statements that do not begin with what the one before ended with.

    at       int64 (m,): which
    wanted   int64 (m,): the closing balance before
    earlier  the file that it stands in
    begun    accounts that the file has not had before, each with the statement that begins them
    """

    at: NDArray[np.int64]
    wanted: NDArray[np.int64]
    earlier: Sequence[str]
    begun: Sequence[tuple[str, int]] = ()


def said_of_break(wanted: int, earlier: str, scale: int) -> tuple[str, Words]:
    """Code and words for an opening balance that is not the closing one, `wanted`, of the file `earlier`."""
    shown = amount(wanted, scale)
    return "TR-H507", Words({"earlier": earlier}, shown, shown)


class Balances:
    """The last closing balance of each account."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[int, str] | None] = {}
        self._new: dict[str, tuple[int, str] | None] = {}

    def follow(self, found: Statements, name: str) -> Breaks:
        """Hold statements of the file `name` against what came before."""
        count = len(found.accounts)
        wanted, has = np.zeros(count, np.int64), np.zeros(count, np.bool_)
        if not count:
            return Breaks(np.empty(0, np.int64), wanted, [])
        accounts, whose = np.unique(np.array(found.accounts, object), return_inverse=True)
        order = np.argsort(whose, kind="stable")
        is_same = whose[order[1:]] == whose[order[:-1]]
        follows, leads = order[1:][is_same], order[:-1][is_same]
        wanted[follows], has[follows] = found.closings[leads], found.closings_known[leads]
        firsts = order[np.append(True, ~is_same)]
        lasts = order[np.append(~is_same, True)]
        holder, begun = dict[int, str](), list[tuple[str, int]]()
        for account, first, last in zip(accounts.tolist(), firsts.tolist(), lasts.tolist(), strict=True):
            if account not in self._new:
                begun.append((account, first))
            before = self._new[account] if account in self._new else self._kept.get(account)
            if before is not None:
                wanted[first], has[first] = before[0], True
                holder[first] = before[1]
            is_known = bool(found.closings_known[last])
            self._new[account] = (int(found.closings[last]), name) if is_known else None
        at = np.flatnonzero(has & found.openings_known & (wanted != found.openings))
        return Breaks(at, wanted[at], [holder.get(one, name) for one in at.tolist()], begun)

    @property
    def ended(self) -> dict[str, int | None]:
        """What the accounts of the file end with, as far as it has been followed; None where it cannot be read."""
        return {account: None if last is None else last[0] for account, last in self._new.items()}

    def keep(self) -> None:
        """The file counts: the next one goes on from it."""
        self._kept |= self._new
        self._new = {}

    def drop(self) -> None:
        """The file does not count."""
        self._new = {}
