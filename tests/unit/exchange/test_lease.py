"""Whether somebody writes a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from cominflow.exchange import lease

if TYPE_CHECKING:
    from pathlib import Path

WRITER = "import sys; open(sys.argv[1], 'ab').write(b' and more')"


def test_a_file_that_is_open_for_writing_has_no_lease(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with path.open("wb"), path.open("rb") as reader:
        assert not lease.take(reader.fileno())
    with path.open("rb") as reader:
        assert lease.take(reader.fileno())


def test_a_writer_waits_for_the_lease_and_cannot_kill_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"all")
    assert signal.getsignal(signal.SIGIO) == signal.SIG_DFL
    with path.open("rb") as reader:
        assert lease.take(reader.fileno())
        assert not lease.is_contested(reader.fileno())
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)])
        while not lease.is_contested(reader.fileno()):
            os.sched_yield()
        assert path.read_bytes() == b"all"
        assert writer.poll() is None
    assert writer.wait() == 0
    assert path.read_bytes() == b"all and more"
