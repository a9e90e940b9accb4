"""Assembly: can answers, rejections and invoices be put together from the requests of a layout? Pure.

They are written as: what stands before the first request, the requests (or the invoice's records), what stands after
them. A structure that asks for more or allows less loads and reads; publishing live refuses it, so that no delivery
fails on it, after its invoice was numbered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cominflow.exchange.stored import written_order
from tracciati.layout import Direction, Layout

_COPIED: tuple[Direction, ...] = ("answer", "rejection")


def problems(layout: Layout, unit: str) -> list[tuple[str, str]]:
    """(what cannot be written and why, what to do about it) for each direction; empty when all can."""
    found = []
    between = _between(layout, unit)
    directions = [direction for direction in (*_COPIED, "invoice") if direction in layout.structure]
    if between and directions:
        found.append(
            (
                f"{', '.join(between)} can stand between two requests (`{unit}`), and {', '.join(directions)} files "
                "are written with what precedes the first request, the requests, and what follows the last",
                "take the group that holds these records as the unit, or declare no structure for these directions: "
                "they are then sent as text and JSON",
            )
        )
    if "invoice" in layout.structure:
        found += _of_invoice(layout, unit)
    return found or [problem for direction in directions for problem in _out_of_order(layout, unit, direction)]


def _out_of_order(layout: Layout, unit: str, direction: Direction) -> list[tuple[str, str]]:
    """A request file that is in order, and of which no file of this direction can be written."""
    line = line_record(layout) if direction == "invoice" else ""
    found = written_order.misfit(layout, unit, direction, line)
    if found is None:
        return []
    of_all = "" if line or found.request.count(unit) == found.written.count(unit) else ", of some of its requests,"
    return [
        (
            f"a file `{' '.join(found.request)}` is in order, and its {direction} file would be{of_all} "
            f"`{' '.join(found.written)}`: {found.why}",
            f"let {direction} files have every head, any number of {f'`{line}`' if line else 'requests'} from one on, "
            "and every tail that request files can have",
        )
    ]


def line_record(layout: Layout) -> str:
    """The record that carries one line of an invoice. `problems` has shown that there is one."""
    (name,) = _line_records(layout)
    return name


def _line_records(layout: Layout) -> list[str]:
    used = set(layout.structure["invoice"].place_types.tolist())
    return [
        record.name
        for record in layout.records
        if record.index in used and any(field.origin.startswith("line.") for field in record.fields_in("invoice"))
    ]


def _of_invoice(layout: Layout, unit: str) -> list[tuple[str, str]]:
    lines = _line_records(layout)
    if len(lines) != 1:
        names = ", ".join(lines) or "none"
        return [
            (
                'the invoice structure needs one record with fields `from = "line.…"`, which stands once for each '
                f"charged request; it has {names}",
                'give one record `from = "line.reference"`, `line.net` and `line.vat`',
            )
        ]
    outside = {record.name for record in layout.records if record.is_in("request")} - _names_of(layout, unit)
    used = layout.structure["invoice"].place_types.tolist()
    foreign = [r.name for r in layout.records if r.index in used and r.name not in outside and r.name not in lines]
    return [
        (
            f"the invoice structure has {', '.join(foreign)}, which is neither the line ({lines[0]}) nor a head or "
            "tail that the request file has",
            "put the invoice's own facts (`invoice.number`, `invoice.total`) into the line, the head or the tail",
        )
    ] * bool(foreign)


def _names_of(layout: Layout, unit: str) -> set[str]:
    return set(layout.records_of_group(unit)) if unit in layout.groups else {unit}


def _between(layout: Layout, unit: str) -> list[str]:
    """Records of no request that can stand after one request and before another."""
    automaton = layout.structure["request"]
    names = _names_of(layout, unit)
    is_unit = np.array([kind >= 0 and layout.records[kind].name in names for kind in automaton.place_types.tolist()])
    reach = _reach(automaton.step)
    others = np.flatnonzero(reach[is_unit].any(axis=0) & reach[:, is_unit].any(axis=1) & ~is_unit)
    return list(dict.fromkeys(layout.records[int(automaton.place_types[state])].name for state in others))


def _reach(step: NDArray[np.int16]) -> NDArray[np.bool_]:
    """bool (n, n): which state can be reached from which, by one step or more."""
    count = len(step)
    reach = np.zeros((count, count), np.bool_)
    sources, types = np.nonzero(step >= 0)
    reach[sources, step[sources, types]] = True
    for middle in range(count):
        reach |= reach[:, middle : middle + 1] & reach[middle]
    return reach
