"""Play: the demo from beginning to end, and the table that says what happened."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import click

from cominflow.cli.demo import files, proof, scene
from cominflow.errors import WorldError
from tracciati.layout import Layout

_ANSWERED_S_MAX = 120.0


@dataclass(frozen=True)
class Played:
    """What became of each file, and whether `cominflow reconcile` found nothing in the system."""

    results: list[proof.Result]
    is_reconciled: bool

    @property
    def adds_up(self) -> bool:
        """Whether everything did, seen from outside and from inside."""
        return self.is_reconciled and not any(result.problems for result in self.results)


def play(folder: Path, *, seed: int, bulk: int) -> Played:
    """Play it in an empty folder."""
    began = time.monotonic()
    os.environ["COMINFLOW_DATA"] = str(folder / "data")
    os.environ.pop("COMINFLOW_DATABASE_URL", None)
    client = folder / "client"
    client.mkdir()
    _say("1. Files as the customers' own programs would write them")
    layouts = files.layouts(scene.shipped_layouts())
    sent = files.bank(layouts["banca-demo"], seed=seed, bulk=bulk)
    sent += files.institution(layouts["istituto-demo"], seed=seed)
    for one in sent:
        (client / one.name).write_bytes(one.content)
        click.echo(f"  {one.customer:<14} {one.name:<28} {len(one.content):>9,} bytes  {_words(one)}")
    files.table(folder / "scores.csv", sent)
    _say("2. The system: customers, keys, services, prices, agreements on files")
    scene.build(folder, folder / "scores.csv")
    _say("3. In by SFTP, answered, out by SFTP")
    with scene.System(folder) as system:
        sending = time.monotonic()
        for customer in scene.CUSTOMERS:
            names = [client / one.name for one in sent if one.customer == customer]
            click.secho(f"$ sftp -P {system.port} {customer}@{system.host}   put {len(names)} files", dim=True)
            system.client(customer).put(names)
        _await(system, sent)
        click.echo(f"all answered {time.monotonic() - sending:.1f} s after the first byte was sent")
        _answer_by_hand()
        results = _fetch(system, sent, folder, layouts)
        for _ in range(100):
            if not any(result.problems for result in results):
                break
            time.sleep(0.1)  # the late answers are on their way
            results = _fetch(system, sent, folder, layouts)
        _say("4. The system's own second opinion: everything computed once more, while it runs")
        is_reconciled = scene.told("reconcile", "--deep") == 0
    click.echo(f"{time.monotonic() - began:.0f} s in all")
    return Played(results, is_reconciled)


def as_row(result: proof.Result) -> dict[str, object]:
    """One file's line of the table, for programs."""
    return {
        "customer": result.sent.customer,
        "file": result.sent.name,
        "became": result.outcome,
        "requests": len(result.sent.good) + len(result.sent.bad),
        "fulfilled": result.fulfilled,
        "not_found": result.not_found,
        "rejected": result.rejected,
        "answers": result.deliveries,
        "net": result.net,
        "vat": result.vat,
        "problems": list(result.problems),
    }


def _await(system: scene.System, sent: list[files.Sent]) -> None:
    """Wait until every customer sees the receipts and first answers of all their files."""
    deadline = time.monotonic() + _ANSWERED_S_MAX
    for customer in scene.CUSTOMERS:
        wanted = set[str]().union(*(proof.expected_names(one) for one in sent if one.customer == customer))
        while missing := wanted - system.client(customer).names():
            if time.monotonic() > deadline:
                raise WorldError(
                    "wait for",
                    ", ".join(sorted(missing)),
                    f"not there after {_ANSWERED_S_MAX:g} s",
                    hint=f"see {system.log}",
                )
            time.sleep(0.2)


def _answer_by_hand() -> None:
    """One service of the institution has no provider but a person: answer what is open, as an operator would."""
    from cominflow.exchange import requests

    places = list(requests.open_items())
    click.echo(f"{len(places)} requests wait for a person (`cominflow work list`); the operator answers them:")
    for number, place in enumerate(places):
        result = ["--field", f"punteggio={600 + number}", "--field", "esposizione=1250.50"]
        scene.command("work", "answer", place.reference, "--outcome", "fulfilled", *result, quiet=number > 0)
    click.echo("… and so on; their answers come in a further delivery, with an invoice of its own")


def _fetch(
    system: scene.System, sent: list[files.Sent], folder: Path, layouts: dict[str, Layout]
) -> list[proof.Result]:
    for customer in scene.CUSTOMERS:
        system.client(customer).get_all(folder / "fetched" / customer)
    prices = {code: Decimal(price) for code, _, _, price, _ in scene.SERVICES}
    return [proof.judge(one, layouts[one.customer], folder / "fetched" / one.customer, prices) for one in sent]


def tell(played: Played, folder: Path) -> int:
    """Print the table and where to look. Returns the exit code."""
    _say("5. What came back, read with the same layouts and compared with what was sent")
    heads = ("customer", "file", "became", "requests", "fulfilled", "not found", "rejected", "answers", "net", "VAT")
    row = "{:<14} {:<27} {:<10} {:>8} {:>9} {:>9} {:>8} {:>7} {:>10} {:>10}"
    click.secho(row.format(*heads), bold=True)
    for r in played.results:
        numbers = (r.fulfilled, r.not_found, r.rejected, r.deliveries, f"{r.net:,.2f}", f"{r.vat:,.2f}")
        count = len(r.sent.good) + len(r.sent.bad) or "-"
        click.echo(row.format(r.sent.customer, r.sent.name, r.outcome, count, *numbers))
        for problem in r.problems:
            click.secho(f"  WRONG: {problem}", fg="red")
    from cominflow.models import Invoice

    click.echo("\ninvoices:")
    for invoice in Invoice.objects.select_related("customer").order_by("pk"):
        cents = (invoice.net_cents, invoice.vat_cents, invoice.total_cents)
        net, vat, total = (f"{Decimal(c) / 100:,.2f}" for c in cents)
        click.echo(
            f"  {invoice.full_number:<12} {invoice.customer.code:<14} net {net:>10}  VAT {vat:>9}  total {total:>10}"
        )
    click.echo(
        "\nwhere to look:\n"
        f"  what the customers sent      {folder / 'client'}\n"
        f"  what they fetched            {folder / 'fetched'}\n"
        f"  the system's data            {folder / 'data'}\n"
        f"  one file's story             cominflow --data {folder / 'data'} arrival show A-1\n"
        f"  one request's story          cominflow --data {folder / 'data'} trace RIF000000001\n"
        "  how it works                 docs/architecture.md"
    )
    if played.adds_up:
        click.secho("\nEverything added up.", fg="green")
        return 0
    click.secho("\nNot everything added up.", fg="red")
    return 1


def _words(one: files.Sent) -> str:
    if one.outcome == "duplicate":
        return "the same bytes again"
    if one.outcome == "refused":
        return "with a wrong control total"
    wrong = f", {len(one.bad)} of them wrong" if one.bad else ""
    return f"{len(one.good) + len(one.bad):,} requests{wrong}"


def _say(text: str) -> None:
    click.secho(f"\n{text}", bold=True)
