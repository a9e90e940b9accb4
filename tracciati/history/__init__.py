"""History: the files of one feed, one after the other, and whether each goes on from those before it.

    history = History(layout, keys=("riga.pratica",))
    for path in paths: history.take(path)
    report = history.finish()

Held against each other are the numbers of fields with `sequence = { scope = "feed" }`, the balances of [continuity],
the keys that are asked for, the contents, and the files' own dates against the days on which a file was expected.
The rules are pure and stand alone (`numbers`, `balances`, `days`): a program that remembers what came before, as
cominflow does, calls them without reading old files again.

What a file has by itself is not said here; it is counted. Memory grows by a few words a file and an account.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.errors import ReadingError, UnknownName
from tracciati.findings import Judgement, path_of
from tracciati.history import numbers
from tracciati.history.balances import Balances, said_of_break
from tracciati.history.days import missing_days
from tracciati.history.facts import Facts, Gatherer
from tracciati.history.keys import Keys, Stand
from tracciati.history.known import Known
from tracciati.history.numbers import Course
from tracciati.history.report import FileSeen, HistoryReport, Told
from tracciati.history.spots import Spot, Telling
from tracciati.history.words import Words
from tracciati.limits import EXAMPLES_MAX
from tracciati.reading import Reading

if TYPE_CHECKING:
    from datetime import date

    from tracciati.findings import Finding, Key
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.reading import Block

__all__ = ["History"]


class History:
    """The files of one feed, in their order.

    direction  which of the layout's directions the files are of
    keys       `record.field` of what no two files may have alike
    examples   findings kept for each (code, field); all are counted
    reveal     do not mask sensitive fields

    Raises UnknownName for a key that leads to no field.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        direction: Direction = "request",
        keys: Iterable[str] = (),
        examples: int = EXAMPLES_MAX,
        reveal: bool = False,
    ) -> None:
        self._layout, self._direction, self._examples = layout, direction, examples
        self._telling = Telling(layout, direction, reveal)
        self._judgement = Judgement((), None)
        self._keys = {path: (_field_at(layout, path), Keys()) for path in keys}
        self._courses = {path_of(record, field): (Course(), Known()) for record, field in layout.numbered}
        self._balances = Balances()
        self._contents: dict[str, str] = {}
        self._sources: list[Path | bytes] = []
        self._files: list[FileSeen] = []
        self._told: list[Told] = []
        self._counts: dict[Key, int] = {}

    def take(self, source: Path | bytes, name: str = "", *, on_block: Callable[[int], None] | None = None) -> None:
        """Read the next file and hold it against those before it.

        name      how messages call it; the path, when nothing is said
        on_block  called with the bytes read so far

        What is wrong in the file is not raised. Raises ReadingError when it cannot be read.
        """
        index = len(self._files)
        reading = Reading(source, self._layout, direction=self._direction, source_name=name, on_block=on_block)
        gatherer = Gatherer(self._layout)
        broken = _Tally(self._examples)
        for block in reading:
            gatherer.take(block)
            if self._layout.continuity is not None:
                self._follow_balances(block, gatherer, name or str(source), broken)
            for path, (_, keys) in self._keys.items():
                _add_keys(keys, path, block, gatherer, index)
        report, facts = reading.report, gatherer.facts
        seen = FileSeen(
            report.source_name,
            report.sha256,
            report.records_count,
            facts.day,
            {path: (run.first, run.last) for path, run in facts.runs.items()},
            report.errors_count + report.warnings_count,
        )
        self._sources.append(source)
        self._files.append(seen)
        if report.sha256 in self._contents:
            self._tell("TR-H505", index, None, Words({"earlier": self._contents[report.sha256]}))
            self._balances.drop()
            for _, keys in self._keys.values():
                keys.drop(index)
            return
        self._contents[report.sha256] = seen.name
        self._follow_numbers(facts, index)
        self._balances.keep()
        for code, count, field, items in broken.all():
            self._count(code, path_of(*field), count)
            for spot, words in items:
                self._tell(code, index, spot, words, field, counts=0)

    def finish(self, expected: Iterable[date] = ()) -> HistoryReport:
        """Compare what can only be compared at the end, and tell it all.

        expected  days on which there should have been a file, by its own date
        """
        for path, (field, keys) in self._keys.items():
            count, pairs = keys.repeated(self._examples)
            self._count("TR-H506", path, count)
            for stand, first in pairs:
                words = Words({"earlier": self._files[first.file].name, "line": str(first.line)}, *_NEW_KEY)
                self._tell("TR-H506", stand.file, self._spot(stand), words, field, counts=0)
        for day in missing_days(expected, (seen.day for seen in self._files if seen.day is not None)):
            self._tell("TR-H508", -1, None, Words({"day": day.isoformat()}))
        counts = {key: number for key, number in sorted(self._counts.items()) if number}
        return HistoryReport(
            self._layout.name,
            self._layout.fingerprint,
            tuple(self._files),
            # What is about no file comes last.
            tuple(sorted(self._told, key=lambda told: (told.file < 0, told.file, told.finding.order))),
            counts,
            {(code, path): self._judgement.severity(code, path) for code, path in counts},
        )

    def _follow_numbers(self, facts: Facts, index: int) -> None:
        name = self._files[index].name
        for record, field in self._layout.numbered:
            path = path_of(record, field)
            course, known = self._courses[path]
            run = facts.runs.get(path)
            if run is None:
                self._tell("TR-H504", index, None, Words({}), (record, field))
                self._courses[path] = numbers.pass_over(course), known
                continue
            held = known.holder(run.first, max(run.first, run.last))
            if held is not None:
                code, words = numbers.said_of_repeat(*held)
                self._tell(code, index, run.spot, words, (record, field))
                continue
            assert field.sequence is not None, "`numbered` are the fields with a sequence"
            judged, course = numbers.follow(
                course, run.first, run.last, sequence=field.sequence, largest=numbers.largest_of(field)
            )
            known.add(run.first, max(run.first, run.last), name, course.round)
            self._courses[path] = course, known
            if judged.kind:
                code, words = numbers.said_of(judged, run.first, field.sequence.step)
                self._tell(code, index, run.spot, words, (record, field))

    def _follow_balances(self, block: Block, gatherer: Gatherer, name: str, broken: _Tally) -> None:
        declared = self._layout.continuity
        assert declared is not None, "only a layout with [continuity] has statements"
        opening, closing = (_field_at(self._layout, path) for path in (declared.opening, declared.closing))
        found = gatherer.statements(block)
        breaks = self._balances.follow(found.statements, name)
        at, statements = breaks.at.tolist(), found.statements

        def begin(one: int) -> Spot:
            place = found.openings[one]
            return place if isinstance(place, Spot) else gatherer.spot(block, place)

        def differs(item: int) -> tuple[Spot, Words]:
            _, words = said_of_break(int(breaks.wanted[item]), breaks.earlier[item], opening[1].scale)
            return begin(at[item]), words

        broken.add("TR-H507", opening, len(at), differs)
        unread = np.flatnonzero(~statements.openings_known).tolist()
        broken.add("TR-H504", opening, len(unread), lambda item: (begin(unread[item]), Words({})))
        lost = np.flatnonzero(~statements.closings_known).tolist()
        broken.add(
            "TR-H504", closing, len(lost), lambda item: (gatherer.spot(block, found.closings[lost[item]]), Words({}))
        )

    def _spot(self, stand: Stand) -> Spot:
        """A record that is read once more, of a file that was read before."""
        source, stop = self._sources[stand.file], stand.offset + stand.size
        if isinstance(source, bytes):
            return Spot(source[stand.offset : stop], stand.record, stand.line, stand.offset)
        try:
            with source.open("rb") as file:
                file.seek(stand.offset)
                return Spot(file.read(stand.size), stand.record, stand.line, stand.offset)
        except OSError as error:
            hint = "keep the files until the command has ended"
            raise ReadingError("read again", str(source), error.strerror or str(error), hint) from error

    def _count(self, code: str, path: str, number: int) -> None:
        self._counts[code, path] = self._counts.get((code, path), 0) + number

    def _tell(
        self,
        code: str,
        index: int,
        spot: Spot | None,
        words: Words,
        field: tuple[Record, Field] | None = None,
        *,
        counts: int = 1,
    ) -> None:
        """Count a finding, and keep it if it is among the first."""
        path = path_of(*field) if field else ""
        self._count(code, path, counts)
        kept = sum((told.finding.code, told.finding.path) == (code, path) for told in self._told)
        if kept >= self._examples:
            return
        severity = self._judgement.severity(code, path)
        made: Finding
        if field is None:
            made = self._telling.of_file(code, severity, words)
        else:
            made = self._telling.at(code, severity, spot, *field, words)
        self._told.append(Told(index, made))


