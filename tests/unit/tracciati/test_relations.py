"""Rules, sequences, unique values and exact sums: columns against the plain definition, row by row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracciati.expression import parse
from tracciati.framing.matching import UNKNOWN
from tracciati.layout import Field, Sequence
from tracciati.reading.continuity import Counter, Unread
from tracciati.reading.uniqueness import Seen, hashes
from tracciati.rules import evaluate
from tracciati.totals import exact_sum
from tracciati.values import Values

AMOUNT = Field("importo", "decimal", 0, 7, digits=7, scale=2, pad="0", align="right")
COUNT = Field("numero", "integer", 0, 5, digits=5, pad="0", align="right")
TEXT = Field("tipo", "text", 0, 4)
DAY = Field("giorno", "date", 0, 8, format="yyyyMMdd")


def numbers(field: Field, values: list[int | None]) -> Values:
    null = np.array([v is None for v in values], np.bool_)
    cells = np.zeros((len(values), field.length or 1), np.uint8)
    found = np.array([0 if v is None else v for v in values], np.int64)
    return Values(field, found, cells, None, null if null.any() else None, None)


def texts(values: list[str]) -> Values:
    cells = np.frombuffer("".join(v.ljust(4) for v in values).encode(), np.uint8).reshape(len(values), 4)
    null = np.array([not v.strip() for v in values], np.bool_)
    return Values(TEXT, None, cells, None, null if null.any() else None, None)


ROWS = st.lists(
    st.tuples(
        st.one_of(st.none(), st.integers(0, 9_999_999)),
        st.one_of(st.none(), st.integers(0, 99_999)),
        st.sampled_from(["", "A", "AB", "B", "ABCD", "a"]),
        st.one_of(st.none(), st.integers(0, 20_000)),
    ),
    min_size=1,
    max_size=30,
)
OPERATORS = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


@given(
    ROWS,
    st.sampled_from(sorted(OPERATORS)),
    st.decimals(-1, 100_000, places=3),
    st.sampled_from(["A", "AB", "ABCD", "ABCDE", "Z"]),
    st.dates(date(1970, 1, 1), date(2024, 1, 1)),
)
def test_a_condition_over_columns_is_the_condition_row_by_row(
    rows: list[tuple[int | None, int | None, str, int | None]], op: str, number: Decimal, text: str, day: date
) -> None:
    amounts, counts, kinds, days = (list(column) for column in zip(*rows, strict=True))
    columns = {
        "importo": numbers(AMOUNT, amounts),
        "numero": numbers(COUNT, counts),
        "tipo": texts(kinds),
        "giorno": numbers(DAY, days),
    }
    compare = OPERATORS[op]

    def holds(left: object, right: object) -> bool:
        return left is not None and right is not None and left != "" and compare(left, right)

    exact = [None if a is None else Decimal(a) / 100 for a in amounts]
    dates = [None if d is None else date(1970, 1, 1) + timedelta(days=d) for d in days]
    cases = {
        f"importo {op} {number:f}": [holds(a, number) for a in exact],
        f"{number:f} {op} importo": [a is not None and compare(number, a) for a in exact],
        f"importo {op} numero": [holds(a, c) for a, c in zip(exact, counts, strict=True)],
        f"tipo {op} '{text}'": [holds(k, text) for k in kinds],
        f"giorno {op} {day.isoformat()}": [holds(d, day) for d in dates],
        f"not importo {op} {number:f}": [not holds(a, number) for a in exact],
        "importo is null": [a is None for a in exact],
        f"tipo is not null and (importo {op} {number:f} or numero > 10)": [
            k != "" and (holds(a, number) or (c is not None and c > 10))
            for k, a, c in zip(kinds, exact, counts, strict=True)
        ],
    }
    for expression, wanted in cases.items():
        assert evaluate(parse(expression), columns, len(rows)).tolist() == wanted, expression  # type: ignore[arg-type]


def test_a_zero_on_the_left_of_an_identifier_belongs_to_it() -> None:
    field = Field("codice", "digits", 0, 4, pad="0", align="right")
    cells = np.frombuffer(b"00070070", np.uint8).reshape(2, 4)
    values = Values(field, None, cells, None, None, None)
    assert evaluate(parse("codice = '0007'"), {"codice": values}, 2).tolist() == [True, False]  # type: ignore[arg-type]
    assert evaluate(parse("codice = '7'"), {"codice": values}, 2).tolist() == [False, False]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "rows", "wanted"),
    [
        ([1, 2, 3], [], []),
        ([2, 3, 4], [0], [1]),
        ([1, 2, 9, 4, 5], [2], [3]),  # one stray number
        ([1, 2, 5, 6, 7], [2], [3]),  # two records are missing
        ([1, 2, 2, 3], [2], [3]),
        ([1, None, 3], [], []),
    ],
)
def test_a_sequence_complains_once_about_one_break(
    values: list[int | None], rows: list[int], wanted: list[int]
) -> None:
    at, expected = Counter(Sequence(start=1)).check(numbers(COUNT, values))
    assert (at.tolist(), [list(one) for one in expected]) == (rows, [[one] for one in wanted])
    # The same, one record at a time.
    counter, found = Counter(Sequence(start=1)), []
    for index, value in enumerate(values):
        found += [index for _ in counter.check(numbers(COUNT, [value]))[0]]
    assert found == rows


# A file as one record type sees it: a number, None for a cell that cannot be read, and records that nobody can read:
# surely of this type ("own"), perhaps ("any"), or with room for one more ("two").
SEEN = st.lists(
    st.one_of(st.integers(0, 12), st.none(), st.sampled_from(["own", "any", "two"])), min_size=1, max_size=14
)


def out_of_sequence(records: list[int | str | None], step: int) -> list[tuple[int, list[int]]]:
    """The plain definition: the set of numbers that may come next, and each readable number held against it."""
    found: list[tuple[int, list[int]]] = []
    wanted, stray = {1}, set[int]()
    for place, record in enumerate(records):
        more = {"own": (1, 1), "any": (0, 1), "two": (1, 2), None: (1, 1)}.get(record)
        if more is not None:
            wanted, stray = ({n + step * k for n in ns for k in more} for ns in (wanted, stray))
            continue
        is_in = record in wanted or record in stray
        if not is_in:
            found.append((place, sorted(wanted)))
        wanted, stray = {record + step}, set() if is_in else {n + step for n in wanted}
    return found


@given(SEEN, st.integers(1, 3), st.lists(st.integers(0, 14), max_size=4))
def test_what_nobody_can_read_has_taken_the_numbers_that_are_missing(
    records: list[int | str | None], step: int, cuts: list[int]
) -> None:
    counter, found = Counter(Sequence(start=1, step=step)), []
    edges = [0, *sorted(min(cut, len(records)) for cut in cuts), len(records)]
    for first, stop in zip(edges, edges[1:], strict=False):
        block = records[first:stop]
        rows = np.array([i for i, one in enumerate(block) if not isinstance(one, str)], np.int64)
        lost = [i for i, one in enumerate(block) if isinstance(one, str)]
        types = np.array([UNKNOWN if block[i] == "any" else 2 for i in lost], np.int16)
        room = np.array([2 if block[i] == "two" else 1 for i in lost], np.int64)
        before = Unread(np.array(lost, np.int64), types, room, is_endless=False).before([2], rows) if lost else None
        if len(rows):
            at, wanted = counter.check(numbers(COUNT, [block[row] for row in rows]), before)
            found += [(first + int(rows[i]), list(one)) for i, one in zip(at, wanted, strict=True)]
        elif before is not None:
            counter.pass_over(before)
    assert found == out_of_sequence(records, step)


@given(st.lists(st.integers(-(10**18), 10**18), max_size=50))
def test_sums_are_exact_beyond_what_int64_holds(values: list[int]) -> None:
    assert exact_sum(np.array(values, np.int64)) == sum(values)


@given(st.lists(st.lists(st.integers(0, 40), max_size=20), max_size=10))
def test_repeats_are_found_in_a_block_and_across_blocks(blocks: list[list[int]]) -> None:
    file = b"".join(b"%04d" % value for block in blocks for value in block)
    seen, offset, known = Seen(lambda start, length: file[start : start + length]), 0, set()
    for block in blocks:
        cells = np.frombuffer(file[offset : offset + 4 * len(block)], np.uint8).reshape(-1, 4)
        places = offset + 4 * np.arange(len(block))
        lengths = np.full(len(block), 4)
        found = seen.check(hashes(cells, None), places, lengths, lambda i, at=offset: file[at + 4 * i : at + 4 * i + 4])
        wanted = []
        for row, value in enumerate(block):
            if value in known:
                wanted.append(row)
            known.add(value)
        assert found.tolist() == wanted
        offset += 4 * len(block)


def test_values_that_share_a_hash_are_not_called_the_same() -> None:
    file = b"AAAABBBBAAAABBBB"
    seen = Seen(lambda start, length: file[start : start + length])
    one_hash = np.ones(4, np.uint64)
    places, lengths = np.arange(4) * 4, np.full(4, 4)
    assert seen.check(one_hash, places, lengths, lambda i: file[i * 4 : i * 4 + 4]).tolist() == [2, 3]


def test_a_hash_does_not_depend_on_how_wide_the_column_happens_to_be() -> None:
    narrow = np.array([[65, 0, 0]], np.uint8)
    wide = np.zeros((1, 20), np.uint8)
    wide[0, 0] = 65
    lengths = np.array([1])
    assert hashes(narrow, lengths) == hashes(wide, lengths)
    assert hashes(narrow, lengths) != hashes(narrow, np.array([2]))


def test_a_field_can_repeat_another_of_its_record() -> None:
    one, other = numbers(COUNT, [1, None, 3, None]), numbers(replace(COUNT, name="altro"), [1, None, 4, 5])
    from tracciati.rules import same_values

    assert same_values(one, other).tolist() == [True, True, False, False]
