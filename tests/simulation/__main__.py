"""Kill the real flows between any two steps, restart them, and check what must hold: `make sim SEED=7`.

    kills    schedules of kills on SQLite, and the singles on a real PostgreSQL as well
    order    the order of writes: one watched run; then each fsync taken out in turn; then orders that are wrong
    damage   spoil a finished system in many ways: each invariant must see its own

Prints what was run and what was found; the exit code is 0 when nothing was, 1 otherwise.
"""

from __future__ import annotations

import argparse
import gc
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

PARTS = ("kills", "order", "damage")


def main() -> int:
    """Run; 0 when all was well."""
    parser = argparse.ArgumentParser(
        "tests.simulation", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}  [default: all]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--singles", choices=("all", "chained", "none"), default="all")
    parser.add_argument("--pairs", type=int, help="how many pairs, by chance  [default: every pair]")
    parser.add_argument("--random", type=int, default=200, help="schedules of random kills  [default: 200]")
    parser.add_argument("--short", action="store_true", help="a smaller workload, with the same failpoints")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--postgresql", choices=("also", "only", "no"), default="also")
    options = parser.parse_args()
    wrong = set(options.parts) - set(PARTS)
    if wrong:
        parser.error(f"no part is called {', '.join(sorted(wrong))}; there are {', '.join(PARTS)}")
    parts = options.parts or PARTS
    is_well = True
    if "kills" in parts and options.postgresql != "only":
        is_well &= _apart("kills, SQLite", lambda root: _kills(root, "", options))
    if "kills" in parts and options.postgresql != "no":
        is_well &= _on_postgresql(options)
    if "order" in parts:
        is_well &= _apart("order of writes", _order)
    if "damage" in parts:
        is_well &= _apart("damage", _damage)
    return 0 if is_well else 1


def _apart(title: str, work: Callable[[Path], list[str]]) -> bool:
    """Do one part in a process of its own (settings and imports are per database) and a folder of its own."""
    # In memory where there is room: what is killed are processes, and none of them sees the difference.
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="sim-", dir=memory if os.access(memory, os.W_OK) else None))
    began = time.monotonic()
    print(title, flush=True)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            problems = work(root)
            for line in problems:
                print(f"  FOUND {line}", flush=True)
            code = 1 if problems else 0
        except BaseException:  # noqa: BLE001 the exit code says that it failed; only here can it be told why
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(root)
    is_well = os.waitstatus_to_exitcode(status) == 0
    print(f"  {'well' if is_well else 'NOT WELL'}, in {time.monotonic() - began:.0f} s", flush=True)
    return is_well


def _on_postgresql(options: argparse.Namespace) -> bool:
    from tests import postgresql

    server = postgresql.PostgreSQL()
    try:
        return _apart("kills, PostgreSQL", lambda root: _kills(root, server.url, options))
    finally:
        server.stop()


def _prepare(root: Path, server_url: str = "") -> None:
    from tests.simulation import place

    place.prepare(root, server_url)
    gc.collect()
    gc.freeze()  # what was imported is shared by all the forks


def _kills(root: Path, server_url: str, options: argparse.Namespace) -> list[str]:
    _prepare(root, server_url)
    from tests.simulation import kills

    on_sqlite = not server_url
    wanted = kills.Wanted(
        seed=options.seed,
        singles=options.singles,
        pairs=options.pairs if on_sqlite else 0,
        drawn=options.random if on_sqlite else 0,
        is_short=options.short,
        jobs=options.jobs,
    )
    print(f"  seed {wanted.seed}", flush=True)
    tally = kills.run(root, server_url, wanted)
    print(f"  in all: {tally.schedules_count} schedules, {tally.kills_count} kills", flush=True)
    return tally.problems


def _order(root: Path) -> list[str]:
    _prepare(root)
    from tests.simulation import broken, lives, order, sites

    template, sent = lives.make_template(root, is_short=True)
    plain = order.run(template, "plain", sent)
    problems = [f"the whole run: {plain.broken}"] if plain.broken else []
    print(f"  the whole run: {plain.steps_count} steps watched", flush=True)
    found = list(sites.all_sites())
    for number, site in enumerate(found):
        seen = order.run(template, f"without-{number}", sent, without=site)
        if not seen.skipped_count:
            problems.append(f"{site} is never reached")
        elif not seen.broken:
            problems.append(f"{site} can be taken out and nobody sees it")
    print(f"  fsyncs taken out: {len(found)}, missed each time unless it says so below", flush=True)
    for change in broken.ORDERS:
        if not order.run(template, change.__name__, sent, change=change).broken:
            problems.append(f"{change.__name__}: the recorder saw nothing")
    print(f"  wrong orders: {len(broken.ORDERS)}", flush=True)
    for change in broken.SEEN_BY_KILLS:
        if not lives.run(template, change.__name__, [lives.At(broken.BETWEEN)], sent, change=change).findings:
            problems.append(f"{change.__name__}: a kill showed nothing")
    print(f"  wrong orders that a kill shows: {len(broken.SEEN_BY_KILLS)}", flush=True)
    return problems


def _damage(root: Path) -> list[str]:
    _prepare(root)
    from tests.simulation import damage, lives

    template, sent = lives.make_template(root, is_short=True)
    problems, count = [], 0
    for what, expected, findings in damage.run(template, sent):
        count += bool(expected)
        if not expected and findings:
            problems.append(f"{what} was done, and it was found: {findings}")
        if expected and not any(expected in line for line in findings):
            problems.append(f"{what}: no finding with {expected!r} among {findings}")
    print(f"  damages: {count}", flush=True)
    return problems


if __name__ == "__main__":
    sys.exit(main())
