"""The clients that customers use: OpenSSH's sftp, curl and lftp, as processes."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from cominflow.exchange.sftp import keys
from tests import programs
from tests.contract.sftp.conftest import WAIT_S, House

CONTENT = os.urandom(3_000_000)


@pytest.fixture(autouse=True)
def _sample(house: House) -> None:
    (house.home / "RV_1.txt").write_bytes(CONTENT)


def test_openssh_puts_lists_and_gets(house: House) -> None:
    (house.of().outbox / "RV_0.answer.txt").write_bytes(CONTENT)
    done = house.openssh("put RV_1.txt /inbox\nls -l /inbox\ncd /outbox\nget RV_0.answer.txt\nls -1\n")
    assert done.returncode == 0, done.stderr
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT
    assert (house.home / "RV_0.answer.txt").read_bytes() == CONTENT
    assert "RV_1.txt" in done.stdout and f"{len(CONTENT)}" in done.stdout
    assert house.uploads.get(timeout=WAIT_S) == ("banca-demo", b"RV_1.txt")
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "outbox", b"RV_0.answer.txt")


def test_openssh_puts_with_times_and_rights_and_with_fsync(house: House) -> None:
    for option in ("-p", "-f"):
        done = house.openssh(f"put {option} RV_1.txt /inbox/RV_1{option}.txt\n")
        assert done.returncode == 0, done.stderr
    assert house.names(house.of().inbox) == [b"RV_1-f.txt", b"RV_1-p.txt"]


def test_openssh_puts_under_a_temporary_name_and_renames(house: House) -> None:
    done = house.openssh("put RV_1.txt /inbox/.RV_1.txt\nrename /inbox/.RV_1.txt /inbox/RV_1.txt\n")
    assert done.returncode == 0, done.stderr
    assert house.names(house.of().inbox) == [b"RV_1.txt"]
    assert house.uploads.get(timeout=WAIT_S) == ("banca-demo", b"RV_1.txt") and house.uploads.empty()


@pytest.mark.parametrize(
    "command",
    [
        "put RV_1.txt /inbox/taken.txt",
        "put RV_1.txt /outbox/RV_1.txt",
        "put RV_1.txt /RV_1.txt",
        "put RV_1.txt /inbox/sub/RV_1.txt",
        "reput RV_1.txt /inbox/taken.txt",
        "get /inbox/taken.txt",
        "get /outbox/../../../state/host_key",
        "rm /inbox/taken.txt",
        "rm /outbox/published.txt",
        "rename /outbox/published.txt /inbox/published.txt",
        "mkdir /inbox/new",
        "rmdir /outbox",
        "ln -s /etc/passwd /inbox/link",
        "ln /inbox/taken.txt /inbox/link",
        "chmod 777 /outbox/published.txt",
        "cd /etc",
    ],
)
def test_openssh_is_told_of_each_refusal_by_its_exit_code(house: House, command: str) -> None:
    (house.of().inbox / "taken.txt").write_bytes(b"first")
    (house.of().outbox / "published.txt").write_bytes(b"answer")
    done = house.openssh(f"{command}\n")
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert (house.of().inbox / "taken.txt").read_bytes() == b"first"
    assert (house.of().outbox / "published.txt").read_bytes() == b"answer"
    assert house.names(house.of().inbox) == [b"taken.txt"] and house.names(house.of().staging) == []
    assert house.names(house.of().outbox) == [b"published.txt"]


def test_openssh_that_is_killed_in_the_middle_leaves_nothing(house: House) -> None:
    command = house.openssh_command("put RV_1.txt /inbox\n", "banca-demo", "-l", "2000")
    process = subprocess.Popen(
        command, cwd=house.home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    house.wait_for("open /inbox/RV_1.txt for upload")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(WAIT_S)
    house.wait_for("aborted /inbox/RV_1.txt")
    house.stop()
    assert house.nothing_is_there() and house.uploads.empty()


def test_openssh_resumes_a_get_and_it_counts_as_retrieved(house: House) -> None:
    (house.of().outbox / "RV_0.answer.txt").write_bytes(CONTENT)
    with house.sftp().open("/outbox/RV_0.answer.txt", "rb") as file:
        (house.home / "RV_0.answer.txt").write_bytes(file.read(1_000_000))
    done = house.openssh("reget /outbox/RV_0.answer.txt\n")
    assert done.returncode == 0, done.stderr
    assert (house.home / "RV_0.answer.txt").read_bytes() == CONTENT
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "outbox", b"RV_0.answer.txt")


def test_openssh_gets_no_shell(house: House) -> None:
    assert house.serving is not None
    ssh = [programs.need("sftp").replace("sftp", "ssh"), *house.openssh_options(), "-p", str(house.serving.port)]
    done = subprocess.run([*ssh, house.serving.host, "id"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 255 and "uid=" not in done.stdout


@pytest.mark.parametrize(
    ("kind", "bits"), [("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048"), ("rsa", "3072")]
)
def test_openssh_logs_in_with_every_kind_of_key(house: House, kind: str, bits: str) -> None:
    path = house.home / f"{kind}.key"
    make = [programs.need("ssh-keygen"), "-q", "-t", kind, "-b", bits, "-N", "", "-C", "banca-demo", "-f", str(path)]
    subprocess.run(make, check=True, timeout=60)
    house.key_files["banca-demo"] = path
    house.customers[keys.parse(path.with_name(f"{kind}.key.pub").read_text()).fingerprint] = "banca-demo"
    done = house.openssh("ls /\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-3:] == ["/inbox", "/outbox", "/receipts"]


def test_curl_uploads_and_downloads(house: House) -> None:
    curl = programs.need("curl")
    if "sftp" not in subprocess.run([curl, "--version"], capture_output=True, text=True).stdout:
        programs.absent("this machine's curl does not speak SFTP; do: apt-get install curl")
    assert house.serving is not None
    host_key = house.serving.server.key.get_base64()
    (house.home / "known_hosts").write_text(f"[127.0.0.1]:{house.serving.port} ssh-ed25519 {host_key}\n")
    (house.home / ".ssh").mkdir()
    (house.home / "known_hosts").rename(house.home / ".ssh" / "known_hosts")
    key = house.key_files["banca-demo"]
    public = subprocess.run([programs.need("ssh-keygen"), "-y", "-f", key], capture_output=True, check=True).stdout
    key.with_suffix(".pub").write_bytes(public)
    base = [
        curl,
        "--silent",
        "--show-error",
        "--user",
        "banca-demo:",
        "--key",
        key,
        "--pubkey",
        key.with_suffix(".pub"),
    ]
    url = f"sftp://127.0.0.1:{house.serving.port}"
    environment = {**os.environ, "HOME": str(house.home)}
    put = [*base, "--upload-file", "RV_1.txt", f"{url}/inbox/RV_1.txt"]
    done = subprocess.run(put, cwd=house.home, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT
    again = subprocess.run(put, cwd=house.home, env=environment, capture_output=True, text=True, timeout=60)
    assert again.returncode != 0, "the name is taken"
    (house.of().outbox / "RV_0.answer.txt").write_bytes(CONTENT)
    get = [*base, "--output", "got", f"{url}/outbox/RV_0.answer.txt"]
    done = subprocess.run(get, cwd=house.home, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert (house.home / "got").read_bytes() == CONTENT
    assert house.retrievals.get(timeout=WAIT_S) == ("banca-demo", "outbox", b"RV_0.answer.txt")


def test_lftp_uploads_and_downloads(house: House) -> None:
    lftp = programs.need("lftp")
    assert house.serving is not None
    (house.of().outbox / "RV_0.answer.txt").write_bytes(CONTENT)
    connect = " ".join([programs.need("sftp").replace("sftp", "ssh"), "-a", "-x", *house.openssh_options()])
    script = (
        f'set sftp:connect-program "{connect}"; set net:max-retries 1; set cmd:fail-exit yes;'
        f"open -u banca-demo, sftp://127.0.0.1:{house.serving.port};"
        "put -O /inbox RV_1.txt; cls /inbox; get /outbox/RV_0.answer.txt; put -O /outbox RV_1.txt"
    )
    done = subprocess.run(
        [lftp, "-f", "/dev/stdin"], input=script, cwd=house.home, capture_output=True, text=True, timeout=60
    )
    assert "Access failed" in done.stderr and done.returncode == 1, done.stderr
    assert (house.of().inbox / "RV_1.txt").read_bytes() == CONTENT
    assert (house.home / "RV_0.answer.txt").read_bytes() == CONTENT
    assert house.names(house.of().outbox) == [b"RV_0.answer.txt"]
