"""A table of fields, as annexes have them: one row a field, in the order of the record.

Its headings are guessed (see `headings`), or said. Of a field it must say its name and how long it is, or where it
stands. Bytes that no row names become fillers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tracciati.errors import UnknownName
from tracciati.importing import headings, pictures
from tracciati.importing.drafts import Doubt, Node, RecordDraft
from tracciati.importing.naming import Names, name_of
from tracciati.importing.orders import Order
from tracciati.importing.source import Unreadable
from tracciati.limits import RECORD_BYTES_MAX
from tracciati.values.numerals import DIGITS_MAX
from tracciati.wording import counted

_HEAD_ROWS = 30
_NUMBER = re.compile(r"\d{1,6}")
_RANGE = re.compile(r"(\d{1,6})\s*(?:-|–|÷|/|a|to|\.\.)\s*(\d{1,6})")
_CODE = re.compile(r"([^\s=:;]+)\s*(?:=|:|–| - )\s*([^;\n|]+)")
_DATES = {"aaaa": "yyyy", "aa": "yy", "gg": "dd"}


@dataclass
class _Rows:
    """The rows of one record type: what each role has in it."""

    name: str
    rows: list[tuple[int, dict[str, str]]] = field(default_factory=list)


def records(rows: Sequence[Sequence[str]], order: Order) -> tuple[list[RecordDraft], list[Doubt]]:
    """The record types of a table. Raises Unreadable with the row's number, and UnknownName."""
    at, roles = _heads(rows, order.columns)
    groups: dict[str, _Rows] = {}
    for number, row in enumerate(rows[at + 1 :], start=at + 2):
        cells = {role: row[index].strip() for role, index in roles.items() if index < len(row)}
        if not any(cells.values()) or not (cells.get("name") or cells.get("length") or cells.get("start")):
            continue
        group = groups.setdefault(cells.get("record", ""), _Rows(cells.get("record", "")))
        group.rows.append((number, cells))
    if not groups:
        raise Unreadable(at + 1, "there are headings and no field below them", "give each field a row")
    names = Names()
    doubts = [Doubt(0, "", _guessed(rows[at], roles))]
    placed = [group for group in groups.values() if any(_is_placed(cells) for _, cells in group.rows)]
    for group in (one for one in groups.values() if placed and one not in placed):
        doubts.append(Doubt(group.rows[0][0], group.name, "no field of this record has a length: left out"))
    placed = placed or list(groups.values())
    _tell_apart(placed)
    drafts = [_Record(order, group).draft(names) for group in placed]
    known = {draft.name for draft in drafts}
    for segment in order.segments:
        if _record_name(segment.name) not in known:
            raise UnknownName("the table has no record type", _record_name(segment.name), sorted(known))
    if len(drafts) > 1:
        told = [draft for draft in drafts if draft.match] or drafts[:1]
        for draft in (one for one in drafts if one not in told):
            how = f"to have it, say what tells it: --segment FIELD=VALUE:{draft.name}"
            doubts.append(Doubt(0, draft.name, f"nothing tells this record type from the others: left out; {how}"))
        drafts = told
    if order.form == "fixed":
        most = max(draft.size for draft in drafts)
        for draft in (one for one in drafts if one.size < most):
            draft.nodes.append(Node({"name": "filler", "len": most - draft.size, "type": "filler"}))
            draft.doubts.append(Doubt(0, draft.name, f"has {draft.size} bytes and is filled up to {most}"))
            draft.size = most
    return drafts, doubts


def _record_name(written: str) -> str:
    return name_of(written if written[:1].isalpha() else f"record {written}")


def _tell_apart(groups: Sequence[_Rows]) -> None:
    """Where one record type has the field of the types' codes, and they are called by them, all have it there.

    Annexes write the row once, for the first type or for all.
    """
    if len(groups) < 2:
        return
    all_cells = [cells for group in groups for _, cells in group.rows if _is_placed(cells)]
    found = [cells for cells in all_cells if headings.plain(cells["name"]) in headings.CODES]
    if not found:
        return
    start, length = _placed(0, found[0])
    for group in groups if start is not None else ():
        if len(group.name) != length:
            continue
        places = [(number, _placed(number, cells)[0], cells) for number, cells in group.rows if _is_placed(cells)]
        same = [cells for _, at, cells in places if at == start]
        if not same and not any(at is not None and start is not None and at < start + length for _, at, _ in places):
            same = [{**found[0], "description": ""}]
            group.rows.insert(0, (group.rows[0][0], same[0]))
        for cells in same:
            cells["value"] = group.name


