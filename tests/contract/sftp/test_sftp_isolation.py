"""Isolation: a customer reaches three folders of its own, whatever it asks for. The client is paramiko."""

from __future__ import annotations

import os

import pytest
from paramiko.ssh_exception import SSHException

from tests.contract.sftp.conftest import House

WAYS_OUT = [
    "/etc/passwd",
    "../../../../etc/passwd",
    "/inbox/../../../etc/passwd",
    "/inbox/../../istituto-demo/outbox/secret",
    "/../istituto-demo/outbox/secret",
    "/customers/istituto-demo/outbox/secret",
    "/outbox/../../../state/host_key",
    "/staging",
    "/inbox/sub/file",
    "/outbox/linked/secret",
    "/inbox//../..//state/host_key",
    "~/.ssh/id_ed25519",
]


@pytest.fixture
def other(house: House) -> House:
    """The other customer has a file, and a link to its folder lies in ours."""
    (house.of("istituto-demo").outbox / "secret").write_bytes(b"of another customer")
    (house.of().outbox / "linked").symlink_to(house.of("istituto-demo").outbox)
    return house


@pytest.mark.parametrize("path", WAYS_OUT)
def test_no_path_leads_out(other: House, path: str) -> None:
    sftp = other.sftp()
    for mode in ("rb", "wb"):
        with pytest.raises(OSError):
            sftp.open(path, mode)
    for look in (sftp.stat, sftp.lstat, sftp.listdir, sftp.remove):
        with pytest.raises(OSError):
            look(path)
    with pytest.raises(OSError):
        sftp.rename(path, "/inbox/taken")
    assert other.nothing_is_there()


def test_each_customer_sees_only_its_own_files(other: House) -> None:
    (other.of().outbox / "mine").write_bytes(b"")
    assert other.sftp("banca-demo").listdir("/outbox") == ["mine"]
    assert other.sftp("istituto-demo").listdir("/outbox") == ["secret"]


def test_changing_the_folder_upwards_ends_at_the_root(house: House) -> None:
    sftp = house.sftp()
    sftp.chdir("/inbox")
    sftp.chdir("../../../..")
    assert sftp.getcwd() == "/" and sorted(sftp.listdir(".")) == ["inbox", "outbox", "receipts"]
    assert sftp.normalize("/inbox/../../outbox/.") == "/outbox"


def test_links_and_folders_are_refused(house: House) -> None:
    sftp = house.sftp()
    sftp.open("/inbox/a.txt", "wb").close()
    with pytest.raises(PermissionError):
        sftp.symlink("/etc/passwd", "/inbox/link")
    with pytest.raises(PermissionError):
        sftp.readlink("/inbox/a.txt")
    with pytest.raises(PermissionError):
        sftp.mkdir("/inbox/new")
    with pytest.raises(PermissionError):
        sftp.rmdir("/inbox")
    assert house.names(house.of().inbox) == [b"a.txt"]


def test_a_hard_link_by_extension_is_refused(house: House) -> None:
    sftp = house.sftp()
    sftp.open("/inbox/a.txt", "wb").close()
    with pytest.raises(OSError, match="no extensions"):
        sftp._request(200, "hardlink@openssh.com", "/inbox/a.txt", "/inbox/b.txt")
    assert house.names(house.of().inbox) == [b"a.txt"]


def test_rights_owner_and_times_stay_ours(house: House) -> None:
    sftp = house.sftp()
    with sftp.open("/inbox/a.txt", "wb") as file:
        file.chmod(0o4777)
        file.utime((1, 1))
    sftp.chmod("/inbox/a.txt", 0o4777)
    sftp.chown("/inbox/a.txt", 0, 0)
    sftp.utime("/inbox/a.txt", (1, 1))
    known = (house.of().inbox / "a.txt").stat()
    assert known.st_mode & 0o7777 == 0o640 and known.st_uid == os.getuid() and known.st_mtime > 1
    with pytest.raises(PermissionError):
        sftp.truncate("/inbox/a.txt", 0)
    with pytest.raises(PermissionError):
        sftp.chmod("/inbox", 0o777)


def test_a_link_in_the_inbox_is_neither_followed_nor_renamed_nor_shown(house: House) -> None:
    (house.of().inbox / "link").symlink_to(house.home / "target")
    sftp = house.sftp()
    assert sftp.listdir("/inbox") == []
    with pytest.raises(OSError, match="already in the inbox"):
        sftp.open("/inbox/link", "wb")
    with pytest.raises(FileNotFoundError):
        sftp.rename("/inbox/link", "/inbox/other")
    assert not (house.home / "target").exists()


def test_a_folder_that_is_replaced_by_a_link_during_the_session_is_not_entered(house: House) -> None:
    sftp = house.sftp()
    inbox = house.of().inbox
    sftp.listdir("/inbox")
    inbox.rename(inbox.with_name("before"))
    inbox.symlink_to(house.of("istituto-demo").inbox)
    sftp.open("/inbox/a.txt", "wb").close()
    assert house.names(inbox.with_name("before")) == [b"a.txt"]
    assert house.nothing_is_there("istituto-demo")


def test_a_folder_that_is_a_link_at_the_login_ends_the_session(house: House) -> None:
    house.of().outbox.rmdir()
    house.of().outbox.symlink_to(house.of("istituto-demo").outbox)
    with pytest.raises((SSHException, OSError)):  # paramiko says OSError where the channel ends before it has written
        house.sftp()
    assert "no session: cannot open the folder" in house.wait_for("no session")
    assert house.sftp("istituto-demo").listdir("/outbox") == []
