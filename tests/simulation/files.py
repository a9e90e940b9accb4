"""Files: what the simulation's customers send, what the table knows, and what each answer must say.

Everything is made by `tracciati.generate` from the shipped layouts and then spoiled where a wrong file is wanted. What
is expected is read from the bytes at fixed places, with no code of ours: a second opinion.
"""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import dataclass, field
from pathlib import Path

LAYOUTS = Path(__file__).resolve().parents[2] / "layouts"
BANK, INSTITUTE = "banca-demo", "istituto-demo"
MANUAL = ("VIS2", "REDD")
CODES = {
    BANK: {
        "fulfilled": "00",
        "not_found": "10",
        "pending": "70",
        "cancelled": "80",
        "repeated": "91",
        "invalid": "99",
    },
    INSTITUTE: {"fulfilled": "EVASA", "not_found": "NON TROVATO", "pending": "IN LAVORAZIONE", "invalid": "NON VALIDA"},
}
# What a person answers in the end, whatever was asked.
BY_HAND_SCORE = 77


# What the bank's second feed says about what was there before; its references are its own. Reconciliation, at the end
# of each schedule, says when two files have one number.
REPEATS = '\n[repeats]\nsame_request = "refuse"\nchanged_request = "correct-if-open"\n\n[continuity]\nrepeat = "warn"\n'


@dataclass(frozen=True)
class Expected:
    """What becomes of one request: `score` is None where the answer carries none."""

    reference: str
    service: str
    outcome: str
    score: int | None


@dataclass
class Sent:
    """One file of a customer.

    way      upload | renamed (uploaded under a temporary name) | placed (moved in) | linked (placed, with another name)
             | later (moved in when the file that it follows is accepted)
    follows  of a file that comes later: the other file, whose open requests nobody answers until this one is accepted
    ends     the states in which its arrivals may end
    expected in the order of the file; only of files that are accepted
    is_wanted_twice  an operator releases its repeat
    is_purged        its bytes are taken away in the end
    """

    customer: str
    name: str
    content: bytes
    way: str
    ends: tuple[str, ...]
    expected: tuple[Expected, ...] = ()
    rejected: tuple[str, ...] = field(default=())
    is_wanted_twice: bool = False
    follows: str = ""
    is_purged: bool = False

    @property
    def sha256(self) -> str:
        """The hash of the content."""
        return hashlib.sha256(self.content).hexdigest()


def make(*, is_short: bool) -> tuple[list[Sent], bytes]:
    """The files of the workload, and the CSV table of the provider.

    is_short  fewer late answers and no released repeat: every failpoint is passed, in half the time
    """
    table: dict[str, int] = {}
    small, wrong = _bank(seed=1, count=6, by_hand=() if is_short else (4,), unknown=(1,), wrong=(2,), table=table)
    large, _ = _bank(seed=2, count=50, by_hand=(45,) if is_short else (5, 45), unknown=(20,), wrong=(), table=table)
    untotalled = _with_another_total(_bank(seed=3, count=5, by_hand=(), unknown=(), wrong=(), table=table)[0])
    first, _ = _bank(seed=7, count=24, by_hand=(3, 20), unknown=(6,), wrong=(), table=table)
    second = _changed(first, 3, 5)
    old, _ = _bank(seed=6, count=12, by_hand=(), unknown=(3,), wrong=(), table=table)
    checks = _institute(seed=4, count=4, by_hand=() if is_short else (2,), table=table)
    repeat = ("CLOSED", "DISCARDED")  # the live one, the released repeat, and what was sent again without need
    expected, rejected = _expected_of_bank(small, table, wrong), tuple(_cut(line)[0] for line in wrong)
    sent = [
        Sent(BANK, "RV_20260301_001.txt", small, "renamed", repeat, expected, rejected, not is_short),
        Sent(BANK, "RV_20260301_002.txt", small, "linked", repeat, expected, rejected, not is_short),
        Sent(BANK, "RV_20260301_003.txt", untotalled, "placed", ("REFUSED",)),
        Sent(BANK, "RV_20260301_004.txt", large, "placed", ("CLOSED",), _expected_of_bank(large, table, [])),
        Sent(BANK, "RX_20260301_001.txt", first, "placed", ("CLOSED",), _but(first, table, {3: "cancelled"})),
        Sent(
            BANK,
            "RX_20260301_002.txt",
            second,
            "later",
            ("CLOSED",),
            _but(second, table, {place: "repeated" for place in range(24) if place != 3}),
            follows="RX_20260301_001.txt",
        ),
        Sent(
            BANK, "RV_20260301_005.txt", old, "placed", ("PURGED",), _expected_of_bank(old, table, []), is_purged=True
        ),
        Sent(
            BANK, "pippo.doc", b"nobody agreed on this name\n", "placed", ("DISCARDED",), is_wanted_twice=not is_short
        ),
        Sent(INSTITUTE, "controlli_2026-03-01_1.csv", checks, "upload", repeat, _expected_of_institute(checks, table)),
    ]
    text = "cf,score,espos\n" + "".join(f"{key},{score},{score}.25\n" for key, score in table.items())
    return sent, text.encode()


