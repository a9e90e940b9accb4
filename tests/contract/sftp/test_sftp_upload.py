"""Uploads: a file is there whole, after its CLOSE, or it is not there at all. The client is paramiko."""

from __future__ import annotations

import errno
import hashlib
import os
import queue
import resource
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paramiko
import pytest
from paramiko.sftp import CMD_CLOSE, CMD_WRITE

from cominflow import failpoint
from cominflow.exchange import lease
from cominflow.exchange.sftp.server import Bounds
from cominflow.exchange.sftp.view import Room
from tests.contract.sftp.conftest import WAIT_S, House

CONTENT = b"02000031ROSSI MARIO                   0001230EUR\r\n" * 5_000


@contextmanager
def armed(function: Callable[[str], None]) -> Iterator[None]:
    failpoint.arm(function)
    try:
        yield
    finally:
        failpoint.arm(None)


def test_a_closed_upload_is_in_the_inbox_byte_for_byte_and_is_told(house: House) -> None:
    with house.sftp().open("/inbox/RV_1.txt", "wb") as file:
        file.set_pipelined(True)
        file.write(CONTENT)
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT
    assert house.uploads.get(timeout=WAIT_S) == ("banca-demo", b"RV_1.txt")
    assert house.names(house.of().staging) == []
    line = house.wait_for("received")
    assert f"{len(CONTENT)} bytes" in line and hashlib.sha256(CONTENT).hexdigest() in line


def test_an_empty_file_arrives_too(house: House) -> None:
    house.sftp().open("/inbox/empty.txt", "wb").close()
    assert (house.of().inbox / "empty.txt").read_bytes() == b""


def test_nothing_is_visible_before_the_close(house: House) -> None:
    sftp = house.sftp()
    with sftp.open("/inbox/RV_1.txt", "wb") as file:
        file.write(CONTENT)
        assert file.stat().st_size == len(CONTENT)
        assert sftp.listdir("/inbox") == [] and house.names(house.of().inbox) == []
        with pytest.raises(FileNotFoundError):
            sftp.stat("/inbox/RV_1.txt")
        assert len(house.names(house.of().staging)) == 1
    assert sftp.listdir("/inbox") == ["RV_1.txt"]


def test_a_connection_that_is_cut_in_the_middle_leaves_nothing(house: House) -> None:
    sftp = house.sftp()
    file = sftp.open("/inbox/RV_1.txt", "wb")
    file.write(CONTENT)
    transport = sftp.get_channel().get_transport()
    assert transport is not None
    transport.sock.close()
    assert f"aborted /inbox/RV_1.txt after {len(CONTENT)} bytes" in house.wait_for("aborted")
    house.stop()
    assert house.nothing_is_there() and house.uploads.empty()


def test_a_channel_that_is_closed_without_the_files_close_leaves_nothing(house: House) -> None:
    sftp = house.sftp()
    file = sftp.open("/inbox/RV_1.txt", "wb")  # kept: paramiko closes a file that nobody holds
    file.write(CONTENT)
    sftp.get_channel().close()
    house.wait_for("aborted")
    house.stop()
    assert house.nothing_is_there()


def test_a_server_that_stops_in_the_middle_leaves_nothing(house: House) -> None:
    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    file.write(CONTENT)
    house.stop()
    assert house.nothing_is_there()


def test_what_a_killed_server_left_is_removed_at_the_next_start(stopped_house: House) -> None:
    (stopped_house.of().staging / "0123456789abcdef").write_bytes(b"half a fi")
    stopped_house.start()
    assert stopped_house.nothing_is_there()
    stopped_house.wait_for("removed the unfinished upload 0123456789abcdef")


def test_the_start_of_a_second_server_leaves_the_uploads_of_the_first_alone(house: House) -> None:
    first = house.serving
    with house.sftp().open("/inbox/RV_1.txt", "wb") as file:
        file.write(CONTENT)
        house.serving = None
        house.start()
    assert first is not None
    first.close()
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT


