"""Computed: what the derived fields of a generated file must hold, known before the file is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracciati.framing.matching import group_marks
from tracciati.generate import specimens
from tracciati.generate.refusal import SpecimenError
from tracciati.totals import Settled, Totals
from tracciati.wording import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracciati.generate.drafting import Part
    from tracciati.layout import Layout


class Computed:
    """What each derived field must hold, for each of its records in the order of the file."""

    def __init__(self, layout: Layout, totals: Totals) -> None:
        self._layout, self._totals = layout, totals
        self._settled: dict[str, list[Settled]] = {path: [] for path in totals.paths()}
        self._numbers: dict[str, list[NDArray[np.int64]]] = {path: [] for path in totals.paths()}

    def add(self, part: Part) -> None:
        """Count and sum a stretch."""
        automaton, order = part.draft.automaton, part.order
        columns = {}
        for record in self._layout.records:
            if record.name in part.arrays:
                own = part.arrays[record.name]
                wanted = self._totals.needs().get(record.name, ())
                values = {name: part.draft.values(record, name, own[name], own) for name in wanted}
                columns[record.name] = (np.flatnonzero(part.types == record.index), values)
        settled = self._totals.add(part.types, lambda group: group_marks(automaton, group, part.types, order), columns)
        for path, numbers in self._numbers.items():
            record = self._layout.by_name[path.partition(".")[0]]
            numbers.append(self._totals.numbers(path)[part.types == record.index])
            self._settled[path] += [settled[path]] if path in settled else []

    def finish(self) -> dict[str, pa.Array]:
        """In each field's own type. Raises SpecimenError for one that does not fit its field."""
        found = {}
        for path, last in self._totals.finish().items():
            self._settled[path].append(last)
        for path, settled in self._settled.items():
            values = np.concatenate([one.values for one in settled]) if settled else np.zeros(0, object)
            digits = self._layout.field(path).digits or 18
            if any(abs(value) >= 10**digits for value in values.tolist()):
                why = f"the total needs more than the field's {counted(digits, 'digit')}"
                raise SpecimenError(path, why, "ask for fewer (--count), or for smaller amounts (--set)")
            has = np.concatenate([one.has for one in settled]) if settled else np.zeros(0, np.bool_)
            amounts = specimens.amounts(self._layout.field(path), values.astype(np.int64))
            of_each = pc.if_else(pa.array(has), amounts, pa.scalar(None, amounts.type))
            found[path] = of_each.take(pa.array(np.concatenate(self._numbers[path])))
        return found
