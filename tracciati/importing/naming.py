"""Names: what fields and records are called here, by what they are called there; none twice."""

from __future__ import annotations

import re
import unicodedata

from tracciati.expression import RESERVED

_OTHER = re.compile(r"[^a-z0-9]+")


def name_of(written: str) -> str:
    """`SHORT-NAME` is `short_name`, `Importo (EUR)` is `importo_eur`; "" where no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", written).encode("ascii", "ignore").decode().lower()
    name = _OTHER.sub("_", plain).strip("_")
    if name and not name[0].isalpha():
        name = f"f_{name}"
    return f"{name}_" if name in RESERVED else name


def id_of(written: str) -> str:
    """A layout's id: small letters, digits and single hyphens."""
    name = name_of(written).removeprefix("f_").strip("_").replace("_", "-")
    return name or "imported"


class Names:
    """The names that are taken in one record, or in what is repeated within it."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def take(self, written: str, group: str = "", usual: str = "field", times: int = 1) -> str:
        """A name that nothing has: as it is written, else with its group's before it, else with a number.

        times  how often it is repeated: `rata_1`, `rata_2` and so on are its names too
        """
        name = name_of(written) or usual
        candidates = [name]
        if name_of(group):
            candidates.append(f"{name_of(group)}_{name}")
        found = next((one for one in candidates if self._is_free(one, times)), "")
        number = 2
        while not found:
            numbered = f"{candidates[-1]}_{number}"
            found = numbered if self._is_free(numbered, times) else ""
            number += 1
        self._taken.update(_all(found, times))
        return found

    def _is_free(self, name: str, times: int) -> bool:
        return self._taken.isdisjoint(_all(name, times))


def _all(name: str, times: int) -> list[str]:
    return [name, *(f"{name}_{number}" for number in range(1, times + 1) if times > 1)]
