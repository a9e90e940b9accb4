"""The order of records in a generated file: whatever the structure, it accepts the walk, and counts are kept."""

from __future__ import annotations

import numpy as np
import pytest

from tracciati import structure
from tracciati.generate import succession
from tracciati.structure import Automaton

RIBA = {"disposizione": "14 20 30 40 50? 51 59* 70"}


def compiled(text: str, groups: dict[str, str] | None = None) -> Automaton:
    """A structure whose record names are those it mentions."""
    words = [word for word, _ in structure.words(" ".join([text, *(groups or {}).values()])) if word.isalnum()]
    names = [word for word in dict.fromkeys(words) if word not in (groups or {})]
    return structure.compile(text, {name: index for index, name in enumerate(names)}, groups or {})


def walked(automaton: Automaton, unit: str, count: int, seed: int = 1) -> list[str]:
    """The names of the records of one file, which the structure accepts."""
    chance = np.random.default_rng(seed)
    stretches = list(succession.walk(automaton, unit, count, chance, units_per_stretch=7))
    types = np.concatenate([stretch.types for stretch in stretches])
    run = automaton.run(types)
    assert run.stop == -1
    assert automaton.accepting[run.state]
    assert sum(stretch.units_count for stretch in stretches) == (count if unit else 0)
    return [automaton.type_names[kind] for kind in types.tolist()]


@pytest.mark.parametrize(
    ("text", "groups", "unit"),
    [
        ("testa richiesta+ coda", {}, "richiesta"),
        ("IB disposizione+ EF", RIBA, "disposizione"),
        ("(IB disposizione+ EF)+", RIBA, "disposizione"),
        ("testa nota* richiesta* coda?", {}, "richiesta"),
        ("testa (a | b c)* coda", {}, "b"),
        ("riga*", {}, "riga"),
    ],
)
@pytest.mark.parametrize("count", [1, 6, 7, 8, 50])
def test_a_file_has_the_units_that_were_asked_for(text: str, groups: dict[str, str], unit: str, count: int) -> None:
    automaton = compiled(text, groups)
    for seed in range(5):
        names = walked(automaton, unit, count, seed)
        first = groups[unit].split()[0] if unit in groups else unit
        assert names.count(first) == count


def test_options_are_taken_now_and_then() -> None:
    names = walked(compiled("IB disposizione+ EF", RIBA), "disposizione", 300)
    assert 0 < names.count("50") < 300
    assert 0 < names.count("59") < 300


def test_the_unit_is_the_group_that_repeats_else_the_record_type_that_does() -> None:
    assert succession.default_unit(compiled("IB disposizione+ EF", RIBA)) == "disposizione"
    assert succession.default_unit(compiled("testa richiesta+ coda")) == "richiesta"
    assert succession.default_unit(compiled("testa coda")) == ""
    assert succession.default_unit(compiled("testa gruppo coda", {"gruppo": "a b+"})) == "b"


def test_nothing_repeats_and_the_one_file_is_made() -> None:
    assert walked(compiled("testa corpo? coda"), "", 1)[-1] == "coda"


def test_a_file_that_the_structure_does_not_have_is_refused() -> None:
    with pytest.raises(succession.SuccessionError, match="no file with 2 x `testa`"):
        walked(compiled("testa coda"), "testa", 2)
    with pytest.raises(succession.SuccessionError, match="no file with 0 x `riga`"):
        walked(compiled("testa riga+ coda"), "riga", 0)
