"""Turns: one at a time, and nobody who waits for one outlives the engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from cominflow import stopping
from cominflow.exchange import turns


def test_one_works_at_a_time_and_a_thread_may_take_its_turn_again(database: str) -> None:
    inside, most = 0, 0
    counting = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with turns.working(), turns.working():
                with counting:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.001)  # whoever could would come in
                with counting:
                    inside -= 1

    run([work] * 4)
    assert (inside, most) == (0, 1)


def test_who_waits_for_a_turn_ends_when_the_engine_is_stopped(database: str) -> None:
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            with turns.working():
                raise AssertionError("it is taken")
        except stopping.StoppedError as error:
            ended.append(type(error))

    with turns.working():
        waiting = threading.Thread(target=wait)
        waiting.start()
        stopping.ask()
        waiting.join(10)
    stopping.forget()
    assert ended == [stopping.StoppedError]
    with turns.working():
        pass


def run(functions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "somebody waits in vain"
