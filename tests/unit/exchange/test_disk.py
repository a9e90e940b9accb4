"""The folders and the durable operations, on a real file system."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import resource
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cominflow.errors import UsageError, WorldError
from cominflow.exchange import disk, kernel


@pytest.fixture
def folders(tmp_path: Path) -> disk.Folders:
    made = disk.Folders(tmp_path / "data")
    made.ensure(["banca-demo"])
    return made


@contextmanager
def largest_file(bytes_count: int) -> Iterator[None]:
    """A full disk without root: this process may not make a file longer than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_ensure_makes_every_folder_and_may_be_repeated(folders: disk.Folders) -> None:
    folders.ensure(["banca-demo", "istituto-demo"])
    for folder in (*folders.all(), *folders.customer("banca-demo").all(), *folders.customer("istituto-demo").all()):
        assert folder.is_dir()
        assert not stat.S_IMODE(folder.stat().st_mode) & 0o007, "strangers see nothing"


def test_the_check_passes_here_and_leaves_nothing_behind(folders: disk.Folders) -> None:
    folders.check()
    assert list(folders.staging.iterdir()) == [folders.staging / "banca-demo"]
    assert list(folders.spool.iterdir()) == []


def test_a_folder_on_another_file_system_is_refused_by_name(folders: disk.Folders) -> None:
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == folders.data.stat().st_dev:
        pytest.skip("needs /dev/shm on another file system; mount a tmpfs there")
    folders.spool.rmdir()
    folders.spool.symlink_to(elsewhere)
    with pytest.raises(WorldError, match=r"cannot use .*spool: it is on another file system.*\n  do: keep the whole"):
        folders.check()


@pytest.mark.parametrize("code", ["", "..", "a/b", "Banca", "banca demo", "a" * 33, "banca\n", "à"])
def test_a_code_that_could_leave_the_folder_is_refused(folders: disk.Folders, code: str) -> None:
    with pytest.raises(UsageError, match="cannot name a folder"):
        folders.customer(code)


def test_a_rename_never_overwrites(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first")
    (tmp_path / "b").write_bytes(b"second")
    with pytest.raises(disk.NameTaken):
        disk.rename_noreplace(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == b"first" and (tmp_path / "b").read_bytes() == b"second"
    disk.rename_noreplace(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"first" and not (tmp_path / "a").exists()
    with pytest.raises(disk.NameMissing):
        disk.rename_noreplace(tmp_path / "a", tmp_path / "d")


def test_a_rename_works_between_open_folders_with_any_bytes_as_name(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    name = b"\xff\n-rf \xe2\x80\xae"
    descriptor = os.open(os.fsencode(tmp_path / "one") + b"/" + name, os.O_CREAT | os.O_WRONLY)
    os.close(descriptor)
    with disk.open_folder(tmp_path / "one") as one, disk.open_folder(tmp_path / "two") as two:
        disk.rename_noreplace(name, b"plain", source_folder=one.fd, target_folder=two.fd)
        disk.fsync_folder(one.fd)
        disk.fsync_folder(two.fd)
    assert os.listdir(tmp_path / "one") == [] and os.listdir(tmp_path / "two") == ["plain"]


def test_a_rename_that_the_system_refuses_says_where_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(WorldError, match=r"cannot rename .*/a to .*: File name too long\n  do: "):
        disk.rename_noreplace(tmp_path / "a", tmp_path / ("x" * 300))


def test_writing_durably_returns_the_hash_and_size_of_what_is_there(tmp_path: Path) -> None:
    chunks = [b"abc", memoryview(b"defg"), bytearray(b""), b"h" * 3_000_000]
    written = disk.write_durably(tmp_path / "file", chunks)
    content = (tmp_path / "file").read_bytes()
    assert content == b"".join(bytes(chunk) for chunk in chunks)
    assert written == disk.Written(hashlib.sha256(content).hexdigest(), len(content))
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    assert disk.sha256_of(descriptor) == written
    os.close(descriptor)


def test_writing_again_leaves_nothing_of_the_longer_file_before(tmp_path: Path) -> None:
    disk.write_durably(tmp_path / "file", [b"a long first attempt"])
    disk.write_durably(tmp_path / "file", [b"short"])
    assert (tmp_path / "file").read_bytes() == b"short"


def test_a_disk_that_fills_up_leaves_no_part_of_a_file(tmp_path: Path) -> None:
    with largest_file(100_000), pytest.raises(WorldError, match=r"cannot write .*/file: File too large"):
        disk.write_durably(tmp_path / "file", [b"x" * 60_000] * 3)
    assert not (tmp_path / "file").exists()


def test_writing_does_not_follow_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"kept")
    (tmp_path / "file").symlink_to(tmp_path / "secret")
    with pytest.raises(WorldError):
        disk.write_durably(tmp_path / "file", [b"lost"])
    assert (tmp_path / "secret").read_bytes() == b"kept"


@pytest.mark.parametrize("name", [b"..", b"../secret", b"/etc/passwd", b"link", b"down/../../secret", b"linked/secret"])
def test_an_open_beneath_a_folder_cannot_leave_it(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    home = tmp_path / "home"
    (home / "down").mkdir(parents=True)
    (home / "link").symlink_to(tmp_path / "secret")
    (home / "linked").symlink_to(tmp_path)
    with disk.open_folder(home) as folder, pytest.raises(OSError) as caught:
        kernel.open_beneath(folder.fd, name, os.O_RDONLY)
    assert caught.value.errno in (errno.EXDEV, errno.ELOOP)


def test_an_open_beneath_a_folder_reads_and_makes_files_in_it(tmp_path: Path) -> None:
    with disk.open_folder(tmp_path) as folder:
        descriptor = kernel.open_beneath(folder.fd, b"new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, b"text")
        assert not os.get_inheritable(descriptor)
        os.close(descriptor)
        descriptor = kernel.open_beneath(folder.fd, b"new", os.O_RDONLY)
        assert os.read(descriptor, 10) == b"text"
        os.close(descriptor)
        with pytest.raises(FileNotFoundError):
            kernel.open_beneath(folder.fd, b"absent", os.O_RDONLY)


def test_a_folder_is_not_opened_through_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(WorldError, match="cannot open the folder"):
        disk.open_folder(tmp_path / "link")


def test_a_file_where_a_folder_has_to_be_is_told_as_that(tmp_path: Path) -> None:
    (tmp_path / "taken").write_bytes(b"")
    with pytest.raises(WorldError, match="something else has this name: see whose it is") as told:
        disk.ensure_folder(tmp_path / "taken")
    assert "exists and that its disk" not in str(told.value)
    with pytest.raises(WorldError, match="something else has this name"):
        disk.ensure_folder(tmp_path / "taken" / "below")


def test_a_hashing_file_has_the_hash_and_size_of_what_is_in_it(tmp_path: Path) -> None:
    parts = [b"00", b"", memoryview(b"x" * 100_000), bytearray(b"\r\n"), memoryview(b"abcdef")[::2]]
    with disk.Hashing(io.FileIO(tmp_path / "file", "w")) as sink:
        for part in parts:
            sink.write(bytes(part) if isinstance(part, memoryview) and not part.contiguous else part)
    content = (tmp_path / "file").read_bytes()
    assert sink.written == disk.Written(hashlib.sha256(content).hexdigest(), len(content)) and len(content) == 100_007
