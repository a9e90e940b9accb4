"""`cominflow init`: the folders and the database."""

from __future__ import annotations

import click

from cominflow.cli import setup, showing


@click.command(
    epilog="""\b
Examples:
  cominflow init
  cominflow --data ./var init
"""
)
@showing.json_option
def init(as_json: bool) -> None:
    """Make the folders and the database, or bring an older database up to this version.

    Running it again changes nothing that is there. The folders must be on one file system; this is checked.
    Where files are kept and their database is gone, it makes none: restore that one.
    """
    from cominflow import settings
    from cominflow.exchange.disk import Folders

    folders = Folders(settings.DATA)
    folders.ensure()
    folders.check()
    setup.django(is_new=True)
    setup.demand_no_new_beginning()
    from django.core.management import call_command

    from cominflow.customers import register

    call_command("migrate", verbosity=0, interactive=False)
    codes = [customer.code for customer in register.everyone()]
    folders.ensure(codes)
    made = {"data": str(settings.DATA), "database": setup.database_shown(), "customers": len(codes)}
    if as_json:
        showing.record(made, as_json=True)
        return
    click.echo(f"ready: {made['data']}\ndatabase: {made['database']}")
    if not codes:
        click.echo(
            "next:\n"
            '  cominflow customer add banca-demo --name "Banca Demo"\n'
            "  cominflow key add banca-demo ~/.ssh/id_ed25519.pub\n"
            '  cominflow service add VIS1 --title "Visura ordinaria" --provider manual\n'
            "  cominflow price set banca-demo VIS1 3.50\n"
            "  cominflow feed publish banca-demo layouts/banca-demo/feed.toml\n"
            "  cominflow up"
        )