def _heads(rows: Sequence[Sequence[str]], said: Mapping[str, str]) -> tuple[int, dict[str, int]]:
    """Which row has the headings (from 0), and the column of each role."""
    by_heading = {headings.plain(heading): role for role, heading in said.items()}
    for at, row in enumerate(rows[:_HEAD_ROWS]):
        roles: dict[str, int] = {}
        for index, cell in enumerate(row):
            role = by_heading.get(headings.plain(cell)) or headings.role_of(cell)
            if role and (role not in roles or headings.plain(cell) in by_heading):
                roles[role] = index
        is_placed = "length" in roles or "place" in roles or ("start" in roles and "end" in roles)
        if "name" in roles and is_placed and not (set(said) - set(roles)):
            return at, roles
    if said:
        told = [plain for row in rows[:_HEAD_ROWS] for plain in row if plain.strip()]
        for heading in said.values():
            if headings.plain(heading) not in {headings.plain(one) for one in told}:
                raise UnknownName("the table has no heading", heading, told[:20] or ["none"])
    hint = "say which they are: --column name=HEADING --column length=HEADING (or start and end)"
    raise Unreadable(1, "no row has headings for the fields' names and lengths", hint)


def _guessed(heads: Sequence[str], roles: Mapping[str, int]) -> str:
    parts = [f"{role} is {heads[index].strip()!r}" for role, index in roles.items()]
    return f"headings as they were understood: {', '.join(parts)}"


