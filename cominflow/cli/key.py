"""`cominflow key`: the public keys that customers log in with."""

from __future__ import annotations

from pathlib import Path

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError, WorldError

# A public key of 16,384 bits is 3 kB; whatever is larger is another file.
_KEY_BYTES_MAX = 64 * 1024


@click.group()
def key() -> None:
    """Add, list and withdraw customers' SSH keys."""


@key.command(
    epilog="""\b
Example:
  cominflow key add banca-demo ~/.ssh/id_ed25519.pub
"""
)
@click.argument("customer")
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@showing.json_option
def add(customer: str, path: Path, as_json: bool) -> None:
    """Let the holder of the public key in the file PATH log in as CUSTOMER.

    PATH is the .pub file that ssh-keygen makes, one line. It holds from the next log-in on.
    """
    setup.django()
    from cominflow import clock
    from cominflow.customers import keys, register
    from cominflow.exchange.sftp import keys as public_keys

    parsed = public_keys.parse(_read(path))
    owner = register.find(customer)
    added = keys.add(
        owner,
        kind=parsed.kind,
        body=parsed.body,
        fingerprint=parsed.fingerprint,
        comment=parsed.comment,
        by=setup.operator(),
        at=clock.now(),
    )
    value = {"customer": owner.code, "kind": added.kind, "fingerprint": added.fingerprint, "comment": added.comment}
    if as_json:
        showing.record(value, as_json=True)
    else:
        click.echo(f"{added.fingerprint} logs in as {owner.code}")
        if added.kind == "ssh-rsa":
            click.echo(
                "note: a client that signs RSA keys with SHA-1 only (libssh2 before 1.11, as in Debian 12's curl) "
                "cannot log in with it; an ed25519 key works with all"
            )


@key.command(
    name="list",
    epilog="""\b
Example:
  cominflow key list banca-demo
""",
)
@click.argument("customer")
@showing.json_option
def list_all(customer: str, as_json: bool) -> None:
    """List a customer's keys, withdrawn ones too."""
    setup.django()
    from cominflow.customers import keys, register

    rows = [
        {
            "fingerprint": found.fingerprint,
            "kind": found.kind,
            "comment": found.comment,
            "added_at": found.added_at,
            "withdrawn_at": found.withdrawn_at,
        }
        for found in keys.keys_of(register.find(customer))
    ]
    showing.table(rows, as_json=as_json, empty=f"no key yet; next: cominflow key add {customer} KEY.pub")


@key.command(
    epilog="""\b
Example:
  cominflow key withdraw banca-demo SHA256:47DEQpj8HBSa
"""
)
@click.argument("customer")
@click.argument("fingerprint")
@showing.json_option
def withdraw(customer: str, fingerprint: str, as_json: bool) -> None:
    """End a key: from the next log-in on it opens nothing.

    FINGERPRINT in full, or enough of its beginning to be the only one.
    """
    setup.django()
    from cominflow import clock
    from cominflow.customers import keys, register

    owner = register.find(customer)
    ended = keys.withdraw(owner, fingerprint, by=setup.operator(), at=clock.now())
    value = {"customer": owner.code, "fingerprint": ended.fingerprint, "withdrawn_at": ended.withdrawn_at}
    if as_json:
        showing.record(value, as_json=True)
    else:
        click.echo(f"{ended.fingerprint} no longer logs in as {owner.code}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_KEY_BYTES_MAX + 1)
    except OSError as problem:
        raise WorldError("read", str(path), problem.strerror, hint="name a file that can be read") from None
    if len(content) > _KEY_BYTES_MAX:
        raise UsageError(f"{path} is too large for a public key", hint="give the .pub file")
    return content.decode("utf-8", "replace")
