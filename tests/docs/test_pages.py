"""What the documents say is held to the code: links, functions, commands, words, states, exit codes."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import click
import pytest

from cominflow import errors
from cominflow.cli import group, running
from cominflow.exchange import request_states, states
from tests.docs import blocks
from tracciati.cli import tracciati

PAGES = blocks.pages()
DOCS = blocks.ROOT / "docs"
DECISIONS = sorted(path for path in (DOCS / "decisions").glob("*.md") if path.name != "README.md")
PARTS = ("Context", "Decision", "Cost", "Benefit", "What would make this wrong")
_LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
# What must not stand in a page: how the project was made. (That none names a folder of one machine, test_tidy holds.)
_FOREIGN = re.compile(r"\bissue #?\d|\bpart \d of\b|\bsession \d|\bhelper\b|\bTODO\b", re.IGNORECASE)


def shown(path: Path) -> str:
    """A page's name from the top of the repository."""
    return str(path.relative_to(blocks.ROOT))


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_link_leads_somewhere(page: Path) -> None:
    for text, target in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        place = (page.parent / name).resolve() if name else page
        assert place.exists(), f"{shown(page)}: [{text}] leads to {target}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings], target


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_function_that_a_page_links_to_is_in_that_file(page: Path) -> None:
    for text, target in _LINK.findall(page.read_text(encoding="utf-8")):
        named = re.fullmatch(r"`([\w.]+)`", text)
        if named is None or not target.endswith(".py"):
            continue
        path = (page.parent / target).resolve()
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        defined = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
        for name in named.group(1).split("."):
            assert name in defined | {path.stem}, f"{shown(page)}: {target} has no {name}"


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_every_file_that_a_page_names_exists(page: Path) -> None:
    inline = re.findall(r"`([\w./-]+/[\w.-]+\.(?:py|toml|cfg|json|md))`", page.read_text(encoding="utf-8"))
    for name in inline:
        if name.startswith(("var/", "inbox/", "/")):
            continue
        places = [blocks.ROOT / name, *(blocks.ROOT / part / name for part in ("cominflow", "tracciati"))]
        places.append(page.parent / name)
        # `sftp/packets.py`: enough of the path to find it.
        found = any(place.exists() for place in places) or any((blocks.ROOT / "cominflow").glob(f"*/{name}"))
        assert found, f"{shown(page)} names {name}, which is not there"


def test_the_journey_of_one_file_comes_first_and_each_step_names_its_function() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE)[0] == "The journey of one file"
    journey = text.split("\n## ")[1]
    steps = re.split(r"^\d+\. ", journey, flags=re.MULTILINE)[1:]
    assert 10 <= len(steps) <= 12
    for number, step in enumerate(steps, start=1):
        assert any(target.endswith(".py") for _, target in _LINK.findall(step)), f"step {number} links to no function"


def commands_named(page: Path) -> list[str]:
    """Our commands as a page writes them: in code within a line, and as lines of blocks that are no output."""
    text = page.read_text(encoding="utf-8")
    lines = [line.removeprefix("$ ") for block in blocks.blocks(page) for line in block.text.splitlines()]
    inline = re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL))
    return [line for line in (*lines, *inline) if re.match(r"(cominflow|tracciati) (--)?[a-z]", line)]


def unknown_in(line: str) -> str:
    """What of a command line no command of ours has; empty when all of it is known."""
    words = line.split()
    command: click.Command = group if words[0] == "cominflow" else tracciati
    options, place = {"--help"}, 1
    while True:
        options |= {text for parameter in command.params for text in parameter.opts}
        if not isinstance(command, click.Group):
            break
        while place < len(words) and words[place] in options:
            place += 2  # `--data PATH` stands before the command
        if place >= len(words):
            break
        for word in words[place].split("|"):
            inner = command.get_command(click.Context(command), word.strip(".,;:"))
            if inner is None:
                return word
        command, place = inner, place + 1
    return next((word for word in words if word.startswith("--") and word not in options), "")


@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "cli.md"], ids=shown)
def test_every_command_and_option_that_a_page_names_is_one(page: Path) -> None:
    for line in commands_named(page):
        unknown = unknown_in(line)
        assert not unknown, f"{shown(page)}: `{line}`: there is no {unknown}"


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert unknown_in("cominflow arrival relaese A-1") == "relaese"
    assert unknown_in("cominflow run --twice") == "--twice"
    assert unknown_in("cominflow --data var arrival release|discard A-1 --reason TEXT") == ""


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_no_page_says_how_the_project_was_made(page: Path) -> None:
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), start=1):
        found = _FOREIGN.search(line)
        assert found is None, f"{shown(page)}:{number}: {line}"


def glossary() -> set[str]:
    """The words of the glossary, small."""
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| ")]
    return {word.strip().lower() for cell in cells for word in cell.split(",")}


def test_the_glossary_has_every_table_of_the_database() -> None:
    module = (blocks.ROOT / "cominflow" / "models" / "__init__.py").read_text(encoding="utf-8")
    tables = re.findall(r'^    "(\w+)",$', module, re.MULTILINE)
    assert len(tables) > 10
    for name in tables:
        words = re.sub(r"(?<!^)([A-Z])", r" \1", name).lower()
        assert words in glossary(), f"the glossary does not know {words!r}"


def test_the_glossary_has_every_state() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    for state in {*states.ARRIVAL, *states.DELIVERY, *request_states.STATES}:
        assert re.search(rf"\b{state}\b", text), f"the glossary does not know {state}"


def test_a_word_stands_in_the_glossary_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| ")]
    words = [word for word in words if word != "word"]
    assert len(words) == len(set(words)), sorted(word for word in words if words.count(word) > 1)


def test_the_exit_codes_of_operations_and_commands_are_those_of_the_program() -> None:
    codes = {0, running.FINDINGS, running.USAGE, running.WORLD, running.DEFECT, errors.LockedError.exit_code}
    for page in ("operations.md", "cli.md"):
        text = (DOCS / page).read_text(encoding="utf-8")
        assert {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)} == codes


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name[:4])
def test_a_decision_has_its_five_parts_and_stands_in_the_list(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert tuple(re.findall(r"^\*\*([^*]+?)\.\*\*", text, re.MULTILINE)) == PARTS
    number, title = re.match(r"# (\d{4}) (.*)\n", text).groups()  # type: ignore[union-attr]
    assert path.name.startswith(f"{number}-")
    listed = (path.parent / "README.md").read_text(encoding="utf-8")
    assert f"| [{number}]({path.name}) | {title} |" in listed


def test_the_documents_named_in_the_code_exist() -> None:
    for folder in ("cominflow", "tracciati", "layouts", "tests", "bench"):
        for path in (blocks.ROOT / folder).rglob("*"):
            if path.suffix not in (".py", ".toml", ".md") or path.is_relative_to(blocks.ROOT / "tests" / "docs"):
                continue
            for name in re.findall(r"docs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
                assert (blocks.ROOT / name).exists(), f"{path.relative_to(blocks.ROOT)} names {name}"


def test_the_packages_that_the_readme_names_for_tracciati_alone_are_those_it_imports() -> None:
    named = re.search(r"pip install --no-deps \. && pip install ([^`]+)`", (blocks.ROOT / "README.md").read_text())
    assert named
    trees = [ast.parse(path.read_text()) for path in (blocks.ROOT / "tracciati").rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    imported = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module).partition(".")[0] for node in nodes if isinstance(node, ast.ImportFrom)}
    assert imported - sys.stdlib_module_names - {"tracciati"} == set(named[1].split()) - {"six"}  # fixedwidth's own
