"""`cominflow service`: what can be asked for, and which provider fulfils it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from cominflow.models import Service


@click.group()
def service() -> None:
    """Add, change and list services."""


@service.command(
    epilog="""\b
Examples:
  cominflow service add VIS2 --title "Visura storica" --provider manual \\
    --settings '{"result": {"punteggio": "Punteggio"}}'
  cominflow service add VIS1 --title "Visura ordinaria" --provider table \\
    --settings '{"file": "scores.csv", "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}'
"""
)
@click.argument("code")
@click.option("--title", required=True, help="The words that stand on the invoice.")
@click.option("--provider", required=True, help="Who fulfils it: table, manual, or an installed one.")
@click.option("--settings", "settings_text", default="{}", help="The provider's settings, as a JSON object.")
@click.option("--vat", default="22", show_default=True, help="VAT rate in percent.")
@showing.json_option
def add(code: str, title: str, provider: str, settings_text: str, vat: str, as_json: bool) -> None:
    """Enter a service. CODE is what the customers' files call it."""
    setup.django()
    from cominflow import clock
    from cominflow.fulfilment import provider as providers
    from cominflow.pricing import services

    settings = _settings(settings_text)
    _refuse_useless(code, providers.check(provider, settings))
    added = services.add(
        code,
        title,
        provider=provider,
        provider_settings=settings,
        vat_rate=vat,
        by=setup.operator(),
        at=clock.now(),
    )
    if as_json:
        showing.record(_row(added), as_json=True)
    else:
        click.echo(f"service {added.code} added; next: cominflow price set CUSTOMER {added.code} 3.50")


@service.command(
    name="set",
    epilog="""\b
Examples:
  cominflow service set VIS1 --title "Visura ordinaria, persone fisiche"
  cominflow service set VIS1 --provider table \\
    --settings '{"file": "scores.csv", "key": {"codice_fiscale": "cf"}, "result": {"punteggio": "score"}}'
""",
)
@click.argument("code")
@click.option("--title", help="The words that stand on later invoices.")
@click.option("--provider", help="Who fulfils it from now on.")
@click.option("--settings", "settings_text", help="All of the provider's settings, as a JSON object.")
@click.option("--vat", help="VAT rate in percent, of later invoices.")
@showing.json_option
def put(
    code: str, title: str | None, provider: str | None, settings_text: str | None, vat: str | None, as_json: bool
) -> None:
    """Change a service. What is not given stays, and so do the invoices that were issued.

    Requests that wait to be asked are asked of the new provider, with the new settings.
    """
    setup.django()
    from cominflow import clock
    from cominflow.fulfilment import pauses
    from cominflow.fulfilment import provider as providers
    from cominflow.pricing import services

    if title is provider is settings_text is vat is None:
        raise UsageError("nothing to change is given", hint="give --title, --provider, --settings or --vat")
    present = services.find(code)
    settings = None if settings_text is None else _settings(settings_text)
    if settings is not None or provider is not None:
        together = present.provider_settings if settings is None else settings
        _refuse_useless(code, providers.check(provider or present.provider, together))
    changed = services.change(
        code,
        title=title,
        provider=provider,
        provider_settings=settings,
        vat_rate=vat,
        by=setup.operator(),
        at=clock.now(),
    )
    pauses.wake()  # what waits for the old provider need not wait for the new one
    if as_json:
        showing.record(_row(changed), as_json=True)
    else:
        click.echo(f"service {changed.code} is changed; see it with: cominflow service list")


@service.command(
    name="list",
    epilog="""\b
Example:
  cominflow service list
""",
)
@showing.json_option
def list_all(as_json: bool) -> None:
    """List the services."""
    setup.django()
    from cominflow.pricing import services

    rows = [_row(found) for found in services.everything()]
    showing.table(rows, as_json=as_json, empty="no service yet; next: cominflow service add CODE --title TITLE ...")


def _row(found: Service) -> dict[str, Any]:
    return {
        "code": found.code,
        "title": found.title,
        "provider": found.provider,
        "vat_percent": f"{found.vat_rate_bp / 100:g}",
        "settings": found.provider_settings,
    }


def _refuse_useless(code: str, problems: Sequence[str]) -> None:
    if problems:
        raise UsageError(f"the settings of {code} cannot work: " + "; ".join(problems), hint="correct --settings")


def _settings(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as problem:
        raise UsageError(f"--settings is not JSON: {problem}", hint="""write it as '{"key": "value"}'""") from None
    if not isinstance(value, dict):
        raise UsageError("--settings is not a JSON object", hint="""write it as '{"key": "value"}'""")
    return value
