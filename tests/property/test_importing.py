"""Importing: whatever text is given, a layout that loads comes of it, or one error that says why not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st

from tracciati import declare, importing
from tracciati.errors import LayoutError, UnknownName
from tracciati.importing.orders import FORMS, Order, Segment

WORDS = st.sampled_from(
    [
        *[
            "01",
            "05",
            "05",
            "10",
            "15",
            "77",
            "88",
            "66",
            "RECORD",
            "CAMPO",
            "FILLER",
            "TIPO",
            "AND",
            "1ST",
            ".",
            ".",
            ".",
        ],
        *["PIC", "PIC", "IS", "X", "X(3)", "9(4)", "S9(7)V99", "9(20)", "PPP9", "9PP", "Z(4)9,99", "-9(3)", "9(3).99"],
        *[
            "COMP",
            "COMP-1",
            "COMP-3",
            "COMP-5",
            "BINARY",
            "OCCURS",
            "3",
            "0",
            "99999",
            "TIMES",
            "DEPENDING",
            "ON",
            "TO",
        ],
        *["REDEFINES", "RECORD", "VALUE", "VALUES", "'A'", "'B  '", '"C"', "'", "SPACES", "ZERO", "LOW-VALUES", "THRU"],
        *[
            "SIGN",
            "LEADING",
            "TRAILING",
            "SEPARATE",
            "SYNC",
            "JUSTIFIED",
            "RIGHT",
            "BLANK",
            "WHEN",
            "COPY",
            "FD",
            "USAGE",
        ],
        *["DISPLAY", "INDEXED", "BY", "*>", "\n", "\n      -", "\n      *"],
    ]
)
PICTURES = st.sampled_from(
    [
        "PIC X(3)", "PIC 9(4)", "PIC S9(5)V99 COMP-3", "PIC 9(2)", "PIC S9(3) SIGN LEADING SEPARATE", "PIC S9(4) COMP",
        "COMP-1", "PIC Z(3)9.99", "PIC 9(25)", "PIC 9(25) COMP-3", "PIC PPP9 COMP", "PIC S9PP", "PIC A(2)",
        "PIC 9(4) COMP-5",
        "PIC -9(3)", "PIC S99.9", "PIC X(4) JUST RIGHT", "PIC N(2)", "PIC 9(3) COMP-6",
    ]
)  # fmt: skip
CLAUSES = st.lists(
    st.sampled_from(
        ["OCCURS 3 TIMES", "OCCURS 1 TO 4 DEPENDING ON QUANTE", "REDEFINES CAMPO", "REDEFINES GRUPPO", "SYNC"]
    ),
    max_size=1,
)  # fmt: skip
NAMES = st.sampled_from(["TIPO", "CAMPO", "ALTRO", "FILLER", "GRUPPO", "QUANTE"])
VALUES = st.sampled_from(
    ["", "", " 88 PRIMO VALUE 'A'.", " 88 DUE VALUE 1 2.", " 88 TRE VALUE 1 THRU 3.", " 88 NO VALUE SPACE."]
)


def a_field(level: str) -> st.SearchStrategy[str]:
    return st.builds(
        lambda name, picture, clause, values: f"       {level} {name} {picture} {' '.join(clause)}.\n     {values}\n",
        NAMES, PICTURES, CLAUSES, VALUES,
    )  # fmt: skip


ITEM = a_field("05") | st.builds(
    lambda name, clauses, fields: f"       05 {name} {' '.join(clauses)}.\n{''.join(fields)}",
    NAMES,
    CLAUSES,
    st.lists(a_field("10"), min_size=1, max_size=4),
)
CELLS = st.sampled_from(
    ["", "tipo", "importo", "filler", "3", "12", "99999999", "0", "-1", "1-3", "4-2", "an", "n", "data", "X(4)",
     "9(5)V99",
     "A=uno; B=due", "B", "gg/mm/aaaa", "2", "O", "comp-3", "binario", "ora", "è\x07"]
)  # fmt: skip
SEGMENTS = st.lists(
    st.builds(Segment, st.sampled_from(["TIPO", "CAMPO"]), st.sampled_from(["A", "1", "AB", "LUNGO"]),
              st.sampled_from(["GRUPPO", "CAMPO", "ALTRO"])),
    max_size=2,
)  # fmt: skip


# What a person can say wrongly, and the layout's own check says best.
SAID_WRONGLY = ("cannot be told apart", "cannot depend on")


@contextmanager
def refused_in_its_own_words() -> Iterator[None]:
    """An error is about what was given, never about the layout that was made of it."""
    try:
        yield
    except UnknownName:
        return
    except LayoutError as refused:
        if refused.name.startswith("what was made of"):
            texts = [problem.text for problem in refused.problems]
            assert all(any(said in text for said in SAID_WRONGLY) for text in texts), texts


def becomes_a_layout_or_an_error(made: importing.Imported | None) -> None:
    if made is not None:
        assert declare.loads(made.text).fingerprint == made.layout.fingerprint
        assert made.text.count("# ? ") >= len(made.doubts)


@given(st.lists(WORDS, max_size=40).map(" ".join), st.sampled_from(FORMS))
def test_any_words_are_a_copybook_or_are_refused(text: str, form: str) -> None:
    made = None
    with refused_in_its_own_words():
        made = importing.copybook(f"       {text}", an_order(form, []))
    becomes_a_layout_or_an_error(made)


@given(st.lists(ITEM, min_size=1, max_size=9).map("".join), st.sampled_from(FORMS), SEGMENTS)
def test_any_items_are_a_copybook_or_are_refused(text: str, form: str, segments: list[Segment]) -> None:
    made = None
    with refused_in_its_own_words():
        made = importing.copybook(f"       01 REGISTRO.\n{text}", an_order(form, segments))
    becomes_a_layout_or_an_error(made)


@given(st.text())
def test_any_text_is_a_copybook_or_is_refused(text: str) -> None:
    made = None
    with refused_in_its_own_words():
        made = importing.copybook(text, an_order("fixed", []))
    becomes_a_layout_or_an_error(made)


@given(st.lists(st.lists(CELLS, min_size=7, max_size=7), max_size=6), st.sampled_from(FORMS), SEGMENTS)
def test_any_cells_are_a_table_or_are_refused(rows: list[list[str]], form: str, segments: list[Segment]) -> None:
    made = None
    heads = ["record", "campo", "lunghezza", "posizione", "tipo", "codici", "valore"]
    with refused_in_its_own_words():
        made = importing.table([heads, *rows], an_order(form, segments))
    becomes_a_layout_or_an_error(made)


def an_order(form: str, segments: list[Segment]) -> Order:
    codec = "iso8859-1" if form == "lines" else "cp037"
    known = next(one for one in FORMS if one == form)
    return Order("prova", "prova", codec, known, tuple(segments))