def test_a_name_that_is_in_the_inbox_is_refused_with_the_reason(house: House) -> None:
    sftp = house.sftp()
    with sftp.open("/inbox/RV_1.txt", "wb") as file:
        file.write(b"first")
    with pytest.raises(OSError, match="RV_1.txt is already in the inbox and is not replaced; wait until"):
        sftp.open("/inbox/RV_1.txt", "wb")
    assert (house.of().inbox / "RV_1.txt").read_bytes() == b"first" and house.names(house.of().staging) == []


def test_of_two_uploads_of_one_name_the_second_close_fails(house: House) -> None:
    one, two = house.sftp().open("/inbox/RV_1.txt", "wb"), house.sftp().open("/inbox/RV_1.txt", "wb")
    one.write(b"first")
    two.write(b"second")
    one.close()
    with pytest.raises(OSError, match="already in the inbox"):
        two.sftp._request(CMD_CLOSE, two.handle)
    assert (house.of().inbox / "RV_1.txt").read_bytes() == b"first" and house.names(house.of().staging) == []


def test_a_full_disk_fails_the_write_and_the_close(house: House) -> None:
    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="could not do it: File too large"):
            file.write(CONTENT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    # The disk is well again, and a client that did not look at its answers closes the file as if all were there.
    with pytest.raises(OSError, match="could not be stored"):
        file.sftp._request(CMD_CLOSE, file.handle)
    assert house.nothing_is_there() and house.uploads.empty()


def test_a_close_that_cannot_be_made_durable_is_a_failure_to_the_client(house: House) -> None:
    def disk_error(name: str) -> None:
        if name == "upload.synced":
            raise OSError(errno.EIO, "Input/output error")

    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    file.write(CONTENT)
    with armed(disk_error), pytest.raises(OSError, match="Input/output error; try again later"):
        file.sftp._request(CMD_CLOSE, file.handle)
    assert house.nothing_is_there()


def test_the_name_appears_only_after_the_bytes_are_synced_and_nobody_writes_the_file_any_more(house: House) -> None:
    seen: list[tuple[str, list[bytes]]] = []

    def look(name: str) -> None:
        seen.append((name, house.names(house.of().inbox)))
        if name == "upload.renamed":
            descriptor = os.open(house.of().inbox / "RV_1.txt", os.O_RDONLY)
            seen.append(("lease", [b"granted" if lease.take(descriptor) else b"refused"]))
            os.close(descriptor)

    with armed(look), house.sftp().open("/inbox/RV_1.txt", "wb") as file:
        file.write(CONTENT)
    assert seen == [
        ("upload.opened", []),
        ("upload.synced", []),
        ("upload.renamed", [b"RV_1.txt"]),
        ("lease", [b"granted"]),
        ("upload.durable", [b"RV_1.txt"]),
    ]


def test_pieces_in_any_order_make_the_same_file(house: House) -> None:
    with house.sftp().open("/inbox/RV_1.txt", "wb") as file:
        for offset in (20, 0, 10, 0):
            file.seek(offset)
            file.write(CONTENT[offset : offset + 10])
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT[:30]
    assert hashlib.sha256(CONTENT[:30]).hexdigest() in house.wait_for("received")


def test_a_file_with_a_hole_is_refused_at_its_close(house: House) -> None:
    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    file.write(b"0123456789")
    file.seek(20)
    file.write(b"0123456789")
    with pytest.raises(OSError, match="byte 10 was never sent, but later ones were; send the file again"):
        file.sftp._request(CMD_CLOSE, file.handle)
    assert house.nothing_is_there()


def test_a_file_that_is_too_long_is_refused(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(room=Room(upload_bytes_max=100)))
    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    with pytest.raises(OSError, match="longer than 100 bytes"):
        file.write(b"x" * 101)
    with pytest.raises(OSError, match="longer than 100 bytes"):
        file.sftp._request(CMD_CLOSE, file.handle)
    far = house.sftp().open("/inbox/RV_2.txt", "wb")
    far.seek(10**12)
    with pytest.raises(OSError, match="longer than 100 bytes"):
        far.write(b"x")


def test_uploads_stop_before_the_disk_is_full(bounded: Callable[[Bounds], House]) -> None:
    house = bounded(Bounds(room=Room(free_bytes_min=2**62)))
    with pytest.raises(OSError, match="the server's disk is nearly full; send the file again later"):
        house.sftp().open("/inbox/RV_1.txt", "wb")
    assert house.nothing_is_there()


def test_a_client_that_looks_at_its_upload_after_the_claim_took_it_finds_its_size(house: House) -> None:
    source = house.home / "RV_1.txt"
    source.write_bytes(CONTENT)

    def claim(name: str) -> None:
        if name == "upload.durable":
            (house.of().inbox / "RV_1.txt").rename(house.folders.spool / "claimed")

    sftp = house.sftp()
    with armed(claim):
        assert sftp.put(str(source), "/inbox/RV_1.txt", confirm=True).st_size == len(CONTENT)
    assert sftp.listdir("/inbox") == []
    with pytest.raises(FileNotFoundError):
        house.sftp().stat("/inbox/RV_1.txt")
    sftp.put(str(source), "/inbox/RV_1.txt", confirm=True)  # the name is free again


@pytest.mark.parametrize("rename", ["rename", "posix_rename"])
def test_a_temporary_name_is_told_when_it_gets_its_real_one(house: House, rename: str) -> None:
    sftp = house.sftp()
    with sftp.open("/inbox/RV_1.txt.filepart", "wb") as file:
        file.write(CONTENT)
    assert house.uploads.empty()
    getattr(sftp, rename)("/inbox/RV_1.txt.filepart", "/inbox/RV_1.txt")
    assert house.uploads.get(timeout=WAIT_S) == ("banca-demo", b"RV_1.txt")
    assert house.names(house.of().inbox) == [b"RV_1.txt"]


@pytest.mark.parametrize("rename", ["rename", "posix_rename"])
def test_a_rename_never_replaces_a_file(house: House, rename: str) -> None:
    sftp = house.sftp()
    for name, content in (("a.txt", b"first"), ("b.txt", b"second")):
        with sftp.open(f"/inbox/{name}", "wb") as file:
            file.write(content)
    with pytest.raises(OSError, match="b.txt is already in the inbox"):
        getattr(sftp, rename)("/inbox/a.txt", "/inbox/b.txt")
    assert (house.of().inbox / "a.txt").read_bytes() == b"first"
    assert (house.of().inbox / "b.txt").read_bytes() == b"second"


def test_a_rename_of_what_was_claimed_says_so(house: House) -> None:
    sftp = house.sftp()
    sftp.open("/inbox/a.txt", "wb").close()
    (house.of().inbox / "a.txt").rename(house.folders.spool / "claimed")
    with pytest.raises(FileNotFoundError):
        sftp.rename("/inbox/a.txt", "/inbox/b.txt")


def test_only_a_temporary_name_can_be_removed(house: House) -> None:
    sftp = house.sftp()
    for name in ("RV_1.txt", "RV_2.txt.part"):
        sftp.open(f"/inbox/{name}", "wb").close()
    sftp.remove("/inbox/RV_2.txt.part")
    with pytest.raises(PermissionError):
        sftp.remove("/inbox/RV_1.txt")
    assert house.names(house.of().inbox) == [b"RV_1.txt"]


def test_an_upload_is_not_read_back(house: House) -> None:
    sftp = house.sftp()
    with sftp.open("/inbox/RV_1.txt", "w+b") as file:
        file.write(CONTENT)
        with pytest.raises(OSError):
            file.sftp._request(5, file.handle, paramiko.sftp.int64(0), 10)
    with pytest.raises(PermissionError):
        sftp.open("/inbox/RV_1.txt", "rb")


def test_an_upload_cannot_be_resumed_or_changed(house: House) -> None:
    sftp = house.sftp()
    sftp.open("/inbox/RV_1.txt", "wb").close()
    with pytest.raises(OSError, match="already in the inbox"):
        sftp.open("/inbox/RV_1.txt", "r+b")
    with pytest.raises(OSError, match="already in the inbox"):
        sftp.open("/inbox/RV_1.txt", "ab")
    with pytest.raises(FileNotFoundError):
        sftp.open("/inbox/RV_2.txt", "r+b")


def test_a_length_that_cannot_be_set_fails_the_close_too(house: House) -> None:
    file = house.sftp().open("/inbox/RV_1.txt", "wb")
    file.write(b"0123456789")
    with pytest.raises(OSError):
        file.truncate(5)
    with pytest.raises(OSError, match="length cannot be set"):
        file.sftp._request(CMD_CLOSE, file.handle)
    assert house.nothing_is_there()


@pytest.mark.parametrize(
    "name",
    [b"\xff\xfe latin1 \xe0.txt", "però.txt".encode(), b"-rf", b"CON", "a\u202etxt.b".encode(), b"x" * 255],
)
def test_any_bytes_can_be_a_name(house: House, name: bytes) -> None:
    sftp = house.sftp()
    with sftp.open(b"/inbox/" + name, "wb") as file:
        file.write(b"text")
    assert house.names(house.of().inbox) == [name]
    assert house.uploads.get(timeout=WAIT_S) == ("banca-demo", name)
    assert "\u202e" not in house.wait_for("received"), "a name must not turn a line of the log round"
    assert sftp.stat(b"/inbox/" + name).st_size == 4


@pytest.mark.parametrize("name", [b"a\nb", b"a\tb", b"\x1b[2J", b"a\x7f", "a\x85b".encode(), b"x" * 256, b"a\0b"])
def test_a_name_that_could_fake_a_line_or_is_too_long_is_refused(house: House, name: bytes) -> None:
    with pytest.raises(OSError):
        house.sftp().open(b"/inbox/" + name, "wb")
    assert house.nothing_is_there()


def test_more_open_files_than_allowed_are_refused(bounded: Callable[[Bounds], House]) -> None:
    sftp = bounded(Bounds(handles_max=3)).sftp()
    files = [sftp.open(f"/inbox/{number}", "wb") for number in range(3)]
    with pytest.raises(OSError, match="3 files are open already; close one first"):
        sftp.open("/inbox/3", "wb")
    files[0].close()
    sftp.open("/inbox/3", "wb").close()


def test_a_write_to_a_file_that_is_not_open_is_refused(house: House) -> None:
    sftp = house.sftp()
    with pytest.raises(OSError, match="that file is not open"):
        sftp._request(CMD_WRITE, b"77", paramiko.sftp.int64(0), b"text")


def test_four_sessions_upload_at_once_and_every_file_arrives_once(house: House) -> None:
    failures: queue.Queue[BaseException] = queue.Queue()

    def upload(number: int) -> None:
        try:
            sftp = house.sftp()
            for index in range(25):
                with sftp.open(f"/inbox/{number}-{index}.txt", "wb") as file:
                    file.write(b"%d-%d\n" % (number, index) * 100)
        except BaseException as cause:  # noqa: BLE001 a thread's failure is the test's
            failures.put(cause)

    threads = [threading.Thread(target=upload, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures.empty(), failures.get()
    for number in range(4):
        for index in range(25):
            assert (house.of().inbox / f"{number}-{index}.txt").read_bytes() == b"%d-%d\n" % (number, index) * 100
    assert house.uploads.qsize() == 100 and house.names(house.of().staging) == []


def test_a_failing_listener_does_not_take_back_what_the_client_was_told(house: House) -> None:
    def down(item: object) -> None:
        raise RuntimeError("down")

    house.uploads.put = down  # type: ignore[method-assign,assignment]
    house.sftp().open("/inbox/RV_1.txt", "wb").close()
    house.wait_for("the sweep will find it")
    assert house.names(house.of().inbox) == [b"RV_1.txt"]
