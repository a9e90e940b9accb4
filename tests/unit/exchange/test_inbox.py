"""What of an inbox may be claimed."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from cominflow import shown
from cominflow.exchange import disk, inbox
from cominflow.limits import TEMPORARY_NAME_S_MAX

if TYPE_CHECKING:
    from pathlib import Path


def look(folder: Path, *, later: timedelta = timedelta(0)) -> inbox.Scan:
    """The scan at the instant at which the folder was last changed, or `later`."""
    changed = max((path.lstat().st_ctime for path in folder.iterdir()), default=0.0)
    with disk.open_folder(folder) as opened:
        return inbox.candidates(opened.fd, at=datetime.fromtimestamp(changed, UTC) + later)


def test_files_are_candidates_in_the_order_in_which_they_arrived(tmp_path: Path) -> None:
    for name in ("c.txt", "a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"x")
        # Its own instant, whatever the resolution of the kernel's clock: a change later than the one before.
        before = max(
            (entry.changed_ns for entry in look(tmp_path).candidates if entry.name != name.encode()), default=0
        )
        while (tmp_path / name).stat().st_ctime_ns <= before:
            os.utime(tmp_path / name)
    assert [entry.name for entry in look(tmp_path).candidates] == [b"c.txt", b"a.txt", b"b.txt"]


def test_a_time_of_modification_set_by_the_client_does_not_change_the_order(tmp_path: Path) -> None:
    (tmp_path / "first").write_bytes(b"x")
    (tmp_path / "second").write_bytes(b"x")
    os.utime(tmp_path / "first", (0, 0))
    changed = {entry.name: entry.changed_ns for entry in look(tmp_path).candidates}
    assert changed[b"first"] == (tmp_path / "first").stat().st_ctime_ns


@pytest.mark.parametrize("name", [".hidden", "~lock", "a.txt.filepart", "a.PART", "a.tmp", "a.partial"])
def test_names_of_uploads_under_way_are_passed_over_in_silence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"half")
    scan = look(tmp_path)
    assert (scan.candidates, scan.ignored, len(scan.uploading)) == ((), (), 1)


@pytest.mark.parametrize(
    ("name", "part"), [(".hidden", "begins with ."), ("~lock", "begins with ~"), ("a.txt.PART", "ends with .part")]
)
def test_a_temporary_name_that_nobody_changes_is_ignored_with_a_reason(tmp_path: Path, name: str, part: str) -> None:
    (tmp_path / name).write_bytes(b"half")
    limit = timedelta(seconds=TEMPORARY_NAME_S_MAX)
    assert look(tmp_path, later=limit - timedelta(seconds=1)).ignored == ()
    (one,) = look(tmp_path, later=limit + timedelta(seconds=1)).ignored
    assert one == inbox.Ignored(name.encode(), f"is a temporary name ({part}); rename it when it is complete"), (
        "the customer is told what to do"
    )


def test_what_is_no_file_is_ignored_with_a_reason_and_never_opened(tmp_path: Path) -> None:
    os.symlink("/etc/passwd", tmp_path / "link")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    scan = look(tmp_path)
    assert scan.candidates == ()
    assert {(one.name, one.why) for one in scan.ignored} == {
        (b"link", "a symbolic link, not a file"),
        (b"pipe", "a pipe, not a file"),
        (b"folder", "a folder, not a file"),
    }


@pytest.mark.parametrize("name", [b"a\nb", b"-rf", b"\xff\xfe.txt", "ordine-è.txt".encode(), b"x" * 255])
def test_any_bytes_may_be_a_name(tmp_path: Path, name: bytes) -> None:
    (tmp_path / os.fsdecode(name)).write_bytes(b"x")
    (entry,) = look(tmp_path).candidates
    assert entry.name == name
    assert shown.name(name).isprintable()
