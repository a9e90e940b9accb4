"""docs/layouts.md has every key of the language, and each of its examples loads."""

from __future__ import annotations

import copy
import re
import tomllib
from datetime import date
from typing import Any

import pytest

from cominflow.exchange import agreement, complete
from cominflow.exchange import feed as feeds
from cominflow.exchange import names as file_names
from tests.docs import blocks
from tracciati import declare
from tracciati.declare.fields import FIELD_KEYS, ORIGINS
from tracciati.declare.schema import schema
from tracciati.encodings import CODECS
from tracciati.errors import LayoutError
from tracciati.expression import FUNCTIONS
from tracciati.layout import BASES, DIRECTIONS

PAGE = blocks.ROOT / "docs" / "layouts.md"
TEXT = PAGE.read_text(encoding="utf-8")
LAYOUT, NESTED, FEED = (tomllib.loads(block.text) for block in blocks.blocks(PAGE, "toml"))


def rows(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its head; code without its quotes."""
    text = TEXT[TEXT.index(f"\n{heading}\n") :]
    lines = text.split("\n\n|", 1)[1].split("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip("|"))] for line in lines]
    return [[_bare(cell) if place < 3 else cell for place, cell in enumerate(row)] for row in cells]


def _bare(cell: str) -> str:
    found = re.fullmatch(r"`([^`]*)`", cell)
    return (found.group(1) if found else cell).replace("\\|", "|")


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """`base` with `more` laid over it, table by table."""
    value = copy.deepcopy(base)
    for key, new in more.items():
        old = value.get(key)
        value[key] = merged(old, new) if isinstance(old, dict) and isinstance(new, dict) and key != "outcomes" else new
    return value


def toml(value: Any, top: bool = True) -> str:
    """A value as TOML, on one line each; enough for what layouts and feeds hold."""
    if isinstance(value, dict) and top:
        return "".join(f"{_key(key)} = {toml(inner, False)}\n" for key, inner in value.items())
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {toml(inner, False)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return "[ " + ", ".join(toml(inner, False) for inner in value) + " ]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _key(key: str) -> str:
    return '"' + key + '"'


def load(value: dict[str, Any]) -> declare.Layout:
    """The layout that the value is; LayoutError with what is wrong."""
    return declare.loads(toml(value), "example.toml")


def delimited() -> dict[str, Any]:
    """The page's layout as a table with semicolons: no lengths, no head and tail."""
    value = copy.deepcopy(LAYOUT)
    record = {"fields": [{"name": "pratica", "type": "text"}, {"name": "importo", "type": "importo"}]}
    value["record"] = {"riga": record}
    value["file"] = {"kind": "delimited", "structure": {"request": "riga+", "answer": "riga+"}}
    return value


def with_field(field: dict[str, Any]) -> dict[str, Any]:
    """The page's layout with one more field: in the tail when it is a total, else in a request."""
    if "only" in field:
        value = delimited()
        value["record"]["riga"]["fields"].append(field)
        return value
    value = copy.deepcopy(LAYOUT)
    if field["type"] in ("packed", "binary"):
        value["file"]["record"] = {"length": value["file"]["record"]["length"], "separator": "none"}
    record = value["record"]["coda" if "derive" in field else "riga"]
    place = 2 if "derive" not in field else 1
    taken = field["len"]
    record["fields"].insert(4 if "sign_in" in field or "when" in field else place, field)
    record["fields"][-1]["len"] -= taken * field.get("occurs", 1)
    return value


def with_group(structure: str) -> dict[str, Any]:
    """The page's layout with a group of `riga` and a second record."""
    nota = {"match": {"tipo": "21"}, "fields": copy.deepcopy(LAYOUT["record"]["riga"]["fields"])}
    nota["fields"][0]["value"] = "21"
    value = merged(LAYOUT, {"record": {"nota": nota}, "group": {"richiesta": {"structure": structure}}})
    value["file"]["structure"] = "testa richiesta+ coda"
    return value


def with_balances(continuity: dict[str, Any]) -> dict[str, Any]:
    """The page's layout with an opening balance in its head, and whose it is."""
    value = merged(LAYOUT, {"continuity": continuity})
    fields = value["record"]["testa"]["fields"]
    fields[-1:] = [
        {"name": "banca", "len": 5, "type": "digits"},
        {"name": "conto", "len": 12, "type": "text"},
        {"name": "saldo", "len": 12, "type": "decimal", "scale": 2},
        {"name": "filler", "len": 21, "type": "filler"},
    ]
    return value


def properties(*path: str) -> set[str]:
    """Keys that the schema has at a place."""
    found: Any = schema()
    for step in path:
        found = found["properties"][step] if step in found.get("properties", {}) else found[step]
    return set(found["properties"])


def test_the_whole_layout_and_the_whole_feed_load() -> None:
    assert set(load(LAYOUT).structure) == {"request", "answer", "rejection"}
    assert not feeds.unsupported(feeds.loads(toml(FEED)))
    text = (blocks.ROOT / "layouts" / "banca-demo" / "visure.toml").read_text(encoding="utf-8")
    agreement.examine(toml(FEED), {"visure.toml": text})


@pytest.mark.parametrize("row", rows("### `[layout]`"), ids=lambda row: row[0])
def test_an_example_of_the_layouts_head_loads(row: list[str]) -> None:
    value = tomllib.loads(row[1])
    assert list(value) == [row[0]]
    load(merged(LAYOUT, {"layout": value}))


@pytest.mark.parametrize("row", rows("### `[file]`"), ids=lambda row: row[0])
def test_an_example_of_the_files_form_loads(row: list[str]) -> None:
    value = tomllib.loads(row[1])
    assert list(value) == [row[0]]
    if row[0] == "structure":
        with pytest.raises(LayoutError, match="two places"):
            load(merged(LAYOUT, {"file": value}))
        return
    load(merged(delimited() if row[0] == "dialect" else LAYOUT, {"file": value}))


@pytest.mark.parametrize("row", rows("### A field"), ids=lambda row: row[0])
def test_an_example_of_a_field_loads(row: list[str]) -> None:
    field = tomllib.loads(f"field = {row[1]}")["field"]
    assert row[0] in field, f"the example of `{row[0]}` does not show it"
    load(with_field(field))


def test_the_examples_of_types_records_groups_and_rules_load() -> None:
    (named,) = rows("### `[types]`")
    load(merged(LAYOUT, {"types": tomllib.loads(named[1])}))
    for key, example, _ in rows("### `[record.NAME]`"):
        value = merged(LAYOUT, {"record": {"riga": tomllib.loads(example)}})
        if key == "only":
            value["file"]["structure"].pop("invoice", None)
        load(value)
    ((_, example, _),) = rows("### `[group.NAME]`")
    layout = load(with_group(tomllib.loads(example)["structure"]))
    assert layout.records_of_group("richiesta") == ("riga", "nota")
    for key, example, _ in rows("### `[continuity]`"):
        balances = {"opening": "testa.saldo", "closing": "coda.totale", **tomllib.loads(example)}
        assert key in tomllib.loads(example)
        assert load(with_balances(balances)).continuity is not None
    rule: dict[str, Any] = {}
    for key, example, _ in rows("### `[[rule]]`"):
        rule |= tomllib.loads(example)
        assert key in rule
    assert load(merged(LAYOUT, {"rule": [rule]})).rules[0].severity == "warning"


def test_the_page_has_every_key_of_layouts_and_no_other() -> None:
    assert {row[0] for row in rows("### `[layout]`")} == properties("layout")
    assert {row[0] for row in rows("### `[file]`")} == properties("file")
    assert {row[0] for row in rows("### A field")} == set(FIELD_KEYS)
    assert {row[0] for row in rows("### `[[rule]]`")} == properties("rule", "items")
    assert {row[0] for row in rows("### `[record.NAME]`")} == properties("record", "additionalProperties")
    assert {row[0] for row in rows("### `[group.NAME]`")} == properties("group", "additionalProperties")
    assert {row[0] for row in rows("### `[continuity]`")} == properties("continuity")
    for word in (*BASES, *CODECS, *DIRECTIONS, *(f"{s}.{n}" for s, names in ORIGINS.items() for n in names)):
        assert f"`{word}`" in TEXT, f"the page does not name {word}"


def _feed_with(example: str) -> dict[str, Any]:
    more = tomllib.loads(example)
    base = copy.deepcopy(FEED)
    if "service" in more:
        del base["request"]["service"]
    return merged(base, more)


@pytest.mark.parametrize("row", rows("## Keys of a feed"), ids=lambda row: row[0])
def test_an_example_of_a_feed_loads_and_works_or_waits_as_the_page_says(row: list[str]) -> None:
    key, example, works, _ = row
    assert tomllib.loads(example).keys() == {key.partition(".")[0]}, f"the example of {key} shows something else"
    assert key.rpartition(".")[2] in example, f"the example of {key} does not show it"
    waiting = [path for path, _ in feeds.unsupported(feeds.loads(toml(_feed_with(example))))]
    assert waiting == ([] if works == "yes" else [key])


def test_the_page_has_every_key_of_feeds() -> None:
    said = {row[0] for row in rows("## Keys of a feed")}
    later = {f"{table}.{key}" for table, keys in feeds._LATER.items() for key in keys}
    known = {f"names.{kind}" for kind in (*file_names.KINDS, "request", "control")}
    known |= {f"request.{key}" for key in feeds.Unit.__dataclass_fields__}
    known |= {f"repeats.{key}" for key in feeds.Repeats.__dataclass_fields__}
    known |= {f"continuity.{key}" for key in feeds.Continuity.__dataclass_fields__}
    assert said == later | known | {
        "layout",
        "complete",
        *(f"complete.{key}" for keys in complete._KEYS.values() for key in keys),
        "accept",
        "unverifiable_total",
        "service",
        "waivers",
        "outcomes",
        "defaults",
    }
    for policy in complete._KEYS:
        assert f"`{policy}`" in TEXT, f"the page does not name the policy {policy}"
    for outcome in feeds.OUTCOMES:
        assert re.search(rf"\b{outcome}\b", TEXT), f"the page does not name the outcome {outcome}"


@pytest.mark.parametrize("row", rows("### Names of files"), ids=lambda row: row[0])
def test_a_pattern_takes_the_names_that_the_page_says(row: list[str]) -> None:
    pattern = file_names.request_name(row[0])
    assert pattern.match(row[1].encode()) is not None
    assert pattern.match(row[2].encode()) is None


def test_the_lines_that_are_written_out_load() -> None:
    value = copy.deepcopy(LAYOUT)
    value["record"]["riga"] = {"match": {"tipo": "20"}, **NESTED}
    value["file"]["record"] = {"separator": "CRLF"}
    del value["record"]["coda"]["fields"][2]
    names = [field.name for field in load(value).by_name["riga"].fields]
    assert names[4:8] == ["ragione_sociale", "rata_1_scadenza", "rata_1_importo", "rata_2_scadenza"]
    assert names[-2:] == ["nota_1", "nota_2"]


TOTALS = rows("**A total** is made of one of these, or of several with `+` and `-` between them:")


@pytest.mark.parametrize("total", [row[1] for row in TOTALS])
def test_each_total_of_the_page_loads(total: str) -> None:
    value = copy.deepcopy(LAYOUT)
    field = value["record"]["coda"]["fields"][1 if total.startswith(("count", "blocks")) else 2]
    field["derive"] = total
    assert load(value).field(f"coda.{field['name']}").derive


def test_the_page_has_every_total() -> None:
    named = {name for row in TOTALS for name in re.findall(r"`(\w+)`", row[0]) or [row[0]]}
    assert named == {"count", "blocks", *FUNCTIONS}
