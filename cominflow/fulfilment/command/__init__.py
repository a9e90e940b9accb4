"""Command: a provider that gives a file to a program and takes a file from it.

    {"program": ["/opt/scores/score", "--in", "{input}", "--out", "{output}"], "format": "csv",
     "request": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}, "wait_s": 600,
     "environment": {"SCORES_TOKEN": {"env": "SCORES_TOKEN"}}}

The input has one row per request: its key under `id` (see `provider`), and the columns of `request`. The output must
have one row for each, in any order, with that key. `format` is csv (a header, commas, UTF-8, all of it text, nothing
for what is missing) or jsonl (an object a line; numbers with a point are exact). No shell is involved. The program runs
in a private folder that is removed afterwards, with an environment of its own, and is ended with all that it began
when its time is up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from cominflow import failpoint, settings
from cominflow.fulfilment import matching, secrets
from cominflow.fulfilment.command import files, program
from cominflow.fulfilment.command.room import Room
from cominflow.fulfilment.outcomes import Unusable
from cominflow.limits import HTTP_WAIT_S_MAX, PROVIDER_S_MAX

_SETTINGS = ("program", "format", "wait_s", "environment", *matching.SETTINGS)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WAIT_S = HTTP_WAIT_S_MAX


class CommandProvider:
    """Asks a program."""

    keeps_time = True

    def check(self, given: Mapping[str, Any]) -> list[str]:
        """Problems in the settings; the program is not started."""
        found = [f"{key!r} is not a setting; there are {', '.join(_SETTINGS)}" for key in given if key not in _SETTINGS]
        found += _program_problems(given.get("program"))
        if given.get("format", "csv") not in files.FORMATS:
            found.append(f"'format' must be one of {', '.join(files.FORMATS)}")
        wait_s = given.get("wait_s", _WAIT_S)
        if type(wait_s) not in (int, float) or not 0 < wait_s <= PROVIDER_S_MAX:
            found.append(f"'wait_s' must be a number of seconds up to {PROVIDER_S_MAX:g}")
        variables = given.get("environment", {})
        if not isinstance(variables, Mapping):
            return [*found, "'environment' must map names to texts or secrets"]
        for name, value in variables.items():
            found += [] if _VARIABLE.fullmatch(name) else [f"{name!r} cannot be the name of a variable"]
            found += secrets.problems(name, value)
        return found + matching.problems(given)

    def fulfil(self, requests: pd.DataFrame, given: Mapping[str, Any]) -> pd.DataFrame:
        """Run the program once for all of them. Raises WorldError when it fails, Unusable for what it wrote."""
        kind, id_name = given.get("format", "csv"), given.get("id", "id")
        rows = matching.outgoing(requests, given)
        keys = [str(key) for key in requests.index]
        variables = {name: secrets.read(name, value) for name, value in given.get("environment", {}).items()}
        with Room(settings.DATA) as room:
            source, target = room.path / f"input.{kind}", room.path / f"output.{kind}"
            files.write(source, kind, id_name, list(given["request"].values()), keys, rows)
            failpoint.hit("command.given")
            words = [_filled(word, source, target) for word in given["program"]]
            program.run(words, room, variables, wait_s=float(given.get("wait_s", _WAIT_S)))
            failpoint.hit("command.answered")
            found = files.read(target, kind, id_name)
            _demand_known(found, keys, id_name)
        failpoint.hit("command.left")
        return matching.frame(matching.answered(found, given), given)


def _demand_known(found: Sequence[tuple[str, matching.Row]], keys: Sequence[str], id_name: str) -> None:
    """Refuse rows of requests that the program was not given. Raises Unusable."""
    known = set(keys)
    unknown_count = sum(key not in known for key, _ in found)
    if unknown_count:
        rows = f"{unknown_count} row{'s' * (unknown_count > 1)}"
        raise Unusable(f"{rows}: answered, but not asked; the program must give back {id_name!r} as it was given it")


def _program_problems(words: object) -> list[str]:
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        return ['\'program\' must list the program and its arguments, as ["/opt/score", "{input}", "{output}"]']
    found = []
    if "/" in words[0] and not Path(words[0]).is_absolute():
        found.append(f"'program' must begin with a whole path, or a name that is in PATH, not {words[0]!r}")
    for place in ("{input}", "{output}"):
        if not any(place in word for word in words[1:]):
            found.append(f"no argument of 'program' has {place}: it would not know the file")
    if any("\0" in word for word in words):
        found.append("'program' must not contain a NUL")
    return found


def _filled(word: str, source: Path, target: Path) -> str:
    return word.replace("{input}", str(source)).replace("{output}", str(target))


def remove_leftovers(data: Path) -> int:
    """At the engine's start: end programs that a killed engine left behind, and remove their folders. How many."""
    return Room.remove_leftovers(data)
