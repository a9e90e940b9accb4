"""Agreements: live feeds that can be read and charged, services whose provider is there, tables, and the originals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cominflow import clock, quoting
from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, warning
from cominflow.errors import CominflowError
from cominflow.limits import ORIGINALS_SAMPLED, ORIGINALS_SAMPLED_BYTES


def feeds(looked: Looked) -> Iterator[Finding]:
    """Each live feed has a layout that is valid today, and a price for all that its files can ask for."""
    from cominflow.exchange import feeds as published
    from cominflow.flows import coverage
    from cominflow.models import Feed

    live, wrong, today = Feed.objects.filter(state="LIVE").select_related("customer"), 0, clock.day_of(looked.at)
    for row in live:
        where, version = f"{row.customer.code}/{row.name}", row.versions.order_by("-number").first()
        if version is None:
            continue
        try:
            agreed, parsed = published.load(version), [layout for _, layout in published.layouts(version)]
        except Exception as error:  # noqa: BLE001  a feed of another version of the language: the others are looked at
            wrong += 1
            yield problem(
                "feeds", where, f"it cannot be read: {type(error).__name__}", why="its files fail",
                do=f"`cominflow feed show {row.customer.code} {row.name}`, and publish it anew",
            )  # fmt: skip
            continue
        if not any(layout.valid_from is None or layout.valid_from <= today for layout in parsed):
            wrong += 1
            yield problem(
                "feeds", where, "none of its layouts is valid today", why="its files are held",
                do="publish the feed with the layout of today",
            )  # fmt: skip
        for code in coverage.unpriced(row.customer, agreed, parsed, at=looked.at):
            wrong += 1
            yield warning(
                "feeds", where, f"{code} has no price for {row.customer.code}", why="files that ask for it are held",
                do=f"cominflow price set {row.customer.code} {code} PRICE",
            )  # fmt: skip
    if not wrong:
        yield ok("feeds", "live", f"{len(live)}, with layouts and prices")


def services(looked: Looked) -> Iterator[Finding]:
    """Each service's provider can be loaded and finds its settings right; its table is there."""
    from cominflow.fulfilment import provider
    from cominflow.models import Service

    rows, wrong = list(Service.objects.order_by("code")), 0
    for service in rows:
        again = f"cominflow service set {service.code}"
        try:
            faults = provider.check(service.provider, service.provider_settings)
        except CominflowError as error:
            faults = [error.text]
        except Exception as error:  # noqa: BLE001  a provider is anyone's code
            faults = [f"its check failed with {quoting.said(error)}"]
        for fault in faults:
            wrong += 1
            yield problem(
                "services", service.code, f"provider {service.provider}: {fault}", why="its requests stay waiting",
                do=f"correct it with `{again} --settings JSON` or `{again} --provider NAME`",
            )  # fmt: skip
        table = service.provider_settings.get("file") if service.provider == "table" else None
        if isinstance(table, str) and not Path(table).is_file():
            wrong += 1
            yield problem(
                "services", service.code, f"its table {table} is not there", why="its requests stay waiting",
                do=f"put the table there, or name it with `{again} --settings JSON`; "
                f"a relative path begins where the engine was started, and here in {Path.cwd()}",
            )  # fmt: skip
    if not wrong:
        yield ok("services", "all", f"{len(rows)}, with providers and tables")


def originals(looked: Looked) -> Iterator[Finding]:
    """The newest originals (--deep: all of them) are there, read-only, and have the bytes that their name says."""
    from cominflow.exchange import archive, disk
    from cominflow.models import Arrival

    rows = Arrival.objects.exclude(sha256="").exclude(state="PURGED").order_by("-pk").defer("head", "tail", "report")
    wrong, hashed, bytes_count = 0, 0, 0
    for arrival in (rows if looked.is_deep else rows[:ORIGINALS_SAMPLED]).iterator():
        try:
            with archive.open_original(looked.folders, arrival) as original:
                is_read_only = not Path(original.name).stat().st_mode & 0o222
                bytes_count += arrival.bytes_count
                is_hashed = looked.is_deep or bytes_count <= ORIGINALS_SAMPLED_BYTES
                is_same = not is_hashed or disk.sha256_of(original.fileno()).sha256 == arrival.sha256
        except (CominflowError, OSError) as error:
            wrong += 1
            text = error.text if isinstance(error, CominflowError) else quoting.said(error)
            yield problem(
                "originals", arrival.reference, text, why="an answer is made from it, and it is the proof of what came",
                do="restore the archive from the backup that belongs to the database",
            )  # fmt: skip
            continue
        hashed += is_hashed
        if not is_same:
            wrong += 1
            yield problem(
                "originals", original.name, f"it has other bytes than {arrival.reference} came with",
                why="it was changed, or the disk damaged it",
                do="take it from a backup: its name is the SHA-256 of what it held; look at the disk's health",
            )  # fmt: skip
        elif not is_read_only:
            wrong += 1
            yield warning(
                "originals", original.name, "it may be written", why="what came is never changed",
                do=f"chmod 400 {original.name}",
            )  # fmt: skip
    if not wrong:
        yield ok(
            "originals", looked.folders.archive, f"{hashed} hashed again{'' if looked.is_deep else ', the newest'}"
        )
