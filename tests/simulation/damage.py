"""Damage: ways to spoil a system that has come to its end, each with the invariant that must see it.

A checker that was never seen to refuse anything proves nothing. Each is done on a copy, by hand, past all of our code.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.simulation import invariants, lives, workload
from tests.simulation.files import Sent
from tests.simulation.place import Place

Spoil = Callable[[Place], None]


_CLOSED = "(SELECT min(id) FROM cominflow_arrival WHERE state = 'CLOSED')"

# What is done, which finding must be there, and the statements that do it.
_ROWS_OF_FILES = (
    (
        "two live arrivals have one content",
        "one_live_arrival:",
        "DROP INDEX one_live_arrival_per_content;"
        "UPDATE cominflow_arrival SET state = 'CLOSED', was_released = 0 WHERE duplicate_of_id IS NOT NULL",
    ),
    ("an arrival ended otherwise", "ends:", "UPDATE cominflow_arrival SET state = 'HELD' WHERE id = " + _CLOSED),
    ("an arrival has no name", "never became", "UPDATE cominflow_arrival SET name = X'30' WHERE state = 'REFUSED'"),
    (
        "an arrival has another hash",
        "another content",
        "UPDATE cominflow_arrival SET sha256 = 'x' WHERE id = " + _CLOSED,
    ),
    ("a delivery is staged", "is STAGED", "UPDATE cominflow_delivery SET state = 'STAGED' WHERE id = 1"),
    ("a receipt is missing", "1 receipts", "DELETE FROM cominflow_delivery WHERE kind = 'receipt' AND id = 1"),
    ("a reading too many", "receipts:", "UPDATE cominflow_arrival SET readings_count = 2 WHERE id = " + _CLOSED),
    (
        "a move was made twice",
        "moves:",
        "INSERT INTO cominflow_event (at, by, subject, what, reason)"
        " SELECT at, by, subject, what, reason FROM cominflow_event WHERE subject LIKE 'A-%' AND what = 'CLOSED'",
    ),
)

_ROWS_OF_MONEY = (
    (
        "an invoice number is missing",
        "invoice_numbers:",
        "UPDATE cominflow_invoice SET number = number + 1 WHERE number = (SELECT max(number) FROM cominflow_invoice)",
    ),
    ("the counter ran ahead", "invoice_numbers:", "UPDATE cominflow_numbering SET last = last + 1"),
    ("the counter ran ahead", "adds_up: R-506", "UPDATE cominflow_numbering SET last = last + 1"),
    (
        "a purged file has contents again",
        "adds_up: R-104",
        "UPDATE cominflow_arrival SET report = X'01' WHERE state = 'PURGED'",
    ),
    (
        "a chunk counts wrongly",
        "counts:",
        "UPDATE cominflow_chunk SET answered_count = answered_count - 1, open_count = 1 WHERE ordinal = 0",
    ),
    (
        "a chunk does not add up",
        "does not add up",
        "PRAGMA ignore_check_constraints = ON; UPDATE cominflow_chunk SET waiting_count = 1 WHERE ordinal = 0",
    ),
    ("a file counts wrongly", "counts:", "UPDATE cominflow_arrival SET requests_count = 4 WHERE id = " + _CLOSED),
    ("a charge for one more", "was charged", "UPDATE cominflow_charge SET quantity = quantity + 1 WHERE id = 1"),
    ("a charge is missing", "was charged", "DELETE FROM cominflow_charge WHERE id = 1"),
    (
        "a charge of a cent more",
        "was invoiced",
        "UPDATE cominflow_charge SET amount_cents = amount_cents + 1 WHERE id = 1",
    ),
    (
        "an invoice of a cent more",
        "was invoiced",
        "UPDATE cominflow_invoice SET net_cents = net_cents + 1, total_cents = total_cents + 1 WHERE id = 1",
    ),
    (
        "a line of a cent more",
        "the lines",
        "UPDATE cominflow_invoiceline SET net_cents = net_cents + 1 WHERE id = 1",
    ),
    ("a once-row is missing", "once:", "DELETE FROM cominflow_once WHERE step = 'accepted'"),
    (
        "a once-row too many",
        "once:",
        "INSERT INTO cominflow_once (arrival_id, step, done_at) VALUES (" + _CLOSED + ", 'x', 0)",
    ),
    (
        "somebody has an answered request",
        "assignments:",
        "INSERT INTO cominflow_workassignment (arrival_id, position, assignee, assigned_at, assigned_by)"
        " VALUES (" + _CLOSED + ", 0, 'x', 0, 'x')",
    ),
    ("a batch is unfinished", "batches:", "UPDATE cominflow_batch SET finished_at = NULL WHERE id = 1"),
    ("a batch failed", "batches:", "UPDATE cominflow_batch SET failures_count = 1 WHERE id = 1"),
    ("a workflow failed", "is ERROR", "UPDATE workflow_status SET status = 'ERROR'"),
    (
        "a person's code is in the engine",
        "codice fiscale",
        "UPDATE workflow_status SET inputs = '[\"XXXYYY80A01Z999H\"]'",
    ),
)


def run(template: Place, sent: list[Sent]) -> Iterator[tuple[str, str, list[str]]]:
    """(what was done, which finding must be there, the findings) for each damage; the first has none."""
    finished = template.copy("finished")
    workload.put_in_place(finished, sent)
    assert lives.one_life(finished, sent, None, finished.root / "passed", None) is False, "the life did not end"
    for number, (what, expected, spoil) in enumerate([("nothing", "", lambda _: None), *damages()]):
        place = finished.copy(f"damaged-{number}")
        seen: dict[str, str] = {}
        findings = invariants.at_any_instant(place, sent, seen)
        spoil(place)
        findings += invariants.at_any_instant(place, sent, seen)
        findings += lives.in_a_fork(place, lambda place=place: invariants.at_the_end(place, sent))
        place.remove()
        yield what, expected, findings
    finished.remove()


def damages() -> Iterator[tuple[str, str, Spoil]]:
    """(what is done, which finding must be there, how) for each damage."""
    yield from _of_files()
    yield from _of_rows()


def _of_files() -> Iterator[tuple[str, str, Spoil]]:
    answer, rejection, invoice = "RV_20260301_004.A01", "RV_20260301_002.S01", "RV_20260301_002.F01"
    yield "an original is gone", "lost:", lambda place: _first(place, "archive/*/*/*").unlink()
    yield "an original is gone", "originals:", lambda place: _first(place, "archive/*/*/*").unlink()
    yield "an original was changed", "originals:", lambda place: _append(_first(place, "archive/*/*/*"))
    yield "an original can be written", "can be written", lambda place: _first(place, "archive/*/*/*").chmod(0o600)
    yield "a published file was changed", "changed:", lambda place: _append(_outbox(place, answer))
    yield "a published file is gone", "changed:", lambda place: _outbox(place, answer).unlink()
    yield "a published file was changed", "published:", lambda place: _append(_outbox(place, answer))
    yield "a file that nobody delivered", "nobody delivered", lambda place: _write(_outbox(place, "zzz.txt"))
    yield "an upload is left", "leftovers:", lambda place: _write(place.data / "staging/banca-demo/abc")
    yield "a draft is left", "leftovers:", lambda place: _write(place.data / "publish/1-x.writing")
    yield "a claimed file is left", "leftovers:", lambda place: _write(place.data / "spool/abc")
    yield "a host key's draft is left", "leftovers:", lambda place: _write(place.data / "state/sftp_host_key.abc")
    yield (
        "the orphan's reason is gone",
        "leftovers:",
        lambda place: _first(place, "quarantine/spool-*/reason*").unlink(),
    )
    yield "a purged file is back", "is still at", lambda place: _write(_outbox(place, "RV_20260301_005.A01"))
    yield "an answer says another code", "wrong:", lambda place: _replace(_outbox(place, answer), 202 + 52, b"10")
    yield "an answer carries another score", "wrong:", lambda place: _replace(_outbox(place, answer), 202 + 58, b"99")
    yield "an answer has no request", "the first answer", lambda place: _empty(_outbox(place, answer))
    yield "a request is told twice", "twice", lambda place: _double(_outbox(place, answer))
    yield "a rejection has nothing", "rejected", lambda place: _empty(_outbox(place, rejection))
    yield (
        "an invoice record has another amount",
        "sum to",
        lambda place: _replace(_outbox(place, invoice), 202 + 40, b"9"),
    )
    receipt = "customers/banca-demo/receipts/RV_20260301_003.R01.json"
    yield (
        "a receipt says another thing",
        "says another thing",
        lambda place: _put(place.data / receipt, (place.data / receipt).read_bytes().replace(b"REFUSED", b"QUEUED")),
    )


def _of_rows() -> Iterator[tuple[str, str, Spoil]]:
    for what, expected, statements in (*_ROWS_OF_FILES, *_ROWS_OF_MONEY):
        yield what, expected, lambda place, statements=statements: _execute(place, statements)


def _execute(place: Place, statements: str) -> None:
    connection = sqlite3.connect(place.data / "state" / "cominflow.db")
    connection.executescript(statements)
    connection.close()


def _first(place: Place, pattern: str) -> Path:
    return sorted(place.data.glob(pattern))[0]


def _outbox(place: Place, name: str) -> Path:
    return place.data / "customers" / "banca-demo" / "outbox" / name


def _write(path: Path) -> None:
    path.write_bytes(b"x")


def _append(path: Path) -> None:
    _replace(path, path.stat().st_size, b"x")


def _empty(path: Path) -> None:
    _put(path, b"")


def _double(path: Path) -> None:
    content = path.read_bytes()
    _put(path, content[:404] + content[202:])


def _replace(path: Path, offset: int, data: bytes) -> None:
    content = path.read_bytes()
    _put(path, content[:offset] + data + content[offset + len(data) :])


def _put(path: Path, content: bytes) -> None:
    """Another file under the name: the one that is there may be read-only."""
    spoiled = path.with_name(path.name + ".spoiled")
    spoiled.write_bytes(content)
    shutil.copymode(path, spoiled)
    spoiled.replace(path)
