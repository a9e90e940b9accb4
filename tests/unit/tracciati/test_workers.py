"""Workers: the same result as alone, and whatever happens to a process, none is left behind."""

from __future__ import annotations

import mmap
import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from tracciati import declare, reading
from tracciati.errors import ReadingError
from tracciati.findings.report import Report
from tracciati.reading import Block, Reading, check, workers
from tracciati.reading.columns import Reader

FIXED = declare.load(Path(__file__).parents[2] / "samples" / "orders-fixed.toml")


def orders(count: int) -> bytes:
    lines = [b"02%05dRIF%03dROSSI    202603050001250V  \r\n" % (number, number) for number in range(1, count + 1)]
    head, tail = b"01BANCA   20260301                      \r\n", b"99BANCA   %05d%09d                \r\n"
    return head + b"".join(lines) + tail % (count, count * 1250)


# Bad cells in many blocks, a line that is too short, one of no type, and a repeated reference.
DIRTY = (
    orders(300)
    .replace(b"0001250V", b"000X250V", 40)
    .replace(b"RIF200", b"RIF199")
    .replace(b"0200250", b"77")
    .replace(b"0200260", b"7700260")
)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The processes that a reading has started, by their number; small blocks, so that there are many."""
    pids: list[int] = []
    start = workers._Worker.__init__

    def noted(self: workers._Worker, *arguments: object) -> None:
        start(self, *arguments)  # type: ignore[arg-type]
        assert self._process.pid is not None
        pids.append(self._process.pid)

    monkeypatch.setattr(workers._Worker, "__init__", noted)
    monkeypatch.setattr(workers, "can_fork", lambda: True)  # the test runner's thread waits, and holds no lock
    monkeypatch.setattr(reading, "BLOCK_BYTES", 500)
    return pids


def are_gone(pids: list[int]) -> bool:
    """Have they ended, and been waited for?"""
    for pid in pids:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        return False
    return bool(pids)


def read(data: bytes | Path, count: int) -> tuple[list[Block], Report]:
    pass_over = Reading(data, FIXED, unit="ordine", workers=count, source_name="orders.txt")
    return list(pass_over), pass_over.report


@pytest.mark.parametrize("data", [orders(300), DIRTY], ids=["clean", "dirty"])
@pytest.mark.parametrize("count", [2, 4])
@pytest.mark.parametrize("is_path", [True, False], ids=["path", "bytes"])
def test_workers_change_nothing_but_the_time(
    data: bytes, count: int, is_path: bool, started: list[int], tmp_path: Path
) -> None:
    path = tmp_path / "orders.txt"
    path.write_bytes(data)
    # All blocks are kept until the end, so that memory which was used again too early would be seen.
    alone, beside = read(data, 1), read(path if is_path else data, count)
    assert len(started) == count - 1
    assert are_gone(started)
    assert b"".join(block.buffer.tobytes() for block in beside[0]) == data
    for one, other in zip(alone[0], beside[0], strict=True):
        assert one.buffer.tobytes() == other.buffer.tobytes()
        assert one.bad.tolist() == other.bad.tolist()
        assert {n: t.columns for n, t in one.tables.items()} == {n: t.columns for n, t in other.tables.items()}
    assert alone[1].to_json() == beside[1].to_json()
    assert check(path, FIXED, unit="ordine", workers=count, source_name="orders.txt") == alone[1]


def test_without_memory_to_share_the_file_is_read_alone(
    started: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError("no memory to be had")

    path = tmp_path / "orders.txt"
    path.write_bytes(DIRTY)
    alone = read(path, 1)[1]
    monkeypatch.setattr(mmap, "mmap", refused)
    assert read(path, 2)[1] == alone
    assert started == []


def test_the_reading_process_reads_only_some_of_the_columns(
    started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    here: list[str] = []
    in_place = Reader.read

    def noted(self: Reader, *arguments: Any) -> Any:
        here.append("a block")  # each process has a list of its own
        return in_place(self, *arguments)

    monkeypatch.setattr(Reader, "read", noted)
    read(orders(3000), 1)
    alone = len(here)
    here.clear()
    read(orders(3000), 2)
    assert 0 < len(here) < alone


def test_a_small_file_starts_no_process(started: list[int]) -> None:
    read(orders(5), 2)
    assert started == []


def test_a_worker_that_dies_is_an_error_and_no_shorter_result(started: list[int]) -> None:
    with pytest.raises(ReadingError, match=r"cannot read orders\.txt: a worker process .*exit code -9"):
        for block in Reading(orders(3000), FIXED, workers=2, source_name="orders.txt"):
            if block.number == 1:
                os.kill(started[0], signal.SIGKILL)
    assert are_gone(started)


def test_a_reading_that_is_given_up_leaves_no_process(started: list[int]) -> None:
    blocks = iter(Reading(orders(3000), FIXED, workers=3))
    while next(blocks).number < 5:
        assert not are_gone(started)
    blocks.close()  # type: ignore[attr-defined]
    assert len(started) == 2
    assert are_gone(started)


def test_a_worker_ends_when_the_reading_process_is_no_more(started: list[int]) -> None:
    blocks = iter(Reading(orders(3000), FIXED, workers=2))
    while next(blocks).number < 2:
        pass
    (worker,) = blocks.gi_frame.f_locals["workers"]._workers  # type: ignore[attr-defined]
    worker._connection.close()  # as the system does when a process is killed
    worker._process.join(30)
    assert worker._process.exitcode == 0
    with pytest.raises(ReadingError):
        list(blocks)
    assert are_gone(started)


def test_columns_that_do_not_fit_the_shared_memory_are_read_here(
    started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = read(DIRTY, 1)[1]
    for area_bytes in (1_000, 6_000, 20_000):
        monkeypatch.setattr(workers, "WORKER_AREA_FACTOR", 0)
        monkeypatch.setattr(workers, "WORKER_AREA_SPARE_BYTES", area_bytes)
        assert read(DIRTY, 2)[1] == alone
    assert are_gone(started)


def test_a_defect_in_a_worker_is_raised_as_it_is_alone(started: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(*arguments: object) -> None:
        raise AssertionError("a defect")

    blocks = iter(Reading(orders(300), FIXED, workers=2))
    next(blocks)
    monkeypatch.setattr(Reader, "read", defect)
    with pytest.raises(AssertionError, match="a defect"):
        list(blocks)
    assert are_gone(started)


def test_a_process_with_other_threads_is_not_forked() -> None:
    waits = threading.Event()
    thread = threading.Thread(target=waits.wait)
    thread.start()
    try:
        assert not workers.can_fork()
    finally:
        waits.set()
        thread.join()


def test_without_a_process_to_be_had_the_file_is_read_alone(
    started: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise BlockingIOError("no process to be had")

    monkeypatch.setattr(workers._Worker, "__init__", refused)
    assert read(DIRTY, 2)[1] == read(DIRTY, 1)[1]
    assert started == []
