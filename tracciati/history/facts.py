"""Facts: what a history has to know of one file, gathered block by block while it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tracciati.framing import line_end
from tracciati.history.balances import Statements
from tracciati.history.spots import Spot

if TYPE_CHECKING:
    from datetime import date

    from tracciati.layout import Layout
    from tracciati.reading import Block, Table

_APART = "\x1f"  # between the parts of an account


@dataclass
class Run:
    """The numbers of one field in a file: the first and the last, and where the first stands."""

    first: int
    last: int
    spot: Spot


@dataclass
class Facts:
    """What was gathered of one file.

    day   the file's own date; None when the layout names none, or it cannot be read
    runs  path -> the numbers that go on from file to file; without those that cannot be read
    """

    day: date | None = None
    runs: dict[str, Run] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """Statements, and where the opening and the closing balance of each stands: a row of the block, or a spot."""

    statements: Statements
    openings: list[Spot | int]
    closings: list[int]


@dataclass(frozen=True)
class _Open:
    """An opening balance whose closing one has not come yet."""

    account: str
    amount: int
    is_known: bool
    spot: Spot


class Gatherer:
    """Goes through one file, block by block."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.facts = Facts()
        self._lines_before = 0
        self._ends: NDArray[np.int64] = np.empty(0, np.int64)
        # The opening balance that the next closing one belongs to, where they stand in different blocks.
        self._open: _Open | None = None

    def take(self, block: Block) -> None:
        """Gather date and numbers of a block, in file order."""
        self._lines_before += len(self._ends)
        self._ends = np.flatnonzero(block.buffer == line_end(self._layout.file.separator))
        for record, one in self._layout.numbered:
            table = block.tables.get(record.name)
            if table is not None and one.name in table.columns:
                self._take_numbers(f"{record.name}.{one.name}", table, one.name, block)
        self._take_day(block)

    def _take_numbers(self, path: str, table: Table, name: str, block: Block) -> None:
        found, known = _cents(table, name)
        at = np.flatnonzero(known)
        if not len(at):
            return
        last = int(found[at[-1]])
        if path in self.facts.runs:
            self.facts.runs[path].last = last
        else:
            row = int(table.rows[at[0]])
            self.facts.runs[path] = Run(int(found[at[0]]), last, self.spot(block, row))

    def _take_day(self, block: Block) -> None:
        name, _, key = self._layout.file.reference_date.partition(".")
        table = block.tables.get(name)
        if self.facts.day is None and table is not None and len(table.rows):
            self.facts.day = table.columns[key][0].as_py()

    def spot(self, block: Block, row: int) -> Spot:
        """A record of the block."""
        start = int(block.starts[row])
        (line,) = self.lines(block, np.array([row])).tolist()
        raw = block.buffer[start : start + int(block.lengths[row])].tobytes()
        return Spot(raw, block.first_record + row + 1, line, block.offset + start)

    def lines(self, block: Block, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """The lines that records of the block begin in, from 1; where there are no line ends, their numbers."""
        if self._layout.file.separator == "none":
            return block.first_record + rows + 1
        return self._lines_before + 1 + np.searchsorted(self._ends, block.starts[rows])

    def statements(self, block: Block) -> Found:
        """The statements that end in the block, which was given last."""
        declared = self._layout.continuity
        assert declared is not None, "only a layout with [continuity] has statements"
        opening, closing = declared.opening.split("."), declared.closing.split(".")
        starts, ends = block.tables.get(opening[0]), block.tables.get(closing[0])
        begin_rows, end_rows = _rows(starts), _rows(ends)
        openings, known = _cents(starts, opening[1])
        accounts = _accounts(starts, [path.partition(".")[2] for path in declared.account])
        places: list[Spot | int] = begin_rows.tolist()
        if self._open is not None:  # as if it stood before the block's first record
            begin_rows = np.append([-1], begin_rows)
            openings, known = np.append([self._open.amount], openings), np.append([self._open.is_known], known)
            accounts, places = [self._open.account, *accounts], [self._open.spot, *places]
        whose = np.searchsorted(begin_rows, end_rows, side="right") - 1
        ended = np.flatnonzero(whose >= 0)
        whose = whose[ended]
        closings, closings_known = _cents(ends, closing[1])
        statements = Statements(
            [accounts[one] for one in whose.tolist()],
            openings[whose],
            known[whose],
            closings[ended],
            closings_known[ended],
        )
        self._open = None
        if len(begin_rows) and (not len(end_rows) or begin_rows[-1] > end_rows[-1]):
            spot = places[-1] if isinstance(places[-1], Spot) else self.spot(block, places[-1])
            self._open = _Open(accounts[-1], int(openings[-1]), bool(known[-1]), spot)
        return Found(statements, [places[one] for one in whose.tolist()], end_rows[ended].tolist())


def _rows(table: Table | None) -> NDArray[np.int64]:
    return np.empty(0, np.int64) if table is None else table.rows.astype(np.int64)


def _cents(table: Table | None, name: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A column of numbers in units of their last decimal, and which of them have a value."""
    if table is None or not len(table.rows):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    column = table.columns[name]
    known = np.asarray(column.is_valid())
    if pa.types.is_decimal128(column.type):
        # Two 64-bit words each, the lower one first: a balance has 18 digits at most, and fits the first.
        words = np.frombuffer(column.buffers()[1], np.int64).reshape(-1, 2)[column.offset :][: len(column)]
        numbers = np.where(known, words[:, 0], 0)
    else:
        numbers = np.asarray(column.fill_null(0)).astype(np.int64)
    return numbers, known


def _accounts(table: Table | None, names: list[str]) -> list[str]:
    """Whose statement each opening balance begins."""
    if table is None or not names:
        return [""] * (0 if table is None else len(table.rows))
    parts = [pc.cast(table.columns[name], pa.string()).fill_null("") for name in names]
    joined: list[str] = pc.binary_join_element_wise(*parts, _APART).to_pylist()
    return joined
