"""Files in the layout `tests/samples/statements.toml`, as a bank would send them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tracciati import declare
from tracciati.history import History
from tracciati.history.report import HistoryReport

LAYOUT_PATH = Path(__file__).parent / "samples" / "statements.toml"
LAYOUT_TEXT = LAYOUT_PATH.read_text(encoding="utf-8")
LAYOUT = declare.loads(LAYOUT_TEXT)

# An account with its opening and closing balance, in cents or as it stands in the file, and keys of movements.
Account = tuple[str, int | str, int | str, Sequence[str]]


def statement(number: int | str, *accounts: Account, day: str = "20260301") -> bytes:
    """One file."""
    lines = [f"1{number:0>3}{day}"]
    for name, opening, closing, keys in accounts:
        lines.append(f"2{name:4}{_amount(opening)}")
        lines += [f"3{key:4}{_amount(0)}" for key in keys]
        lines.append(f"4{_amount(closing)}")
    return "".join(f"{line:16}\n" for line in [*lines, "9"]).encode()


def _amount(cents: int | str) -> str:
    return cents if isinstance(cents, str) else f"{'-' if cents < 0 else ' '}{abs(cents):07}"


def told(
    files: Iterable[bytes], *, layout_text: str = LAYOUT_TEXT, keys: Sequence[str] = (), **options: object
) -> HistoryReport:
    """What the history of these files says; they are called 1.txt, 2.txt and so on."""
    history = History(declare.loads(layout_text), keys=keys)
    for index, data in enumerate(files, 1):
        history.take(data, f"{index}.txt")
    return history.finish(**options)  # type: ignore[arg-type]


def codes(report: HistoryReport) -> list[str]:
    """Each finding as `2 TR-H501`, with the number of its file."""
    return [f"{told.file + 1} {told.finding.code}" for told in report.findings]
