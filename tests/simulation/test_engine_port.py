"""The port to the durable engine: work is never started inside a transaction, and nothing but ids is stored."""

from __future__ import annotations

import pytest


@pytest.mark.usefixtures("database")
def test_work_is_not_started_inside_a_transaction() -> None:
    from django.db import transaction

    from cominflow.flows import batch, engine

    with pytest.raises(AssertionError, match="never inside it"), transaction.atomic():
        engine.start(batch.process_batch, "batch-1-0", 1)


@pytest.mark.parametrize("value", ["XXXYYY80A01Z999H " * 20, b"bytes", 1.5, {"a": object()}])
def test_what_is_no_id_is_not_stored_by_the_engine(value: object) -> None:
    from cominflow.flows import engine

    with pytest.raises(AssertionError):
        engine._Json().serialize({"args": [value], "kwargs": {}})


def test_an_error_reaches_the_engine_without_its_text() -> None:
    from cominflow.flows import engine

    assert "XXXYYY80A01Z999H" not in engine._Json().serialize(ValueError("XXXYYY80A01Z999H is not known"))


@pytest.mark.usefixtures("database")
def test_a_step_that_does_not_end_in_time_is_told_and_the_engine_is_stopped_when_it_has() -> None:
    import threading

    from cominflow.flows import engine

    begun, release = threading.Event(), threading.Event()

    @engine.workflow
    def that_waits(_: int) -> None:
        begun.set()
        release.wait()

    engine.launch()
    engine.start(that_waits, "batch-0-0", 0)
    assert begun.wait(60)
    assert not engine.shut_down(wait_s=0.0), "it still works"
    release.set()
    assert engine.shut_down()


@pytest.mark.usefixtures("database")
def test_the_engine_has_the_instant_that_it_asks_its_database_for_on_every_python() -> None:
    import sqlalchemy

    from cominflow import clock, settings
    from cominflow.flows import engine

    if not settings.IS_SQLITE:
        pytest.skip("PostgreSQL has its own")
    before = clock.now().timestamp()
    with engine._database().connect() as connection:
        said = connection.execute(sqlalchemy.text("SELECT unixepoch('subsec')")).scalar()
    assert said is not None
    assert before - 1 <= said <= clock.now().timestamp() + 1
