"""Records: the record types with their names, their order, and their fields, those that are there once at the end."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from tracciati.infer import fields, names, order, types
from tracciati.infer.kinds import Kind
from tracciati.infer.order import Order
from tracciati.infer.proposal import FieldProposal, RecordProposal
from tracciati.infer.tables import Table
from tracciati.infer.totals import Target
from tracciati.infer.types import RecordType

Index = NDArray[np.int64]
# The fewest digits of a field of fixed records that is summed: sums of fewer come about by chance.
_SUMMED_WIDTH = 5


def found(table: Table, doubts: list[str]) -> tuple[list[RecordProposal], Order]:
    """The record types with their fields, and the structure; doubts are added."""
    one_type = [RecordType((), np.arange(len(table)))]
    its = one_type if table.framing.header else types.found(table, doubts)
    if not its:
        its = one_type
    counts = _counts(table, its)
    titles, first, last = _names(table, its, counts)
    structure = _order(table, its, titles, first, last)
    doubts += structure.doubts
    of = fields.of_fixed if table.is_fixed else fields.of_delimited
    proposals: dict[str, list[FieldProposal]] = {}
    sums: list[tuple[str, FieldProposal, list[int]]] = []
    anchors = {id(one): fields.anchors_of(table, one) for one in its} if table.is_fixed and len(its) > 1 else {}
    for one, name, count in sorted(zip(its, titles, counts, strict=True), key=lambda part: -int(part[2].max())):
        hints = [anchor for key, found in anchors.items() if key != id(one) for anchor in found]
        is_once = int(count.max()) == 1 and len(its) > 1
        targets = _targets(table, its, titles, counts, sums) if is_once and (count == 1).all() else []
        proposals[name] = of(table, one, targets, hints)
        if not is_once:
            sums += [(name, field, total) for field, total in fields.numbers_of(table, one, proposals[name])]
    records = [RecordProposal(name, one, proposals[name]) for one, name in zip(its, titles, strict=True)]
    _call_amounts(records, doubts)
    return records, structure


def _counts(table: Table, its: list[RecordType]) -> list[Index]:
    """Records of each type in each file."""
    return [np.bincount(table.framing.files[one.rows], minlength=len(table.samples.names)) for one in its]


def _names(table: Table, its: list[RecordType], counts: list[Index]) -> tuple[list[str], int | None, int | None]:
    files = table.framing.files
    begins = np.flatnonzero(np.diff(files, prepend=-1) != 0)
    ends = np.flatnonzero(np.diff(files, append=len(table.samples.names)) != 0)
    first = _always_at(its, counts, begins)
    last = _always_at(its, counts, ends)
    if last == first:
        last = None
    rest = len(its) - (first is not None) - (last is not None)
    return (
        names.of_records(
            ["_".join(text for _, _, text in one.match) for one in its], first=first, last=last, rows=rest
        ),
        first,
        last,
    )


def _always_at(its: list[RecordType], counts: list[Index], places: Index) -> int | None:
    if len(its) < 2:
        return None
    for index, (one, count) in enumerate(zip(its, counts, strict=True)):
        if np.array_equal(one.rows, places) and (count[count > 0] == 1).all():
            return index
    return None


def _order(table: Table, its: list[RecordType], titles: list[str], first: int | None, last: int | None) -> Order:
    labels = np.full(len(table), 255, np.uint8)
    for index, one in enumerate(its):
        labels[one.rows] = index
    known = labels != 255
    files = table.framing.files[known]
    labels = labels[known]
    sequences = [labels[files == index] for index in range(len(table.samples.names)) if (files == index).any()]
    found = order.found(sequences, titles)
    rows = [title for index, title in enumerate(titles) if index not in (first, last)]
    repeats = re.search(r"[+*]", found.text) is not None
    if not repeats and rows == ["riga"]:
        found.text = re.sub(r"\briga\b", "riga+", found.text)
        found.doubts.append("structure: riga is there once in each sample; it is taken to be what a file repeats")
    elif not repeats and len(titles) > 2:
        found.doubts.append(
            "structure: nothing repeats in the samples; ask which records a file can hold several times"
        )
    return found


def _targets(
    table: Table,
    its: list[RecordType],
    titles: list[str],
    counts: list[Index],
    sums: list[tuple[str, FieldProposal, list[int]]],
) -> list[Target]:
    """What a total of a record that is there once may be: counts, then sums."""
    found = [
        Target(f"count({title})", tuple(count.tolist()))
        for title, count in zip(titles, counts, strict=True)
        if int(count.max()) > 1
    ]
    every = np.bincount(table.framing.files, minlength=len(table.samples.names))
    found.append(Target("count(*)", tuple(every.tolist())))
    found += [
        Target(f"sum({name}.{field.name})", tuple(total))
        for name, field, total in sums
        if max(total) > 0 and (field.length is None or field.length >= _SUMMED_WIDTH)
    ]
    return found


def _call_amounts(records: list[RecordProposal], doubts: list[str]) -> None:
    """What is summed is an amount, in hundredths as far as one can guess; its total is too."""
    by_path = {f"{record.name}.{field.name}": (record, field) for record in records for field in record.fields}
    summed: dict[str, list[FieldProposal]] = {}
    for record in records:
        for field in record.fields:
            path = str(field.extra.get("derive", "")).removeprefix("sum(").removesuffix(")")
            if path in by_path:
                summed.setdefault(path, []).append(field)
    for path, sums in summed.items():
        record, part = by_path[path]
        if part.kind.base == "integer" and part.length is not None:
            narrowest = min(one.length or part.length for one in sums)
            if narrowest < part.length:  # a total has as many digits as what it sums
                part.kind.keys["digits"] = narrowest
            for one in (part, *sums):
                one.kind = Kind("decimal", {"scale": 2, **one.kind.keys}, one.kind.chance, one.kind.why)
            doubts.append(f"{path} is summed, and taken for an amount of two decimals: the bytes do not say how many")
        elif part.kind.base == "decimal":
            for one in sums:
                kept = {key: value for key, value in part.kind.keys.items() if key in ("digits", "scale", "mark")}
                one.kind = Kind("decimal", kept, one.kind.chance, one.kind.why)
        fresh = _renamed(record, part)
        for one in sums:
            one.extra["derive"] = f"sum({record.name}.{fresh})"


def _renamed(record: RecordProposal, field: FieldProposal) -> str:
    """The name of a field that turned out to be an amount."""
    if not field.label and field.name.startswith("numero"):
        taken = {one.name for one in record.fields}
        field.name = next(name for number in range(1, 1_000) if (name := f"importo_{number}") not in taken)
    return field.name