class _Record:
    """One record type: its rows become lines, one after another."""

    def __init__(self, order: Order, group: _Rows) -> None:
        self._order, self._group = order, group
        self._nodes: list[Node] = []
        self._names = Names()
        self._match: dict[str, str] = {}
        self._doubts: list[Doubt] = []
        self._at = 0
        self._told = {
            name_of(one.field): one.value
            for one in order.segments
            if _record_name(one.name) == _record_name(group.name)
        }

    def draft(self, names: Names) -> RecordDraft:
        """The record type, with a name that no other has."""
        self._prefix()
        start = self._at
        wrong: list[Unreadable] = []
        for number, cells in self._group.rows:
            try:
                self._row(number, cells, start)
            except Unreadable as one:
                wrong.append(one)
                self._doubts.append(Doubt(number, "", f"{one.text}: left out"))
        if len(wrong) == len(self._group.rows):
            raise wrong[0]
        name = names.take(_record_name(self._group.name))
        if self._at > RECORD_BYTES_MAX:
            raise Unreadable(self._group.rows[0][0], f"record {name} takes {self._at} bytes", "check the lengths")
        for told in self._told:
            if told not in self._match:
                raise UnknownName(f"record {name} has no field", told, [str(n.keys["name"]) for n in self._nodes])
        return RecordDraft(name, self._nodes, self._at, self._match, self._doubts)

    def _prefix(self) -> None:
        if self._order.form not in ("rdw", "rdw-little"):
            return
        said: dict[str, Any] = {"name": self._names.take("rdw"), "len": 2, "type": "binary"}
        rest = Node({"name": "filler", "len": 2, "type": "filler"})
        is_big = self._order.form == "rdw"
        self._nodes = [Node(said), rest] if is_big else [rest, Node({**said, "endian": "little"})]
        self._at = 4

    def _row(self, number: int, cells: dict[str, str], base: int) -> None:
        written = cells.get("name", "")
        start, length = _placed(number, cells)
        doubts: list[str] = []
        if start is not None:
            gap = base + start - 1 - self._at
            if gap > 0:
                what = f"no row names the {counted(gap, 'byte')} before {written or 'it'}"
                self._nodes.append(Node({"name": "filler", "len": gap, "type": "filler"}, [Doubt(number, "", what)]))
                self._at += gap
            elif gap < 0:
                what = f"it begins at column {start}, within the field before it: left out"
                self._doubts.append(Doubt(number, written, what))
                return
        keys = self._keys(cells, length, doubts)
        is_filler = keys["type"] == "filler"
        name = "filler" if is_filler else self._names.take(written, usual=f"campo_{len(self._nodes) + 1}")
        value = self._told.get(name, cells.get("value", "") if keys["type"] == "const" else "")
        if name in self._told or keys["type"] == "const":
            keys = self._constant(name, keys, value, doubts)
        if written and not is_filler and headings.plain(written).replace(" ", "_") != written.lower():
            keys["label"] = written
        if cells.get("description"):
            keys["label"] = f"{written}: {cells['description']}" if "label" in keys else cells["description"]
            keys["label"] = " ".join(str(keys["label"]).split())
        if is_filler:
            keys.pop("label", None)
        self._nodes.append(Node({"name": name, **keys}, [Doubt(number, written, text) for text in doubts]))
        self._at += length

    def _constant(self, name: str, keys: dict[str, Any], value: str, doubts: list[str]) -> dict[str, Any]:
        length = keys["len"]
        value = value.zfill(length) if keys["type"] in ("integer", "digits") else value.ljust(length)
        if not value.strip() or len(value) != length:
            doubts.append(f"its fixed value {value.strip()!r} does not have {length} characters: read as text")
            return {"len": length, "type": "text"}
        self._match[name] = value
        return {"len": length, "type": "const", "value": value}

    def _keys(self, cells: dict[str, str], length: int, doubts: list[str]) -> dict[str, Any]:
        keys: dict[str, Any] = {"len": length}
        said = cells.get("type", "")
        picture = pictures.read(said) if _is_picture(said) else None
        kind = headings.type_of(said)
        if picture is not None:
            kind = {"number": "number", "text": "text"}.get(picture.kind, "")
        if headings.plain(cells.get("name", "")) in headings.FILLERS or kind == "filler":
            return {**keys, "type": "filler"}
        if cells.get("value") and kind != "date" and _is_constant(cells["value"], length):
            return {**keys, "type": "const"}
        if not kind or kind == "const":
            if said:
                doubts.append(f"its type {said!r} is none that is known: read as text")
            kind = "text"
        scale = cells.get("decimals", "")
        if kind == "number" and re.search(r"(?i)virgola|comma\b", cells.get("description", "")):
            doubts.append("its description speaks of a comma: where one is written, it is a decimal with `mark`")
        decimals = int(scale) if _NUMBER.fullmatch(scale) else picture.scale if picture is not None else 0
        if kind in ("packed", "binary") and self._order.form == "lines":
            doubts.append(f"{kind}: a file of lines cannot hold it: kept as it comes")
            return {**keys, "type": "filler"}
        keys |= _typed(kind, cells, length, decimals, doubts)
        if picture is not None and picture.sign == "over" and keys["type"] in ("integer", "decimal"):
            keys["sign"] = "overpunch"
        codes = _codes(cells.get("codes", ""), length, self._order.codec)
        if codes and keys["type"] in ("text", "integer", "digits"):
            is_digits = keys["type"] != "text" and all(code.isdigit() for code in codes)
            keys["type"] = "digits" if is_digits else "text"
            keys["codes"] = {code.zfill(length) if is_digits else code: meaning for code, meaning in codes.items()}
        elif cells.get("codes"):
            doubts.append(f"its codes were not understood: {cells['codes']!r}")
        if headings.plain(cells.get("required", "")) in headings.YES and keys["type"] != "const":
            keys["required"] = True
        return keys


def _is_picture(text: str) -> bool:
    return bool(re.fullmatch(r"(?i)S?[X9AVP](?:\(\d+\)|[X9AVP])+(?:\(\d+\)|[X9AVP])*", text.strip()))


def _is_constant(value: str, length: int) -> bool:
    return len(value.strip("\"'")) == length and not re.search(r"[,;=]", value)


