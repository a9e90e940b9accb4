"""The sessions that the documents show, with the files that they have the reader write, are what the commands print."""

from __future__ import annotations

import itertools
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
    "docs/tutorial.md",
    "docs/operations.md",
    "docs/infer.md",
    "docs/layouts.md",
    "docs/import.md",
    "docs/reports.md",
    "docs/formats.md",
    "layouts/README.md",
)


@pytest.mark.parametrize("page", SESSIONS)
def test_a_session_of_the_documents_prints_what_they_show(
    page: str, tmp_path: Path, program: Callable[[str], str]
) -> None:
    steps = [block for block in blocks.blocks(blocks.ROOT / page) if block.language == "console" or block.file]
    shown = {block: blocks.session(block) for block in steps if block.language == "console"}
    assert shown, f"{page} shows no session"
    for one in itertools.chain(*shown.values()):
        if one.command.startswith("ssh-keygen"):
            program("ssh-keygen")
    (tmp_path / "layouts").symlink_to(blocks.ROOT / "layouts")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("COMINFLOW_", "DJANGO_"))}
    commands = preloaded.program("cominflow").parent
    environment = {**kept, "PATH": f"{commands}:{Path(sys.executable).parent}:{kept['PATH']}"}
    for block in steps:
        if block.file:
            blocks.write(block, tmp_path)
        for one in shown.get(block, ()):
            wrong = blocks.run(one, tmp_path, environment)
            assert not wrong, f"{page}: {wrong}"


def test_blocks_that_name_a_file_are_its_parts(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```toml a.toml\nx = 1\n```\n\n```toml\nz = 0\n```\n\n```toml a.toml\ny = 2\n```\n", encoding="utf-8"
    )
    for block in blocks.blocks(page):
        if block.file:
            blocks.write(block, tmp_path)
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == "x = 1\ny = 2\n"


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
