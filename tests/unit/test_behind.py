"""Work behind: in order, with a connection of its own, and no failure lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from cominflow.behind import Behind


def test_pieces_are_done_in_order_by_another_thread_that_knows_what_it_is_about(database: str) -> None:
    about: ContextVar[str] = ContextVar("about")
    done: list[tuple[int, str, bool]] = []

    def piece(number: int) -> None:
        done.append((number, about.get(), threading.current_thread() is threading.main_thread()))

    with Behind("testing") as behind:
        for number in range(20):
            about.set(f"A-{number}")
            behind.do(piece, number)
    assert done == [(number, f"A-{number}", False) for number in range(20)]


def test_what_a_piece_raises_is_raised_and_nothing_after_it_is_begun(database: str) -> None:
    done: list[int] = []

    def piece(number: int) -> None:
        if number == 3:
            raise ValueError("the third")
        done.append(number)

    with pytest.raises(ValueError, match="the third"), Behind("testing") as behind:
        for number in range(20):
            behind.do(piece, number)
    assert done == [0, 1, 2]


def test_where_the_caller_fails_what_it_handed_over_is_done_and_its_failure_goes_on(database: str) -> None:
    go, done = threading.Event(), []

    def piece(number: int) -> None:
        go.wait(10)
        done.append(number)

    with pytest.raises(KeyError, match="the caller"), Behind("testing") as behind:
        for number in range(2):
            behind.do(piece, number)
        go.set()
        raise KeyError("the caller")
    assert done == [0, 1]


def test_where_both_fail_the_callers_failure_goes_on_and_the_other_is_logged(
    database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def piece() -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(KeyError), Behind("storing answers") as behind:
        behind.do(piece)
        raise KeyError
    assert "storing answers failed as well" in caplog.text and "No space left on device" in caplog.text


def test_its_connection_is_its_own_and_is_closed_at_the_end(database: str) -> None:
    from django.db import connection, connections

    from cominflow.models import Customer

    used = []

    def piece() -> None:
        assert Customer.objects.count() == 0
        used.append(connections["default"])

    with Behind("testing") as behind:
        behind.do(piece)
    assert used[0] is not connections["default"] and used[0].connection is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_inside_a_transaction_it_is_done_at_once(database: str) -> None:
    from django.db import transaction

    from cominflow.models import Customer

    with transaction.atomic(), Behind("testing") as behind:
        behind.do(lambda: Customer.objects.create(code="banca-demo", name="Banca Demo", created_at="2026-03-01T00:00Z"))
        assert Customer.objects.count() == 1


def test_items_are_made_by_the_second_thread_one_ahead_and_between_them_what_is_handed_over(database: str) -> None:
    order: list[str] = []
    second = threading.Event()

    def made() -> Iterator[int]:
        for number in range(3):
            assert threading.current_thread() is not threading.main_thread()
            order.append(f"made {number}")
            if number == 1:
                second.set()
            yield number

    with Behind("testing") as behind:
        for number in behind.ahead(made()):
            if number == 0:
                assert second.wait(10), "the next one is made while this one is worked on"
            behind.do(order.append, f"stored {number}")
    assert order == ["made 0", "made 1", "stored 0", "made 2", "stored 1", "stored 2"]


@pytest.mark.parametrize("where", ["making", "storing", "using"])
def test_what_fails_ends_the_items(database: str, where: str) -> None:
    used: list[int] = []
    stored: list[int] = []

    def made() -> Iterator[int]:
        yield from (1, 2)
        if where == "making":
            raise KeyError("making")
        yield from (3, 4, 5, 6)

    def store(number: int) -> None:
        if where == "storing" and number == 2:
            raise KeyError("storing")
        stored.append(number)

    with pytest.raises(KeyError, match=where), Behind("testing") as behind:
        for number in behind.ahead(made()):
            if where == "using" and number == 2:
                raise KeyError("using")
            used.append(number)
            behind.do(store, number)
    assert used in ([1], [1, 2], [1, 2, 3]), "nothing goes on long after a failure"
    assert stored == ([1] if where == "storing" else used), "what was handed over is done"


def test_inside_a_transaction_items_are_made_when_they_are_wanted(database: str) -> None:
    from django.db import transaction

    with transaction.atomic(), Behind("testing") as behind:
        assert [threading.current_thread() is item for item in behind.ahead(iter([threading.main_thread()]))] == [True]
