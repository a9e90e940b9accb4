"""Infer: from sample files a layout is proposed, with how sure each part of it is and what contradicts it.

    found = infer.proposed([("RV_001.txt", Path("RV_001.txt"))])
    print(found.text)

`samples` and `framing` cut the files into records, `types` and `order` find the record types and what follows what,
`boundaries`, `anchors` and `kinds` the fields, `totals` what is computed from others; `toml` writes it down, and
`verifying` reads the samples by what was written. Nothing is proposed that does not load.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from tracciati.infer import doubts, framing, headers, records, samples, verifying
from tracciati.infer.proposal import Proposal
from tracciati.infer.tables import Table

__all__ = ["Proposal", "proposed"]


def proposed(
    sources: Sequence[tuple[str, Path | BinaryIO]], *, id: str = "", kind: str = "", codec: str = ""
) -> Proposal:
    """Propose a layout for files of one kind.

    sources  each file with the name that messages give it
    id       of the layout; one from the first name when empty
    kind     fixed or delimited, where that is known
    codec    the encoding, where that is known

    Raises ReadingError when a file cannot be read, NothingToInfer when no layout can be proposed.
    """
    given = samples.gathered(sources)
    form = framing.found(given, kind=kind, codec=codec)
    table = Table(given, form)
    if not table.is_fixed:
        _take_header(table)
    found, structure = records.found(table, table.framing.doubts)
    proposal = Proposal(id or _id(given.names[0]), given.names, table.framing, found, structure)
    verifying.verified(proposal, given)
    proposal.doubts = doubts.of(proposal)
    verifying.verified(proposal, given)
    return proposal


def _take_header(table: Table) -> None:
    import numpy as np

    titles, why = headers.found(table)
    form = table.framing
    if titles:
        firsts = np.diff(form.files, prepend=-1) != 0
        if not firsts.all():
            table.without(firsts)
        else:
            titles, why = (), "there is nothing below the first line"
    dialect = replace(form.form.dialect, header=bool(titles))
    table.framing = replace(
        table.framing,
        form=replace(form.form, dialect=dialect),
        header=titles,
        reasons={**form.reasons, "header": why},
    )


def _id(name: str) -> str:
    """A layout's id from the name of a file: small letters, digits and hyphens."""
    stem = unicodedata.normalize("NFKD", Path(name).stem).encode("ascii", "ignore").decode("ascii").lower()
    return re.sub(r"[^a-z0-9]+", "-", stem).strip("-") or "tracciato"
