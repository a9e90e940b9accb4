"""Doubts: what the samples do not decide, in one list for the person who has to ask."""

from __future__ import annotations

from collections.abc import Callable

from tracciati.infer.proposal import FieldProposal, Proposal, RecordProposal

# From how many records of a type on its boundaries are worth something; how many fields one doubt names.
_FEW, _NAMED = 3, 6


def of(proposal: Proposal) -> list[str]:
    """The doubts of a proposal that was read against its samples, the weightiest first."""
    every = [(record, field) for record in proposal.records for field in record.fields]
    found = [*_contradicted(every), *_types(proposal), *proposal.framing.doubts, *_few(proposal.records)]
    for words, is_so in _CLAIMS:
        paths = [f"{record.name}.{field.name}" for record, field in every if is_so(field)]
        if paths:
            more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
            found.append(f"{words}: {', '.join(paths[:_NAMED])}{more}")
    return list(dict.fromkeys(found))


def _contradicted(every: list[tuple[RecordProposal, FieldProposal]]) -> list[str]:
    return [
        f"{record.name}.{field.name}: {field.evidence.to_text()}"
        for record, field in every
        if field.evidence.agreeing < field.evidence.total
    ]


def _types(proposal: Proposal) -> list[str]:
    told = {(start, stop) for record in proposal.records for start, stop, _ in record.type.match}
    if not told:
        return [] if len(proposal.framing) < 2 else ["one record type: no columns tell the records apart"]
    is_fixed = proposal.framing.form.kind == "fixed"
    columns = [
        (f"columns {start + 1}-{stop}" if stop - start > 1 else f"column {start + 1}")
        if is_fixed
        else f"cell {start + 1}"
        for start, stop in sorted(told)
    ]
    return [
        f"{len(proposal.records)} record types, told apart by {' and '.join(columns)}; there may be types not seen here"
    ]


def _few(records: list[RecordProposal]) -> list[str]:
    few = [f"{one.name} ({one.count})" for one in records if one.count < _FEW]
    if not few:
        return []
    return [f"few records, so that fields beside one another may be one, or one several: {', '.join(few)}"]


_CLAIMS: tuple[tuple[str, Callable[[FieldProposal], bool]], ...] = (
    ("years of two digits: from 50 on they are taken for 19yy", lambda one: "pivot" in one.kind.keys),
    ("days that another form would read too, and otherwise", lambda one: "would read them too" in one.kind.why),
    ("codes are those that were seen; ask for the whole list", lambda one: "codes" in one.kind.keys),
    (
        "always the same in the samples; ask whether it always is",
        lambda one: one.kind.base == "const" and not one.is_match,
    ),
    ("never twice in a sample; ask whether it is the key", lambda one: "unique" in one.extra),
    ("equal to a total in the samples; ask whether it is that one", lambda one: "derive" in one.extra),
    (
        "digits that may be identifiers, numbers or amounts with decimals",
        lambda one: one.kind.base in ("digits", "integer") and not one.extra and not one.kind.keys.get("sign"),
    ),
    (
        "always blank: unused, or simply not filled",
        lambda one: one.kind.base == "filler" and one.kind.why == "always blank",
    ),
)
