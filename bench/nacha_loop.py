"""The plain Python loop that bench/nacha.py measures us by: a NACHA file line by line, with the checks of nacha-ach.

It is written as one would who wants it quick and has no library: slices, sets, one function for each kind of record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

LENGTH = 94
CREDITS = {a + b for a in "2345" for b in "1234"}
DEBITS = {a + b for a in "234" for b in "6789"} | {"55", "56"}
OF_ZERO = {code for code in CREDITS | DEBITS if code[1] in "3489"}
SERVICES = {"200", "220", "225"}
CLASSES = {
    *("ACK", "ARC", "ATX", "BOC", "CCD", "CIE", "COR", "CTX", "DNE", "ENR", "IAT"),
    *("MTE", "POP", "POS", "PPD", "RCK", "SHR", "TEL", "TRC", "TRX", "WEB", "XCK"),
}
MODULUS = 10**10
CENTS = Decimal("0.01")


def _columns(*names: str) -> dict[str, list[object]]:
    return {name: [] for name in names}


@dataclass
class Sums:
    """What is counted over a batch, and over the file."""

    lines: int = 0
    hashed: int = 0
    debit: int = 0
    credit: int = 0


@dataclass
class Made:
    """The values by kind of record, and what is wrong: (line, what)."""

    findings: list[tuple[int, str]] = field(default_factory=list)
    header: dict[str, object] = field(default_factory=dict)
    batches: dict[str, list[object]] = field(
        default_factory=lambda: _columns(
            "service", "company", "data", "identification", "class", "description", "descriptive",
            "effective", "settlement", "status", "odfi", "number",
        )
    )  # fmt: skip
    entries: dict[str, list[object]] = field(
        default_factory=lambda: _columns(
            "code",
            "dfi",
            "check",
            "account",
            "amount",
            "identification",
            "name",
            "data",
            "indicator",
            "odfi",
            "sequence",
        )
    )
    addenda: dict[str, list[object]] = field(default_factory=lambda: _columns("information", "number", "sequence"))
    controls: dict[str, list[object]] = field(
        default_factory=lambda: _columns(
            "service", "lines", "hash", "debit", "credit", "identification", "odfi", "number"
        )
    )
    control: dict[str, object] = field(default_factory=dict)


def read(path: Path) -> Made:
    """Read a file whose addenda are all of kind 05, which is all that a fair race needs."""
    loop = _Loop()
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            loop.line(number, raw)
    loop.end()
    return loop.made


class _Loop:
    def __init__(self) -> None:
        self.made = Made()
        self.file, self.batch = Sums(), Sums()
        self.batches_count = self.lines_count = self.records_count = 0
        self.before = ""
        self.expected: dict[str, str] = {"": "1", "1": "5", "5": "6", "6": "678", "7": "678", "8": "59", "9": ""}
        self.service = self.identification = self.odfi = self.batch_number = self.sequence = ""
        self.wants_addenda = self.has_addenda = False
        self.addenda_number = 0

    def wrong(self, number: int, what: str) -> None:
        self.made.findings.append((number, what))

    def line(self, number: int, raw: bytes) -> None:
        self.lines_count += 1
        line = raw.decode("latin-1").rstrip("\r\n")
        if len(line) != LENGTH:
            self.wrong(number, "length")
            line = line.ljust(LENGTH)[:LENGTH]
        if not (line.isascii() and line.isprintable()):
            self.wrong(number, "characters")
        kind = line[0]
        if kind == "9" and self.before == "9":
            if line != "9" * LENGTH:
                self.wrong(number, "behind the end")
            return
        self.records_count += 1
        if kind not in self.expected[self.before]:
            self.wrong(number, "order")
        if self.before in ("6", "7") and kind != "7" and self.wants_addenda != self.has_addenda:
            self.wrong(number, "addenda indicator")
        self.before = kind if kind in "156789" else self.before
        if kind == "6":
            self.entry(number, line)
        elif kind == "7":
            self.addenda(number, line)
        elif kind == "5":
            self.batch_header(number, line)
        elif kind == "8":
            self.batch_control(number, line)
        elif kind == "1":
            self.file_header(number, line)
        elif kind == "9":
            self.file_control(number, line)
        else:
            self.wrong(number, "record type")

    def entry(self, number: int, line: str) -> None:
        code, dfi, check, cents = line[1:3], line[3:11], line[11], line[29:39]
        indicator, odfi, sequence = line[78], line[79:87], line[87:94]
        is_credit, is_debit = code in CREDITS, code in DEBITS
        if not (is_credit or is_debit):
            self.wrong(number, "transaction code")
        if not dfi.isdigit():
            self.wrong(number, "receiving dfi")
        if not check.isdigit():
            self.wrong(number, "check digit")
        if not indicator.isdigit():
            self.wrong(number, "addenda indicator")
        if odfi != self.odfi:
            self.wrong(number, "trace number: odfi")
        if not sequence.isdigit():
            self.wrong(number, "trace number")
        amount = 0
        if cents.isdigit():
            amount = int(cents)
        else:
            self.wrong(number, "amount")
        if code in OF_ZERO and amount:
            self.wrong(number, "amount of a prenotification")
        if self.service == "220" and not is_credit:
            self.wrong(number, "debit among credits")
        if self.service == "225" and not is_debit:
            self.wrong(number, "credit among debits")
        batch, file = self.batch, self.file
        batch.lines += 1
        file.lines += 1
        if dfi.isdigit():
            hashed = int(dfi)
            batch.hashed += hashed
            file.hashed += hashed
        if is_debit:
            batch.debit += amount
            file.debit += amount
        elif is_credit:
            batch.credit += amount
            file.credit += amount
        self.sequence = sequence
        self.wants_addenda, self.has_addenda, self.addenda_number = indicator == "1", False, 0
        values = self.made.entries
        values["code"].append(code)
        values["dfi"].append(dfi)
        values["check"].append(check)
        values["account"].append(line[12:29].rstrip() or None)
        values["amount"].append(amount * CENTS)
        values["identification"].append(line[39:54].rstrip() or None)
        values["name"].append(line[54:76].rstrip() or None)
        values["data"].append(line[76:78].rstrip() or None)
        values["indicator"].append(int(indicator) if indicator.isdigit() else None)
        values["odfi"].append(odfi)
        values["sequence"].append(sequence)

    def addenda(self, number: int, line: str) -> None:
        if line[1:3] != "05":
            self.wrong(number, "addenda type")
        self.addenda_number += 1
        if not line[83:87].isdigit() or int(line[83:87]) != self.addenda_number:
            self.wrong(number, "addenda sequence number")
        if line[87:94] != self.sequence:
            self.wrong(number, "entry detail sequence number")
        self.has_addenda = True
        self.batch.lines += 1
        self.file.lines += 1
        values = self.made.addenda
        values["information"].append(line[3:83].rstrip() or None)
        values["number"].append(int(line[83:87]) if line[83:87].isdigit() else None)
        values["sequence"].append(line[87:94])

    def batch_header(self, number: int, line: str) -> None:
        self.batch = Sums()
        self.batches_count += 1
        self.service, self.identification, self.odfi, self.batch_number = (
            line[1:4],
            line[40:50],
            line[79:87],
            line[87:94],
        )
        if self.service not in SERVICES:
            self.wrong(number, "service class")
        if line[50:53] not in CLASSES:
            self.wrong(number, "entry class")
        for text in (self.identification, line[53:63]):
            if not text.strip():
                self.wrong(number, "required")
        if line[78] not in "012" or not self.odfi.isdigit() or not self.batch_number.isdigit():
            self.wrong(number, "status, odfi, batch number")
        settlement = line[75:78]
        if settlement.strip() and not settlement.isdigit():
            self.wrong(number, "settlement date")
        effective = self.day(number, line[69:75])
        row = (
            self.service, line[4:20].rstrip() or None, line[20:40].rstrip() or None, self.identification.rstrip(),
            line[50:53], line[53:63].rstrip(), line[63:69].rstrip() or None, effective,
            settlement.strip() or None, line[78], self.odfi, self.batch_number,
        )  # fmt: skip
        for values, value in zip(self.made.batches.values(), row, strict=True):
            values.append(value)

    def batch_control(self, number: int, line: str) -> None:
        if line[1:4] != self.service or line[44:54] != self.identification:
            self.wrong(number, "service class or company identification")
        if line[79:87] != self.odfi or line[87:94] != self.batch_number:
            self.wrong(number, "odfi or batch number")
        found = [self.number(number, line[a:b]) for a, b in ((4, 10), (10, 20), (20, 32), (32, 44))]
        batch = self.batch
        if found != [batch.lines, batch.hashed % MODULUS, batch.debit, batch.credit]:
            self.wrong(number, "totals of the batch")
        row = (line[1:4], *found, line[44:54].rstrip(), line[79:87], line[87:94])
        for values, value in zip(self.made.controls.values(), row, strict=True):
            values.append(value)

    def file_header(self, number: int, line: str) -> None:
        if line[1:3] != "01" or line[34:40] != "094101":
            self.wrong(number, "constants")
        if not line[3:13].strip() or not line[13:23].strip() or not line[33].isalnum():
            self.wrong(number, "required")
        clock = line[29:33]
        try:
            at = time(int(clock[:2]), int(clock[2:])) if clock.strip() else None
        except ValueError:
            at = None
            self.wrong(number, "creation time")
        self.made.header = {
            "destination": line[3:13].strip(),
            "origin": line[13:23].strip(),
            "date": self.day(number, line[23:29]),
            "time": at,
            "names": (line[40:63].rstrip(), line[63:86].rstrip(), line[86:94].rstrip()),
        }

    def file_control(self, number: int, line: str) -> None:
        places = ((1, 7), (7, 13), (13, 21), (21, 31), (31, 43), (43, 55))
        found = [self.number(number, line[a:b]) for a, b in places]
        file = self.file
        blocks = -(-self.records_count // 10)
        if found != [self.batches_count, blocks, file.lines, file.hashed % MODULUS, file.debit, file.credit]:
            self.wrong(number, "totals of the file")
        self.made.control = dict(zip(("batches", "blocks", "lines", "hash", "debit", "credit"), found, strict=True))

    def end(self) -> None:
        if self.before != "9":
            self.wrong(self.lines_count, "the file ends too soon")
        if self.lines_count % 10:
            self.wrong(self.lines_count, "the last block is not filled up")

    def number(self, number: int, text: str) -> int:
        if text.isdigit():
            return int(text)
        self.wrong(number, "digits")
        return 0

    def day(self, number: int, text: str) -> date | None:
        if text in ("000000", "      "):
            return None
        try:
            return datetime.strptime(text, "%y%m%d").date()
        except ValueError:
            self.wrong(number, "date")
            return None
