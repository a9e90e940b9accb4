"""Record types of a copybook: items become lines of fields; a REDEFINES becomes record types, variants, or a comment.

COBOL does not say when which of several definitions of the same bytes holds: a program does. `Order.segments` says
it. A definition of which it is not said is left out, with a comment that tells how to say it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tracciati.errors import UnknownName
from tracciati.importing.cells import keys_of, size_of
from tracciati.importing.drafts import Doubt, Node, RecordDraft
from tracciati.importing.items import Item
from tracciati.importing.naming import Names, name_of
from tracciati.importing.source import Unreadable
from tracciati.limits import OCCURS_MAX, RECORD_BYTES_MAX, RECORD_FIELDS_MAX
from tracciati.wording import counted

if TYPE_CHECKING:
    from tracciati.importing.orders import Order, Segment

_RAW = ("packed", "binary")


def records(tops: Sequence[Item], order: Order) -> tuple[list[RecordDraft], list[Doubt]]:
    """The record types of a copybook, and what is doubtful of all of it. Raises Unreadable and UnknownName."""
    tops = _whole(tops)
    _check_segments(tops, order.segments)
    told = {segment.name for segment in order.segments}
    kept = [top for top in tops if top.name in told or _alternatives(top, told)] if len(tops) > 1 else list(tops)
    kept = kept or list(tops[:1])
    doubts = [_left_out(top, None) for top in tops if top not in kept]
    drafts: list[RecordDraft] = []
    plans = [plan for top in kept for plan in _plans(top, order.segments)]
    names = Names()
    for top, segment, choice in plans:
        builder = _Builder(order, segment, is_alone=len(plans) == 1)
        name = choice.name if choice is not None else top.name
        if segment is not None and sum(1 for one in order.segments if one.name == name) > 1:
            name = f"{name}-{segment.value}"
        name = names.take(name, usual="record")
        drafts.append(builder.record(name, top, choice))
    if order.form == "fixed":
        most = max(draft.size for draft in drafts)
        for draft in drafts:
            if draft.size < most:
                draft.nodes.append(Node({"name": "filler", "len": most - draft.size, "type": "filler"}))
                draft.size = most
    return drafts, doubts


def total_of(item: Item) -> int:
    """Bytes that an item takes with all its times and, of a group, all that is in it."""
    once = sum(max(total_of(one) for one in slot) for slot in _slots(item.children)) if item.children else size_of(item)
    return once * (item.occurs.most if item.occurs else 1)


def _whole(tops: Sequence[Item]) -> list[Item]:
    """The records: items of level 01 (or 77), or one around items of deeper levels, as in a part of a record."""
    parts = [top for top in tops if top.level not in (1, 77)]
    if not parts:
        return list(tops)
    return [top for top in tops if top.level in (1, 77)] + [Item(1, "RECORD", parts[0].line, children=parts)]


def _slots(children: Iterable[Item]) -> list[list[Item]]:
    """Items in their order; each with those that redefine it."""
    slots: list[list[Item]] = []
    for child in children:
        same = [slot for slot in slots if any(one.name == child.redefines for one in slot)] if child.redefines else []
        if same:
            same[-1].append(child)
        else:
            if child.redefines:
                child.doubts.append(f"{child.redefines}, which it redefines, is not there: taken for bytes of its own")
            slots.append([child])
    return slots


def _alternatives(top: Item, told: set[str]) -> list[Item]:
    """The items of the first place of a record at which segments are told apart."""
    for slot in _slots(top.children):
        if len(slot) > 1 and any(one.name in told for one in slot):
            return slot
    return []


def _plans(top: Item, segments: Sequence[Segment]) -> list[tuple[Item, Segment | None, Item | None]]:
    """The record types of a record: its item, what tells the type, and which of its alternatives it has."""
    of_record = [segment for segment in segments if segment.name == top.name]
    if of_record:
        return [(top, segment, None) for segment in of_record]
    slot = _alternatives(top, {segment.name for segment in segments})
    found: list[tuple[Item, Segment | None, Item | None]] = [
        (top, segment, one) for one in slot for segment in segments if segment.name == one.name
    ]
    return found or [(top, None, None)]


def _check_segments(tops: Sequence[Item], segments: Sequence[Segment]) -> None:
    items = [item for top in tops for item in top.walk()]
    redefined = {item.redefines for item in items if item.redefines}
    can_be = [i.name for i in items if i.redefines or i.name in redefined or (i in tops and len(tops) > 1)]
    names = {item.name for item in items if item.picture is not None}
    for segment in segments:
        if segment.name not in can_be:
            raise UnknownName("the copybook has no alternative", segment.name, can_be or ["none"])
        if segment.field not in names:
            raise UnknownName("the copybook has no field", segment.field, sorted(names))


def _left_out(item: Item, first: Item | None, *, can_be_said: bool = True) -> Doubt:
    what = f"defines the bytes of {first.name} anew" if first is not None else "is another record"
    how = f"; to have it, say when it is there: --segment FIELD=VALUE:{item.name}" if can_be_said else ""
    return Doubt(item.line, item.name, f"{what}: left out{how}")


@dataclass(frozen=True)
class _Place:
    """Where items stand: their group's name, and whether something of a changing number may be there."""

    group: str = ""
    is_last: bool = True
    is_repeated: bool = False
    is_choice: bool = False
    names: Names | None = None


