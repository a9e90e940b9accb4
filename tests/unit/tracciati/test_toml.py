"""TOML texts with places: where keys and items stand, and what is said of unknown ones."""

from pathlib import Path

from tracciati.declare.toml import Document, unknown_keys
from tracciati.errors import Problem

SAMPLES = Path(__file__).parents[2] / "samples"


def test_places_of_keys_tables_and_items():
    text = 'a = 1\n[t."b c"]\nd.e = { f = [1, { g = "#]" }], h = """x\n"y"\n""" } # [no]\n\n[[z]]\n[[z]]\n'
    text += "k = 2026-01-01 10:00:00\n"
    document = Document(text, "x.toml")
    assert document.where(("a",)) == (1, 1)
    assert document.where(("t", "b c")) == (2, 1)
    assert document.where(("t", "b c", "d", "e", "f", 1, "g")) == (3, 19)
    assert document.where(("t", "b c", "d", "e", "h")) == (3, 32)
    assert document.where(("z", 1)) == (8, 1)
    assert document.where(("z", 1, "k")) == (9, 1)
    assert document.where(("z", 1, "absent")) == (8, 1)


def test_every_key_of_the_samples_has_its_place():
    def paths(value: object, path: tuple[str | int, ...]) -> list[tuple[str | int, ...]]:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        return [path, *(found for key, item in items for found in paths(item, (*path, key)))]

    for name in ("banca-demo-visure.toml", "banca-demo-feed.toml"):
        text = (SAMPLES / name).read_text(encoding="utf-8")
        document = Document(text, name)
        lines = text.split("\n")
        for path in paths(document.value, ())[1:]:
            line, column = document.where(path)
            rest = lines[line - 1][column - 1 :]
            if isinstance(path[-1], str):
                assert rest.startswith((path[-1], "[")), (path, rest)


def test_unknown_keys_are_named_with_the_nearest_known_one():
    document = Document('layuot = "x"\n', "feed.toml")
    assert unknown_keys(document, (), ["layout", "complete"]) == [
        Problem(1, 1, "unknown key `layuot`", "did you mean `layout`? it can be layout, complete")
    ]
