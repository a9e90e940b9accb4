"""`make sim SEED=7`: run schedules of kills, print how many there were, and fail when anything is wrong.

    python -m tests.simulation --seed 7                      everything, on SQLite; the singles on PostgreSQL as well
    python -m tests.simulation --seed 7 --singles drawn --pairs 0 --random 0
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.simulation import place


def main() -> int:
    """Run; 0 when all was well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--singles", choices=("all", "drawn", "none"), default="all")
    parser.add_argument("--pairs", type=int, help="how many pairs, by chance  [default: every pair]")
    parser.add_argument("--random", type=int, default=200, help="schedules of random kills  [default: 200]")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--postgresql", choices=("singles", "only", "no"), default="singles")
    parser.add_argument("--short", action="store_true", help="a smaller workload, with the same failpoints")
    options = parser.parse_args()
    is_well = True
    if options.postgresql != "only":
        is_well &= _simulate(options, "", singles=options.singles, pairs=options.pairs, drawn=options.random)
    if options.postgresql != "no":
        from tests import postgresql

        server = postgresql.PostgreSQL()
        try:
            is_well &= _simulate(options, server.url, singles=options.singles, pairs=0, drawn=0)
        finally:
            server.stop()
    return 0 if is_well else 1


def _simulate(options: argparse.Namespace, server_url: str, *, singles: str, pairs: int | None, drawn: int) -> bool:
    """One database's part. What is printed is what was asserted."""
    # In memory where there is room: what is killed here is processes, and none of them sees the difference.
    memory = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="sim-", dir=memory if memory.is_dir() else None))
    began = time.monotonic()
    child = os.fork()  # each part imports for its own database
    if child == 0:
        code = 70
        try:
            code = 0 if _part(options, root, server_url, singles, pairs, drawn) else 1
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(root)
    print(f"  in {time.monotonic() - began:.0f} s", flush=True)
    return os.waitstatus_to_exitcode(status) == 0


def _part(
    options: argparse.Namespace, root: Path, server_url: str, singles: str, pairs: int | None, drawn: int
) -> bool:
    place.prepare(root, server_url)
    gc.collect()
    gc.freeze()  # what was imported is shared by all the forks
    from tests.simulation import lives, schedules

    database = "PostgreSQL" if server_url else "SQLite"
    print(f"seed {options.seed}, {database}", flush=True)
    template, sent = lives.make_template(root, server_url, is_short=options.short)
    chosen = random.Random(options.seed)
    recorded, ended = schedules.record(template, sent)
    problems = [f"recorded run, {one}: {line}" for one in ended for line in one.findings]
    missing = schedules.not_passed(recorded)
    problems += [f"no life passes the failpoint {line}" for line in missing]
    print(f"  failpoints: {len(recorded.names)}, passed {recorded.counts.total()} times in one life", flush=True)

    def part(title: str, many: Sequence[schedules.Schedule]) -> list[lives.Ended]:
        found = _run_all(template, sent, title, many, options.jobs)
        assert len(found) == len(many), f"{len(many)} schedules of {title}, {len(found)} were run"
        kills = sum(one.kills_count for one in found)
        wrong = [one for one in found if one.findings]
        print(f"  {title}: {len(found)} schedules, {kills} kills, {len(wrong)} with findings", flush=True)
        problems.extend(f"{title}, {one}: {line}" for one in wrong for line in one.findings)
        return found

    single = []
    if singles != "none":
        single = part("singles", list(schedules.singles(recorded, chosen if singles == "drawn" else None)))
        for one in single:
            if one.kills_count != len(one.schedule):
                problems.append(f"singles, {one}: {one.kills_count} kills happened")
    if pairs is None:
        part("pairs", list(schedules.pairs(single)))
    elif pairs:
        part("pairs", list(schedules.drawn_pairs(recorded, chosen, pairs)))
    if drawn:
        part("random", list(schedules.at_random(recorded, chosen, drawn)))
    for line in problems:
        print(f"FOUND {line}", flush=True)
    return not problems


def _run_all(
    template: place.Place, sent: list, title: str, many: Sequence, jobs: int
) -> list:
    """Run schedules in `jobs` processes; they come back in their order."""
    from tests.simulation import lives

    readers = []
    for job in range(jobs):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            code = 70
            try:
                os.close(reader)
                with os.fdopen(writer, "w") as pipe:
                    for index in range(job, len(many), jobs):
                        one = lives.run(template, f"{title}-{index}", many[index], sent)
                        line = [index, one.kills_count, one.passed, one.findings]
                        pipe.write(json.dumps(line) + "\n")
                code = 0
            finally:
                os._exit(code)
        os.close(writer)
        readers.append((child, reader))
    found = {}
    for child, reader in readers:
        with os.fdopen(reader) as pipe:
            for line in pipe:
                index, kills, passed, findings = json.loads(line)
                found[index] = lives.Ended(many[index], kills, passed, findings)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0, f"a process that ran {title} failed; see above"
    return [found[index] for index in sorted(found)]


if __name__ == "__main__":
    sys.exit(main())