_NEW_KEY = ("a value that no other file has", "un valore che nessun altro file ha")


class _Tally:
    """Findings of one file that only count when the file does: how many, and the first of each kind."""

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._counts: dict[tuple[str, str], int] = {}
        self._kept: dict[tuple[str, str], tuple[tuple[Record, Field], list[tuple[Spot, Words]]]] = {}

    def add(
        self, code: str, field: tuple[Record, Field], count: int, make: Callable[[int], tuple[Spot, Words]]
    ) -> None:
        """Count findings about a field; `make` gives one of them."""
        if not count:
            return
        key = (code, path_of(*field))
        self._counts[key] = self._counts.get(key, 0) + count
        _, items = self._kept.setdefault(key, (field, []))
        items += [make(one) for one in range(min(count, self._examples - len(items)))]

    def all(self) -> Iterable[tuple[str, int, tuple[Record, Field], list[tuple[Spot, Words]]]]:
        """Code, how many, the field, and the first of them with their words."""
        return [(code, count, *self._kept[code, path]) for (code, path), count in self._counts.items()]


def _field_at(layout: Layout, path: str) -> tuple[Record, Field]:
    name, _, field = path.partition(".")
    record = layout.by_name.get(name)
    if record is None or field not in record.by_name or record.by_name[field].base == "filler":
        known = [path_of(r, f) for r in layout.records for f in r.fields if f.base != "filler"]
        raise UnknownName("the layout has no field", path, known)
    return record, record.by_name[field]


def _add_keys(keys: Keys, path: str, block: Block, gatherer: Gatherer, index: int) -> None:
    name, _, field = path.partition(".")
    table = block.tables.get(name)
    if table is None or not len(table.rows):
        return
    texts = pc.cast(table.columns[field], pa.string())
    rows = table.rows.astype(np.int64)
    starts = block.starts[rows]
    keys.add(
        texts,
        index,
        block.first_record + rows + 1,
        gatherer.lines(block, rows),
        block.offset + starts,
        block.lengths[rows],
    )
