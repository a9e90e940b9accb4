"""Programs that tests talk to and that pip does not bring: which Debian package has them, and how they are asked for.

`python -m tests.programs` (part of `make test`) installs what is missing where it may: on Debian, as root. Elsewhere
a test that needs a missing program is skipped with the reason and the command, and with CI=true it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

# program -> Debian package
PROGRAMS = {
    "curl": "curl",
    "lftp": "lftp",
    "sftp": "openssh-client",
    "ssh-keygen": "openssh-client",
    "strace": "strace",
    "systemd-analyze": "systemd",
}


def missing() -> dict[str, str]:
    """The programs that this machine lacks, with their packages."""
    return {program: package for program, package in PROGRAMS.items() if shutil.which(program) is None}


def command_for(packages: set[str]) -> list[str]:
    """The command that installs the packages."""
    return ["apt-get", "install", "--yes", "--no-install-recommends", *sorted(packages)]


def need(program: str) -> str:
    """The path of the program; without it the test is skipped, or fails where CI=true."""
    path = shutil.which(program)
    if path is None:
        absent(f"this machine has no `{program}`; do: {' '.join(command_for({PROGRAMS[program]}))}")
    assert path is not None
    return path


def absent(reason: str) -> None:
    """What a test needs is not on this machine: fail where CI=true, else skip, with the reason."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def install() -> int:
    """Install what is missing, where that is possible. Returns the exit code."""
    packages = set(missing().values())
    if not packages:
        return 0
    command = command_for(packages)
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        print(f"missing: {', '.join(missing())}; tests that need them are skipped\n  do: {' '.join(command)}")
        return 0
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for step in (["apt-get", "update"], command):
        done = subprocess.run(step, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{' '.join(step)}: {done.stderr.strip()}", file=sys.stderr)
            break
    return 3 if missing() and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(install())
