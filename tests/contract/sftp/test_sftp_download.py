"""Downloads: published files are read, and we know when the customer has every byte. The client is paramiko."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from tests.contract.sftp.conftest import WAIT_S, House

ANSWER = bytes(range(256)) * 2_000


@pytest.fixture
def published(house: House) -> Path:
    path = house.of().outbox / "RV_1.answer.txt"
    path.write_bytes(ANSWER)
    return path


def test_a_published_file_is_read_and_the_retrieval_is_told(house: House, published: Path) -> None:
    house.sftp().get("/outbox/RV_1.answer.txt", str(house.home / "got"))
    assert (house.home / "got").read_bytes() == ANSWER
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "outbox", b"RV_1.answer.txt")
    assert published.read_bytes() == ANSWER, "reading leaves it there"


def test_a_receipt_is_read_too_and_an_empty_file_counts(house: House) -> None:
    (house.of().receipts / "RV_1.receipt.txt").write_bytes(b"")
    house.sftp().get("/receipts/RV_1.receipt.txt", str(house.home / "got"))
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "receipts", b"RV_1.receipt.txt")


def test_half_a_file_is_not_retrieved_and_its_rest_in_a_later_session_is(house: House, published: Path) -> None:
    half = len(ANSWER) // 2
    with house.sftp().open("/outbox/RV_1.answer.txt", "rb") as file:
        assert file.read(half) == ANSWER[:half]
    with house.sftp().open("/outbox/RV_1.answer.txt", "rb") as file:
        file.seek(half + 1)
        assert file.read() == ANSWER[half + 1 :]
    assert house.retrievals.empty(), "one byte is missing"
    with house.sftp().open("/outbox/RV_1.answer.txt", "rb") as file:
        file.seek(half)
        assert file.read(1) == ANSWER[half : half + 1]
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "outbox", b"RV_1.answer.txt")


def test_a_session_that_is_cut_before_the_close_has_retrieved_nothing(house: House, published: Path) -> None:
    sftp = house.sftp()
    file = sftp.open("/outbox/RV_1.answer.txt", "rb")
    assert file.read() == ANSWER
    transport = sftp.get_channel().get_transport()
    assert transport is not None
    transport.sock.close()
    house.stop()
    assert house.retrievals.empty()


def test_the_lists_show_what_is_there_with_size_and_rights(house: House, published: Path) -> None:
    sftp = house.sftp()
    assert sorted(sftp.listdir("/")) == ["inbox", "outbox", "receipts"]
    (entry,) = sftp.listdir_attr("/outbox")
    assert (entry.filename, entry.st_size) == ("RV_1.answer.txt", len(ANSWER))
    assert entry.st_mode == stat.S_IFREG | 0o440 and entry.st_uid is None
    assert entry.st_mtime == int(published.stat().st_mtime)
    assert stat.S_ISDIR(sftp.stat("/outbox").st_mode or 0) and sftp.stat("/outbox/RV_1.answer.txt").st_size == len(
        ANSWER
    )


def test_a_list_of_five_thousand_names_is_whole(house: House) -> None:
    for number in range(5_000):
        (house.of().outbox / f"{number:05}").touch()
    assert sorted(house.sftp().listdir("/outbox")) == [f"{number:05}" for number in range(5_000)]


def test_nothing_in_the_outbox_or_the_receipts_can_be_changed(house: House, published: Path) -> None:
    (house.of().receipts / "r.txt").write_bytes(b"receipt")
    sftp = house.sftp()
    for path in ("/outbox/RV_1.answer.txt", "/outbox/new", "/receipts/r.txt", "/receipts/new"):
        for mode in ("wb", "ab", "r+b", "xb"):
            with pytest.raises(PermissionError):
                sftp.open(path, mode)
        with pytest.raises(PermissionError):
            sftp.remove(path)
        with pytest.raises(PermissionError):
            sftp.rename(path, "/inbox/taken")
        with pytest.raises(PermissionError):
            sftp.posix_rename("/inbox/RV", path)
    for path in ("/outbox/RV_1.answer.txt", "/receipts/r.txt"):
        with pytest.raises(PermissionError):
            sftp.truncate(path, 0)
        with pytest.raises(PermissionError):
            sftp.chmod(path, 0o777)
    with sftp.open("/outbox/RV_1.answer.txt", "rb") as file, pytest.raises(PermissionError):
        file.truncate(0)
    assert published.read_bytes() == ANSWER and house.names(house.of().outbox) == [b"RV_1.answer.txt"]


def test_what_is_no_regular_file_does_not_exist_and_holds_nobody_up(house: House) -> None:
    outbox = house.of().outbox
    os.mkfifo(outbox / "pipe")
    (outbox / "folder").mkdir()
    (outbox / "link").symlink_to("/etc/passwd")
    (outbox / "dangling").symlink_to("nowhere")
    sftp = house.sftp()
    assert sftp.listdir("/outbox") == []
    for name in ("pipe", "folder", "link", "dangling"):
        for look in (sftp.stat, sftp.lstat, sftp.open):
            with pytest.raises(FileNotFoundError):
                look(f"/outbox/{name}")
