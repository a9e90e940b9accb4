"""Run: the loop's own rules, without the durable engine: the lock, requests to sweep, what is due, what fails."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.house import House


def test_the_second_engine_is_told_the_process_that_has_the_lock(house: House) -> None:
    import os

    from cominflow.errors import LockedError
    from cominflow.flows import lock

    with (
        lock.locked(house.folders),
        pytest.raises(LockedError, match=f"process {os.getpid()}"),
        lock.locked(house.folders),
    ):
        pass
    with lock.locked(house.folders):
        pass


def test_who_asks_for_the_living_engine_keeps_nobody_from_starting(house: House) -> None:
    import os

    from cominflow.flows import lock

    assert lock.holder(house.folders) == "", "there was none yet"
    with lock.locked(house.folders):
        assert lock.holder(house.folders) == str(os.getpid())
        assert lock.holder(house.folders) == str(os.getpid())
    assert lock.holder(house.folders) == "", "what it wrote is there, and it is gone"
    with lock.locked(house.folders):
        pass


def test_who_asked_for_a_sweep_waits_until_it_was_made(house: House) -> None:
    from cominflow.flows import run

    run.request_sweep(house.folders)
    assert not run.wait_until_idle(house.folders, timeout_s=0), "nobody took the request"
    assert run._take_request(house.folders)
    assert not run.wait_until_idle(house.folders, timeout_s=0), "it is being swept: no batch is there yet"
    run._finish_request(house.folders)
    assert run.wait_until_idle(house.folders, timeout_s=0)
    assert not run._take_request(house.folders)


def test_an_inbox_that_fails_is_logged_when_it_begins_to_and_when_it_ends(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    from cominflow.flows import run
    from tests.house import BANK

    runner = run.Runner(house.folders)
    inbox = house.folders.customer(BANK).inbox
    inbox.rename(house.folder / "away")
    for _ in range(3):
        runner.sweep()
        assert runner.failure is not None, "each sweep fails"
    (said,) = caplog.messages
    assert said.startswith(f"the inbox of {BANK} was not swept: ") and str(inbox) in said
    (house.folder / "away").rename(inbox)
    for _ in range(2):
        runner.sweep()
        assert runner.failure is None
    assert caplog.messages[1:] == [f"the inbox of {BANK} is swept again"]


def test_a_batch_that_waits_for_its_next_try_is_not_due_but_told(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import run
    from cominflow.models import Batch

    batch = Batch.objects.create(created_at=clock.now())
    assert not run.wait_until_idle(house.folders, timeout_s=0)
    batch.error, batch.not_before = "no disk", clock.now() + timedelta(hours=1)
    batch.save()
    assert run.wait_until_idle(house.folders, timeout_s=0)
    assert [one.error for one in run.failing()] == ["no disk"]


def test_only_what_failed_is_tried_again_when_somebody_asks(house: House) -> None:
    from cominflow import clock
    from cominflow.flows import run
    from cominflow.models import Batch

    later = clock.now() + timedelta(hours=1)
    failed = Batch.objects.create(created_at=clock.now(), error="no disk", not_before=later, failures_count=3)
    resting = Batch.objects.create(created_at=clock.now(), not_before=later)
    run._try_failed_now()
    failed.refresh_from_db()
    resting.refresh_from_db()
    assert (failed.not_before, failed.error, failed.failures_count) == (None, "no disk", 3)
    assert resting.not_before == later, "its provider is paused"


def test_an_inbox_that_fails_does_not_keep_the_others_waiting(house: House) -> None:
    from cominflow.flows.run import Runner
    from cominflow.models import Arrival
    from tests.house import BANK, bank_file

    house.add_customer("an-absent-one")
    folder = house.folders.customer("an-absent-one").inbox
    folder.rename(folder.with_name("gone"))
    (house.folders.customer(BANK).inbox / "RV_20260301_001.txt").write_bytes(bank_file(1))
    runner = Runner(house.folders)
    assert runner.sweep() == 1
    assert Arrival.objects.get().customer.code == BANK
    assert "an-absent-one" in str(runner.failure)
    folder.with_name("gone").rename(folder)
    assert runner.sweep() == 0 and runner.failure is None


def test_a_sweep_that_fails_is_one_line_and_ends_no_engine(house: House) -> None:
    from cominflow.flows import run

    runner = run.Runner(house.folders)
    told: list[logging.LogRecord] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record)
            runner.stopping.set()

    (house.folders.state / "sweeping").mkdir()  # in the way of the request
    run.request_sweep(house.folders)
    listener = Listener(logging.ERROR)
    run.log.addHandler(listener)
    try:
        runner.run()
    finally:
        run.log.removeHandler(listener)
    (failed,) = told
    assert failed.getMessage().startswith("a sweep failed and is repeated in 5 s: ") and failed.exc_info is None


def test_starting_work_inside_a_transaction_is_refused(house: House) -> None:
    from django.db import transaction

    from cominflow.flows import batch, engine

    with pytest.raises(AssertionError, match="after the transaction that wrote its rows"), transaction.atomic():
        engine.start(batch.process_batch, "batch-1-0", 1)


def test_only_ids_and_short_texts_enter_the_engines_tables() -> None:
    from cominflow.flows import engine

    kept = engine._Json()
    assert kept.deserialize(kept.serialize([[1, -1], "failed", None])) == [[1, -1], "failed", None]
    assert kept.serialize(ValueError("XXXYYY80A01Z999H")) == '{"error": "ValueError"}'
    for value in (b"bytes", 1.5, "x" * 201):
        with pytest.raises(AssertionError):
            kept.serialize(value)


def test_the_engine_forgets_the_workflows_of_finished_batches_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cominflow import clock
    from cominflow.flows import engine
    from cominflow.flows.run import Runner
    from cominflow.models import Batch

    done = Batch.objects.create(created_at=clock.now(), finished_at=clock.now())
    failing = Batch.objects.create(created_at=clock.now())
    names = [f"batch-{done.pk}-0", f"batch-{done.pk}-1", f"batch-{failing.pk}-0"]
    forgotten: list[str] = []
    monkeypatch.setattr(engine, "ended", lambda limit: names)
    monkeypatch.setattr(engine, "forget", forgotten.extend)
    Runner(house.folders).forget_ended()
    assert forgotten == names[:2]
