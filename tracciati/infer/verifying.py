"""Verifying: the proposal is loaded and reads its own samples, all of them; what does not hold is taken back.

What is left of the contradictions stands beside each field: the engine itself has counted them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tracciati import declare, reading
from tracciati.errors import LayoutError
from tracciati.findings.catalogue import CATALOGUE
from tracciati.infer import toml
from tracciati.infer.evidence import NAMED_MAX
from tracciati.infer.kinds import Kind
from tracciati.infer.proposal import FieldProposal, Proposal
from tracciati.infer.samples import Samples

if TYPE_CHECKING:
    from tracciati.findings.report import Report
    from tracciati.layout import Layout

# Share of the records that may contradict a kind, with so many that agree; else a weaker one is proposed.
_AGAINST, _AGREEING = 0.1, 10
# Of numbers that rise, and other claims over several records.
_AGAINST_SEQUENCE = 0.05
_ROUNDS = 6
_EXTRA_OF = {"TR-R301": "sequence", "TR-R302": "unique", "TR-T401": "derive", "TR-T402": "derive"}


def verified(proposal: Proposal, samples: Samples) -> Layout:
    """Write the proposal, load it and read the samples by it until nothing has to be taken back; returns the layout."""
    for _ in range(_ROUNDS):
        layout = _loaded(proposal)
        reports = [
            reading.check(samples.file(index).tobytes(), layout, source_name=name, examples=NAMED_MAX)
            for index, name in enumerate(samples.names)
        ]
        if not _taken_back(proposal, reports):
            break
    _counted(proposal, reports)
    proposal.findings = _findings(reports)
    proposal.text = toml.text(proposal)
    return declare.loads(proposal.text)


def _loaded(proposal: Proposal) -> Layout:
    """The layout; where a claim about other records is refused on loading, without all such claims."""
    try:
        return declare.loads(toml.text(proposal))
    except LayoutError:
        for record in proposal.records:
            for field in record.fields:
                field.extra.clear()
        return declare.loads(toml.text(proposal))


def _taken_back(proposal: Proposal, reports: list[Report]) -> bool:
    """Take back what too many records contradict. Was there anything?"""
    counts: Counter[tuple[str, str]] = Counter()
    for report in reports:
        counts.update(report.counts)
    changed = False
    for record in proposal.records:
        for field in record.fields:
            path = f"{record.name}.{field.name}"
            for code, key in _EXTRA_OF.items():
                against = counts[code, path]
                is_sound = key == "sequence" and against <= _AGAINST_SEQUENCE * record.count
                if against and key in field.extra and not is_sound:
                    del field.extra[key]
                    changed = True
            against = sum(number for (code, at), number in counts.items() if at == path and code.startswith("TR-F"))
            if against and _is_too_much(against, record.count) and not field.is_match:
                changed |= _weakened(field)
    return changed


def _is_too_much(against: int, total: int) -> bool:
    return against > _AGAINST * total or total - against < _AGREEING


def _weakened(field: FieldProposal) -> bool:
    """A kind that asks less; False where there is none."""
    if field.kind.base == "text" and not field.kind.keys:
        if field.length is None:
            return False
        field.kind = Kind("filler", why="bytes that are no text")
    elif field.kind.base == "filler":
        return False
    else:
        field.kind = Kind("text", why=f"not all are {field.kind.base}")
    field.extra.clear()
    field.evidence = replace(field.evidence, chance=0.0, why=field.kind.why)
    return True


def _counted(proposal: Proposal, reports: list[Report]) -> None:
    """The evidence of each field, from all records of the samples."""
    is_one = len(reports) == 1
    for record in proposal.records:
        total = sum(report.records_by_type.get(record.name, 0) for report in reports)
        for field in record.fields:
            path = f"{record.name}.{field.name}"
            against, named = 0, []
            for report in reports:
                codes = {code for code, at in report.counts if at == path and code[3] in "FR"}
                against += sum(report.counts[code, path] for code in codes)
                for one in report.findings:
                    if one.path == path and one.code in codes:
                        named.append(str(one.record_number) if is_one else f"{report.source_name}:{one.record_number}")
            field.evidence = replace(
                field.evidence,
                agreeing=max(total - against, 0),
                total=total,
                chance=field.kind.chance,
                why=field.kind.why,
                against=tuple(dict.fromkeys(named))[:NAMED_MAX],
            )


def _findings(reports: list[Report]) -> list[str]:
    """A line for each kind of finding of each sample."""
    lines = []
    for report in reports:
        for code in sorted({code for code, _ in report.counts}):
            paths = {path: number for (of, path), number in report.counts.items() if of == code}
            where = ", ".join(f"{path or 'the file'} {number}" for path, number in sorted(paths.items()))
            english = CATALOGUE[code].english.replace("{found}", "other").replace("{declared}", "declared")
            lines.append(f"{report.source_name}: {code} {english}: {where}")
    return lines
