"""The doctor's checks, each on a system with just that fault: what it says, and that it says nothing without."""

from __future__ import annotations

import os
import shutil
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cominflow import clock
from cominflow.cli.doctor import agreements, database, engine, place, queues, system
from cominflow.cli.doctor.finding import Looked

if TYPE_CHECKING:
    from collections.abc import Callable

    from cominflow.cli.doctor.finding import Check, Finding
    from tests.house import House

BANK = "banca-demo"

CHECKS: tuple[Check, ...] = (
    place.folders, place.ownership, place.rights, place.file_systems, system.packages, system.time, database.time,
    database.settings_of, queues.inboxes, queues.arrivals, queues.requests, queues.deliveries, queues.batches,
    queues.leftovers, agreements.feeds, agreements.services, agreements.originals,
)  # fmt: skip


def looked(house: House, *, later_s: float = 0.0, is_deep: bool = False) -> Looked:
    """The system as the doctor sees it, so many seconds from now."""
    at = clock.now() + timedelta(seconds=later_s)
    return Looked(house.folders, at, is_deep, has_folders=True, has_database=True)


def wrong(check: Check, seen: Looked) -> list[Finding]:
    """What a check does not find all right; each of it says why, and what to do."""
    found = list(check(seen))
    assert found, f"{check.__name__} says nothing at all"
    bad = [one for one in found if one.level != "ok"]
    assert all(one.why and one.do for one in bad)
    return bad


def served(house: House, *, by_hand: tuple[int, ...] = ()) -> None:
    """A file of the bank went its way."""
    from tests.house import bank_file, scored

    content = bank_file(3, by_hand=by_hand)
    house.tell(scored(content))
    house.receive("RV_20260301_001.txt", content)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: f"{check.__module__.rpartition('.')[2]}.{check.__name__}")
def test_nothing_is_wrong_with_a_system_that_works(house: House, check: Check) -> None:
    served(house)
    found = [one for one in wrong(check, looked(house, is_deep=True)) if "fsync off" not in one.saw]
    assert found == []  # but for the tests' own PostgreSQL, which may lose what a power cut takes


def _remove_spool(house: House) -> None:
    house.folders.spool.rmdir()


def _open_state(house: House) -> None:
    house.folders.state.chmod(0o755)


def _open_inbox(house: House) -> None:
    house.folders.customer(BANK).inbox.chmod(0o770)
    house.folders.customer(BANK).outbox.chmod(0o777)


def _show_key(house: House) -> None:
    (house.folders.state / "sftp_host_key").write_text("x")
    (house.folders.state / "sftp_host_key").chmod(0o644)


def _close_publish(house: House) -> None:
    house.folders.publish.chmod(0o555)


@pytest.mark.parametrize(
    ("check", "spoil", "level", "said"),
    [
        (place.folders, _remove_spool, "problem", "it is not there"),
        (place.rights, _open_state, "problem", "everybody on this machine may enter (mode 0755)"),
        (place.rights, _open_inbox, "problem", "everybody on this machine may enter (mode 0777)"),
        (place.rights, _show_key, "problem", "others may read it (mode 0644)"),
        (place.ownership, _close_publish, "problem", "it cannot be written (mode 0555)"),
    ],
)
def test_a_folder_that_is_not_as_it_should_be_is_told(
    house: House, check: Check, spoil: Callable[[House], None], level: str, said: str
) -> None:
    spoil(house)
    assert (level, said) in [(one.level, one.saw) for one in wrong(check, looked(house))]


def test_a_folder_of_another_account_is_told(house: House) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    os.chown(house.folders.archive, 12345, 12345)
    (one,) = wrong(place.ownership, looked(house))
    assert one.where == str(house.folders.archive) and "belongs to uid 12345" in one.saw


def test_a_folder_on_another_file_system_is_told(house: House) -> None:
    other = "/dev/shm"
    if os.stat(other).st_dev == os.stat(house.folders.data).st_dev:
        pytest.skip("this machine has one file system")
    inbox = house.folders.customer(BANK).inbox
    inbox.rmdir()
    inbox.symlink_to(other)
    (one,) = wrong(place.file_systems, looked(house))
    assert "another file system" in one.saw and "one file system" in one.do


