"""Structures: accepted and refused texts, the tables, and runs over record types, held against Python's `re`."""

import re

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tracciati import structure
from tracciati.limits import RUN_RECORDS
from tracciati.structure import Automaton, StructureError

INDEX = {"A": 0, "B": 1, "C": 2, "D": 3}


def compiled(text: str, **groups: str) -> Automaton:
    return structure.compile(text, INDEX, groups)


def types(letters: str) -> np.ndarray:
    return np.array([INDEX.get(letter, 255) for letter in letters], np.uint8)


def accepts(automaton: Automaton, letters: str) -> bool:
    run = automaton.run(types(letters))
    return run.stop == -1 and bool(automaton.accepting[run.state])


def counted(automaton: Automaton, letters: str, group: str) -> int:
    """Occurrences of a group in a run, by the table `begins`."""
    run = automaton.run(types(letters))
    assert run.stop == -1
    before = np.concatenate([[0], run.states[:-1]])
    return int(automaton.begins[before, types(letters), automaton.group_index(group)].sum())


def test_head_requests_and_tail():
    automaton = compiled("A B+ C")
    assert accepts(automaton, "ABC")
    assert accepts(automaton, "ABBBBBC")
    assert not accepts(automaton, "AC")
    assert not accepts(automaton, "ABB")
    assert not accepts(automaton, "")


def test_the_first_misfit_is_named_and_what_was_expected_there():
    automaton = compiled("A B+ C?")
    run = automaton.run(types("ABBAC"))
    assert run.stop == 3
    assert run.states.tolist() == [1, 2, 2, -1, -1]
    assert automaton.expected(run.state) == ["B", "C", "end of file"]
    assert automaton.expected(0) == ["A"]


def test_a_type_that_is_no_index_fits_nowhere():
    automaton = compiled("A B+ C")
    assert automaton.run(types("ABxBC")).stop == 2
    assert automaton.run(np.array([0, 1, -1, 1], np.int16)).stop == 2
    assert automaton.run(np.array([0, 4], np.int64)).stop == 1


def test_an_empty_run_stays_where_it_is():
    run = compiled("A B+ C").run(types(""), 2)
    assert (run.stop, run.state, len(run.states)) == (-1, 2, 0)


def test_each_occurrence_of_a_group_is_counted_once():
    automaton = compiled("A disposizione+ D", disposizione="B C? B")
    assert counted(automaton, "ABBBCBBBD", "disposizione") == 3
    assert automaton.inside[:, 0].sum() == 3
    assert not automaton.inside[0].any()


def test_groups_in_groups_are_counted_each():
    automaton = compiled("blocco+", blocco="A voce* D", voce="B C*")
    letters = "ABBCCBDADABD"
    assert counted(automaton, letters, "blocco") == 3
    assert counted(automaton, letters, "voce") == 4


def test_alternatives_reach_as_far_as_their_parentheses():
    automaton = compiled("A (B | C D)* A")
    assert accepts(automaton, "ABCDBA")
    assert not accepts(automaton, "ABCBA")


def test_which_types_a_file_can_hold_several_of():
    assert compiled("A B+ C").repeated_types == {1}
    assert compiled("A g+ D", g="B C?").repeated_types == {1, 2}
    assert compiled("A B A").repeated_types == {0}
    assert compiled("A (B | C B)").repeated_types == set()


