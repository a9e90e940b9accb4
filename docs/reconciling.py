"""The page on reconciliation, from its codes: what is computed once more, what may be found, and what to do."""

from __future__ import annotations

from cominflow.reconciliation.codes import CATALOGUE, PARTS

HEAD = """\
# Reconciliation

Made by `make docs` from `cominflow/reconciliation/codes.py`; a test compares. `cominflow reconcile` computes everything
once more, by other means than those by which it was made, and says what does not add up. A code never changes its
meaning and is never used again.

```text
$ cominflow reconcile
customer    day         files  requests  waiting  open  answered  refused  cancelled  expired  charged net  invoiced net
banca-demo  2026-03-01      2      3297        0     0      3297        0          0        0  1,267.20     1,267.20

R-101 A-1: the original of an arrival is nowhere
  expected archive/2026/03/1f0c…; found nothing there
  do: take the file from a backup; its name in the archive is the SHA-256 of its content
looked at: arrivals 2, requests 3,297, charges 4, invoices 2, chunks 1, originals 1, deliveries 9
1 finding
```

It ends with exit code 0 when everything adds up and 1 when there is a finding; `--json` gives the same to programs.
It changes nothing, and it may run beside the engine:

* All rows are read from one snapshot. On SQLite that keeps nobody from writing; the write-ahead log grows meanwhile,
  and is used up again afterwards.
* Files do not stand still with the snapshot. A finding about a file counts only when a second snapshot, taken
  afterwards, finds it too. A file that no row knows counts when it is older than an hour.
* Memory does not grow with the system: 500 arrivals are looked at together, and a large one chunk by chunk.

`--date` looks only at what arrived or was invoiced on that day in Italy, and not for files that nobody knows. The
numbers of invoices are looked at as a whole always. By default the files of the last 24 hours (with `--date`, of
that day) are read and hashed, and of all others the size is compared; `--deep` reads every file, and looks every
reference up instead of one for each arrival or chunk.

A file that is gone from a customer's folder is no finding: the customer may remove it. What was purged is looked at as
far as it is there: its counts, charges and invoices, and that its bytes are gone.
"""


def page() -> str:
    """The text of docs/reconciliation.md."""
    parts = [HEAD]
    for number, title in PARTS.items():
        parts.append(f"## {title}\n\n| code | what does not add up | what to do |\n|---|---|---|")
        for code, entry in CATALOGUE.items():
            if code[2] == number:
                parts.append(f"| {code} | {entry.title} | {entry.remedy} |")
        parts.append("")
    return "\n".join(parts)
