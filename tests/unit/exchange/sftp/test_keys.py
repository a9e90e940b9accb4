"""Public keys: what ssh-keygen writes is read, and everything else is refused with what to do."""

from __future__ import annotations

import base64
import subprocess
from pathlib import Path

import pytest

from cominflow.errors import UsageError
from cominflow.exchange.sftp import keys
from tests import programs


def generated(folder: Path, kind: str, bits: str, comment: str = "banca-demo sftp") -> Path:
    path = folder / "key"
    make = [programs.need("ssh-keygen"), "-q", "-t", kind, "-b", bits, "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(make, check=True, timeout=60)
    return path


def blob(*fields: bytes) -> str:
    return base64.b64encode(b"".join(len(field).to_bytes(4, "big") + field for field in fields)).decode("ascii")


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
)
def test_a_key_of_ssh_keygen_has_the_fingerprint_that_ssh_keygen_prints(tmp_path: Path, kind: str, bits: str) -> None:
    path = generated(tmp_path, kind, bits)
    text = path.with_name("key.pub").read_text()
    key = keys.parse(text)
    shown = subprocess.run(
        [programs.need("ssh-keygen"), "-lf", path], capture_output=True, text=True, check=True
    ).stdout
    assert shown.split()[1] == key.fingerprint
    assert key.line() == text.strip() and key.comment == "banca-demo sftp"
    assert keys.parse(f"# our key\n\n  {text}\r\n") == key


def test_a_private_key_is_refused_and_not_shown(tmp_path: Path) -> None:
    text = generated(tmp_path, "ed25519", "256").read_text()
    with pytest.raises(
        UsageError, match=r"this is a private key: it must stay with its owner.*\n  do: .*\.pub"
    ) as caught:
        keys.parse(text)
    assert text.splitlines()[1] not in str(caught.value)
    with pytest.raises(UsageError, match="private key"):
        keys.parse("PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")


@pytest.mark.parametrize("form", ["RFC4716", "PKCS8", "PEM"])
def test_another_form_is_refused_with_the_command_that_converts_it(tmp_path: Path, form: str) -> None:
    path = generated(tmp_path, "rsa", "2048")
    export = [programs.need("ssh-keygen"), "-e", "-m", form, "-f", str(path)]
    text = subprocess.run(export, capture_output=True, text=True, check=True).stdout
    with pytest.raises(UsageError, match=r"not in OpenSSH's one-line form\n  do: convert it: `ssh-keygen -i"):
        keys.parse(text)


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the RSA key has 1024 bits; at least 2048 are needed\n  do: make a new key"):
        keys.parse(generated(tmp_path, "rsa", "1024").with_name("key.pub").read_text())


ED25519 = f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(32))}"
P256 = b"ecdsa-sha2-nistp256"
OTHER_CURVE, SHORT_POINT = blob(P256, b"nistp384", b"\x04" * 97), blob(P256, b"nistp256", b"\x04" * 64)
NO_EXPONENT = blob(b"ssh-rsa", b"", b"\xff" * 256)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected one public key, found 0 lines"),
        ("# nothing\n", "expected one public key, found 0 lines"),
        (f"{ED25519} a\n{ED25519} b", "expected one public key, found 2 lines"),
        ("hello", "hello is not a kind of public key"),
        ("\x1b[2J x", "this text is not a kind of public key"),
        (f"restrict,pty {ED25519}", r"the line begins with options \(restrict,pty\); the key must stand first"),
        ("ssh-dss AAAA", "ssh-dss keys are broken"),
        ("sk-ssh-ed25519@openssh.com AAAA", "on a security token"),
        ("ssh-ed25519-cert-v01@openssh.com AAAA", "is a certificate; the key itself is needed"),
        ("ssh-ed25519", "the ssh-ed25519 key is damaged"),
        ("ssh-ed25519 A@@@", "the ssh-ed25519 key is damaged"),
        (ED25519[:-8], "damaged: it ends 6 bytes too early"),
        (f"ssh-rsa {ED25519.split()[1]}", "the kind inside the key is another one"),
        (f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(31))}", "it must hold 32 bytes"),
        (f"ssh-ed25519 {blob(b'ssh-ed25519', bytes(32), b'')}", "it must hold 32 bytes"),
        (f"ssh-rsa {blob(b'ssh-rsa', b'3')}", "must hold two values and holds 1"),
        (f"ssh-rsa {NO_EXPONENT}", "exponent or modulus is impossible"),
        (f"ecdsa-sha2-nistp256 {OTHER_CURVE}", "its point is not one of this curve"),
        (f"ecdsa-sha2-nistp256 {SHORT_POINT}", "its point is not one of this curve"),
    ],
)
def test_junk_is_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        keys.parse(text)
    assert "\x1b" not in str(caught.value) and caught.value.hint


def test_a_comment_cannot_fake_a_line() -> None:
    assert keys.parse(f"{ED25519} a\x1b[2Jb").comment == "a?[2Jb"
    assert len(keys.parse(f"{ED25519} {'x' * 500}").comment) == 200
