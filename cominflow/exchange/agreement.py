"""Agreement: whether a feed and a layout fit together, before anything is read or written with them. Pure.

What a delivery or an invoice puts into a field is known only when it is made; that the field can hold the longest of
it is proved here, so that no delivery fails on a field that was too narrow from the first day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from cominflow.errors import UsageError
from cominflow.exchange.feed import OCCURRING, Feed, loads, unsupported
from cominflow.exchange.stored import assembly
from tracciati import declare
from tracciati.declare.toml import Document, did_you_mean
from tracciati.ending import closing_record
from tracciati.errors import LayoutError, Problem
from tracciati.layout import Field, Layout


@dataclass(frozen=True)
class Origin:
    """What a `from` may name, and what the field must be able to hold.

    kind     "text": `size` characters; "number": whole numbers of `size` digits; "amount": euros and cents, `size`
             digits in all; "date"; "free": what a provider gives, proved for each result before it is charged
    """

    kind: Literal["text", "number", "amount", "date", "free"]
    size: int = 0


# Sizes: a delivery has up to 99 supplements; a file up to 9,999,999 requests; an invoice number is section, year and
# number (A/2026/9999999); a line is at most 9,999,999.99, an invoice 999,999,999.99.
ORIGINS = {
    "outcome.code": Origin("free"),
    "delivery.number": Origin("number", 2),
    "delivery.is_last": Origin("text", 1),
    "delivery.open_count": Origin("number", 7),
    "invoice.number": Origin("text", 14),
    "invoice.date": Origin("date"),
    "invoice.net": Origin("amount", 11),
    "invoice.vat": Origin("amount", 11),
    "invoice.total": Origin("amount", 11),
    "line.reference": Origin("free"),
    "line.service": Origin("free"),
    "line.net": Origin("amount", 9),
    "line.vat": Origin("amount", 9),
}
# Names without behaviour yet: they load, and are refused on publishing like a feed's keys.
ORIGINS_LATER = ("document.name", "document.sha256")

_DIRECTIONS_WRITTEN = ("answer", "rejection", "invoice")


def examine(
    feed_text: str, layout_texts: Mapping[str, str], *, feed_name: str = "feed.toml"
) -> tuple[Feed, list[Layout]]:
    """Read a feed and its layouts and hold them against each other. LayoutError; touches no database."""
    agreed = loads(feed_text, feed_name)
    parsed = [declare.loads(text, layout_name) for layout_name, text in layout_texts.items()]
    if not parsed:
        raise UsageError(
            f"no layout {agreed.layout!r} for {feed_name}", hint="name its file: `--layout layouts/public/NAME.toml`"
        )
    for layout in parsed:
        check(agreed, layout)
    starts = [layout.valid_from for layout in parsed]
    if len(set(starts)) != len(starts):
        raise UsageError(
            f"two versions of {agreed.layout} begin on the same day",
            hint="give each its own `valid_from`: the file's date chooses between them",
        )
    return agreed, parsed


def refuse_unsupported(agreed: Feed, parsed: Sequence[Layout] = ()) -> None:
    """LayoutError naming each key without behaviour: what was agreed must not be accepted and then ignored."""
    in_feed = [Problem(line, 1, f"`{key}` {_LATER}") for key, line in unsupported(agreed)]
    _refuse(agreed.origin_name, in_feed)
    for layout in parsed:
        _refuse(layout.origin_name, [Problem(line, 1, f"`{key}` {_LATER}") for key, line in unsupported_in(layout)])


_LATER = "has no behaviour in this version of cominflow"


def _refuse(name: str, problems: list[Problem]) -> None:
    if problems:
        # One remedy for all of them: said once, after the last.
        hint = "leave these keys out, or keep the feed a draft (`--draft`) until a version that has them"
        problems[-1] = replace(problems[-1], hint=hint)
        raise LayoutError(name, tuple(problems))


def unsupported_in(layout: Layout) -> list[tuple[str, int]]:
    """(key, line) of what the layout says and nothing here does yet, in the order of its text."""
    where = Document(layout.source_text, layout.origin_name)
    found = [
        (f"file.structure.{direction}", where.where(("file", "structure"))[0])
        for direction in ("receipt", "control")
        if direction in layout.structure and direction in _own_structures(where)
    ]
    for record in layout.records:
        for field in record.fields:
            path = f"record.{record.name}.{field.name}"
            if field.target:
                found.append((f"{path}: to", field.line))
            if field.on_overflow.startswith("continue:"):
                found.append((f"{path}: on_overflow", field.line))
    return sorted(found, key=lambda one: one[1])


def _own_structures(document: Document) -> tuple[str, ...]:
    """Directions that the layout names one by one; one structure for all of them promises nothing of each."""
    structure = document.value.get("file", {}).get("structure", {})
    return tuple(structure) if isinstance(structure, dict) else ()


def notes_on(agreed: Feed, parsed: list[Layout]) -> tuple[str, ...]:
    """What a person should know of a feed that is in order."""
    notes = []
    if agreed.old_layout_until is not None and len(parsed) == 1:
        notes.append("calendar.old_layout_until: no version before is published with the feed; name it with `--layout`")
    for layout in parsed:
        missing = unwritten(layout)
        if missing:
            notes.append(f"{layout.name} declares no structure for {', '.join(missing)}: sent as text and JSON")
        if not layout.verified:
            notes.append(f"{layout.name} is not verified: no two real files have been read clean with it")
        if agreed.continuity is None:
            notes += [
                f"{record.name}.{field.name}: that it goes on from file to file (`sequence`, scope feed) is not "
                "checked: the feed has no `continuity`"
                for record, field in layout.numbered
            ]
        if agreed.continuity is None and layout.continuity is not None:
            notes.append(
                f"{layout.name}: its balances are not compared from file to file: the feed has no `continuity`"
            )
    return tuple(dict.fromkeys(notes))  # versions of a layout have most of it in common


def check(feed: Feed, layout: Layout) -> None:
    """Raise LayoutError with every way in which feed and layout do not fit together, each with its line."""
    in_feed = Document(feed.text, feed.origin_name)
    if feed.layout != layout.id:
        in_feed.problem(
            ("layout",),
            f"the feed is for {feed.layout}, this layout is {layout.id}",
            f'write layout = "{layout.id}", or name the file of {feed.layout}',
        )
        in_feed.finish()
    if "request" not in layout.structure:
        in_feed.problem(("layout",), f"{layout.name} has no structure for requests", "declare `structure` in [file]")
    elif feed.complete.policy == "trailer" and closing_record(layout, "request") is None:
        in_feed.problem(
            ("complete",),
            f"{layout.name} has no record that ends every file, by which a whole file could be known",
            "choose commit, rename, marker or quiet; trailer needs a fixed layout whose structure ends with one record",
        )
    _check_unit(feed, layout, in_feed)
    _check_outcomes(feed, layout, in_feed)
    _check_continuity(feed, layout, in_feed)
    in_feed.finish()
    for text, hint in assembly.problems(layout, feed.request.unit):
        in_feed.problem(("layout",), f"{layout.name}: {text}", hint)
    in_feed.finish()
    in_layout = Document(layout.source_text, layout.origin_name)
    for record in layout.records:
        for index, field in enumerate(record.fields):
            text, hint = _origin_problem(feed, layout, field)
            if text:
                where = ("record", record.name, "fields", index)
                in_layout.problem(where, f"{record.name}.{field.name}: {text}", hint)
    in_layout.finish()


def _check_continuity(feed: Feed, layout: Layout, document: Document) -> None:
    """What is to be compared from file to file must be there."""
    if feed.continuity is None:
        return
    said = document.value["continuity"]
    if not layout.numbered and {"gap", "repeat"} & set(said):
        key = next(key for key in said if key in ("gap", "repeat"))
        text = f"{layout.name} has no number that goes on from file to file"
        document.problem(("continuity", key), text, 'give a field of its head sequence = { scope = "feed" }')
    if layout.continuity is None and "balance" in said:
        text = f"{layout.name} has no balances that go on from file to file"
        document.problem(("continuity", "balance"), text, "declare [continuity] in the layout, or take `balance` out")
    if not said and not layout.numbered and layout.continuity is None:
        text = f"{layout.name} has nothing that goes on from file to file"
        document.problem(("continuity",), text, "take `continuity` out")


def unwritten(layout: Layout) -> list[str]:
    """Directions that this layout does not declare: they are sent as text and JSON, and publishing says so."""
    return [direction for direction in ("receipt", *_DIRECTIONS_WRITTEN) if direction not in layout.structure]


def _check_unit(feed: Feed, layout: Layout, document: Document) -> None:
    unit = feed.request.unit
    if unit in layout.by_name:
        inside = [unit]
    elif unit in layout.groups:
        inside = list(layout.records_of_group(unit))
    else:
        names = (*layout.by_name, *layout.groups)
        document.problem(
            ("request", "unit"),
            f"{layout.name} has no record and no group `{unit}`",
            did_you_mean(unit, names) or f"it has {', '.join(names)}",
        )
        return
    for key, path in (
        ("reference", feed.request.reference),
        ("service", feed.request.service),
        ("subject", feed.request.subject),
    ):
        record, _, name = path.partition(".")
        if not path:
            continue
        known = [f"{inner}.{field}" for inner in inside for field in layout.by_name[inner].by_name]
        if path not in known:
            document.problem(
                ("request", key),
                f"a request (`{unit}`) has no field {path}",
                did_you_mean(path, known) or f"it has {', '.join(known)}",
            )
        elif not _is_read(layout.by_name[record].by_name[name]):
            document.problem(
                ("request", key), f"{path} says nothing in a request", "name a field that the customer fills"
            )


def _is_read(field: Field) -> bool:
    return field.base != "filler" and not field.origin and (not field.only or "request" in field.only)


def _check_outcomes(feed: Feed, layout: Layout, document: Document) -> None:
    """Codes must fit the field that carries them, and be there when there is such a field."""
    carriers = [(r, f) for r in layout.records for f in r.fields if f.origin == "outcome.code"]
    for record, field in carriers:
        path = f"{record.name}.{field.name}"
        if not feed.outcomes:
            needed = ", ".join(f'{outcome} = "..."' for outcome in (*OCCURRING, *feed.repeats.occurring))
            document.problem(
                (), f"{path} carries the outcome's code, and no codes are agreed", f"add outcomes = {{ {needed} }}"
            )
            return
        for outcome, code in feed.outcomes.items():
            if field.length is not None and len(code) > field.length:
                document.problem(
                    ("outcomes", outcome),
                    f"{code!r} is longer than {path}, which has {field.length}",
                    f"agree a code of at most {field.length} with the customer",
                )
            elif field.codes is not None and code not in field.codes:
                document.problem(
                    ("outcomes", outcome),
                    f"{code!r} is not among the codes of {path}",
                    f"it has {', '.join(field.codes)}",
                )
            elif field.base in ("digits", "integer") and not code.isdecimal():
                document.problem(
                    ("outcomes", outcome),
                    f"{code!r} is not made of digits, as {path} must be",
                    "agree a code of digits with the customer",
                )


def _origin_problem(feed: Feed, layout: Layout, field: Field) -> tuple[str, str]:
    """What is wrong with where a field's content comes from: (problem, hint), empty when nothing is."""
    name = field.origin
    if not name or name.startswith("result."):
        return "", ""
    if name in ORIGINS_LATER:
        return f"`from = {name!r}` has no behaviour in this version", "leave the field to a later version of the layout"
    if name not in ORIGINS:
        return f"`from` cannot name {name!r}", did_you_mean(
            name, ORIGINS
        ) or f"it can be {', '.join(ORIGINS)}, result.*"
    if name in ("line.reference", "line.service"):
        return _narrower_than_source(feed, layout, field)
    return _narrow(name, ORIGINS[name], field)


