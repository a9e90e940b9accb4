"""`cominflow customer`: who asks and pays."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Customer


@click.group()
def customer() -> None:
    """Add, correct, list and show customers."""


@customer.command(
    epilog="""\b
Examples:
  cominflow customer add banca-demo --name "Banca Demo"
  cominflow customer add istituto-demo --name "Istituto Demo" --folder .
"""
)
@click.argument("code")
@click.option("--name", required=True, help="The name that stands on the invoice.")
@click.option("--vat-number", default="", help="Partita IVA: 11 digits, without IT.")
@click.option("--fiscal-code", default="", help="Codice fiscale: 16 characters, or 11 digits.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep inbox, outbox and receipts in this folder instead; on the same file system as the data.",
)
@showing.json_option
def add(code: str, name: str, vat_number: str, fiscal_code: str, folder: Path | None, as_json: bool) -> None:
    """Enter a customer, with inbox, outbox and receipts folders.

    CODE is the login of the customer's SFTP sessions and the name of its folder: small letters, digits, - and _.
    With --folder the three lie where they are at hand: `--folder .` takes ./inbox and ./outbox of this directory.
    """
    setup.django()
    from django.db import transaction

    from cominflow import clock, settings
    from cominflow.customers import register
    from cominflow.exchange.disk import Folders

    folders = Folders(settings.DATA)
    # The row stands when its folders do: where they cannot be made, the command is given again. Folders that were made
    # by one that failed are nobody's until then.
    with transaction.atomic():
        added = register.add(code, name, at=clock.now(), vat_number=vat_number, fiscal_code=fiscal_code)
        if folder is not None:
            folders.place_elsewhere(added.code, folder)
        folders.ensure([added.code])
    if as_json:
        showing.record(_row(added), as_json=True)
    else:
        click.echo(f"customer {added.code} added; next: cominflow key add {added.code} KEY.pub")


@customer.command(
    name="set",
    epilog="""\b
Example:
  cominflow customer set banca-demo --vat-number 01234567897
""",
)
@click.argument("code")
@click.option("--name", help="The name that stands on later invoices.")
@click.option("--vat-number", help="Partita IVA: 11 digits, without IT; empty: none.")
@click.option("--fiscal-code", help="Codice fiscale: 16 characters, or 11 digits; empty: none.")
@showing.json_option
def put(code: str, name: str | None, vat_number: str | None, fiscal_code: str | None, as_json: bool) -> None:
    """Correct a customer. What is not given stays, and so do the invoices that were issued."""
    if name is vat_number is fiscal_code is None:
        raise UsageError("nothing to change is given", hint="give --name, --vat-number or --fiscal-code")
    setup.django()
    from cominflow import clock
    from cominflow.customers import register

    changed = register.change(
        code, name=name, vat_number=vat_number, fiscal_code=fiscal_code, by=setup.operator(), at=clock.now()
    )
    if as_json:
        showing.record(_row(changed), as_json=True)
    else:
        click.echo(f"customer {changed.code} is changed; see it with: cominflow customer show {changed.code}")


@customer.command(
    name="list",
    epilog="""\b
Example:
  cominflow customer list
""",
)
@showing.json_option
def list_all(as_json: bool) -> None:
    """List the customers."""
    setup.django()
    from cominflow.customers import register

    rows = [_row(found) for found in register.everyone()]
    showing.table(rows, as_json=as_json, empty="no customer yet; next: cominflow customer add CODE --name NAME")


@customer.command(
    epilog="""\b
Example:
  cominflow customer show banca-demo
"""
)
@click.argument("code")
@showing.json_option
def show(code: str, as_json: bool) -> None:
    """Show a customer with its keys, feeds, prices and folders."""
    setup.django()
    from cominflow import settings
    from cominflow.customers import keys, register
    from cominflow.exchange import feeds
    from cominflow.exchange.disk import Folders
    from cominflow.money import format_e8
    from cominflow.pricing import prices

    found = register.find(code)
    value: dict[str, Any] = _row(found)
    value["inbox"] = str(Folders(settings.DATA).customer(found.code).inbox)
    value["keys"] = [
        {"fingerprint": key.fingerprint, "comment": key.comment, "withdrawn_at": key.withdrawn_at}
        for key in keys.keys_of(found)
    ]
    value["feeds"] = feeds.listed(found)
    value["prices"] = [
        {"service": price.service.code, "unit_price": format_e8(price.unit_price_e8), "from": price.valid_from}
        for price in prices.prices_of(found)
    ]
    showing.record(value, as_json=as_json)


def _row(found: Customer) -> dict[str, Any]:
    return {
        "code": found.code,
        "name": found.name,
        "vat_number": found.vat_number,
        "fiscal_code": found.fiscal_code,
        "state": found.state,
        "created_at": found.created_at,
    }
