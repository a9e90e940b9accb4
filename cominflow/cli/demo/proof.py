"""Proof: what the customers fetched, read with the layouts they agreed, against what they sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from cominflow.cli.demo.files import REFERENCES, Sent, rows_of
from tracciati.layout import Direction, Layout
from tracciati.reading import check

# What a customer's code says, as the feeds agree it.
_FULFILLED = {"banca-demo": "00", "istituto-demo": "EVASA"}
_NOT_FOUND = {"banca-demo": "10", "istituto-demo": "NON TROVATO"}
_PENDING = {"banca-demo": "70", "istituto-demo": "IN LAVORAZIONE"}
_ANSWERS = {"banca-demo": ".A", "istituto-demo": ".esiti"}
_INVOICES = {"banca-demo": ".F", "istituto-demo": ".fattura"}
_REJECTED = {"banca-demo": ".S01", "istituto-demo": ".scarti.csv"}
_RECEIPT = {"banca-demo": ".R01", "istituto-demo": ".ricevuta.txt"}
# Fields that we fill in: all others must come back as they were sent.
_OURS = {"esito", "punteggio", "esposizione"}


@dataclass
class Result:
    """What became of one file."""

    sent: Sent
    outcome: str
    fulfilled: int = 0
    not_found: int = 0
    by_service: Counter[str] = field(default_factory=Counter)
    rejected: int = 0
    deliveries: int = 0
    net: Decimal = Decimal(0)
    vat: Decimal = Decimal(0)
    problems: tuple[str, ...] = ()


def expected_names(one: Sent) -> set[str]:
    """Files that must appear before the answers can be judged."""
    stem = Path(one.name).stem
    names = {f"{stem}{_RECEIPT[one.customer]}"}
    if one.outcome == "accepted":
        first = {"banca-demo": ("A01", "F01"), "istituto-demo": ("esiti01.csv", "fattura01.csv")}[one.customer]
        names |= {f"{stem}.{ending}" for ending in first}
        if one.bad:
            names.add(f"{stem}{_REJECTED[one.customer]}")
    return names


def judge(one: Sent, layout: Layout, fetched: Path, prices: dict[str, Decimal]) -> Result:
    """Compare one file with all that came back for it."""
    stem = Path(one.name).stem
    problems: list[str] = []
    receipt = fetched / f"{stem}{_RECEIPT[one.customer]}"
    words = {"accepted": "accettato", "duplicate": "duplicato", "refused": "respinto"}
    text = receipt.read_text(encoding="utf-8") if receipt.exists() else ""
    outcome = next((name for name, word in words.items() if f"Esito/Outcome   {word}" in text), "no receipt")
    if outcome != one.outcome:
        problems.append(f"the receipt says {outcome}, expected {one.outcome}")
    result = Result(one, outcome)
    answers = _named(fetched, stem + _ANSWERS[one.customer])
    invoices = _named(fetched, stem + _INVOICES[one.customer])
    result.deliveries = len(answers)
    if one.outcome != "accepted":
        if answers or invoices:
            problems.append("a file that was not accepted was answered or invoiced")
    else:
        problems += _judge_answers(result, layout, answers)
        problems += _judge_rejections(result, layout, fetched / f"{stem}{_REJECTED[one.customer]}")
        problems += _judge_invoices(result, layout, invoices, prices)
    result.problems = tuple(problems)
    return result


def _named(folder: Path, beginning: str) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name.startswith(beginning))


def _unclean(path: Path, layout: Layout, direction: Direction) -> list[str]:
    report = check(path, layout, direction=direction)
    return [] if report.errors_count == 0 else [f"{path.name}: {report.summary()}"]


def _judge_answers(result: Result, layout: Layout, answers: list[Path]) -> list[str]:
    """Each good request is answered once, with all that was sent; what was pending comes in a later answer."""
    one, problems = result.sent, []
    final: dict[str, str] = {}
    for path in answers:
        problems += _unclean(path, layout, "answer")
        for row in rows_of(layout, path.read_bytes(), "answer"):
            reference = str(row[REFERENCES[layout.id]])
            asked = {name: value for name, value in one.good.get(reference, {}).items() if name not in _OURS}
            if any(row[name] != value for name, value in asked.items()) or not asked:
                problems.append(f"{path.name}: {reference} is not the request that was sent")
            if row["esito"] != _PENDING[one.customer]:
                if reference in final:
                    problems.append(f"{reference} was answered twice")
                final[reference] = str(row["esito"])
    missing = one.good.keys() - final.keys()
    if missing:
        problems.append(f"{len(missing)} requests without an answer, first {min(missing)}")
    counts = Counter(final.values())
    result.fulfilled = counts[_FULFILLED[one.customer]]
    result.not_found = counts[_NOT_FOUND[one.customer]]
    if result.fulfilled + result.not_found != len(final):
        problems.append(f"answers with other codes: {dict(counts)}")
    result.by_service = Counter(
        str(one.good[reference][_SERVICES[one.customer]])
        for reference, code in final.items()
        if code == _FULFILLED[one.customer] and reference in one.good
    )
    return problems


_SERVICES = {"banca-demo": "servizio", "istituto-demo": "controllo"}


def _judge_rejections(result: Result, layout: Layout, path: Path) -> list[str]:
    if not result.sent.bad:
        return [f"{path.name}: nothing was wrong"] if path.exists() else []
    rows = rows_of(layout, path.read_bytes(), "rejection") if path.exists() else []
    references = {str(row[REFERENCES[layout.id]]) for row in rows}
    result.rejected = len(rows)
    if references != set(result.sent.bad) or len(rows) != len(result.sent.bad):
        return [f"{path.name}: rejects {sorted(references)}, wrong were {sorted(result.sent.bad)}"]
    return []


def _judge_invoices(result: Result, layout: Layout, paths: list[Path], prices: dict[str, Decimal]) -> list[str]:
    """The records add up to what the fulfilled requests cost, each within the rounding of its invoice's lines."""
    problems: list[str] = []
    count = 0
    for path in paths:
        problems += _unclean(path, layout, "invoice")
        rows = rows_of(layout, path.read_bytes(), "invoice", "fattura")
        count += len(rows)
        result.net += sum((Decimal(str(row["netto"])) for row in rows), Decimal(0))
        result.vat += sum((Decimal(str(row["iva"])) for row in rows), Decimal(0))
    due = sum((prices[service] * number for service, number in result.by_service.items()), Decimal(0))
    slack = Decimal("0.005") * len(result.by_service) * max(len(paths), 1)
    if abs(result.net - due) > slack:
        problems.append(f"invoiced {result.net} net, but {count} fulfilled requests cost {due}")
    if count != result.fulfilled:
        problems.append(f"{count} invoice records for {result.fulfilled} fulfilled requests")
    return problems