def _narrow(name: str, origin: Origin, field: Field) -> tuple[str, str]:
    need = origin.size
    if origin.kind == "free":
        return "", ""
    if origin.kind == "date":
        return (
            ("", "")
            if field.base == "date"
            else (f"{name} is a date, and the field is {field.base}", 'use base = "date"')
        )
    if origin.kind == "amount":
        if not field.is_amount or field.scale < 2:
            return f"{name} is an amount with cents, and the field cannot hold cents", 'use base = "decimal", scale = 2'
        # `need` counts two decimals; a field of larger scale spends more of its digits on them.
        room = field.digits - (field.scale - 2)
        return (
            ("", "") if room >= need else (f"{name} can have {need} digits, the field has room for {room}", "widen it")
        )
    if origin.kind == "number" and field.is_number:
        room = field.digits - field.scale
        return ("", "") if room >= need else (f"{name} can have {need} digits, the field has {room}", "widen it")
    if field.base not in ("text", "digits") or (field.base == "digits" and origin.kind == "text"):
        return (
            f"{name} cannot be written as {field.base}",
            "use a text field" if origin.kind == "text" else "use integer",
        )
    if field.length is not None and field.length < need:
        return f"{name} can have {need} characters, the field has {field.length}", "widen it"
    return "", ""


def _narrower_than_source(feed: Feed, layout: Layout, field: Field) -> tuple[str, str]:
    """A field that repeats the request's reference or service must be as wide as the one it repeats."""
    path = feed.request.reference if field.origin == "line.reference" else feed.request.service
    if not path:
        size, source = len(feed.service), f"service {feed.service!r}"
    else:
        size, source = layout.field(path).length or 0, path
    if field.length is not None and size > field.length:
        return f"{field.origin} repeats {source} of {size} characters, the field has {field.length}", "widen it"
    if not size and field.length is not None:
        return f"{field.origin} repeats {source}, which may have any length", f"give {source} a `len`"
    return "", ""