def test_a_customers_own_folder_may_be_open_and_is_only_mentioned(house: House, tmp_path: Path) -> None:
    house.folders.place_elsewhere("guest", tmp_path / "guest")
    house.folders.ensure(["guest"])
    house.folders.customer("guest").inbox.chmod(0o777)
    (one,) = wrong(place.rights, looked(house))
    assert one.level == "warning" and one.where.endswith("guest/inbox")


def test_a_file_system_is_told_by_the_mount_that_holds_it() -> None:
    assert place._mounted(Path("/proc/self"))[0] == "proc"
    assert place._mounted(Path("/"))[0] != ""


def test_a_network_file_system_and_one_that_is_gone_with_the_machine_are_told(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, options, level in (
        ("nfs4", ["rw"], "problem"),
        ("overlay", ["rw"], "warning"),
        ("ext4", ["ro"], "problem"),
    ):
        monkeypatch.setattr(place, "_mounted", lambda _, kind=kind, options=options: (kind, options))
        (one,) = wrong(place.file_systems, looked(house))
        assert one.level == level and (kind in one.saw or "read-only" in one.saw)


def test_a_disk_that_fills_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "FREE_BYTES_WANTED", 1 << 60)
    monkeypatch.setattr(place, "FREE_INODES_WANTED", 1 << 60)
    assert [one.what for one in wrong(place.space, looked(house))][:1] == ["disk"]


def test_few_open_files_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "OPEN_FILES_MIN", 1 << 30)
    monkeypatch.setattr(system, "WATCHES_PER_CUSTOMER", 1 << 40)
    said = [one.what for one in wrong(system.limits, looked(house))]
    assert said[:2] == ["open files", "watches"]


def test_a_clock_before_our_time_is_told(house: House) -> None:
    (one,) = wrong(system.time, looked(house, later_s=-(clock.now().timestamp() - 1_000_000)))
    assert one.saw == "it says 1970-01-12 13:46 UTC"


def test_a_clock_that_went_backwards_is_told(house: House) -> None:
    served(house)
    (one,) = wrong(database.time, looked(house, later_s=-3600))
    assert "something happened at" in one.saw and "went backwards" in one.why


def test_a_file_that_nobody_takes_is_told(house: House) -> None:
    inbox = house.folders.customer(BANK).inbox
    (inbox / "RV_20260301_001.txt").write_bytes(b"x")
    (inbox / "later.part").write_bytes(b"x")
    assert wrong(queues.inboxes, looked(house)) == []
    waiting, ignored = sorted(wrong(queues.inboxes, looked(house, later_s=4000)), key=lambda one: one.level)
    assert waiting.level == "problem" and "1 files, the oldest for 1.1 h: RV_20260301_001.txt" in waiting.saw
    assert ignored.level == "warning" and "later.part" in ignored.saw


def test_what_waits_too_long_is_told_by_its_queue(house: House) -> None:
    from tests.house import bank_file, scored

    content = bank_file(3, by_hand=(1,))
    house.tell(scored(content))
    house.send("RV_20260301_009.txt", bank_file(2, seed=9))
    assert [one.what for one in wrong(queues.arrivals, looked(house, later_s=4000))] == ["reading"]
    house.work()
    house.receive("RV_20260301_001.txt", content)
    house.receive("pippo.doc", b"x")
    assert wrong(queues.requests, looked(house, later_s=86_400)) == []
    (open_,) = wrong(queues.requests, looked(house, later_s=8 * 86_400))
    assert open_.what == "requests open" and "1, the oldest A-2 for 8.0 days" in open_.saw
    (aside,) = wrong(queues.arrivals, looked(house, later_s=90_000))
    assert aside.what == "files set aside" and aside.where == "A-3"


def test_a_provider_that_is_away_is_told_in_all_its_consequences(house: House) -> None:
    from tests.house import bank_file

    house.table.unlink()
    house.receive("RV_20260301_001.txt", bank_file(3))
    (failing,) = wrong(queues.batches, looked(house))
    assert "scores.csv" in failing.saw and failing.do == "put the table there"
    (waiting,) = wrong(queues.requests, looked(house, later_s=90_000))
    assert waiting.what == "requests waiting"
    (table,) = wrong(agreements.services, looked(house))
    assert table.where == "VIS1" and "is not there" in table.saw


def test_a_delivery_that_cannot_go_out_is_told(house: House) -> None:
    from tests.house import bank_file, scored

    content = bank_file(3)
    house.tell(scored(content))
    (house.folders.customer(BANK).outbox / "RV_20260301_001.A01").write_bytes(b"in the way")
    house.receive("RV_20260301_001.txt", content)
    (held,) = wrong(queues.deliveries, looked(house))
    assert "outbox/RV_20260301_001.A01 of banca-demo is held" in held.saw and "release A-1" in held.do


