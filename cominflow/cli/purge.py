"""`cominflow purge`: take away the bytes of files whose retention has ended."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from cominflow import entered
from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Arrival

_DAYS = re.compile(r"(\d{1,6})d?")


@click.command(
    epilog="""\b
Examples:
  cominflow purge --older-than 400d --dry-run
  cominflow purge --older-than 400d --reason "retention of 13 months"
"""
)
@click.option("--older-than", required=True, help="Days since the file came to its end, such as 400d; at least 32d.")
@click.option("--customer", help="Only this customer's.")
@click.option("--reason", default="", help="Why, for the record.  [default: what --older-than says]")
@click.option("--dry-run", is_flag=True, help="Say what would be purged, and do nothing.")
@showing.json_option
def purge(older_than: str, customer: str | None, reason: str, dry_run: bool, as_json: bool) -> int:
    """Remove the contents of closed, refused and discarded files: in the database, the archive and the folders.

    What stays: name, hash, counts, charges, invoices, and who purged it when and why. It cannot be undone. The same
    bytes sent again are a new file then, and no duplicate. Killed, it goes on when it is given again. May run beside
    the engine.
    """
    days = _DAYS.fullmatch(older_than)
    if days is None:
        raise UsageError(f"--older-than {older_than} is no number of days", hint="write it as in --older-than 400d")
    why = entered.one_line("the reason", reason)
    setup.django()
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange import purge as purging

    at = clock.now()
    owner = None if customer is None else register.find(customer)
    found = [
        *purging.unfinished(customer=owner),
        *purging.due(purging.before(at, int(days[1])), customer=owner),
    ]
    if dry_run:
        showing.table([_row(one) for one in found], as_json=as_json, empty="nothing is that old")
        return 0
    left, bytes_count = _purge(found, why or f"older than {days[1]} days")
    references = [one.reference for one in left]
    value = {"purged": len(found) - len(left), "left": references, "given_back": bytes_count}
    if as_json:
        showing.record(value, as_json=True)
        return 0
    click.echo(f"purged {value['purged']} arrivals; the database is {bytes_count:,} bytes smaller")
    if left:
        click.echo(
            f"the originals of {', '.join(references)} stay, as a file of the same month is not read yet\n"
            "next: see `cominflow status`, and give this command again"
        )
    return 0


def _purge(found: list[Arrival], reason: str) -> tuple[list[Arrival], int]:
    """Purge each. Returns those whose originals have to stay, and the bytes that the database gave back."""
    from cominflow import clock, settings
    from cominflow.exchange import purge as purging
    from cominflow.exchange import space
    from cominflow.exchange.disk import Folders

    folders, by = Folders(settings.DATA), setup.operator()
    space.overwrite_freed()
    left = [one for one in found if not purging.purge(folders, one, at=clock.now(), by=by, reason=reason)]
    return left, space.give_back()


def _row(one: Arrival) -> dict[str, Any]:
    return {
        "arrival": one.reference,
        "customer": one.customer.code,
        "file": one.shown_name,
        "state": one.state,
        "requests": one.requests_count,
        "arrived_at": one.claimed_at,
    }
