"""House: a whole system in a folder, driven step by step in the test's own process, without the durable engine.

Files are put into inboxes as a customer's program would, `work` claims them and runs the real workflow of every batch
that is due; what comes out is read from the customers' folders. Import it after the `database` fixture has set Django
up. Instants are real, as they are for the engine.
"""

from __future__ import annotations

import csv
import inspect
import io
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from cominflow import clock
from cominflow.customers import register
from cominflow.exchange import feeds, requests
from cominflow.exchange.claim import claim
from cominflow.exchange.disk import Folders
from cominflow.flows import batch as batches
from cominflow.flows import operate
from cominflow.models import Arrival, Batch, Delivery
from cominflow.money import parse_e8
from cominflow.pricing import prices, services
from tracciati import declare
from tracciati.generate import Order, generate
from tracciati.layout import Layout
from tracciati.reading import Reading, check

LAYOUTS = Path(__file__).resolve().parents[1] / "layouts"
BANK, INSTITUTE = "banca-demo", "istituto-demo"
CODES = {"fulfilled": "00", "not_found": "10", "pending": "70", "failed": "85", "invalid": "99"}
TEST = "a test"


class House:
    """A system. `table` is the CSV file that answers the services of the provider `table`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folders = Folders(folder / "data")
        self.table = folder / "scores.csv"

    # -- making it ------------------------------------------------------------------------------------------------

    def furnish(self) -> None:
        """The bank, VIS1 from the table and VIS2 by a person, at 3.50 and 5.90."""
        self.add_customer(BANK)
        self.tell({})
        self.add_service("VIS1")
        self.add_service("VIS2", provider="manual")
        self.price("VIS1", "3.50")
        self.price("VIS2", "5.90")
        self.publish()

    def add_customer(self, code: str) -> None:
        """A customer with folders."""
        self.folders.ensure([code])
        register.add(code, code.title(), at=clock.now())

    def add_service(self, code: str, *, provider: str = "table", vat_rate: str = "22", **settings: Any) -> None:
        """A service; by the provider `table` it looks the codice fiscale up."""
        if provider == "table" and not settings:
            settings = {
                "file": str(self.table),
                "key": {"codice_fiscale": "cf"},
                "result": {"punteggio": "score", "esposizione": "espos"},
            }
        title, at = f"Servizio {code}", clock.now()
        services.add(code, title, provider=provider, provider_settings=settings, vat_rate=vat_rate, by=TEST, at=at)

    def price(self, service: str, amount: str, *, customer: str = BANK) -> None:
        """A price from now on."""
        prices.set_price(register.find(customer), services.find(service), parse_e8(amount), by=TEST, at=clock.now())

    def tell(self, scores: Mapping[str, object]) -> None:
        """Write the table: codice fiscale -> score."""
        rows = "".join(f"{key},{score},{index}.50\n" for index, (key, score) in enumerate(scores.items()))
        self.table.write_text("cf,score,espos\n" + rows)

    def publish(
        self,
        customer: str = BANK,
        *,
        feed: Mapping[str, str] | None = None,
        layouts: Sequence[str] | None = None,
        folder: str = "",
    ) -> None:
        """Publish a shipped feed live, with words in it changed, and with other layouts where they are given."""
        place = LAYOUTS / (folder or customer)
        text = (place / "feed.toml").read_text()
        for old, new in (feed or {}).items():
            assert old in text, f"{old!r} is not in the feed"
            text = text.replace(old, new)
        if layouts is None:
            name = {BANK: "banca-demo/visure.toml", INSTITUTE: "istituto-demo/controlli.toml"}.get(customer)
            layouts = [(LAYOUTS / (name or f"public/{customer.removesuffix('-demo')}.toml")).read_text()]
        named = {f"layout-{index}.toml": layout for index, layout in enumerate(layouts)}
        feeds.publish(register.find(customer), text, named, at=clock.now(), by=TEST)

    # -- what customers and operators do --------------------------------------------------------------------------

    def send(self, name: str, content: bytes, *, customer: str = BANK) -> Arrival:
        """Put a file into the inbox, and claim it."""
        made = self.folder / "made"
        made.write_bytes(content)
        made.rename(self.folders.customer(customer).inbox / name)
        (key,) = claim(self.folders, register.find(customer), at=clock.now())
        return Arrival.objects.get(pk=key)

    def receive(self, name: str, content: bytes, *, customer: str = BANK) -> Arrival:
        """Send a file and work on it until nothing is due."""
        arrival = self.send(name, content, customer=customer)
        self.work()
        return Arrival.objects.get(pk=arrival.pk)

    def work(self, *, is_later: bool = False) -> None:
        """Run the workflow of each batch that is due, in order; `is_later`: those too that wait for their next try."""
        due = Batch.objects.filter(finished_at=None).order_by("pk")
        if is_later:
            due.update(not_before=None)
        for batch in due.filter(not_before=None):
            inspect.unwrap(batches.process_batch)(batch.pk)

    def answer(self, arrival: Arrival, position: int, outcome: str = "fulfilled", **result: object) -> None:
        """Answer one open request by hand."""
        operate.answer(requests.place(arrival, position), outcome, result, by="operator", at=clock.now())

    def release(self, arrival: Arrival) -> None:
        """Release an arrival."""
        operate.release(arrival.pk, by="operator", reason="looked at", at=clock.now())

    # -- what came out ------------------------------------------------------------------------------------------------

    def outbox(self, customer: str = BANK) -> dict[str, bytes]:
        """Name -> content of what the customer can fetch."""
        return _files(self.folders.customer(customer).outbox)

    def receipts(self, customer: str = BANK) -> dict[str, bytes]:
        """Name -> content of the receipts."""
        return _files(self.folders.customer(customer).receipts)

    def receipt(self, name: str, customer: str = BANK) -> dict[str, Any]:
        """The facts of one receipt, from its JSON."""
        facts: dict[str, Any] = json.loads(self.receipts(customer)[f"{name}.json"])
        return facts

    def states(self, arrival: Arrival) -> dict[str, str]:
        """File name -> state of the arrival's deliveries."""
        rows = Delivery.objects.filter(arrival=arrival).order_by("pk")
        return {row.shown_name: row.state for row in rows}


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


