"""The house rules that a linter does not know, checked on every run; each has been seen to refuse something (below).

Every rule says why, in the message that the offender reads. Import contracts are in setup.cfg; that they refuse what
they should is proved in tests/test_contracts.py.
"""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 500
LINE_MAX = 120
FILE_BYTES_MAX = 1_000_000
MONEY = ("pricing", "billing", "ledger", "invoicing", "payments", "reconciliation", "money.py")
DRAWERS = ("utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc")
UNFINISHED = re.compile(r"#\s*(TODO|FIXME|XXX|HACK)\b|\bfor now\b|\bNotImplementedError\b", re.IGNORECASE)
SENTENCE = re.compile(r"test_[a-z0-9]+(_[a-z0-9]+){2,}")
LIBRARY = [p for name in ("tracciati", "cominflow") for p in sorted((ROOT / name).rglob("*.py"))]
BESIDE = [p for name in ("bench", "docs", "tests") for p in sorted((ROOT / name).rglob("*.py"))]
SOURCES = [p.relative_to(ROOT) for p in LIBRARY + BESIDE if "migrations" not in p.parts]


def untidy(path: PurePath, text: str) -> Iterator[str]:
    """Yield one message per broken rule in the source `text` of the file at `path` (from the repository's root)."""
    tree = ast.parse(text)
    yield from _of_the_module(path, text, tree)
    for node in _public(tree):
        if path.parts[0] in ("tracciati", "cominflow") and ast.get_docstring(node) is None:
            yield f"{path}:{node.lineno}: public {node.name} needs a docstring"
    for node in ast.walk(tree):
        where = f"{path}:{getattr(node, 'lineno', 1)}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_a_function(where, node)
        if isinstance(node, ast.Attribute) and _asks_the_time(node) and path.name != "clock.py":
            yield f"{where}: take the instant as an argument (clock.now() at the door), so that tests can set it"
        if isinstance(node, ast.Constant) and type(node.value) is float and set(path.parts) & set(MONEY):
            yield f"{where}: no float near money; use whole cents or Decimal"
        if isinstance(node, ast.ExceptHandler):
            yield from _of_a_handler(where, node)
        if isinstance(node, ast.Attribute) and node.attr == "sleep" and path.name.startswith("test_"):
            yield f"{where}: a test waits for an event, never for a while"


def _of_the_module(path: PurePath, text: str, tree: ast.Module) -> Iterator[str]:
    if text.count("\n") > MODULE_LINES_MAX:
        yield f"{path}: over {MODULE_LINES_MAX} lines; split it by noun"
    if text and ast.get_docstring(tree) is None:
        yield f"{path}:1: say in one line what lives in this module"
    if set(path.with_suffix("").parts) & set(DRAWERS):
        yield f"{path}: a drawer for odds and ends; name the module after the thing it holds"
    for number, line in enumerate(text.splitlines(), start=1):
        if len(line) > LINE_MAX:
            yield f"{path}:{number}: over {LINE_MAX} characters"
        if UNFINISHED.search(line) and path.name != "test_tidy.py":
            yield f"{path}:{number}: finish it, or say in docs/ what is not done and why"


