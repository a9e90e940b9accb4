"""Workers: forked processes that read the columns of some blocks, beside the process that reads all the rest.

The reading process cuts the file into blocks and does what has to be done in order. Each worker has room for a few
blocks; when it is full, the reading process reads a block's columns itself, so that neither waits for the other. Blocks
come out in the order of the file, whoever read them. What was tried, and the figures: docs/decisions/0019.

Forked, not spawned: a fresh interpreter needs longer to import numpy than two hundred megabytes to be read. A process
with other threads must not be forked (one of them may hold a lock that the child waits for forever): it reads alone.
"""

from __future__ import annotations

import itertools
import mmap
import multiprocessing
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from tracciati.errors import ReadingError
from tracciati.findings import Faults
from tracciati.limits import WORKER_AREA_FACTOR, WORKER_AREA_SPARE_BYTES, WORKER_BLOCKS, WORKER_BLOCKS_AHEAD
from tracciati.reading.columns import RecordColumns

if TYPE_CHECKING:
    from tracciati.framing import Frame
    from tracciati.framing.matching import Types
    from tracciati.reading.fronts import Front
    from tracciati.reading.parcels import Parcels
    from tracciati.reading.source import Source

Columns = tuple[dict[str, RecordColumns], Faults]
ReadColumns = Callable[["Frame", "Types"], Columns]

_DONE, _NOT_DONE = b"1", b"0"


def can_fork() -> bool:
    """May this process have forked workers? Linux alone: the system libraries of macOS do not survive a fork."""
    return sys.platform == "linux" and threading.active_count() == 1 and not multiprocessing.current_process().daemon


@dataclass
class _Task:
    """A block on its way; `columns` is None until they have been read."""

    front: Front
    columns: Columns | None = None


class Workers:
    """The processes of one reading; `close` ends them, whatever they are doing.

    count        how many beside this one; they begin with the second block, so that a small file needs none
    source       where the blocks come from; they lie in memory that forked processes see
    read         reads the columns of a block, and changes nothing else
    parcels      knows what need not be sent
    """

    def __init__(self, count: int, *, source: Source, read: ReadColumns, parcels: Parcels) -> None:
        self._count = count if count and can_fork() else 0
        self._source, self._read, self._parcels = source, read, parcels
        self._workers: list[_Worker] = []

    def in_order(self, fronts: Iterable[Front]) -> Iterator[tuple[Front, Columns]]:
        """The fronts with their columns, as they come. Raises ReadingError when a worker dies."""
        waiting: deque[_Task] = deque()
        for front in fronts:
            if front.number == 1:
                self._begin()
            task = _Task(front)
            waiting.append(task)
            if not any(worker.takes(task) for worker in self._workers):
                task.columns = self._read(front.frame, front.types)
            room = WORKER_BLOCKS_AHEAD * len(self._workers)
            while waiting and (waiting[0].columns is not None or len(waiting) > room):
                yield self._finished(waiting.popleft())
        while waiting:
            yield self._finished(waiting.popleft())

    def close(self) -> None:
        """End the processes. There is nothing they could leave half done."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _begin(self) -> None:
        try:
            for _ in range(self._count):
                self._workers.append(_Worker(self._source, self._read, self._parcels))
        except OSError:
            return  # no memory or no process to be had: those that there are will do

    def _finished(self, task: _Task) -> tuple[Front, Columns]:
        while task.columns is None:
            for worker in self._workers:
                if task in worker:
                    worker.collect(wait=True)
        return task.front, task.columns


class _Worker:
    """One process, and its areas: two for each block it may hold, one to send it and one for the answer."""

    def __init__(self, source: Source, read: ReadColumns, parcels: Parcels) -> None:
        self._source, self._read, self._parcels = source, read, parcels
        area_bytes = source.block_bytes * WORKER_AREA_FACTOR + WORKER_AREA_SPARE_BYTES
        self._areas = [
            (memoryview(mmap.mmap(-1, area_bytes)), memoryview(mmap.mmap(-1, area_bytes))) for _ in range(WORKER_BLOCKS)
        ]
        self._tasks: deque[_Task] = deque()
        self._sent_count = 0
        self._connection, other = multiprocessing.Pipe()
        with warnings.catch_warnings():
            # Python warns of any thread, also of those that wait in numpy's libraries, which know what a fork is.
            warnings.simplefilter("ignore", DeprecationWarning)
            context = multiprocessing.get_context("fork")
            self._process = context.Process(target=self._serve, args=(other,), daemon=True)
            self._process.start()
        other.close()

    def __contains__(self, task: _Task) -> bool:
        return any(task is mine for mine in self._tasks)

    def takes(self, task: _Task) -> bool:
        """Give it a block, if there is room for it."""
        if len(self._tasks) == WORKER_BLOCKS:
            self.collect(wait=False)
        if len(self._tasks) == WORKER_BLOCKS:
            return False
        area = self._areas[self._sent_count % WORKER_BLOCKS][0]
        frame = task.front.frame
        place = self._source.place(frame.buffer)
        if place is None:
            return False
        # The bytes are there already; all else goes by way of the area.
        index = replace(frame, buffer=frame.buffer[:0])
        if not self._parcels.pack((place, len(frame.buffer), index, task.front.types), area):
            return False
        try:
            self._connection.send_bytes(_DONE)
        except OSError:
            raise self._lost() from None
        self._tasks.append(task)
        self._sent_count += 1
        return True

    def collect(self, *, wait: bool) -> None:
        """Take the blocks it has finished; with `wait`, at least one."""
        try:
            while self._tasks and (wait or self._connection.poll()):
                wait = False
                answer = self._connection.recv_bytes()
                area = self._areas[(self._sent_count - len(self._tasks)) % WORKER_BLOCKS][1]
                task = self._tasks.popleft()
                if answer == _DONE:
                    task.columns = self._parcels.unpack(area, copy=True)
                else:
                    # It did not fit, or something is wrong with the program: then it is wrong here too, and seen.
                    task.columns = self._read(task.front.frame, task.front.types)
        except (EOFError, OSError):
            raise self._lost() from None

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self._connection.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def _lost(self) -> ReadingError:
        self._process.join(1)  # it has ended: its end of the connection is closed
        how = f"a worker process ended early (exit code {self._process.exitcode})"
        return ReadingError("read", self._source.name, how, "try again, with one worker if memory is short")

    def _serve(self, connection: Connection) -> None:
        """What the process does until it is ended, or the one that reads is no more."""
        self._connection.close()  # its copy of the other end: it would never see that end close
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the reading process ends this one
        for ending in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(ending, signal.SIG_DFL)  # what the reading process does about them is not this one's to do
        try:
            for number in itertools.count():
                connection.recv_bytes()
                given, answer = self._areas[number % WORKER_BLOCKS]
                connection.send_bytes(_DONE if self._does(given, answer) else _NOT_DONE)
        except (EOFError, OSError):
            return

    def _does(self, given: memoryview, answer: memoryview) -> bool:
        try:
            place, length, index, types = self._parcels.unpack(given, copy=False)
            frame = replace(index, buffer=self._source.memory[place : place + length])
            return self._parcels.pack(self._read(frame, types), answer)
        except Exception:  # noqa: BLE001  # the reading process does the same again and raises it
            return False
