"""Order: one whole run with a recorder around every write, fsync, rename, link, unlink and COMMIT.

Killed twice on the way, so that what a restart must make durable is seen as well. The model of the disk outlives the
kill, as a disk does.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.simulation import lives, workload
from tests.simulation.durable import Disk, Recorder
from tests.simulation.files import BANK, INSTITUTE, Sent
from tests.simulation.lives import At
from tests.simulation.place import Place
from tests.simulation.sites import Site

KILLS = (At("claim.copy_named"), At("claim.renamed", 2))
# Changed under the claim's hands: a client puts another file of this name there, after the look and before the rename.
SWAPPED = "pippo.doc"
# A file of the second customer that somebody copied into the inbox when all else was durable.
COPIED = "appunti.doc"


@dataclass
class Seen:
    """What came of a run: the first broken rule ("" when none was), steps that were watched, fsyncs left out."""

    broken: str
    steps_count: int
    skipped_count: int


def run(
    template: Place,
    name: str,
    sent: list[Sent],
    *,
    without: Site | None = None,
    change: Callable[[], None] | None = None,
) -> Seen:
    """Live to the end, or to the first broken rule. `without`: a call site that does nothing in this run."""
    place = template.copy(name)
    try:
        workload.put_in_place(place, sent)
        model = place.root / "model"
        model.write_bytes(pickle.dumps(_as_it_begins(place)))
        total = Seen("", 0, 0)
        for kill in (*KILLS, None):
            report = place.root / "report"
            report.unlink(missing_ok=True)
            code = _life(place, sent, kill, model, report, without, change)
            steps, skipped, broken = pickle.loads(report.read_bytes()) if report.exists() else (0, 0, ["it raised"])
            total.steps_count += steps
            total.skipped_count += skipped
            if broken:
                total.broken = broken[0]
                break
            assert code == (-signal.SIGKILL if kill else 0), f"a life of {name} ended with {code}; see above"
        return total
    finally:
        place.remove()


def _as_it_begins(place: Place) -> Disk:
    disk = Disk(place.data)
    disk.sync_all()
    for inbox in (place.data / "customers").glob("*/inbox"):
        for path in inbox.iterdir():
            disk.forget_bytes(path)  # put there by hand
    return disk


def _life(
    place: Place,
    sent: list[Sent],
    kill: At | None,
    model: Path,
    report: Path,
    without: Site | None,
    change: Callable[[], None] | None,
) -> int:
    child = os.fork()
    if child == 0:
        lives.end(lambda: _watched(place, sent, kill, model, report, without, change))
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _watched(
    place: Place,
    sent: list[Sent],
    kill: At | None,
    model: Path,
    report: Path,
    without: Site | None,
    change: Callable[[], None] | None,
) -> None:
    from cominflow import failpoint
    from cominflow.exchange.disk import Folders

    place.bind()
    recorder = Recorder(pickle.loads(model.read_bytes()), place.data / "state" / "cominflow.db", without=without)

    def write_down() -> None:
        recorder.save(model)
        report.write_bytes(pickle.dumps((recorder.steps_count, recorder.skipped_count, recorder.broken)))

    def stop() -> None:
        write_down()
        os._exit(0)

    recorder.on_broken = stop
    contest, change_hands = workload.contest(place), _change_hands(place, recorder)
    passed = 0

    def listen(name: str) -> None:
        nonlocal passed
        contest(name)
        if kill is None:
            change_hands(name)
        if kill is not None and name == kill.name:
            passed += 1
            if passed == kill.nth:
                write_down()
                os.kill(os.getpid(), signal.SIGKILL)

    recorder.install()
    if change is not None:
        change()
    failpoint.arm(listen)
    if not (place.data / "customers" / "altrove-demo").is_symlink():
        Folders(place.data).place_elsewhere("altrove-demo", place.data.parent / "elsewhere")
    recorder.told("customers/altrove-demo")
    workload.live(place, sent, told=recorder.told)
    write_down()


def _change_hands(place: Place, recorder: Recorder) -> Callable[[str], None]:
    """A listener that puts another file in the place of one that is being claimed, and copies one in; once each."""
    customers = place.data / "customers"
    swapped, copied = customers / BANK / "inbox" / SWAPPED, customers / INSTITUTE / "inbox" / COPIED
    did: set[str] = set()

    def listen(name: str) -> None:
        if name == "claim.intended" and swapped.exists() and "swap" not in did:
            did.add("swap")
            other = place.clients / "other"
            shutil.copy(swapped, other)
            status = os.lstat(other)
            recorder.swapped.add((status.st_dev, status.st_ino))
            os.replace(other, swapped)
        if name == "claim.stated" and "copy" not in did:
            did.add("copy")
            copied.write_bytes(b"copied here by hand\n")

    return listen
