"""`cominflow provider`: who fulfils requests, whether he does, and whether he is to be asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError

if TYPE_CHECKING:
    from tracciati.layout import Field

_MASK = "***"


@click.group()
def provider() -> None:
    """List providers, try one, pause it and let it go on."""


@provider.command(
    name="list",
    epilog="""\b
Example:
  cominflow provider list
""",
)
@showing.json_option
def list_all(as_json: bool) -> None:
    """List what can fulfil requests: its package, the services that use it, pauses, and the last failure."""
    setup.django()
    from cominflow.fulfilment import pauses
    from cominflow.fulfilment import provider as providers
    from cominflow.pricing import services

    points = providers.installed()
    paused = {row.provider: row for row in pauses.everything()}
    used: dict[str, list[str]] = {}
    for service in services.everything():
        used.setdefault(service.provider, []).append(service.code)
    rows = []
    for name in sorted({*points, *used, *paused}):
        pause, failure = paused.get(name), pauses.last_failure(name)
        package = points[name].dist if name in points else None
        error = failure.reason if failure else ""
        rows.append(
            {
                "provider": name,
                "package": f"{package.name} {package.version}" if package else "not installed",
                "services": used.get(name, []),
                "paused_since": pause.paused_at if pause else None,
                "paused_by": pause.paused_by if pause else "",
                "reason": pause.reason if pause else "",
                "failed_at": failure.at if failure else None,
                "last_error": error if as_json else error.partition("\n")[0],
            }
        )
    showing.table(rows, as_json=as_json, empty="no provider is installed")


@provider.command(
    epilog="""\b
Examples:
  cominflow provider test VIS1 --field codice_fiscale=XXXYYY80A01Z999H
  cominflow provider test VIS1 --field codice_fiscale=XXXYYY80A01Z999H --reveal
"""
)
@click.argument("service")
@click.option("--field", "fields", multiple=True, help="A field of the request, as NAME=VALUE; several times.")
@click.option("--reveal", is_flag=True, help="Show the values of the answer: they may be personal data.")
@showing.json_option
def test(service: str, fields: tuple[str, ...], reveal: bool, as_json: bool) -> None:
    """Ask the provider of SERVICE one request, and show what it says and how long it took.

    It is really asked, paused or not; nothing is stored here and nobody is charged. What the provider itself charges
    for a question it charges for this one.
    """
    setup.django()
    from cominflow.flows import trial
    from cominflow.pricing import services

    found = services.find(service)
    written = _written(fields)
    known = trial.require(found, written)
    said = trial.ask(found, {name: _value(value, known[name]) for name, value in written.items()}, known)
    results = {name: value if reveal else _MASK for name, value in said.results.items()}
    value: dict[str, Any] = {
        "service": found.code,
        "provider": found.provider,
        "outcome": said.outcome,
        "seconds": f"{said.seconds:.3f}",
        "note": said.note,
    }
    if as_json:
        showing.record({**value, "results": results}, as_json=True)
    else:
        showing.record({**value, **{f"result.{name}": text for name, text in results.items()}}, as_json=False)


@provider.command(
    epilog="""\b
Example:
  cominflow provider pause http --reason "the partner repairs its server until noon"
"""
)
@click.argument("name")
@click.option("--reason", required=True, help="Why; it stays in the history, and `status` shows it.")
@showing.json_option
def pause(name: str, reason: str, as_json: bool) -> None:
    """Ask provider NAME nothing until it is resumed. Its requests wait, and with them the answers of their files.

    What it is being asked just now is not broken off.
    """
    setup.django()
    from cominflow import clock
    from cominflow.fulfilment import pauses

    row = pauses.pause(name, by=setup.operator(), reason=reason, at=clock.now())
    if as_json:
        shown = {"provider": row.provider, "since": row.paused_at, "by": row.paused_by, "reason": row.reason}
        showing.record(shown, as_json=True)
    else:
        click.echo(f"provider {name} is paused; later: cominflow provider resume {name}")


@provider.command(
    epilog="""\b
Example:
  cominflow provider resume http
"""
)
@click.argument("name")
@click.option("--reason", default="", help="Why, for the history.")
@showing.json_option
def resume(name: str, reason: str, as_json: bool) -> None:
    """Ask provider NAME again. The engine goes on at once with what waited, and with what failed meanwhile."""
    setup.django()
    from cominflow import clock
    from cominflow.fulfilment import pauses

    count = pauses.resume(name, by=setup.operator(), reason=reason, at=clock.now())
    if as_json:
        showing.record({"provider": name, "batches_woken": count}, as_json=True)
    else:
        click.echo(f"provider {name} is asked again by `cominflow up`, or now: cominflow run --once")


def _written(fields: tuple[str, ...]) -> dict[str, str]:
    written: dict[str, str] = {}
    for text in fields:
        name, equals, value = text.partition("=")
        if not equals or not name or name in written:
            raise UsageError(
                "a --field is not NAME=VALUE, once per name", hint="write --field codice_fiscale=XXXYYY80A01Z999H"
            )
        written[name] = value
    return written


def _value(text: str, field: Field | None) -> object:
    from cominflow.cli.work import typed

    return text if field is None else typed(text, field.base)
