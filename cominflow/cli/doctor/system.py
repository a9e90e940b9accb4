"""System: the kernel's limits for this process, its umask, the installed packages, and the clock."""

from __future__ import annotations

import importlib.metadata
import os
import re
import resource
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cominflow import clock
from cominflow.cli.doctor.finding import Finding, Looked, ok, problem, warning
from cominflow.limits import CLOCK_S_MAX, OPEN_FILES_MIN, WATCH_QUEUES_MIN, WATCHES_PER_CUSTOMER

# Before this program was written no clock can be right.
_EARLIEST = datetime(2026, 1, 1, tzinfo=clock.ROME)
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?([^;]*)(;.*extra.*)?")


def limits(looked: Looked) -> Iterator[Finding]:
    """Open files, watches of the kernel, umask."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < OPEN_FILES_MIN:
        yield warning(
            "open files", "ulimit -n", f"the limit is {soft} (hard {hard})",
            why="each session, lease and watch takes one",
            do=f"raise it to {OPEN_FILES_MIN} or more: `ulimit -n`, LimitNOFILE= in a systemd unit",
        )  # fmt: skip
    else:
        yield ok("open files", "ulimit -n", str(soft))
    customers = len(list(looked.folders.customers.iterdir())) if looked.has_folders else 0
    for name, wanted, why in (
        ("max_user_watches", WATCHES_PER_CUSTOMER * customers, "an inbox without one is looked at every five seconds"),
        ("max_user_instances", WATCH_QUEUES_MIN, "without one all inboxes are looked at every five seconds"),
    ):
        path = Path("/proc/sys/fs/inotify") / name
        found = int(path.read_text()) if path.exists() else 0
        if found < wanted:
            yield warning(
                "watches",
                path,
                f"{found}, and {wanted} are needed",
                why=why,
                do=f"sysctl fs.inotify.{name}={2 * wanted}",
            )
        else:
            yield ok("watches", path, str(found))
    mask = os.umask(0o077)
    os.umask(mask)
    if mask & 0o007 != 0o007:
        yield warning(
            "umask", "this process", f"{mask:04o}",
            why="what it makes could be read by everybody where no mode is said",
            do="set it to 0027: `umask 0027`, UMask=0027 in a systemd unit",
        )  # fmt: skip
    else:
        yield ok("umask", "this process", f"{mask:04o}")


def packages(looked: Looked) -> Iterator[Finding]:
    """What is installed is what setup.cfg asks for."""
    try:
        required = importlib.metadata.requires("cominflow") or []
    except importlib.metadata.PackageNotFoundError:
        yield warning(
            "packages", "cominflow", "it is not installed as a package", why="nobody checked what it needs",
            do="pip install the checkout or the wheel",
        )  # fmt: skip
        return
    wrong = 0
    for text in required:
        found = _REQUIREMENT.fullmatch(text.replace(" ", ""))
        if found is None or found.group(3):  # an extra: for tests
            continue
        try:
            version = importlib.metadata.version(found.group(1))
        except importlib.metadata.PackageNotFoundError:
            version = ""
        if not version or not allows(found.group(2).strip("()"), version):
            wrong += 1
            yield problem(
                "packages", found.group(1), f"{version or 'it is not installed'}, and {found.group(2)} is needed",
                why="the program was written and tested against that", do=f"pip install '{text}'",
            )  # fmt: skip
    if not wrong:
        yield ok("packages", "pip", f"{len(required)} requirements met")


def allows(wanted: str, version: str) -> bool:
    """Whether a version satisfies a list of bounds, as setup.cfg writes them.

    >>> allows(">=5.2,<5.3", "5.2.19"), allows("<5.3,>=5.2", "5.3"), allows("", "1")
    (True, False, True)
    """
    has = _numbers(version)
    for bound in filter(None, wanted.split(",")):
        sign, number = re.fullmatch(r"(>=|<=|==|!=|~=|>|<)(.*)", bound.strip()).groups()  # type: ignore[union-attr]
        limit = _numbers(number)
        width = max(len(has), len(limit))
        left, right = has + (0,) * (width - len(has)), limit + (0,) * (width - len(limit))
        met = {
            ">=": left >= right, "<=": left <= right, "==": left == right, "!=": left != right,
            "~=": left >= right and left[: len(limit) - 1] == right[: len(limit) - 1],
            ">": left > right, "<": left < right,
        }[sign]  # fmt: skip
        if not met:
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found.group().split(".")) if found else (0,)


def time(looked: Looked) -> Iterator[Finding]:
    """The clock agrees with the disk's and is not before our time; Italy's days are known."""
    if looked.at < _EARLIEST:
        yield problem(
            "clock", "this machine", f"it says {looked.at:%Y-%m-%d %H:%M} UTC", why="invoices would carry that date",
            do="set the clock and run a time service (chrony, systemd-timesyncd)",
        )  # fmt: skip
    try:
        rome = ZoneInfo("Europe/Rome")
        offsets = {datetime(2026, month, 1, tzinfo=rome).utcoffset() for month in (1, 7)}
    except ZoneInfoNotFoundError:
        offsets = set()
    if offsets != {timedelta(hours=1), timedelta(hours=2)}:
        yield problem(
            "clock", "timezone data", "Europe/Rome is not known as it is", why="the days of invoices are days in Italy",
            do="install `tzdata` (apt, or pip)",
        )  # fmt: skip
    if looked.has_folders:
        yield from _disk_time(looked)


def _disk_time(looked: Looked) -> Iterator[Finding]:
    probe = looked.folders.state / f"probe-{os.getpid()}"
    try:
        before = clock.now().timestamp()
        probe.touch()
        stamp = probe.stat().st_mtime
        after = clock.now().timestamp()
    finally:
        probe.unlink(missing_ok=True)
    if not before - CLOCK_S_MAX <= stamp <= after + CLOCK_S_MAX:
        yield problem(
            "clock", looked.folders.data, f"the disk's clock differs by {stamp - after:.0f} s",
            why="the age of an upload is told by the disk", do="set both clocks by a time service; use a local disk",
        )  # fmt: skip
    else:
        yield ok("clock", "this machine", f"{looked.at:%Y-%m-%d %H:%M:%S} UTC, as the disk's")
