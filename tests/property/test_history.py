"""Histories of invented files, against a model that remembers everything and compares it one by one."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.statements import Account, codes, statement, told
from tracciati.history import keys as keys_module
from tracciati.history.keys import Keys, Stand
from tracciati.history.numbers import Course, follow
from tracciati.layout import Sequence

KEYS = st.sampled_from(["A", "B", "C", "D", "E"])
ACCOUNTS = st.lists(
    st.tuples(
        st.sampled_from(["X", "Y", "Z"]), st.integers(0, 2), st.integers(0, 2), st.lists(KEYS, max_size=3, unique=True)
    ),
    max_size=4,
)
FILES = st.lists(st.tuples(st.integers(1, 9), ACCOUNTS), max_size=7)


def naive(files: list[tuple[int, list[Account]]]) -> Counter[str]:
    """What is to be said, by code; numbers are not looked at when the count may have begun anew."""
    said: Counter[str] = Counter()
    contents: list[bytes] = []
    keys: dict[str, int] = {}
    balances: dict[str, int] = {}
    for index, (number, accounts) in enumerate(files):
        data = statement(number, *accounts)
        if data in contents:
            said["TR-H505"] += 1
            continue
        contents.append(data)
        for account, opening, closing, _ in accounts:
            said["TR-H507"] += balances.get(account, opening) != opening
            balances[account] = int(closing)
        for key in [key for *_, its in accounts for key in its]:
            said["TR-H506"] += keys.setdefault(key, index) != index
    return +said


@settings(deadline=None, max_examples=60)
@given(FILES)
def test_contents_keys_and_balances_are_those_of_a_model_that_remembers_everything(
    files: list[tuple[int, list[Account]]],
) -> None:
    report = told([statement(number, *accounts) for number, accounts in files], keys=["movimento.chiave"])
    found = Counter({code: number for (code, _), number in report.counts.items()})
    assert found - Counter({code: n for code, n in found.items() if code < "TR-H504"}) == naive(files)


@settings(deadline=None, max_examples=100)
@given(st.permutations(range(1, 10)), st.integers(0, 9))
def test_of_numbers_in_any_order_those_that_jump_and_step_back_are_told(order: list[int], left_out: int) -> None:
    numbers = [number for number in order if number != left_out]
    report = told([statement(number) for number in numbers])
    expected: list[str] = []
    last, aside = numbers[0], None
    for index, number in enumerate(numbers[1:], 2):
        if number == last + 1 or aside is not None and number == aside + 1:
            last, aside = number, None
        elif number > last:
            expected.append(f"{index} TR-H501")
            last, aside = number, None
        else:
            expected.append(f"{index} TR-H503")
            aside = number
    assert codes(report) == expected


@given(st.lists(st.integers(1, 40), min_size=1, unique=True))
def test_numbers_that_only_rise_name_each_missing_one_once(numbers: list[int]) -> None:
    numbers.sort()
    course, missing = Course(), list[int]()
    for number in numbers:
        judged, course = follow(course, number, number, sequence=Sequence(scope="feed"), largest=99)
        assert judged.kind in ("", "gap")
        missing += judged.missing
    assert missing == sorted({*range(numbers[0], numbers[-1])} - {*numbers})


@settings(deadline=None)
@given(
    st.lists(st.lists(st.one_of(st.none(), st.text("ab\0", max_size=3)), max_size=8), max_size=6),
    st.integers(1, 12),
    st.sets(st.integers(0, 5)),
)
def test_keys_on_disk_are_found_as_in_a_dictionary(
    files: list[list[str | None]], run_keys: int, dropped: set[int]
) -> None:
    keys = Keys(run_keys=run_keys)
    first: dict[str, Stand] = {}
    expected: list[tuple[Stand, Stand]] = []
    for index, texts in enumerate(files):
        numbers = np.arange(1, len(texts) + 1)
        keys.add(pa.array(texts, pa.string()), index, numbers, numbers + 100, numbers + 1000, numbers + 7)
        if index in dropped:
            keys.drop(index)
            continue
        for number, text in enumerate(texts, 1):
            stand = Stand(index, number, number + 100, number + 1000, number + 7)
            if text is not None and first.setdefault(text, stand).file != index:
                expected.append((stand, first[text]))
    assert keys.repeated(1000) == (len(expected), expected)
    assert Keys().repeated(5) == (0, [])


def test_keys_that_share_a_hash_are_not_the_same(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(keys_module, "hashes", lambda cells, lengths: np.ones(len(cells), np.uint64))
    keys = Keys()
    one = np.ones(2, np.int64)
    keys.add(pa.array(["a", "b"]), 0, one, one, one, one)
    keys.add(pa.array(["b", "c"]), 1, one, one, one, one)
    count, ((later, earlier),) = keys.repeated(5)
    assert (count, later.file, earlier.file) == (1, 1, 0)
