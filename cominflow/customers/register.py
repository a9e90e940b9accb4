"""Register: customers by their code, which also names their folders and is the login of their SFTP sessions."""

from __future__ import annotations

import difflib
import re
from datetime import datetime

from django.db import IntegrityError, transaction

from cominflow.errors import UsageError
from cominflow.models import Customer

_CODE = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def add(
    code: str, name: str, *, at: datetime, vat_number: str = "", fiscal_code: str = "", state: str = "ENABLED"
) -> Customer:
    """Enter a customer. UsageError when the code is taken or is not one, or a tax number has not its length."""
    if not _CODE.fullmatch(code):
        raise UsageError(
            f"{code!r} cannot be a customer code",
            hint="use 1 to 32 small letters, digits, - and _, beginning with a letter or digit: banca-demo",
        )
    if not name.strip():
        raise UsageError(f"customer {code} has no name", hint="give the name that stands on the invoice")
    if vat_number and not re.fullmatch(r"[0-9]{11}", vat_number):
        raise UsageError(f"{vat_number!r} is not a VAT number", hint="give its 11 digits, without IT")
    if fiscal_code and not re.fullmatch(r"[A-Z0-9]{11}|[A-Z0-9]{16}", fiscal_code):
        raise UsageError(f"{fiscal_code!r} is not a codice fiscale", hint="give its 16 characters, or 11 digits")
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
