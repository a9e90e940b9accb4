"""Document: all that the "tracciato record" of a layout says, as values, in the order of its pages.

HTML and PDF are two ways to set these values; neither knows a layout.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tracciati.describing import pictures
from tracciati.describing.diagrams import diagram
from tracciati.describing.example import Example, example
from tracciati.describing.headings import headings
from tracciati.expression import text_of
from tracciati.layout import DIRECTIONS, names_in
from tracciati.plain import direction, directions, fields, files, kinds, orders
from tracciati.plain.files import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracciati.describing.diagrams import Diagram
    from tracciati.describing.pictures import Strip
    from tracciati.layout import Direction, Field, Layout, Record
    from tracciati.plain import Language
    from tracciati.plain.fields import Who
    from tracciati.plain.orders import Step

# A longer list of codes has a table of its own below the fields, so that no row grows beyond a page.
CODES_IN_ROW_MAX = 8


@dataclass(frozen=True)
class Order:
    """The order of records in files of some directions: the structure's text, that of its groups, the words, a drawing.

    diagram  None where it would be too long to be read
    """

    directions: str
    text: str
    groups: tuple[Entry, ...]
    steps: tuple[Step, ...]
    diagram: Diagram | None


@dataclass(frozen=True)
class Code:
    """A value that is allowed, and its meaning."""

    code: str
    meaning: str


@dataclass(frozen=True)
class Row:
    """A line of a field table. `place` is "3-9" or the number of a column; `who` is "" where it is always the same."""

    number: int
    place: str
    length: str
    name: str
    label: str
    is_filler: bool
    is_required: bool
    who: str
    kind: str
    codes: tuple[Code, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CodeList:
    """The codes of a field that has too many for its row."""

    number: int
    name: str
    codes: tuple[Code, ...]


@dataclass(frozen=True)
class RecordType:
    """A record type: where it occurs, what tells it, its picture or its header lines, and its fields."""

    name: str
    entries: tuple[Entry, ...]
    strips: tuple[Strip, ...]
    rows: tuple[Row, ...]
    code_lists: tuple[CodeList, ...]


@dataclass(frozen=True)
class RuleLine:
    """A rule: its id, the record it is about, "error" or "warning" in words, the text, and the condition."""

    id: str
    record: str
    severity: str
    text: str
    condition: str


@dataclass(frozen=True)
class Document:
    """The whole document. `name` and `fingerprint` stand at the foot of each page."""

    language: Language
    headings: dict[str, str]
    title: str
    name: str
    fingerprint: str
    is_fixed: bool
    identity: tuple[Entry, ...]
    form: tuple[Entry, ...]
    orders: tuple[Order, ...]
    remarks: tuple[str, ...]
    has_who: bool
    records: tuple[RecordType, ...]
    rules: tuple[RuleLine, ...]
    example: Example
    example_direction: str

    def as_dict(self) -> dict[str, Any]:
        """The document as JSON holds it."""
        return asdict(self)


def document(layout: Layout, language: Language) -> Document:
    """What is said of the layout in that language. Reads nothing but the layout; the same layout says the same."""
    words = headings(language)
    whos = {fields.filled_by(field, record) for record in layout.records for field in record.fields}
    has_who = whos != {"customer"}
    made = example(layout)
    return Document(
        language=language,
        headings=words,
        title=layout.title or layout.id,
        name=f"{layout.id} {layout.version}",
        fingerprint=layout.fingerprint,
        is_fixed=layout.file.kind == "fixed",
        identity=tuple(_identity(layout, words)),
        form=tuple(files.form(layout.file, language)),
        orders=tuple(_orders(layout, language)),
        remarks=tuple(_remarks(layout, words, has_who=has_who)),
        has_who=has_who,
        records=tuple(record_type(record, layout, language, has_who=has_who) for record in layout.records),
        rules=tuple(
            RuleLine(rule.id, rule.on, words[rule.severity], _in(rule.text, language), text_of(rule.check))
            for rule in layout.rules
        ),
        example=made,
        example_direction=direction(made.direction, language),
    )


def _in(texts: object, language: Language) -> str:
    assert isinstance(texts, dict)
    return str(texts.get(language) or next(iter(texts.values()), ""))


def _identity(layout: Layout, words: dict[str, str]) -> Iterator[Entry]:
    yield Entry(words["id"], layout.id)
    yield Entry(words["version"], layout.version)
    yield Entry(words["fingerprint"], layout.fingerprint)
    if layout.valid_from is not None:
        yield Entry(words["valid_from"], layout.valid_from.isoformat())
    if layout.source:
        yield Entry(words["source"], layout.source)
    yield Entry(words["verified"], words["is_verified" if layout.verified else "not_verified"])


def _orders(layout: Layout, language: Language) -> Iterator[Order]:
    """One for all directions that have the same structure."""
    by_text: dict[str, list[Direction]] = {}
    for name in DIRECTIONS:
        if name in layout.structure:
            by_text.setdefault(layout.structure[name].text, []).append(name)
    for text, its in by_text.items():
        part = orders.parsed(text, layout.groups)
        steps = tuple(orders.steps(part, language))
        yield Order(directions(its, language), text, tuple(_groups(text, layout)), steps, diagram(part))


def _groups(text: str, layout: Layout) -> Iterator[Entry]:
    """The groups that a structure is made of, from the outside to the inside."""
    texts = [text]
    for one in texts:
        for name in dict.fromkeys(names_in(one)):
            if name in layout.groups and layout.groups[name] not in texts:
                texts.append(layout.groups[name])
                yield Entry(name, layout.groups[name])


def _remarks(layout: Layout, words: dict[str, str], *, has_who: bool) -> Iterator[str]:
    if layout.file.kind == "fixed":
        yield words["counted"]
    yield words["some_supplier" if has_who else "all_customer"]


def record_type(record: Record, layout: Layout, language: Language, *, has_who: bool) -> RecordType:
    """All that is said of a record type."""
    words = headings(language)
    entries = [Entry(words["present_in"], fields.present_in(record, layout, language))]
    if told := orders.told_by(record, language):
        entries.append(Entry(words["told_by"], told))
    is_fixed = layout.file.kind == "fixed"
    if layout.file.dialect.header and not is_fixed:
        entries += _header_lines(record, layout, language)
    rows = [
        row(number, field, record, layout, language, has_who=has_who) for number, field in enumerate(record.fields, 1)
    ]
    lists = tuple(
        CodeList(number, field.name, _codes(field))
        for number, field in enumerate(record.fields, 1)
        if len(field.codes or ()) > CODES_IN_ROW_MAX
    )
    return RecordType(record.name, tuple(entries), pictures.of_record(record) if is_fixed else (), tuple(rows), lists)


def _header_lines(record: Record, layout: Layout, language: Language) -> Iterator[Entry]:
    """The first line of a file whose columns this record has, one for all directions that have the same."""
    by_text: dict[str, list[Direction]] = {}
    for name in layout.structure:
        if record.is_in(name):
            titles = [field.label or field.name for field in record.fields_in(name)]
            by_text.setdefault(layout.file.dialect.delimiter.join(titles), []).append(name)
    for text, its in by_text.items():
        yield Entry(f"{headings(language)['header_row']} ({directions(its, language)})", text)


def row(number: int, field: Field, record: Record, layout: Layout, language: Language, *, has_who: bool) -> Row:
    """All that is said of a field."""
    words = headings(language)
    codes = _codes(field)
    notes = fields.notes(field, record, layout, language)
    if len(codes) > CODES_IN_ROW_MAX:
        notes.insert(0, f"{words['codes']}: {words['codes_below']}")
        codes = ()
    who: Who = fields.filled_by(field, record)
    return Row(
        number=number,
        place=_place(field, record, layout, language),
        length="" if field.length is None else str(field.length),
        name=field.name,
        label=field.label,
        is_filler=field.base == "filler",
        is_required=field.required,
        who=fields.who(who, language) if has_who and field.base != "filler" else "",
        kind=kinds.kind(field, layout.file, language),
        codes=codes,
        notes=tuple(notes),
    )


def _codes(field: Field) -> tuple[Code, ...]:
    return tuple(Code(code, meaning) for code, meaning in (field.codes or {}).items())


def _place(field: Field, record: Record, layout: Layout, language: Language) -> str:
    """Columns from 1; the number of a column, which may be another one in another direction."""
    if layout.file.kind == "fixed":
        return f"{field.start + 1}-{field.stop}" if field.length != 1 else str(field.start + 1)
    by_number: dict[int, list[Direction]] = {}
    for name in DIRECTIONS:
        if name in layout.structure and record.is_in(name) and field in record.fields_in(name):
            by_number.setdefault(record.fields_in(name).index(field) + 1, []).append(name)
    if len(by_number) == 1:
        return str(next(iter(by_number)))
    return ", ".join(f"{number} ({directions(its, language)})" for number, its in by_number.items())
