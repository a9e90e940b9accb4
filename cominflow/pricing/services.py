"""Services: what can be asked for, which provider fulfils it, and its VAT rate."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction

from cominflow import entered
from cominflow.errors import UsageError
from cominflow.models import Event, Service

# Record layouts give services 1 to 32 characters; a dot would make a feed's `service` look like a field's path.
_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}")
_RATE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%?")


def add(
    code: str,
    title: str,
    *,
    provider: str,
    provider_settings: Mapping[str, Any],
    vat_rate: str = "22",
    by: str,
    at: datetime,
) -> Service:
    """Enter a service. UsageError when its code is taken or is not one, or the VAT rate is not a rate.

    provider             name of an entry point of `cominflow.providers`; the caller has checked it with its settings
    vat_rate             percent, as a person writes it: "22", "4.5"
    """
    if not _CODE.fullmatch(code):
        raise UsageError(
            f"{code!r} cannot be a service code", hint="use 1 to 32 letters, digits, - and _, as the files will say it"
        )
    if not entered.one_line(f"the title of service {code}", title):
        raise UsageError(f"service {code} has no title", hint="give the words that stand on the invoice")
    rate = rate_bp(vat_rate)
    try:
        with transaction.atomic():
            service = Service.objects.create(
                code=code,
                title=title.strip(),
                provider=provider,
                provider_settings=dict(provider_settings),
                vat_rate_bp=rate,
            )
            Event.objects.create(at=at, by=by, subject=f"service {code}"[:40], what="added")
            return service
    except IntegrityError:
        raise UsageError(
            f"there is a service {code} already", hint=f"change it with `cominflow service set {code}`"
        ) from None


def change(
    code: str,
    *,
    title: str | None = None,
    provider: str | None = None,
    provider_settings: Mapping[str, Any] | None = None,
    vat_rate: str | None = None,
    by: str,
    at: datetime,
) -> Service:
    """Change what is given (not None) of a service. UsageError when there is none, or the title or rate is not one.

    Title and rate are copied into every invoice when it is issued, so that only later ones have the new; requests that
    wait to be asked go to the new provider. The caller has checked provider and settings together. The event names
    what changed; settings may hold a password, so their values do not stand in it.
    """
    if title is not None and not entered.one_line(f"the title of service {code}", title):
        raise UsageError(f"service {code} would have no title", hint="give the words that stand on the invoice")
    wanted: dict[str, Any] = {
        "title": None if title is None else title.strip(),
        "provider": provider,
        "provider_settings": None if provider_settings is None else dict(provider_settings),
        "vat_rate_bp": None if vat_rate is None else rate_bp(vat_rate),
    }
    with transaction.atomic():
        service = Service.objects.select_for_update().get(pk=find(code).pk)
        changed = [name for name, value in wanted.items() if value is not None and value != getattr(service, name)]
        said = [_change(name, getattr(service, name), wanted[name]) for name in changed]
        for name in changed:
            setattr(service, name, wanted[name])
        if changed:
            service.save(update_fields=changed)
            subject = f"service {code}"[:40]
            Event.objects.create(at=at, by=by, subject=subject, what="changed", reason="; ".join(said))
    return service


def _change(name: str, before: object, after: object) -> str:
    if name == "provider_settings":
        return "settings"
    if name == "vat_rate_bp":
        assert isinstance(before, int) and isinstance(after, int), "rates are whole hundredths of a percent"
        return f"vat {Decimal(before) / 100:f} -> {Decimal(after) / 100:f} percent"
    return f"{name} {before} -> {after}"


def rate_bp(text: str) -> int:
    """A VAT rate in percent to hundredths of a percent. UsageError when it is not one.

    >>> rate_bp("22"), rate_bp("4.5")
    (2200, 450)
    """
    written = _RATE.fullmatch(text.strip())
    value = Decimal(written.group(1)) * 100 if written else Decimal(-1)
    if not 0 <= value <= 10000:
        raise UsageError(f"{text!r} is not a VAT rate", hint="give percent with at most two decimals: 22")
    return int(value)


def find(code: str) -> Service:
    """The service of that code. UsageError, with the nearest code there is, when there is none."""
    found = Service.objects.filter(code=code).first()
    if found is not None:
        return found
    near = difflib.get_close_matches(code, [str(known) for known in Service.objects.values_list("code", flat=True)], 1)
    hint = f"did you mean {near[0]}?" if near else "see them with `cominflow service list`"
    raise UsageError(f"there is no service {code!r}", hint=hint)


def everything() -> list[Service]:
    """All services, by code."""
    return list(Service.objects.order_by("code"))