def test_what_was_left_behind_is_told(house: House) -> None:
    (house.folders.spool / "nobody").write_bytes(b"x")
    (house.folders.customer(BANK).staging / "upload").write_bytes(b"x")
    assert wrong(queues.leftovers, looked(house)) == []
    assert len(wrong(queues.leftovers, looked(house, later_s=90_000))) == 2


def test_a_feed_without_price_or_layout_is_told(house: House) -> None:
    from cominflow.models import LayoutVersion, Price

    Price.objects.filter(service__code="VIS2").delete()
    (one,) = wrong(agreements.feeds, looked(house))
    assert one.saw == "VIS2 has no price for banca-demo" and one.do == "cominflow price set banca-demo VIS2 PRICE"
    (old,) = wrong(agreements.feeds, looked(house, later_s=-86_400 * 365 * 5))[:1]
    assert LayoutVersion.objects.count() == 1 and old.saw == "none of its layouts is valid today"


def test_a_service_without_provider_or_with_wrong_settings_is_told(house: House) -> None:
    house.add_service("GONE", provider="no-such-provider")
    house.add_service("ODD", provider="manual", colour="red")
    gone, odd = wrong(agreements.services, looked(house))
    assert gone.where == "GONE" and "there is no provider 'no-such-provider'" in gone.saw
    assert odd.where == "ODD" and "'colour' is not a setting" in odd.saw


def test_an_original_that_was_changed_is_told(house: House) -> None:
    served(house)
    (kept,) = [path for path in house.folders.archive.rglob("*") if path.is_file()]
    content = kept.read_bytes()
    kept.chmod(0o600)
    (loose,) = wrong(agreements.originals, looked(house))
    assert loose.saw == "it may be written" and loose.do == f"chmod 400 {kept}"
    kept.write_bytes(content[:-3] + b"???")
    (changed,) = wrong(agreements.originals, looked(house))
    assert changed.saw == "it has other bytes than A-1 came with"
    kept.unlink()
    (gone,) = wrong(agreements.originals, looked(house))
    assert gone.where == "A-1" and "cannot find the original" in gone.saw


def test_an_engine_is_told_by_its_lock_and_a_silent_one_by_its_age(house: House) -> None:
    from cominflow.flows import lock

    (none,) = wrong(engine.engine, looked(house))
    assert none.level == "warning" and none.saw == "no engine runs"
    with lock.locked(house.folders):
        assert wrong(engine.engine, looked(house)) == []
        (silent,) = wrong(engine.engine, looked(house, later_s=300))
        assert silent.level == "problem" and f"process {os.getpid()} gave no sign of life for" in silent.saw
    assert wrong(engine.engine, looked(house)) != []


def test_a_server_that_does_not_answer_is_told(house: House) -> None:
    assert wrong(engine.server, looked(house))[0].saw == "no SFTP server was started on this folder"
    (house.folders.state / "sftp.listening").write_text("127.0.0.1:1\n")
    (one,) = wrong(engine.server, looked(house))
    assert one.where == "127.0.0.1:1" and "nobody answers there" in one.saw


def test_a_package_that_is_too_old_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        system.importlib.metadata, "requires", lambda _: ["click>=99,<100", "nosuch>=1", "pytest>=8; extra == 'test'"]
    )
    old, absent = wrong(system.packages, looked(house))
    assert old.where == "click" and ">=99,<100 is needed" in old.saw
    assert absent.where == "nosuch" and absent.saw.startswith("it is not installed")


def test_bounds_of_versions_are_compared_as_numbers() -> None:
    assert system.allows(">=5.2,<5.3", "5.2.19") and not system.allows(">=5.2,<5.3", "5.10")
    assert system.allows("~=3.4.1", "3.4.9") and not system.allows("~=3.4.1", "3.5.0")
    assert not system.allows("!=2", "2.0") and system.allows(">=2.0", "2.0rc1")


def test_a_check_that_fails_is_a_problem_and_not_a_traceback(house: House) -> None:
    from cominflow.cli.doctor import _told

    shutil.rmtree(house.folders.spool)
    (one,) = _told(queues.leftovers, looked(house))
    assert one.level == "problem" and one.saw == "this could not be looked at: No such file or directory"
