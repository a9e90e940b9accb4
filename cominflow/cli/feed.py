"""`cominflow feed`: what is agreed with a customer about files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cominflow.cli import setup, showing
from cominflow.errors import UsageError, WorldError

if TYPE_CHECKING:
    from cominflow.exchange.feed import Feed
    from tracciati.layout import Layout

_FILE = click.Path(exists=True, dir_okay=True, path_type=Path)
_LAYOUT = click.option(
    "--layout",
    "layouts",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    help="A layout file; may be given several times.  [default: those of the feed's layout id, in the feed's folder "
    "and in `public` beside it]",
)


@click.group()
def feed() -> None:
    """Check, publish and show feeds."""


@feed.command(
    epilog="""\b
Example:
  cominflow feed check layouts/banca-demo/feed.toml
"""
)
@click.argument("path", type=_FILE)
@_LAYOUT
@showing.json_option
def check(path: Path, layouts: tuple[Path, ...], as_json: bool) -> int:
    """Read a feed.toml with its layouts, and say what is wrong and what has no behaviour yet.

    Needs no database. Exit code 1 when the feed could not be published live.
    """
    from cominflow.exchange import agreement
    from cominflow.exchange import feed as feeds_language

    agreed, parsed = _examine(path, layouts)
    waiting = [(agreed.origin_name, *one) for one in feeds_language.unsupported(agreed)]
    waiting += [(layout.origin_name, *one) for layout in parsed for one in agreement.unsupported_in(layout)]
    value: dict[str, Any] = {
        "feed": agreed.origin_name,
        "layouts": [layout.name for layout in parsed],
        "requests": agreed.names.request.text,
        "unsupported": [{"file": name, "key": key, "line": line} for name, key, line in waiting],
        "notes": list(agreement.notes_on(agreed, parsed)),
    }
    if as_json:
        showing.record(value, as_json=True)
        return 1 if waiting else 0
    for note in value["notes"]:
        click.echo(f"note: {note}")
    for name, key, line in waiting:
        click.echo(f"{name}:{line}: `{key}` has no behaviour in this version; live it would be refused")
    layouts_shown = ", ".join(value["layouts"])
    if waiting:
        click.echo(f"{len(waiting)} keys to leave out before it can go live; all else is in order ({layouts_shown})")
        return 1
    click.echo(f"in order: {layouts_shown}; it takes files called {agreed.names.request.text}")
    return 0


@feed.command(
    epilog="""\b
Example:
  cominflow feed publish banca-demo layouts/banca-demo/feed.toml
"""
)
@click.argument("customer")
@click.argument("path", type=_FILE)
@_LAYOUT
@click.option("--name", default="", help="Name of the feed among the customer's.  [default: its layout's id]")
@click.option("--draft", is_flag=True, help="Keep it a draft: it takes no files, and keys without behaviour may stand.")
@showing.json_option
def publish(customer: str, path: Path, layouts: tuple[Path, ...], name: str, draft: bool, as_json: bool) -> None:
    """Make a feed live, as a new version that never changes.

    Files that arrived before keep the version they came under. Publishing the same words again changes nothing.
    """
    setup.django()
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.exchange import feeds
    from cominflow.flows import coverage

    owner = register.find(customer)
    agreed, parsed = _examine(path, layouts)
    done = feeds.publish(
        owner,
        agreed.text,
        {layout.origin_name: layout.source_text for layout in parsed},
        at=clock.now(),
        by=setup.operator(),
        name=name,
        feed_name=agreed.origin_name,
        is_live=not draft,
    )
    value = {
        "customer": owner.code,
        "feed": done.version.feed.name,
        "version": done.version.number,
        "state": "DRAFT" if draft else "LIVE",
        "is_new": done.is_new,
        "fingerprint": done.version.fingerprint,
        "notes": [*done.notes, *_unpriced(customer, agreed, parsed), *coverage.notes(owner, agreed, parsed)],
    }
    if as_json:
        showing.record(value, as_json=True)
        return
    for note in value["notes"]:
        click.echo(f"note: {note}")
    what = "published" if done.is_change else "nothing changed"
    click.echo(f"{what}: feed {value['feed']} of {owner.code}, version {value['version']}, {value['state']}")


@feed.command(
    name="list",
    epilog="""\b