@pytest.mark.parametrize(
    ("text", "groups", "why", "position"),
    [
        ("A B* B", {}, "when a `B` follows, it could stand at two places", 5),
        ("(A | A B)", {}, "when a `A` follows, it could stand at two places", 5),
        ("A? A", {}, "when a `A` follows, it could stand at two places", 3),
        ("(A B)* A", {}, "when a `A` follows, it could stand at two places", 7),
        ("A g+", {"g": "B+"}, "when a `B` follows, it could go on with the group or begin a new one (group g)", 0),
        ("A X", {}, "`X` is neither a record nor a group", 2),
        ("A (B", {}, "a ( without its )", 4),
        ("A B)", {}, "a ) without its (", 3),
        ("A + +", {}, "", None),
        ("+ A", {}, "+ must follow a name or a )", 0),
        ("A | ", {}, "expected the name of a record or group", 4),
        ("", {}, "expected the name of a record or group", 0),
        ("A, B", {}, "',' has no meaning in a structure", 1),
        ("A g", {"g": "B g"}, "group `g` contains itself", 2),
        ("A g", {"g": "B?"}, "group `g` may be empty, so that nobody could count it", 2),
    ],
)
def test_what_is_refused_and_where(text: str, groups: dict[str, str], why: str, position: int | None):
    if position is None:
        assert accepts(compiled(text, **groups), "AA")
        return
    with pytest.raises(StructureError) as refused:
        compiled(text, **groups)
    assert refused.value.why == why
    assert refused.value.position == position


def test_the_message_shows_the_text_with_the_place_marked():
    with pytest.raises(StructureError) as refused:
        compiled("A B* B C")
    assert str(refused.value) == "when a `B` follows, it could stand at two places\n  A B* B C\n       ^"


def test_two_spellings_have_one_canonical_text():
    assert structure.canonical("  A (B|C   D) * ? E+") == "A (B | C D)*? E+"
    assert structure.canonical(structure.canonical("A(B|C)+D")) == "A (B | C)+ D"


# A random structure as nested tuples, written both as our text and as Python's regular expression.
_TREES = st.recursive(
    st.sampled_from("ABCD"),
    lambda inner: st.one_of(
        st.tuples(st.just(" "), inner, inner),
        st.tuples(st.just("|"), inner, inner),
        st.tuples(st.sampled_from("?*+"), inner),
    ),
    max_leaves=8,
)


def written(tree: object, *, as_regex: bool) -> str:
    if isinstance(tree, str):
        return tree
    mark, *parts = tree  # type: ignore[misc]
    texts = [written(part, as_regex=as_regex) for part in parts]
    if mark in "?*+":
        return f"({texts[0]}){mark}"
    return "(" + ("|" if mark == "|" else "" if as_regex else " ").join(texts) + ")"


@given(_TREES, st.lists(st.text("ABCD", max_size=12), max_size=20))
def test_the_automaton_accepts_what_a_regular_expression_accepts(tree: object, files: list[str]):
    try:
        automaton = compiled(written(tree, as_regex=False))
    except StructureError:
        assume(False)
    pattern = re.compile(written(tree, as_regex=True))
    for letters in files:
        assert accepts(automaton, letters) == (pattern.fullmatch(letters) is not None)


@given(_TREES, st.text("ABCDx", max_size=60), st.integers(0, 60))
def test_a_file_read_in_two_blocks_runs_as_one(tree: object, letters: str, cut: int):
    try:
        automaton = compiled(written(tree, as_regex=False))
    except StructureError:
        assume(False)
    whole = automaton.run(types(letters))
    first = automaton.run(types(letters[:cut]))
    if first.stop >= 0:
        assert first.stop == whole.stop
        return
    second = automaton.run(types(letters[cut:]), first.state)
    assert np.array_equal(np.concatenate([first.states, second.states]), whole.states)
    assert second.state == whole.state
    assert (second.stop + min(cut, len(letters)) if second.stop >= 0 else -1) == whole.stop


@pytest.mark.parametrize("text", ["A B+ C", "A (B C? B)+ D"])
def test_long_runs_equal_the_plain_walk(text: str):
    automaton = compiled(text)
    count = 2 * RUN_RECORDS + 1000
    long = np.tile(types("BBBB"), count // 4)
    long[0] = 0
    for misfit in (None, 1, RUN_RECORDS - 1, RUN_RECORDS, count - 2):
        some = long.copy()
        if misfit is not None:
            some[misfit] = 3
        run = automaton.run(some)
        state, expected = 0, np.full(len(some), -1, np.int16)
        for index, record_type in enumerate(some.tolist()):
            state = int(automaton.step[state, record_type])
            if state < 0:
                break
            expected[index] = state
        assert np.array_equal(run.states, expected)
        assert run.stop == (int(np.argmin(expected)) if (expected < 0).any() else -1)
