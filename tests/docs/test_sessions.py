"""The sessions that README.md and docs/operations.md show are what the commands print."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import preloaded
from tests.docs import blocks

if TYPE_CHECKING:
    from collections.abc import Callable

SESSIONS = (
    "README.md",
    "docs/operations.md",
    "docs/infer.md",
    "docs/layouts.md",
    "docs/reports.md",
    "docs/formats.md",
    "layouts/README.md",
)


@pytest.mark.parametrize("page", SESSIONS)
def test_a_session_of_the_documents_prints_what_they_show(
    page: str, tmp_path: Path, program: Callable[[str], str]
) -> None:
    shown = [one for block in blocks.blocks(blocks.ROOT / page, "console") for one in blocks.session(block)]
    assert shown, f"{page} shows no session"
    for one in shown:
        if one.command.startswith("ssh-keygen"):
            program("ssh-keygen")
    (tmp_path / "layouts").symlink_to(blocks.ROOT / "layouts")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMINFLOW_", "DJANGO_"))}
    commands = preloaded.program("cominflow").parent
    environment = {**kept, "PATH": f"{commands}:{Path(sys.executable).parent}:{kept['PATH']}"}
    for one in shown:
        wrong = blocks.run(one, tmp_path, environment)
        assert not wrong, f"{page}: {wrong}"


def test_a_session_that_prints_something_else_is_refused() -> None:
    assert blocks.differs("ready: …\n", "ready: /somewhere\n") == ""
    assert blocks.differs("first\n…\nlast\n", "first\nsecond\nthird\nlast\n") == ""
    assert blocks.differs("ready\n", "not ready\n") != ""
    assert blocks.differs("", "something\n") != ""


def test_the_targets_that_the_documents_name_are_in_the_makefile() -> None:
    makefile = (blocks.ROOT / "Makefile").read_text(encoding="utf-8")
    for path in blocks.pages():
        for block in blocks.blocks(path, "sh"):
            for line in block.text.splitlines():
                if line.startswith("make "):
                    target = line.split()[1]
                    assert f"\n{target}:" in makefile, f"{path.name}:{block.line}: make has no target {target}"