def _placed(number: int, cells: dict[str, str]) -> tuple[int | None, int]:
    """Where a field begins (columns from 1; None when it is not said), and how long it is."""
    start, end, length = (_whole(number, cells, key) for key in ("start", "end", "length"))
    if "place" in cells and cells["place"]:
        found = _RANGE.fullmatch(cells["place"])
        if found is not None:
            start, end = int(found[1]), int(found[2])
        else:
            start = _whole(number, cells, "place")
    if start is not None and end is not None:
        if end < start or (length is not None and length != end - start + 1):
            said = f"from {start} to {end}" + (f", and {length} long" if length is not None else "")
            raise Unreadable(number, f"{cells.get('name', 'a field')} is {said}", "correct the table")
        length = end - start + 1
    if start == 0:
        raise Unreadable(number, f"{cells.get('name', 'a field')} begins at 0", "count columns from 1")
    if length is None or length < 1:
        picture = pictures.read(cells["type"]) if _is_picture(cells.get("type", "")) else None
        if picture is None:
            raise Unreadable(number, f"{cells.get('name', 'a field')} has no length", "give it one, in bytes")
        length = picture.size
    return start, length


def _is_placed(cells: dict[str, str]) -> bool:
    try:
        return _placed(0, cells)[1] > 0
    except Unreadable:
        return False


def _whole(number: int, cells: dict[str, str], key: str) -> int | None:
    text = cells.get(key, "").removesuffix(".0")
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise Unreadable(number, f"{cells.get('name', 'a field')}: {text!r} is no number of bytes", "write digits")
    return int(text)


def _typed(kind: str, cells: dict[str, str], length: int, decimals: int, doubts: list[str]) -> dict[str, Any]:
    is_told = kind in ("number", "text") and "data" in headings.plain(cells["name"]).split()
    if kind == "date" or (is_told and _said_format(cells, length)):
        form = _said_format(cells, length) or ("yyyyMMdd" if length == 8 else "yyyy-MM-dd" if length == 10 else "")
        if form:
            if "yyyy" not in form:
                doubts.append("years of two digits: from 50 on they are read as 1950")
            return {"type": "date", "format": form, **({"pivot": 50} if "yyyy" not in form else {})}
        doubts.append(f"a date of {length} bytes whose format was not understood: read as text")
        return {"type": "text"}
    if kind == "time" and length in (4, 6):
        return {"type": "time", "format": "HHmm" if length == 4 else "HHmmss"}
    if kind in ("packed", "binary"):
        if kind == "binary" and length > 8:
            doubts.append(f"a binary number of {length} bytes: kept as it comes")
            return {"type": "filler"}
        return {"type": kind, **({"scale": decimals} if decimals else {})}
    if kind in ("number", "digits"):
        if length > DIGITS_MAX:
            doubts.append(f"a number of {length} digits: {'read as text' if decimals else 'read as digits'}")
            return {"type": "text" if decimals else "digits"}
        if decimals > length:
            doubts.append(f"{decimals} decimals in {length} digits: read as a whole number")
            decimals = 0
        if decimals:
            return {"type": "decimal", "scale": decimals}
        return {"type": "digits" if kind == "digits" else "integer"}
    return {"type": "text"}


def _said_format(cells: dict[str, str], length: int) -> str:
    for text in (cells.get("format", ""), cells.get("type", ""), cells.get("description", "")):
        for word in re.findall(r"(?i)[gdmay/.-]{6,10}", text):
            form = str(word).lower()
            for said, meant in _DATES.items():
                form = form.replace(said, meant)
            form = form.replace("mm", "MM")
            years = "yyyy" if "yyyy" in form else "yy"
            if len(form) == length and all(form.count(part) == 1 for part in ("dd", "MM", years)):
                return form
    return ""


def _codes(text: str, length: int, codec: str) -> dict[str, str]:
    """`A = attivo; C = cessato` as codes; {} where they are no such list, or do not fit."""
    found = {code.strip("\"'"): " ".join(meaning.split()) for code, meaning in _CODE.findall(text)}
    try:
        fit = all(code and len(code.encode(codec)) <= length for code in found)
    except UnicodeEncodeError:
        return {}
    return found if fit else {}
