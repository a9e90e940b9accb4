"""Kit: for whoever is to write files of a layout: a valid one, and for each rule the smallest that breaks just it.

Nobody writes these cases by hand. A valid file of two requests is made and changed in one place after the other; what
the checks then complain of, and that it is one thing only, decides which changes are kept. So each case is what its
name says, and what no change could break alone is named too.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING

from tracciati import framing, generate
from tracciati.errors import DoesNotFit
from tracciati.explain import frame_of_one
from tracciati.expression import And, Compare, Condition, Expression, Literal, Not, Or, names, targets
from tracciati.generate.refusal import SpecimenError
from tracciati.layout import ATTESTED
from tracciati.reading import Reading, check
from tracciati.reading.columns import span

if TYPE_CHECKING:
    from pathlib import Path

    from tracciati.findings import Finding
    from tracciati.findings.report import Report
    from tracciati.layout import Direction, Field, Layout, Record, Rule

# Files of so many seeds are changed, and so many made that need not keep a rule.
_SEEDS, _RELAXED_SEEDS = 3, 40
# They say that a total cannot be verified, because of what was found elsewhere.
_ACCOMPANYING = ("TR-T402", "TR-G402")


@dataclass(frozen=True)
class Case:
    """A file in which one thing is wrong.

    rule     what it breaks: the code, and where: `TR-F205 testa.data`, `TR-S103`, `TR-R304 riga: BD-001`
    content  the file
    report   what is said of it: one finding, and where a total depends on it, that this cannot be verified
    """

    rule: str
    content: bytes
    report: Report

    @property
    def finding(self) -> Finding:
        """The one thing that is wrong."""
        return next(one for one in self.report.findings if one.code not in _ACCOMPANYING)


@dataclass(frozen=True)
class Kit:
    """A valid file, and the cases by their rules; `unbroken` are rules of the layout that no case breaks alone."""

    valid: bytes
    cases: tuple[Case, ...]
    unbroken: tuple[str, ...]


def write(made: Kit, folder: Path) -> None:
    """Put a kit into a new folder: `000_valid.txt`, each case with what is said of it, and `kit.json`, the list.

    Raises FileExistsError when the folder is there: what lies in it may be an older kit.
    """
    folder.mkdir(parents=True)
    (folder / "000_valid.txt").write_bytes(made.valid)
    told = []
    for number, case in enumerate(made.cases, start=1):
        name = f"{number:03}_{re.sub(r'[^A-Za-z0-9._-]+', '_', case.rule)}"
        (folder / f"{name}.txt").write_bytes(case.content)
        (folder / f"{name}.expected.txt").write_text(case.report.to_text() + "\n", encoding="utf-8")
        told.append({"file": f"{name}.txt", "rule": case.rule, "finding": case.finding.as_dict()})
    index = {"valid": "000_valid.txt", "cases": told, "not_broken_alone": list(made.unbroken)}
    (folder / "kit.json").write_text(json.dumps(index, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def kit(layout: Layout, *, direction: Direction = "request", seed: int = 1) -> Kit:
    """Make the kit. Raises SpecimenError or SuccessionError when the layout has no valid file of two requests."""
    found: dict[str, Case] = {}
    valid = _made(layout, direction, seed)
    for number in range(_SEEDS):
        known_count = len(found)
        try:
            base = _made(layout, direction, seed + number)
        except (SpecimenError, DoesNotFit):
            continue
        for content in dict.fromkeys(_changed(base, layout, direction)):
            report = check(content, layout, direction=direction, source_name="file")
            rule = _broken(report)
            if rule and (rule not in found or len(content) < len(found[rule].content)):
                found[rule] = Case(rule, content, report)
        if len(found) == known_count or not any(_unbroken(layout, direction, found)):
            break
    for content in _relaxed(layout, direction, seed):
        report = check(content, layout, direction=direction, source_name="file")
        rule = _broken(report)
        if rule and rule not in found:
            found[rule] = Case(rule, content, report)
    cases = tuple(found[rule] for rule in sorted(found))
    return Kit(valid, cases, tuple(_unbroken(layout, direction, found)))


def _made(layout: Layout, direction: Direction, seed: int, count: int = 2, **given: object) -> bytes:
    sink = io.BytesIO()
    generate.generate(layout, sink, generate.Order(seed=seed, count=count, direction=direction, given=given))
    return sink.getvalue()


def _relaxed(layout: Layout, direction: Direction, seed: int) -> Iterator[bytes]:
    """Files of one request that are right but for a rule, or the bounds of a field: their totals are right too."""
    for rule in layout.rules:
        free = replace(layout, rules=tuple(one for one in layout.rules if one is not rule))
        for number in range(_RELAXED_SEEDS):
            yield from _tried(free, direction, seed + number)
            for path, values in _compared(rule, layout).items():
                yield from _tried(free, direction, seed + number, **{path: values[number % len(values)]})
    for record in layout.records:
        for field in record.fields:
            bounds = [one for one in (field.least, field.most) if one is not None]
            if not bounds or field.base == "date":
                continue
            wide = replace(field, least=None, most=None)
            fields = tuple(wide if one is field else one for one in record.fields)
            records = tuple(replace(one, fields=fields) if one is record else one for one in layout.records)
            for value in (bounds[0] - 1, bounds[-1] + 1):
                given: object = Decimal(value).scaleb(-field.scale) if field.is_amount else value
                yield from _tried(
                    replace(layout, records=records), direction, seed, **{f"{record.name}.{field.name}": given}
                )


def _tried(layout: Layout, direction: Direction, seed: int, **given: object) -> Iterator[bytes]:
    try:
        yield _made(layout, direction, seed, 1, **given)
    except (SpecimenError, DoesNotFit):
        return


def _compared(rule: Rule, layout: Layout) -> dict[str, list[object]]:
    """The amounts that a rule compares, with values about those that it compares them with."""
    found: dict[str, list[object]] = {}
    for name in names(rule.check):
        field = layout.field(f"{name.record or rule.on}.{name.field}")
        if not field.is_number or name.record not in (None, rule.on):
            continue
        steps = [number + step for number in _numbers(rule.check) or [0] for step in (0, -1, 1)]
        values = [Decimal(one) if field.is_amount else one for one in steps if one >= 0 or field.sign]
        if values:
            found[f"{rule.on}.{field.name}"] = list(values)
    return found


def _broken(report: Report) -> str:
    """The one rule that a file breaks; empty when it is none, or several."""
    counts = {key: number for key, number in report.counts.items() if key[0] not in _ACCOMPANYING}
    if len(counts) != 1 or sum(counts.values()) != 1:
        return ""
    ((code, path),) = counts
    if code != "TR-R304":
        return f"{code} {path}".strip()
    finding = next(one for one in report.findings if one.code == code)
    return f"{code} {finding.record}: {finding.rule}"


def _unbroken(layout: Layout, direction: Direction, found: dict[str, Case]) -> Iterator[str]:
    """What the layout declares and no case breaks."""
    broken = set(found)
    for record in layout.records:
        if direction not in layout.structure or record.index not in layout.structure[direction].types:
            continue
        for field in record.fields_in(direction):
            path = f"{record.name}.{field.name}"
            if field.origin and direction == "request":
                continue
            for declared, code in (
                (field.required and _can_be_empty(field, layout), "TR-F201"),
                (field.codes, "TR-F202"),
                (field.pattern, "TR-F216"),
                (field.least is not None or field.most is not None, "TR-F217"),
                (field.unique, "TR-R302"),
                (field.same_as, "TR-R303"),
                (field.sequence is not None and field.sequence.scope == "file", "TR-R301"),
                (direction in field.derive, _total_code(layout, direction, record, field)),
            ):
                if declared and f"{code} {path}" not in broken:
                    yield f"{code} {path}"
    for rule in layout.rules:
        if not any(one.startswith("TR-R304 ") and one.endswith(f": {rule.id}") for one in broken):
            yield f"TR-R304 {rule.on}: {rule.id}"


def _total_code(layout: Layout, direction: Direction, record: Record, field: Field) -> str:
    """How a wrong total of that field is called: it is over the file, or over a group."""
    derivation = field.derive.get(direction)
    if derivation is None or isinstance(derivation, Condition):
        return ""
    return "TR-G401" if layout.structure[direction].scope(record.index, targets(derivation)) else "TR-T401"


def _can_be_empty(field: Field, layout: Layout) -> bool:
    """Is there a cell that says "no value"? Blanks in a number's place are no number, which is another rule."""
    return (
        layout.file.kind == "delimited" or bool(field.null) or not (field.is_number or field.base in ("date", "digits"))
    )


