"""Which bytes were seen, whatever the order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cominflow.exchange.sftp.coverage import Coverage

SIZE = 40
pieces = st.lists(st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)), max_size=30)


@given(pieces)
def test_it_says_the_same_as_a_set_of_bytes(added: list[tuple[int, int]]) -> None:
    coverage, seen = Coverage(), set()
    for start, stop in added:
        coverage.add(start, stop)
        seen.update(range(start, stop))
        for size in range(SIZE + 1):
            gap = next((n for n in range(size) if n not in seen), size)
            assert coverage.first_gap(size) == gap and coverage.is_whole(size) == (gap == size)
    runs = sum(1 for n in seen if n - 1 not in seen)
    assert coverage.ranges_count == runs


def test_a_file_that_comes_in_order_is_one_range() -> None:
    coverage = Coverage()
    for start in range(0, 1_000_000, 100):
        coverage.add(start, start + 100)
    assert coverage.ranges_count == 1 and coverage.is_whole(1_000_000)