def _of_a_function(where: str, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    assert node.end_lineno is not None
    if node.end_lineno - node.lineno >= FUNCTION_LINES_MAX:
        yield f"{where}: {node.name} is over {FUNCTION_LINES_MAX} lines; move a step out"
    if node.name.startswith("test_") and not SENTENCE.fullmatch(node.name):
        yield f"{where}: {node.name}: the name of a test is the sentence that it proves"


def _public(parent: ast.Module | ast.ClassDef) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """What others may call: functions and classes of the module, methods of such classes; nothing inside functions."""
    for node in parent.body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or node.name.startswith("_"):
            continue
        if node.name == "Meta":  # Django's own shape
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public(node)


def _asks_the_time(node: ast.Attribute) -> bool:
    owner = node.value.id if isinstance(node.value, ast.Name) else ""
    if node.attr in ("now", "today", "utcnow"):
        return owner != "clock"
    return owner == "time" and node.attr in ("time", "time_ns", "localtime", "gmtime")


def _of_a_handler(where: str, node: ast.ExceptHandler) -> Iterator[str]:
    if node.type is None:
        yield f"{where}: name the exception you expect"
    swallows = all(isinstance(step, ast.Pass) for step in node.body)
    names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else set()
    if swallows and names & {"Exception", "BaseException"}:
        yield f"{where}: an exception is swallowed; name it, and say in a comment why nothing has to be done"


@pytest.mark.parametrize("path", SOURCES, ids=str)
def test_a_source_keeps_the_house_rules(path: Path) -> None:
    problems = list(untidy(path, (ROOT / path).read_text(encoding="utf-8")))
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("cominflow/ledger/x.py", '"""X."""\nRATE = 0.22\n', "no float"),
        ("cominflow/money.py", '"""X."""\nRATE = 0.22\n', "no float"),
        ("cominflow/cli/x.py", '"""X."""\nimport datetime\nt = datetime.date.today()\n', "instant"),
        ("cominflow/cli/x.py", '"""X."""\nimport time\nt = time.time()\n', "instant"),
        ("cominflow/cli/x.py", '"""X."""\ndef run():\n    return 1\n', "docstring"),
        ("cominflow/cli/x.py", '"""X."""\nclass Run:\n    x = 1\n', "docstring"),
        ("cominflow/cli/x.py", '"""X."""\ntry:\n    x = 1\nexcept:\n    x = 2\n', "name the"),
        ("cominflow/cli/x.py", '"""X."""\ntry:\n    x = 1\nexcept Exception:\n    pass\n', "swallowed"),
        ("cominflow/cli/x.py", "x = 1\n", "what lives in"),
        ("cominflow/cli/x.py", '"""X."""\ndef _f():\n' + "    x = 1\n" * 70, "70 lines"),
        ("cominflow/cli/x.py", '"""X."""\n' + "x = 1\n" * 500, "500 lines"),
        ("cominflow/cli/x.py", '"""X."""\n' + f"x = {'1' * 120}\n", "120 characters"),
        ("cominflow/cli/x.py", '"""X."""\nx = 1  # TODO: the rest\n', "finish it"),
        ("cominflow/utils.py", '"""X."""\n', "drawer"),
        ("tracciati/common/x.py", '"""X."""\n', "drawer"),
        ("tests/unit/test_x.py", '"""X."""\ndef test_read():\n    assert 1\n', "sentence"),
        ("tests/unit/test_x.py", '"""X."""\nimport time\ntime.sleep(1)\n', "waits for an event"),
    ],
)
def test_untidy_code_is_refused_by_the_rule_it_breaks(path: str, text: str, expected: str) -> None:
    (problem,) = untidy(PurePath(path), text)
    assert expected in problem


def test_code_that_keeps_the_rules_is_let_through() -> None:
    text = '"""X."""\n\n\ndef read(at: int) -> int:\n    """Say what is read."""\n    return at\n'
    assert list(untidy(PurePath("tracciati/x.py"), text)) == []


def misplaced(path: PurePath, content: bytes) -> Iterator[str]:
    """Yield one message per rule that any file of the repository, whatever its kind, breaks."""
    if len(content) > FILE_BYTES_MAX:
        yield f"{path}: {len(content)} bytes; make it when it is needed instead of keeping it in git"
    for folder in (str(ROOT), str(Path.home())):
        if len(folder) > 1 and f"{folder}/".encode() in content:
            yield f"{path}: names a folder of one machine; write the path from the repository's root"


def test_no_file_of_the_repository_is_large_or_tied_to_a_machine() -> None:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    paths = [ROOT / name for name in listed.decode().split("\0") if name]
    problems = [p for path in paths if path.is_file() for p in misplaced(path.relative_to(ROOT), path.read_bytes())]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"x" * (FILE_BYTES_MAX + 1), "instead of keeping it in git"),
        (f"open {ROOT}/var/x".encode(), "one machine"),
    ],
)
def test_a_misplaced_file_is_refused(content: bytes, expected: str) -> None:
    (problem,) = misplaced(PurePath("x"), content)
    assert expected in problem


def declared_packages() -> set[str]:
    """The packages that setup.cfg asks for, extras included, in lower case."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lists = [setup["options"]["install_requires"], *setup["options.extras_require"].values()]
    lines = [line for text in lists for line in text.splitlines() if line and not line.startswith("#")]
    return {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines}


def test_every_dependency_is_explained_and_nothing_else_is() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    explained = {name.lower() for name in re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)}
    assert explained == declared_packages()


def test_every_decision_is_in_the_index_under_its_own_title() -> None:
    folder = ROOT / "docs" / "decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    for page in sorted(folder.glob("[0-9]*.md")):
        number = page.name[:4]
        title = page.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {number} "), f"{page.name}: the first line is `# {number} Title`"
        assert f"[{number}]({page.name}) | {title.removeprefix(f'# {number} ')} |" in index, (
            f"{page.name}: not in README.md"
        )


def test_every_target_of_the_makefile_is_listed_or_a_step_of_one() -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    targets = {line.split()[1] for line in listed.splitlines() if line.startswith("make ")}
    assert {"demo", "test", "lint", "docs", "golden", "sim", "bench"} <= targets


def test_ci_calls_the_same_commands_as_a_person() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    steps = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert steps == ["make lint", "make test"]
