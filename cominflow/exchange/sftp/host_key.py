"""Host key: what the server proves itself with. Made at the first run, readable by its owner only.

Customers pin its fingerprint, so the file must outlive every upgrade: it is in <data>/state, and backed up with it.
"""

from __future__ import annotations

import os
import stat
import uuid
from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from cominflow import failpoint, quoting
from cominflow.errors import WorldError
from cominflow.exchange import disk
from cominflow.exchange.sftp import keys


def load_or_make(path: Path) -> paramiko.Ed25519Key:
    """The key in `path`; made there (ed25519, 0600) when there is none. Two processes at once end with one key.

    Raises WorldError when others can read the file, or when it is no ed25519 key in OpenSSH's form.
    """
    if not path.exists():
        _make(path)
    for leftover in path.parent.glob(f"{path.name}.*"):  # a private key that a killed process made and nobody uses
        leftover.unlink(missing_ok=True)
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise WorldError(
                "use the host key", str(path), f"others may read it (mode {mode:04o})", hint=f"chmod 600 {path}"
            )
        return paramiko.Ed25519Key(filename=os.fspath(path))
    except (OSError, ValueError, paramiko.SSHException) as cause:
        raise WorldError(
            "read the host key",
            str(path),
            quoting.said(cause),
            hint="put the file back from a backup; a new key makes every customer's client refuse to connect",
        ) from cause


def fingerprint(key: paramiko.PKey) -> str:
    """What a customer compares before the first connection: `SHA256:…`."""
    return keys.fingerprint_of(key.asbytes())


def known_hosts_line(key: paramiko.PKey, host: str, port: int) -> str:
    """The line for a client's known_hosts file."""
    name = host if port == 22 else f"[{host}]:{port}"
    return f"{name} {key.get_name()} {key.get_base64()}"


def _make(path: Path) -> None:
    disk.ensure_folder(path.parent)
    text = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    # Written under another name first: a crash must not leave half a key, nor a second process overwrite the first's.
    draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    disk.write_durably(draft, [text], mode=0o600)
    failpoint.hit("host_key.drafted")
    try:
        disk.rename_noreplace(draft, path)
    except (disk.NameTaken, disk.NameMissing):  # another process was first, and may have removed our draft
        draft.unlink(missing_ok=True)
    failpoint.hit("host_key.named")
    disk.fsync_folder(path.parent)
    failpoint.hit("host_key.durable")