class _Builder:
    """The lines of one record type."""

    def __init__(self, order: Order, segment: Segment | None, *, is_alone: bool) -> None:
        self._order, self._segment = order, segment
        self._may_change = is_alone or order.form != "fixed"
        self._names = Names()
        self._known: dict[str, tuple[str, dict[str, Any]]] = {}
        self._doubts: list[Doubt] = []
        self._match: dict[str, str] = {}

    def record(self, name: str, top: Item, choice: Item | None) -> RecordDraft:
        """The record of `top` that has `choice` where it has alternatives (None: no alternative is a type)."""
        nodes = self._length()
        size = sum(int(node.keys["len"]) for node in nodes)
        slots = _slots(top.children) if top.children else [[top]]
        if choice is not None:
            slots = [[choice] if choice in slot else slot for slot in slots]
            self._note_others(_slots(top.children), choice)
        wholes = _slots(top.children) if top.children else [[top]]
        self._doubts += [Doubt(top.line, top.name, text) for text in (top.doubts if top.children else ())]
        for index, (slot, whole) in enumerate(zip(slots, wholes, strict=True)):
            is_last = index == len(slots) - 1
            nodes += self._slot(slot, _Place(is_last=is_last and self._may_change))
            taken, room = max(map(total_of, slot)), max(map(total_of, whole))
            size += taken
            if not is_last and taken < room:
                nodes.append(Node({"name": "filler", "len": room - taken, "type": "filler"}))
                size += room - taken
        if size > RECORD_BYTES_MAX:
            hint = "no file of records has such; see the OCCURS"
            raise Unreadable(top.line, f"{top.name} takes {size} bytes, more than {RECORD_BYTES_MAX}", hint)
        if self._segment is not None and not self._match:
            field, of = self._segment.field, self._segment.name
            raise Unreadable(top.line, f"{field} is no field of the records that have {of}", "name one that is in them")
        return RecordDraft(name, nodes, size, self._match, self._doubts)

    def _note_others(self, slots: list[list[Item]], choice: Item) -> None:
        told = {segment.name for segment in self._order.segments}
        for slot in slots:
            if choice in slot:
                self._doubts += [_left_out(one, slot[0]) for one in slot if one.name not in told]

    def _length(self) -> list[Node]:
        """The four bytes before a record that say its length."""
        if self._order.form not in ("rdw", "rdw-little"):
            return []
        rest = Node({"name": "filler", "len": 2, "type": "filler"})
        said: dict[str, Any] = {"name": self._names.take("rdw"), "len": 2, "type": "binary"}
        return [Node(said), rest] if self._order.form == "rdw" else [rest, Node({**said, "endian": "little"})]

    def _slot(self, slot: list[Item], place: _Place) -> list[Node]:
        if len(slot) == 1:
            return self._item(slot[0], place)
        told = [one for one in slot if self._conditions(one)]
        room = max(map(total_of, slot))
        can_be_said = not place.is_repeated and not place.is_choice
        first = next((one for one in slot if self._is_sure(one)), None)
        if told and can_be_said and first is None:
            return [self._variants(slot, told, room, place)]
        nodes = self._item(first or slot[0], place)
        if first is None:
            nodes[0].doubts += [_left_out(one, slot[0], can_be_said=can_be_said) for one in slot[1:]]
        if (gap := room - total_of(first or slot[0])) > 0:
            nodes.append(Node({"name": "filler", "len": gap, "type": "filler"}))
        return nodes

    def _conditions(self, item: Item) -> list[Segment]:
        """What is said of when an item is there, but for what the record type decides already."""
        said = [segment for segment in self._order.segments if segment.name == item.name]
        return [one for one in said if one.field not in self._known or "value" not in self._known[one.field][1]]

    def _is_sure(self, item: Item) -> bool:
        """Is it there in all records of this type?"""
        said = [one for one in self._order.segments if one.name == item.name and one.field in self._known]
        fixed = [(one.value, str(self._known[one.field][1].get("value", ""))) for one in said]
        return any(found and found.strip() in (value.strip(), value.zfill(len(found))) for value, found in fixed)

    def _variants(self, slot: list[Item], told: list[Item], room: int, place: _Place) -> Node:
        conditions = {one.name: self._condition(one) for one in told}
        node = Node({})
        if slot[0] not in told:
            other = " or ".join(f"({text})" for text in conditions.values())
            conditions[slot[0].name] = f"not ({other})"
        for one in slot:
            if one.name not in conditions:
                node.doubts.append(_left_out(one, slot[0]))
                continue
            inner = self._item(one, replace(place, is_last=False, is_choice=True))
            if (gap := room - total_of(one)) > 0:
                inner.append(Node({"name": "filler", "len": gap, "type": "filler"}))
            node.choices.append((conditions[one.name], inner))
        return node

    def _condition(self, item: Item) -> str:
        parts = []
        for segment in self._conditions(item):
            if segment.field not in self._known:
                hint = "only a field that stands before, and in all records, can say it"
                raise Unreadable(item.line, f"{segment.field} does not stand before {item.name}", hint)
            field, keys = self._known[segment.field]
            if keys["type"] in ("text", "digits"):
                value = segment.value.zfill(keys["len"]) if keys["type"] == "digits" else segment.value.rstrip()
                parts.append(f"{field} = '{value}'")
                can_be = len(value) <= keys["len"] and value in keys.get("codes", {value: ""})
                can_be = can_be and (keys["type"] == "text" or value.isdigit())
            else:
                parts.append(f"{field} = {segment.value}")
                can_be = (
                    keys["type"] in ("integer", *_RAW) and segment.value.isdigit() and len(segment.value) <= keys["len"]
                )
            if not can_be:
                hint = "see its picture, and its level 88 if it has one"
                raise Unreadable(item.line, f"{segment.field} cannot be {segment.value!r}", hint)
        return " or ".join(parts)

    def _item(self, item: Item, place: _Place) -> list[Node]:
        if item.occurs is not None and _count(item) > (RECORD_FIELDS_MAX if item.children else OCCURS_MAX):
            times = counted(_count(item), "field")
            keys = {"name": self._take(item, place), "len": total_of(item), "type": "filler"}
            return [Node(keys, [Doubt(item.line, item.name, f"would be written out to {times}: kept as it comes")])]
        if item.children:
            return self._group(item, place)
        return [self._cell(item, place)]

    def _group(self, item: Item, place: _Place) -> list[Node]:
        doubts = [Doubt(item.line, item.name, text) for text in item.doubts]
        if item.conditions:
            doubts.append(Doubt(item.line, item.name, "values of a group (level 88) are left out"))
        slots = _slots(item.children)
        group = "" if item.name == "FILLER" else item.name
        inner = replace(place, group=group or place.group)
        if item.occurs is None:
            nodes: list[Node] = []
            for index, slot in enumerate(slots):
                nodes += self._slot(slot, replace(inner, is_last=place.is_last and index == len(slots) - 1))
            nodes[0].doubts = doubts + nodes[0].doubts
            return nodes
        keys: dict[str, Any] = {"name": self._take(item, place)}
        keys["occurs"] = self._times(item, place, doubts)
        inner = replace(inner, is_last=False, is_repeated=True, names=Names())
        return [Node(keys, doubts, [node for slot in slots for node in self._slot(slot, inner)])]

    def _cell(self, item: Item, place: _Place) -> Node:
        keys, texts = keys_of(item, self._order.codec)
        doubts = [Doubt(item.line, item.name, text) for text in texts]
        if self._order.form == "lines" and keys["type"] in _RAW:
            hint = "say how its records are told: --record-format fixed, or rdw"
            raise Unreadable(item.line, f"{item.name} is {keys['type']}: a file of lines cannot hold it", hint)
        name = "filler" if item.name == "FILLER" else self._take(item, place)
        if self._segment is not None and item.name == self._segment.field and not place.is_repeated:
            keys = self._constant(item, keys, name)
        if item.occurs is None and not place.is_repeated and not place.is_choice:
            self._known[item.name] = (name, keys)
        if item.occurs is None:
            return Node({"name": name, **keys}, doubts)
        if item.name == "FILLER":
            return Node({"name": name, **keys, "len": total_of(item)}, doubts)
        return Node({"name": name, **keys, "occurs": self._times(item, place, doubts)}, doubts)

    def _constant(self, item: Item, keys: dict[str, Any], name: str) -> dict[str, Any]:
        assert self._segment is not None
        value, size = self._segment.value, int(keys["len"])
        if keys["type"] == "text":
            value = value.rjust(size) if keys.get("align") == "right" else value.ljust(size)
        elif keys["type"] in ("integer", "digits") and "sign" not in keys and value.isdigit():
            value = value.zfill(size)
        else:
            what = f"{item.name} cannot be {value!r}, and tell one record from another"
            raise Unreadable(item.line, what, "records are told by a text, or by digits without a sign")
        if len(value) != size:
            raise Unreadable(item.line, f"{item.name} has {counted(size, 'character')}, {value!r} more", "shorten it")
        self._match[name] = value
        return {"len": size, "type": "const", "value": value}

    def _times(self, item: Item, place: _Place, doubts: list[Doubt]) -> Any:
        assert item.occurs is not None
        if not item.occurs.by:
            return item.occurs.most
        known = self._known.get(item.occurs.by)
        if known is not None and place.is_last and not place.is_repeated and not place.is_choice and _counts(known[1]):
            return {"by": known[0], "max": item.occurs.most}
        what = f"is there as often as {item.occurs.by} says, which can be said of the end of a record alone: read as if"
        doubts.append(Doubt(item.line, item.name, f"{what} it were always there {item.occurs.most} times"))
        return item.occurs.most

    def _take(self, item: Item, place: _Place) -> str:
        return (place.names or self._names).take(item.name, place.group, times=item.occurs.most if item.occurs else 1)


def _counts(keys: dict[str, Any]) -> bool:
    return keys["type"] in ("integer", *_RAW) and not keys.get("scale")


def _count(item: Item) -> int:
    """Fields that an item is written out to."""
    inside = sum(_count(child) for child in item.children) if item.children else 1
    return inside * (item.occurs.most if item.occurs else 1)


def called(segment: Segment) -> Segment:
    """The segment with its names as a copybook has them: capitals, and hyphens for the low lines that we write."""
    return replace(segment, field=_cobol(segment.field), name=_cobol(segment.name))


def _cobol(name: str) -> str:
    assert name_of(name) or name
    return name.upper().replace("_", "-")
