"""Keys: a customer's public key, as the one line of OpenSSH's `.pub` files.

Taken: ssh-ed25519, ecdsa-sha2-nistp256/384/521, ssh-rsa from 2048 bits. A key is known by its fingerprint
(`SHA256:` and 43 characters, what `ssh-keygen -lf` prints), which stands for the whole key. Source: RFC 4253 §6.6,
RFC 5656, RFC 8709.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cominflow.errors import UsageError

RSA_BITS_MIN = 2048

_POINT_BYTES = {"nistp256": 65, "nistp384": 97, "nistp521": 133}
_KINDS = ("ssh-ed25519", *(f"ecdsa-sha2-{curve}" for curve in _POINT_BYTES), "ssh-rsa")
_GENERATE = "ssh-keygen -t ed25519 -f cominflow-key"


@dataclass(frozen=True)
class PublicKey:
    """A checked public key. Kind, body (base64) and comment are the parts of its line."""

    kind: str
    body: str
    fingerprint: str
    comment: str

    def line(self) -> str:
        """The key as a line of an authorized_keys or `.pub` file."""
        return f"{self.kind} {self.body} {self.comment}".rstrip()


def fingerprint_of(blob: bytes) -> str:
    """The fingerprint of a key's binary form, as `ssh-keygen -lf` prints it.

    >>> fingerprint_of(b"")
    'SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU'
    """
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode("ascii").rstrip("=")


def parse(text: str) -> PublicKey:
    """Read one public key from the text of a `.pub` file (blank lines and lines with # are passed over).

    Raises UsageError with what was found instead: a private key, another program's format, several keys, a kind or
    length that is too weak, bytes that do not add up. Never keeps or prints a private key.
    """
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise UsageError(
            "this is a private key: it must stay with its owner and was not read further",
            hint="give the public key, the one line in the file that ends in .pub (`ssh-keygen -y -f KEY` prints it)",
        )
    if "BEGIN SSH2 PUBLIC KEY" in text or "BEGIN PUBLIC KEY" in text or "BEGIN RSA PUBLIC KEY" in text:
        raise UsageError(
            "this public key is not in OpenSSH's one-line form",
            hint="convert it: `ssh-keygen -i -f FILE` (for PEM add `-m PKCS8`), then give the line it prints",
        )
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) != 1:
        raise UsageError(
            f"expected one public key, found {len(lines)} lines",
            hint=f"give one key at a time; to make one: `{_GENERATE}`",
        )
    return _parse_line(lines[0])


def _parse_line(line: str) -> PublicKey:
    kind, body, comment = [*line.split(None, 2), "", ""][:3]
    if kind not in _KINDS:
        raise UsageError(_why_not(kind, line), hint=f"use one of {', '.join(_KINDS)}; to make one: `{_GENERATE}`")
    try:
        blob = base64.b64decode(body, validate=True)
        fields = _fields(blob)
    except (binascii.Error, ValueError) as cause:
        raise _damaged(kind, str(cause)) from cause
    if not fields or fields[0] != kind.encode("ascii"):
        raise _damaged(kind, "the kind inside the key is another one")
    _check(kind, fields[1:])
    comment = "".join(character if character.isprintable() else "?" for character in comment.strip())
    return PublicKey(kind, body, fingerprint_of(blob), comment[:200])


def _why_not(kind: str, line: str) -> str:
    shown = kind if len(kind) <= 40 and kind.isprintable() else "this text"
    if kind == "ssh-dss":
        return "ssh-dss keys are broken and not taken"
    if kind.startswith("sk-"):
        return f"{shown} keys (on a security token) are not taken: our SSH library cannot check them"
    if "-cert-v01@openssh.com" in kind:
        return f"{shown} is a certificate; the key itself is needed"
    if any(f" {known} " in f" {line} " for known in _KINDS):
        return f"the line begins with options ({shown}); the key must stand first"
    return f"{shown} is not a kind of public key that is known here"


def _damaged(kind: str, why: str) -> UsageError:
    return UsageError(
        f"the {kind} key is damaged: {why}",
        hint="copy the whole line of the .pub file again, without line breaks in it",
    )


def _fields(blob: bytes) -> list[bytes]:
    """Cut the binary form into its fields, each behind a length of four bytes. Raises ValueError."""
    fields, offset = [], 0
    while offset < len(blob):
        length = int.from_bytes(blob[offset : offset + 4], "big")
        field = blob[offset + 4 : offset + 4 + length]
        if offset + 4 > len(blob) or len(field) != length:
            raise ValueError(f"it ends {offset + 4 + length - len(blob)} bytes too early")
        fields.append(field)
        offset += 4 + length
    return fields


def _check(kind: str, fields: list[bytes]) -> None:
    """Check what the key consists of. Raises UsageError."""
    if kind == "ssh-ed25519":
        if [len(field) for field in fields] != [32]:
            raise _damaged(kind, "it must hold 32 bytes")
        return
    if len(fields) != 2:
        raise _damaged(kind, f"it must hold two values and holds {len(fields)}")
    if kind == "ssh-rsa":
        exponent, modulus = (int.from_bytes(field, "big") for field in fields)
        if modulus.bit_length() < RSA_BITS_MIN:
            raise UsageError(
                f"the RSA key has {modulus.bit_length()} bits; at least {RSA_BITS_MIN} are needed",
                hint=f"make a new key: `{_GENERATE}`",
            )
        if exponent < 3 or exponent % 2 == 0 or modulus % 2 == 0:
            raise _damaged(kind, "its exponent or modulus is impossible")
        return
    curve, point = fields[0].decode("ascii", "replace"), fields[1]
    if kind != f"ecdsa-sha2-{curve}" or len(point) != _POINT_BYTES[curve] or point[0] != 4:
        raise _damaged(kind, "its point is not one of this curve")
