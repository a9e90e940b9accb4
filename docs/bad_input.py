"""The page on bad input, from the gallery: what is wrong, what the customer sees, what the operator sees."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

CASES = Path(__file__).resolve().parents[1] / "tests" / "gallery" / "cases"

HEAD = """\
# Bad input

Made by `make docs` from the cases of `tests/gallery`; a test runs each of them and compares every word that is printed.
Whatever is wrong, it is said, nothing is lost, and what is taken has a receipt. The name of a case leads to its
session: the commands and their exact output; beside it lies the file. What a customer sees is a receipt in Italian and
English, of which the English is shown here, or the answer of the SFTP server. `DATA` is the system's folder.
"""

# In the order of the page; a case is in one of them.
GROUPS = {
    "The file as a whole": (
        "empty_file",
        "wrong_length",
        "wrong_encoding",
        "wrong_order",
        "unknown_record_type",
        "wrong_total",
        "unverifiable_total",
        "unverifiable_total_held",
        "unverifiable_total_told",
    ),
    "Single requests": ("bad_field_of_every_base", "mainframe_file", "wrong_code", "wrong_codice_fiscale", "no_price"),
    "Layouts and their time": ("layout_not_yet_valid", "old_layout_still_taken", "old_layout_no_longer_taken"),
    "Names, and what came before": (
        "unknown_name",
        "name_with_a_newline",
        "name_that_leads_elsewhere",
        "same_bytes_twice",
        "same_name_other_content",
        "repeated_and_changed_requests",
        "flow_numbers_with_gaps_and_repeats",
    ),
    "What lies in the inbox": (
        "file_still_being_written",
        "upload_cut_in_the_middle",
        "link_in_the_inbox",
        "hard_link_in_the_inbox",
    ),
    "Results and answers": (
        "result_too_long",
        "result_too_long_failed",
        "result_in_other_letters",
        "delivery_name_taken",
    ),
    "The system around": ("full_disk", "read_only_disk", "database_locked", "database_gone", "second_engine"),
}
# Commands whose tables say what is wrong, and the heading of the column that does.
_TABLES = ("cominflow arrival list", "cominflow status", "cominflow work list", "cominflow delivery list")
_REASON = "reason"
# A request for a person, as there are in most cases: nothing is wrong with it.
_USUAL = "its provider left it to a person"
_NOTHING = "–"


def page() -> str:
    """The text of docs/bad-input.md."""
    named = [name for names in GROUPS.values() for name in names]
    there = sorted(path.parent.name for path in CASES.glob("*/session.txt"))
    assert sorted(named) == there, f"not in one group each: {sorted({*named} ^ {*there}) or 'one is there twice'}"
    parts = [HEAD]
    for group, names in GROUPS.items():
        parts.append(
            f"## {group}\n\n| case | what is wrong | the customer sees | the operator sees |\n|---|---|---|---|"
        )
        parts += [_row(name) for name in names]
        parts.append("")
    return "\n".join(parts)


def _row(name: str) -> str:
    title, *steps = (CASES / name / "session.txt").read_text(encoding="utf-8").split("\n\n$ ")
    told = [step.partition("\n") for step in steps]
    outputs = [(command, output) for command, _, output in told]
    link = f"[{name.replace('_', ' ')}](../tests/gallery/cases/{name}/session.txt)"
    customer = "<br>".join(dict.fromkeys(_customer_sees(outputs))) or _NOTHING
    operator = "<br>".join(dict.fromkeys(_operator_sees(outputs))) or _NOTHING
    return "| " + " | ".join((link, *(text.replace("|", "\\|") for text in (title.strip(), customer, operator)))) + " |"


def _customer_sees(outputs: list[tuple[str, str]]) -> Iterator[str]:
    """What receipts and the SFTP server say."""
    for command, output in outputs:
        if command.startswith("client "):
            yield f"upload: {output.strip() or 'the connection is gone'}"
        outcome = re.search(r"^Esito/Outcome .* / (.*)$", output, re.MULTILINE)
        if outcome is None:
            continue
        reason = re.search(r"^Reason +(.*)$", output, re.MULTILINE)
        yield outcome[1] + (f": {reason[1]}" if reason else "")
        for code, said in re.findall(r"^  (TR-\w+) .*\n    .*\n    (.*)$", output, re.MULTILINE):
            yield f"{code} {said}"


def _operator_sees(outputs: list[tuple[str, str]]) -> Iterator[str]:
    """Exit codes and errors, and the reasons that tables of files, requests and deliveries have."""
    for command, output in outputs:
        if not command.startswith("cominflow "):
            continue
        code = re.search(r"^\[exit code (\d+)\]$", output, re.MULTILINE)
        error = re.search(r"^error: (.*)$", output, re.MULTILINE)
        if code and error:
            yield f"exit code {code[1]}: {error[1]}"
        if command not in _TABLES:
            continue
        for table in re.findall(rf"^\w.* {_REASON}\n(?:\S.*\n?)+", output, re.MULTILINE):
            yield from _reasons(table)


def _reasons(table: str) -> Iterator[str]:
    head, *lines = table.splitlines()
    start = head.index(_REASON)
    state = re.search(r"\bstate +", head)
    for line in lines:
        words = [line[state.start() : state.end()].strip()] if state else []
        if len(line) > start:
            words.append(line[start:].strip())
        if words and words[-1] != _USUAL and not line.startswith(("next:", "[")):
            yield ": ".join(words)
