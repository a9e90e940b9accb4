"""One service, by every provider there is; the test says how the partner behind it behaves."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.partner import Partner, Program, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.house import House

# A provider that somebody installed, as a package of its own. What it does is read at each call.
_FOREIGN = """
    import pandas as pd

    class Provider:
        def check(self, settings):
            return []

        def fulfil(self, requests, settings):
            scores = dict(line.split(",")[:2] for line in open(settings["file"]).read().splitlines()[1:])
            found = [scores.get(code) for code in requests["codice_fiscale"]]
            told = pd.DataFrame(
                {"outcome": ["fulfilled" if score else "not_found" for score in found], "punteggio": found},
                index=requests.index,
            )
            names = {"told": told, "requests": requests, "pd": pd}
            exec(open(settings["mode"]).read(), names)
            return names["told"]
"""


@dataclass
class Kind:
    """One kind of provider. `tell` gives it scores, `spoil` makes it do one thing wrong, `mend` right again."""

    name: str
    settings: dict[str, Any]
    tell: Callable[[Mapping[str, object]], None]
    faults: Mapping[str, Callable[[], None]]
    mend: Callable[[], None]

    def spoil(self, fault: str) -> None:
        """Do this wrong from now on."""
        self.faults[fault]()


# What each kind can do wrong. A table and a person are no programs: they cannot answer with too much.
FAULTS = {
    "table": ("twice", "unreadable", "gone", "no column"),
    "http": ("too few", "too many", "twice", "wrong types", "unreadable", "time-out", "crash", "gone", "no column"),
    "command": ("too few", "too many", "twice", "wrong types", "unreadable", "time-out", "crash", "gone", "no column"),
    "foreign": ("too few", "too many", "twice", "wrong types", "unreadable", "time-out", "crash", "gone", "no column"),
}


@pytest.fixture
def kind_of(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Kind]]:
    """`kind_of("http")`: VIS1 is fulfilled by that provider from here on."""
    makers = {"table": _table, "http": _http, "command": _command, "foreign": _foreign, "manual": _manual}
    with serving(Partner()) as partner:

        def make(name: str) -> Kind:
            kind = makers[name](tmp_path, monkeypatch, partner)
            from cominflow.models import Service

            Service.objects.filter(code="VIS1").update(provider=kind.name, provider_settings=kind.settings)
            return kind

        yield make


def _manual(folder: Path, patch: pytest.MonkeyPatch, partner: Partner) -> Kind:
    return Kind("manual", {}, lambda scores: None, {}, lambda: None)


def _table(folder: Path, patch: pytest.MonkeyPatch, partner: Partner) -> Kind:
    path = folder / "contract.csv"
    settings = {"file": str(path), "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}
    told: dict[str, object] = {}

    def write(header: str = "cf,score", more: str = "") -> None:
        path.write_text(f"{header}\n" + "".join(f"{key},{score}\n" for key, score in told.items()) + more)

    def tell(scores: Mapping[str, object]) -> None:
        told.update(scores)
        write()

    faults = {
        "twice": lambda: write(more="".join(f"{key},1\n" for key in told)),
        "unreadable": lambda: write(more="x,y,z\n"),
        "gone": path.unlink,
        "no column": lambda: write("cf,points"),
    }
    return Kind("table", settings, tell, faults, write)


def _http(folder: Path, patch: pytest.MonkeyPatch, partner: Partner) -> Kind:
    def tell(scores: Mapping[str, object]) -> None:
        partner.scores = scores

    def change(function: Callable[[Any], Any]) -> Callable[[], None]:
        return lambda: setattr(partner, "change", function)

    faults = {
        "too few": change(lambda rows: rows[1:]),
        "too many": change(lambda rows: [*rows, {**rows[0], "id": "A-999/1"}]),
        "twice": change(lambda rows: [*rows, rows[0]]),
        "wrong types": change(lambda rows: [{**row, "score": [row["id"]]} for row in rows]),
        "unreadable": lambda: setattr(partner, "raw", b"<html>"),
        "time-out": lambda: setattr(partner, "drips", "headers"),
        "crash": lambda: setattr(partner, "judge", lambda asked: -1),
        "gone": lambda: setattr(partner, "judge", lambda asked: 503),
        "no column": change(lambda rows: [{"id": row["id"], "status": "OK"} for row in rows]),
    }

    def mend() -> None:
        partner.change, partner.judge, partner.raw, partner.drips = (lambda rows: rows), (lambda asked: None), None, ""

    return Kind("http", partner.settings(batch=50, wait_s=0.5), tell, faults, mend)


def _command(folder: Path, patch: pytest.MonkeyPatch, partner: Partner) -> Kind:
    program = Program(folder)
    modes = {
        "too few": "del told[0]",
        "too many": "told.append({**told[0], 'id': 'A-999/1'})",
        "twice": "told.append(told[0])",
        "wrong types": "told[0]['status'] = rows[0]['cf']",
        "unreadable": "open(target, 'w').write('<html>,\\n1'); os._exit(0)",
        "time-out": "signal.pause()",
        "crash": "os.kill(os.getpid(), signal.SIGKILL)",
        "gone": "sys.exit(1)",
        "no column": "open(target, 'w').write('id,status\\n' + ''.join(r['id'] + ',OK\\n' for r in told)); os._exit(0)",
    }
    faults = {name: lambda mode=mode: program.behave(mode) for name, mode in modes.items()}
    return Kind("command", program.settings(wait_s=5), program.tell, faults, lambda: program.behave(""))


def _foreign(folder: Path, patch: pytest.MonkeyPatch, partner: Partner) -> Kind:
    package = folder / "installed"
    about = package / "foreign_scores-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign-scores\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text("[cominflow.providers]\nforeign = foreign_scores:Provider\n")
    (package / "foreign_scores.py").write_text(textwrap.dedent(_FOREIGN))
    patch.syspath_prepend(str(package))
    patch.delitem(sys.modules, "foreign_scores", raising=False)
    from cominflow.fulfilment import provider

    provider._loaded.cache_clear()
    patch.setattr(provider, "PROVIDER_S_MAX", 2.0)
    patch.setattr(provider, "_hanging", {})  # what an earlier test left hanging is none of this one's
    table, mode = folder / "foreign.csv", folder / "foreign-mode"
    mode.write_text("")
    modes = {
        "too few": "told = told.iloc[1:]",
        "too many": "told = pd.concat([told, told.iloc[:1].set_axis([requests['codice_fiscale'].iloc[0]])])",
        "twice": "told = pd.concat([told, told.iloc[:1]])",
        "wrong types": "told = told.assign(punteggio=[[1]] * len(told), outcome='fulfilled')",
        "unreadable": "told = None",
        "time-out": "import threading; threading.Event().wait()",
        "crash": "raise SystemExit(requests['codice_fiscale'].iloc[0])",
        "gone": "raise ConnectionError(requests['codice_fiscale'].iloc[0])",
        "no column": "told = told[['punteggio']]",
    }
    faults = {name: lambda text=text: mode.write_text(text) for name, text in modes.items()}

    def tell(scores: Mapping[str, object]) -> None:
        with table.open("w", newline="") as opened:
            csv.writer(opened).writerows([("cf", "score"), *scores.items()])

    return Kind("foreign", {"file": str(table), "mode": str(mode)}, tell, faults, lambda: mode.write_text(""))
