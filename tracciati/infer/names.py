"""Names: neutral ones for records and fields, unless a header row gives better ones."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from tracciati.expression import RESERVED
from tracciati.infer.kinds import Kind
from tracciati.layout import BASES

_BY_BASE = {
    "date": "data",
    "integer": "numero",
    "decimal": "importo",
    "digits": "codice",
    "boolean": "indicatore",
    "const": "fisso",
    "luhn": "codice_luhn",
    "mod97": "codice_mod97",
    "mod11": "codice_mod11",
}
_UNIQUE = ("codice_fiscale", "partita_iva", "iban")


def of_fields(kinds: list[tuple[Kind, bool, bool]]) -> list[str]:
    """A name for each field; kinds: what it is, whether it tells the type, whether it counts the records."""
    bases = ["tipo" if match else "progressivo" if counter else _base_name(kind) for kind, match, counter in kinds]
    totals, seen = Counter(bases), Counter[str]()
    names = []
    for base in bases:
        seen[base] += 1
        is_bare = base == "filler" or (base in (*_UNIQUE, "tipo", "progressivo") and totals[base] == 1)
        names.append(base if is_bare else f"{base}_{seen[base]}")
    return names


def _base_name(kind: Kind) -> str:
    if kind.base in ("filler", *_UNIQUE):
        return kind.base
    return _BY_BASE.get(kind.base, "campo")


def of_header(titles: list[str]) -> list[str]:
    """Names that a layout may have, for the titles of a header row.

    >>> of_header(["Numero pratica", "Età", "2° nome", ""])
    ['numero_pratica', 'eta', 'campo_2_nome', 'campo_4']
    """
    names: list[str] = []
    for place, title in enumerate(titles, start=1):
        plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode("ascii").lower()
        name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
        name = name if name else f"campo_{place}"
        if name[0].isdigit() or name in RESERVED or name in ("filler",):
            name = f"campo_{name}"
        while name in names:
            name = f"{name}_{place}"
        names.append(name)
    return names


def of_records(texts: list[str], *, first: int | None, last: int | None, rows: int) -> list[str]:
    """A name for each record type.

    texts        what tells each from the others
    first, last  index of the type that begins, or ends, every sample and stands nowhere else; None when none does
    rows         how many types there are beside these
    """
    names: list[str] = []
    for index, text in enumerate(texts):
        word = re.sub(r"\W+", "_", text, flags=re.ASCII).strip("_")
        name = f"record_{word}" if word else f"record_{index + 1}"
        if index == first:
            name = "testa"
        elif index == last:
            name = "coda"
        elif rows == 1:
            name = "riga"
        while name in names or name in BASES:
            name = f"{name}_{index + 1}"
        names.append(name)
    return names
