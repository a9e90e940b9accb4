"""Turns: one at a time, and nobody who waits for one outlives the engine."""

from __future__ import annotations

import threading

from cominflow import stopping
from cominflow.exchange import turns


def test_one_works_at_a_time_and_a_thread_may_take_its_turn_again(database: str) -> None:
    came_in = threading.Event()

    def work() -> None:
        with turns.working():
            came_in.set()

    other = threading.Thread(target=work)
    with turns.working():
        other.start()
        with turns.working():
            assert not came_in.wait(0.3)
        assert not came_in.wait(0.3), "the turn is not over with the inner one"
    assert came_in.wait(30)
    other.join(30)


def test_who_waits_for_a_turn_ends_when_the_engine_is_stopped(database: str) -> None:
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            with turns.working():
                raise AssertionError("it is taken")
        except stopping.StoppedError as error:
            ended.append(type(error))

    other = threading.Thread(target=wait)
    with turns.working():
        other.start()
        stopping.ask()
        other.join(30)
    stopping.forget()
    assert ended == [stopping.StoppedError]
    with turns.working():
        assert not other.is_alive()


def test_turns_are_taken_in_the_order_in_which_they_are_asked_for(database: str) -> None:
    order: list[int] = []
    others = []

    def work(number: int) -> None:
        with turns.working():
            order.append(number)

    with turns.working():
        for number in range(8):
            others.append(threading.Thread(target=work, args=(number,)))
            others[-1].start()
            stands = threading.Event()
            while len(turns._working._line) < number + 2:
                stands.wait(0.01)
    for other in others:
        other.join(30)
    assert order == list(range(8)) and not turns._working._line