def _changed(base: bytes, layout: Layout, direction: Direction) -> Iterator[bytes]:
    """The file with one change, in many ways; the lines that fill up its last block are as many as it then needs."""
    yield from _framed_otherwise(base, layout)
    yield from (_filled_up(one, layout) for one in _changed_within(base, layout, direction))


def _filled_up(records: bytes, layout: Layout) -> bytes:
    form = layout.file
    separator = framing.SEPARATORS[form.separator]
    if not form.block or not separator:
        return records
    line = form.fill.encode("ascii") * layout.records[0].length + separator
    return records + line * (-records.count(separator) % form.block)


def _changed_within(base: bytes, layout: Layout, direction: Direction) -> Iterator[bytes]:
    """The records of the file with one change, in many ways."""
    (block,) = Reading(base, layout, direction=direction, source_name="file")
    records = [block.raw(row, row + 1) for row in range(len(block.starts))]
    head = base[: int(block.starts[0])]
    seen: set[int] = set()
    for row, raw in enumerate(records):
        is_first = int(block.types[row]) not in seen
        seen.add(int(block.types[row]))
        before, after = head + b"".join(records[:row]), b"".join(records[row + 1 :])
        yield before + after
        yield before + raw + raw + after
        if is_first:
            yield from (before + one + after for one in _records_otherwise(raw, layout))
        record = layout.records[int(block.types[row])]
        for field in record.fields_in(direction):
            if field.base == "filler" or (field.origin and direction == "request"):
                continue
            for start, stop in _spans(raw, layout, direction, row_record=record.name, field=field):
                cells = (one[start:stop] for one in records if len(one) == len(raw))
                others = [cell for cell in dict.fromkeys(cells) if cell != raw[start:stop]]
                for cell in _cells(raw[start:stop], field, layout, others) if is_first else others:
                    yield before + raw[:start] + cell + raw[stop:] + after
    for row in range(len(records) - 1):
        swapped = [*records[:row], records[row + 1], records[row], *records[row + 2 :]]
        yield head + b"".join(swapped)


