"""Keys: the public keys a customer may log in with. Parsing a key's text is `exchange.sftp.keys`; here are the rows.

A withdrawn key stays in the table, with its date: who could log in, and when, can be told for ever.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from cominflow.errors import UsageError
from cominflow.models import Customer, Event, Key


def add(customer: Customer, *, kind: str, body: str, fingerprint: str, comment: str = "", by: str, at: datetime) -> Key:
    """Let the holder of a key log in as `customer`. UsageError when the key opens a customer's folders already.

    kind, body, fingerprint    as `exchange.sftp.keys` gives them: "ssh-ed25519", base64, "SHA256:…"
    """
    try:
        with transaction.atomic():
            key = Key.objects.create(
                customer=customer, kind=kind, body=body, fingerprint=fingerprint, comment=comment[:200], added_at=at
            )
            _record(customer, "key added", fingerprint, by=by, at=at)
            return key
    except IntegrityError:
        holder = Key.objects.get(fingerprint=fingerprint, withdrawn_at=None).customer
        raise UsageError(
            f"key {fingerprint} belongs to {holder.code} already",
            hint="a key opens one customer's folders; ask for another one"
            if holder != customer
            else f"nothing to do: see `cominflow key list {customer.code}`",
        ) from None


def withdraw(customer: Customer, fingerprint: str, *, by: str, at: datetime) -> Key:
    """End a key: from the next log-in on it opens nothing. UsageError when the customer has no such key.

    fingerprint    in full, or enough of its beginning, with or without "SHA256:"
    """
    wanted = fingerprint.removeprefix("SHA256:")
    active = [
        key
        for key in Key.objects.filter(customer=customer, withdrawn_at=None)
        if wanted and key.fingerprint.removeprefix("SHA256:").startswith(wanted)
    ]
    if len(active) != 1:
        what = "no active key" if not active else f"{len(active)} active keys"
        raise UsageError(
            f"{customer.code} has {what} {fingerprint!r}",
            hint=f"copy the fingerprint from `cominflow key list {customer.code}`",
        )
    (key,) = active
    key.withdrawn_at = at
    with transaction.atomic():
        key.save(update_fields=["withdrawn_at"])
        _record(customer, "key withdrawn", key.fingerprint, by=by, at=at)
    return key


def keys_of(customer: Customer) -> list[Key]:
    """All keys of a customer, withdrawn ones too, oldest first."""
    return list(Key.objects.filter(customer=customer).order_by("added_at", "pk"))


def customer_of(fingerprint: str) -> str | None:
    """The code of the customer whom a key lets in, or None. A suspended or closed customer is not let in."""
    key = (
        Key.objects.filter(fingerprint=fingerprint, withdrawn_at=None, customer__state="ENABLED")
        .select_related("customer")
        .first()
    )
    return None if key is None else key.customer.code


def _record(customer: Customer, what: str, fingerprint: str, *, by: str, at: datetime) -> None:
    Event.objects.create(at=at, by=by, subject=f"customer {customer.code}"[:40], what=what, reason=fingerprint)
