"""The drawings of states in docs/architecture.md, from the tables that the program obeys. The rest is by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from cominflow.exchange import request_states, states

PAGE = Path(__file__).resolve().parent / "architecture.md"
BEGIN = "<!-- states: made by `make docs` -->\n"
END = "<!-- /states -->\n"


def page() -> str:
    """The text of docs/architecture.md: what is there, with the drawings made anew."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    assert rest and after, f"{PAGE.name} has lost its mark {BEGIN!r} or {END!r}"
    return before + BEGIN + drawings() + END + after


def drawings() -> str:
    """One drawing per kind of thing that has states."""
    order = {state: place for place, state in enumerate(request_states.STATES)}
    of_requests = {state: sorted(targets, key=order.__getitem__) for state, targets in request_states.MOVES.items()}
    return (
        "".join(
            f"\n**{title}**\n\n```text\n{drawing(moves)}```\n"
            for title, moves in (
                ("Arrival", states.ARRIVAL),
                ("Request", of_requests),
                ("Delivery", states.DELIVERY),
            )
        )
        + "\n"
    )


def drawing(moves: Mapping[str, Iterable[str]]) -> str:
    """A line per state: where it can go; ends say so."""
    width = max(map(len, moves))
    lines = []
    for state, targets in moves.items():
        lines.append(f"{state:<{width}} ──► {' | '.join(targets)}\n" if tuple(targets) else f"{state:<{width}} (end)\n")
    return "".join(lines)