Example:
  cominflow feed list
""",
)
@click.option("--customer", help="Only this customer's.")
@showing.json_option
def list_all(customer: str | None, as_json: bool) -> None:
    """List the feeds with their newest version."""
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import feeds

    rows = feeds.listed(None if customer is None else register.find(customer))
    showing.table(rows, as_json=as_json, empty="no feed yet; next: cominflow feed publish CUSTOMER FEED.toml")


@feed.command(
    epilog="""\b
Example:
  cominflow feed show banca-demo banca-demo-visure
"""
)
@click.argument("customer")
@click.argument("name")
@click.option("--version", "number", type=int, help="A version's number.  [default: the newest]")
@showing.json_option
def show(customer: str, name: str, number: int | None, as_json: bool) -> None:
    """Show a published feed: its versions, and the words of one."""
    setup.django()
    from cominflow.customers import register
    from cominflow.exchange import feeds

    found = feeds.find(register.find(customer), name)
    versions = list(found.versions.order_by("number"))
    version = next((v for v in versions if v.number == number), None) if number is not None else versions[-1]
    if version is None:
        raise UsageError(f"feed {name} has no version {number}", hint=f"it has 1 to {versions[-1].number}")
    value: dict[str, Any] = {
        "customer": customer,
        "feed": found.name,
        "state": found.state,
        "versions": [
            {
                "version": v.number,
                "published_at": v.published_at,
                "published_by": v.published_by,
                "layouts": [f"{row.layout_id}@{row.version}" for row in v.layouts.order_by("pk")],
                "fingerprint": v.fingerprint[:8],
            }
            for v in versions
        ],
    }
    if as_json:
        showing.record({**value, "shown": version.number, "text": version.text}, as_json=True)
        return
    showing.record(value, as_json=False)
    click.echo(f"\nversion {version.number}:\n{version.text.rstrip()}")


def _examine(path: Path, layouts: tuple[Path, ...]) -> tuple[Feed, list[Layout]]:
    from cominflow.exchange import agreement
    from cominflow.exchange import feed as feeds_language

    path = path / "feed.toml" if path.is_dir() else path
    text = _read(path)
    if not layouts:
        layouts = _nearby(path, feeds_language.loads(text, _shown(path)).layout)
    return agreement.examine(text, {_shown(file): _read(file) for file in layouts}, feed_name=_shown(path))


def _nearby(path: Path, layout_id: str) -> tuple[Path, ...]:
    """The layout files of that id: those beside the feed, else those of the `public` folder beside its folder."""
    import tomllib

    for folder in (path.parent, path.absolute().parent.parent / "public"):
        found = []
        for file in sorted(folder.glob("*.toml")):
            if file.name == "feed.toml" or file.name.endswith(".feed.toml"):
                continue
            try:
                head = tomllib.loads(_read(file)).get("layout")
            except tomllib.TOMLDecodeError:
                head = None
            # A file that is not TOML may still be the one that is meant: its name says so, and reading it says why.
            if (isinstance(head, dict) and head.get("id") == layout_id) or (head is None and file.stem == layout_id):
                found.append(file)
        if found:
            return tuple(found)
    return ()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors begin UTF-8 files with a mark
    except UnicodeDecodeError as problem:
        raise WorldError("read", str(path), str(problem), hint="save it as UTF-8") from None
    except OSError as problem:
        raise WorldError("read", str(path), problem.strerror, hint="name a file that can be read") from None


def _shown(path: Path) -> str:
    """A path as a person would type it from here; published texts keep the file's name alone."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)


def _unpriced(customer: str, agreed: Feed, parsed: list[Layout]) -> list[str]:
    """Services that the feed's files can ask for and that have no price for this customer yet."""
    from cominflow import clock
    from cominflow.customers import register
    from cominflow.flows import coverage

    return [
        f"{code} has no price for {customer}: its files are held until `cominflow price set {customer} {code} PRICE`"
        for code in coverage.unpriced(register.find(customer), agreed, parsed, at=clock.now())
    ]