def _framed_otherwise(base: bytes, layout: Layout) -> Iterator[bytes]:
    separator = framing.SEPARATORS[layout.file.separator]
    yield b"\xef\xbb\xbf" + base
    yield base + b"\x1a"
    yield base[:-1]
    if separator:
        yield base[: -len(separator)]
        yield base + separator
        yield base.replace(separator, b"\n" if separator == b"\r\n" else b"\r\n", 1)
        yield base.replace(separator, b"\r")


def _records_otherwise(raw: bytes, layout: Layout) -> Iterator[bytes]:
    separator = framing.SEPARATORS[layout.file.separator]
    body = raw.removesuffix(separator) if separator else raw
    yield body[:-1] + separator
    yield body + b"X" + separator
    yield b"~" * 2 + body[2:] + separator
    if layout.file.kind == "delimited":
        delimiter = layout.file.dialect.delimiter.encode()
        yield body + delimiter + separator
        yield body.rpartition(delimiter)[0] + separator
    if separator:
        yield separator + raw


def _spans(
    raw: bytes, layout: Layout, direction: Direction, *, row_record: str, field: Field
) -> Iterator[tuple[int, int]]:
    frame = frame_of_one(raw, layout)
    if len(frame) == 1:
        yield span(frame, layout.by_name[row_record], field, 0, direction)


_SOME_CHARACTERS = b"019A ~"
_CHARACTERS = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-+ .,~"


def _cells(cell: bytes, field: Field, layout: Layout, others: list[bytes]) -> Iterator[bytes]:
    """Other contents of a cell: of the same width where the layout is fixed."""
    size = len(cell)
    is_fixed = layout.file.kind == "fixed"
    yield from others
    yield from (b" " * size, b"0" * size, b"9" * size, b"~" * size, b"\x01" * size, b"\xff" * size)
    if not is_fixed:
        yield from (b"", b"0", b"~", cell + b"0", cell + b"X" * 300)
    for place in dict.fromkeys((0, size - 1, size // 2)):
        if 0 <= place < size:
            every = field.base in (*ATTESTED, "codice_fiscale", "partita_iva") and place == size - 1
            characters = _CHARACTERS if every else _SOME_CHARACTERS
            yield from (cell[:place] + bytes([one]) + cell[place + 1 :] for one in characters)
    for text in _texts(field, layout):
        raw = text.encode(layout.file.codec, "ignore")
        if not is_fixed:
            yield raw
        elif len(raw) <= size:
            fill = b"0" if field.pad == "0" else b" "
            yield raw.rjust(size, fill) if field.align == "right" else raw.ljust(size)


def _texts(field: Field, layout: Layout) -> Iterator[str]:
    """Values near the edges of what the layout says of the field."""
    for bound in (field.least, field.most):
        if bound is not None and field.base != "date":
            yield from (str(max(0, bound + step)) for step in (-1, 1))
    yield from field.codes or ()
    if field.codes and field.base == "digits":
        yield from _other_digits(field)
    for rule in layout.rules:
        for number in _numbers(rule.check):
            yield from (str(max(0, number * 10**field.scale + step)) for step in (-1, 0, 1))


def _other_digits(field: Field) -> Iterator[str]:
    """A run of digits as long as a code of the field that is none of them; nothing when all are."""
    codes = field.codes or {}
    size = len(next(iter(codes)))
    free = (text for text in (f"{number:0{size}d}" for number in range(min(10**size, 1000))) if text not in codes)
    yield from islice(free, 1)


def _numbers(expression: Expression) -> list[int]:
    """The whole numbers that a rule compares with."""
    if isinstance(expression, Compare):
        sides = (expression.left, expression.right)
        return [int(one.value) for one in sides if isinstance(one, Literal) and isinstance(one.value, Decimal)]
    if isinstance(expression, And | Or):
        return [number for part in expression.parts for number in _numbers(part)]
    return _numbers(expression.part) if isinstance(expression, Not) else []