# -- files ----------------------------------------------------------------------------------------------------------


def bank_layout() -> Layout:
    """The bank's layout as it ships."""
    return declare.load(LAYOUTS / BANK / "visure.toml")


def bank_file(count: int, *, seed: int = 1, by_hand: Sequence[int] = ()) -> bytes:
    """A valid file of the bank: all requests are for VIS1, those at the places `by_hand` (from 0) for VIS2."""
    lines = made(bank_layout(), count, seed=seed).splitlines(keepends=True)
    for index in range(count):
        service = b"VIS2" if index in by_hand else b"VIS1"
        lines[index + 1] = lines[index + 1][:21] + service + lines[index + 1][25:]
    return b"".join(lines)


def made(layout: Layout, count: int, *, seed: int = 1) -> bytes:
    """A valid file by seed."""
    sink = io.BytesIO()
    generate(layout, sink, Order(seed=seed, count=count))
    return sink.getvalue()


def people(content: bytes) -> list[str]:
    """The codice fiscale of each request of the bank's file, in order."""
    return [line[25:41].decode().strip() for line in content.splitlines() if line[:2] == b"20"]


def scored(content: bytes, *, but: Sequence[int] = ()) -> dict[str, int]:
    """A score for each person of the file, but for those at some places (from 0)."""
    return {person: 100 + index for index, person in enumerate(people(content)) if index not in but}


def with_bytes(content: bytes, line: int, column: int, new: bytes) -> bytes:
    """The file with other bytes at a line (from 1) and column (from 1), as the contract counts them."""
    lines = content.splitlines(keepends=True)
    old = lines[line - 1]
    lines[line - 1] = old[: column - 1] + new + old[column - 1 + len(new) :]
    return b"".join(lines)


def with_wrong_person(content: bytes, line: int) -> bytes:
    """The file with a wrong check character in the codice fiscale of a line (from 1)."""
    letter = content.splitlines()[line - 1][40:41]
    return with_bytes(content, line, 41, b"A" if letter != b"A" else b"B")


def rows(layout: Layout, content: bytes, direction: Any, record: str) -> list[dict[str, Any]]:
    """The records of one type, read with the layout."""
    found: list[dict[str, Any]] = []
    for block in Reading(content, layout, direction=direction):
        table = block.tables.get(record)
        if table is not None:
            columns = {name: column.to_pylist() for name, column in table.columns.items()}
            found += [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return found


def answers(content: bytes) -> list[tuple[str, int | None]]:
    """(code, score) of each request in an answer of the bank, which must read clean but for warnings."""
    assert check(content, bank_layout(), direction="answer").errors_count == 0
    return [(row["esito"], row["punteggio"]) for row in rows(bank_layout(), content, "answer", "richiesta")]


def invoice_lines(content: bytes) -> list[tuple[str, str, Decimal, Decimal]]:
    """(invoice number, reference, net, VAT) of each record of the bank's invoice file, which must read clean."""
    report = check(content, bank_layout(), direction="invoice")
    assert report.errors_count == 0, report.to_text()
    return [
        (row["numero"], row["riferimento"], row["netto"], row["iva"])
        for row in rows(bank_layout(), content, "invoice", "fattura")
    ]


def table_rows(content: bytes) -> list[dict[str, str]]:
    """The rows of a semicolon CSV with a header."""
    return list(csv.DictReader(io.StringIO(content.decode()), delimiter=";"))