def _generated(layout: str, seed: int, count: int) -> bytes:
    from tracciati import declare
    from tracciati.generate import Order, generate

    sink = io.BytesIO()
    generate(declare.load(LAYOUTS / layout), sink, Order(seed=seed, count=count))
    return sink.getvalue()


def _bank(
    *,
    seed: int,
    count: int,
    by_hand: tuple[int, ...],
    unknown: tuple[int, ...],
    wrong: tuple[int, ...],
    table: dict[str, int],
) -> tuple[bytes, list[bytes]]:
    head, *records, tail, end = _generated("banca-demo/visure.toml", seed, count).split(b"\r\n")
    spoiled = []
    for index, record in enumerate(records):
        service = b"VIS2" if index in by_hand else b"VIS1"
        record = record[:21] + service + record[25:]
        if index in wrong:
            letter = b"A" if record[40:41] != b"A" else b"B"
            record = record[:40] + letter + record[41:]
            spoiled.append(record)
        elif index not in unknown:
            table.setdefault(record[25:41].decode().strip(), 100 + len(table))
        records[index] = record
    return b"\r\n".join([head, *records, tail, end]), spoiled


def _changed(content: bytes, *places: int) -> bytes:
    """The same requests in another file, with another amount at these places."""
    head, *records, tail, end = content.split(b"\r\n")
    for place in places:
        amount = (int(records[place][41:52]) + 1) % 10**11
        records[place] = records[place][:41] + b"%011d" % amount + records[place][52:]
    total = sum(int(record[41:52]) for record in records)
    head, tail = head[:18] + b"00002" + head[23:], tail[:9] + b"%015d" % total + tail[24:]
    return b"\r\n".join([head, *records, tail, end])


def _but(content: bytes, table: dict[str, int], others: dict[int, str]) -> tuple[Expected, ...]:
    """What is expected of the bank's file, but for requests at some places that no provider answers."""
    return tuple(
        Expected(one.reference, one.service, others[place], None) if place in others else one
        for place, one in enumerate(_expected_of_bank(content, table, []))
    )


def _with_another_total(content: bytes) -> bytes:
    *lines, tail, end = content.split(b"\r\n")
    digit = b"1" if tail[23:24] != b"1" else b"2"
    return b"\r\n".join([*lines, tail[:23] + digit + tail[24:], end])


def _cut(record: bytes) -> tuple[str, str, str]:
    """(reference, service, key) of a bank's record."""
    return record[9:21].decode().strip(), record[21:25].decode(), record[25:41].decode().strip()


def _expect(reference: str, service: str, key: str, table: dict[str, int]) -> Expected:
    if service in MANUAL:
        return Expected(reference, service, "fulfilled", BY_HAND_SCORE)
    if key in table:
        return Expected(reference, service, "fulfilled", table[key])
    return Expected(reference, service, "not_found", None)


def _expected_of_bank(content: bytes, table: dict[str, int], wrong: list[bytes]) -> tuple[Expected, ...]:
    records = [line for line in content.split(b"\r\n") if line[:2] == b"20" and line not in wrong]
    return tuple(_expect(*_cut(record), table) for record in records)


def _institute(*, seed: int, count: int, by_hand: tuple[int, ...], table: dict[str, int]) -> bytes:
    text = _generated("istituto-demo/controlli.toml", seed, count).decode()
    head, *rows = csv.reader(io.StringIO(text), delimiter=";")
    for index, row in enumerate(rows):
        row[1] = "REDD" if index in by_hand else "ANAG"
        row[6] = row[6] or "1000,00"
        table.setdefault(row[2], 100 + len(table))
    sink = io.StringIO()
    csv.writer(sink, delimiter=";", lineterminator="\r\n").writerows([head, *rows])
    return sink.getvalue().encode()


def _expected_of_institute(content: bytes, table: dict[str, int]) -> tuple[Expected, ...]:
    rows = list(csv.reader(io.StringIO(content.decode()), delimiter=";"))[1:]
    return tuple(_expect(row[0], row[1], row[2], table) for row in rows)
