"""Register: customers by their code, which also names their folders and is the login of their SFTP sessions."""

from __future__ import annotations

import difflib
import re
from datetime import datetime

from django.db import IntegrityError, transaction

from cominflow import entered
from cominflow.customers import tax_numbers
from cominflow.errors import UsageError
from cominflow.models import Customer, Event

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def add(
    code: str, name: str, *, at: datetime, vat_number: str = "", fiscal_code: str = "", state: str = "ENABLED"
) -> Customer:
    """Enter a customer. UsageError when the code is taken or is not one, or a tax number cannot be one."""
    if not _CODE.fullmatch(code):
        raise UsageError(
            f"{code!r} cannot be a customer code",
            hint="use 1 to 32 small letters, digits, - and _, beginning with a letter or digit: banca-demo",
        )
    _check(code, name=name, vat_number=vat_number, fiscal_code=fiscal_code)
    try:
        with transaction.atomic():
            return Customer.objects.create(
                code=code,
                name=name.strip(),
                vat_number=vat_number,
                fiscal_code=fiscal_code,
                state=state,
                created_at=at,
            )
    except IntegrityError:
        raise UsageError(
            f"there is a customer {code} already", hint=f"see it with `cominflow customer show {code}`"
        ) from None


def change(
    code: str,
    *,
    name: str | None = None,
    vat_number: str | None = None,
    fiscal_code: str | None = None,
    by: str,
    at: datetime,
) -> Customer:
    """Change what is given (not None) of a customer; an empty tax number takes it away. Says so in an event.

    Invoices that were issued stay as they are. UsageError as `add`, or when there is no such customer.
    """
    given = {"name": None if name is None else name.strip(), "vat_number": vat_number, "fiscal_code": fiscal_code}
    wanted = {key: value for key, value in given.items() if value is not None}
    with transaction.atomic():
        customer = Customer.objects.select_for_update().get(pk=find(code).pk)
        _check(code, **{"name": customer.name, **wanted})
        changed = [key for key, value in wanted.items() if value != getattr(customer, key)]
        said = [f"{key} {getattr(customer, key) or 'none'} -> {wanted[key] or 'none'}" for key in changed]
        if changed:
            for key in changed:
                setattr(customer, key, wanted[key])
            customer.save(update_fields=changed)
            subject = f"customer {code}"[:40]
            Event.objects.create(at=at, by=by, subject=subject, what="changed", reason="; ".join(said))
    return customer


def _check(code: str, *, name: str, vat_number: str = "", fiscal_code: str = "") -> None:
    if not entered.one_line(f"the name of customer {code}", name):
        raise UsageError(f"customer {code} has no name", hint="give the name that stands on the invoice")
    if vat_number:
        tax_numbers.check_vat_number(vat_number)
    if fiscal_code:
        tax_numbers.check_fiscal_code(fiscal_code)


def find(code: str) -> Customer:
    """The customer of that code. UsageError, with the nearest code there is, when there is none."""
    found = Customer.objects.filter(code=code).first()
    if found is not None:
        return found
    near = difflib.get_close_matches(code, [str(known) for known in Customer.objects.values_list("code", flat=True)], 1)
    hint = f"did you mean {near[0]}?" if near else "see them with `cominflow customer list`"
    raise UsageError(f"there is no customer {code!r}", hint=hint)


def everyone() -> list[Customer]:
    """All customers, by code."""
    return list(Customer.objects.order_by("code"))
