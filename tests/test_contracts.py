"""The import contracts of setup.cfg, seen to refuse: a copy of the tree with one wrong import fails, by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def contracts(tree: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter over a tree."""
    linter = Path(sys.executable).with_name("lint-imports")
    environment = {**os.environ, "PYTHONPATH": str(tree), "COLUMNS": "200"}
    return subprocess.run(
        [linter, "--config", "setup.cfg", "--no-cache"], cwd=tree, capture_output=True, text=True, env=environment
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of both packages with the contracts."""
    for name in ("tracciati", "cominflow"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.cfg", tmp_path)
    return tmp_path


def test_the_tree_as_it_is_keeps_every_contract(tree: Path) -> None:
    done = contracts(tree)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_the_pure_modules_are_the_strictly_typed_ones() -> None:
    setup = ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    contract = next(
        setup[name] for name in setup.sections() if setup[name].get("name", "").startswith("business rules")
    )
    (strict,) = (name.removeprefix("mypy-") for name in setup.sections() if name.startswith("mypy-cominflow.arrow,"))
    pure = {name for name in contract["source_modules"].split() if name.startswith("cominflow.")}
    assert set(strict.split(",")) == pure


@pytest.mark.parametrize(
    ("module", "wrong_import", "contract"),
    [
        ("tracciati/reading/__init__.py", "import cominflow.money", "tracciati knows nothing of cominflow"),
        ("tracciati/writing/__init__.py", "import sqlite3", "tracciati knows nothing of cominflow"),
        ("tracciati/layout.py", "import tracciati.findings", "tracciati reads top to bottom"),
        ("tracciati/bases/date.py", "import tracciati.bases.text", "the bases of tracciati do not know each other"),
        ("cominflow/models/pricing.py", "import cominflow.exchange", "cominflow reads top to bottom"),
        ("cominflow/fulfilment/table.py", "import cominflow.exchange", "cominflow reads top to bottom"),
        ("cominflow/money.py", "import django", "business rules do no input or output"),
        (
            "cominflow/reconciliation/charging.py",
            "import cominflow.exchange.requests",
            "reconciliation recomputes by its own means",
        ),
    ],
)
def test_a_wrong_import_breaks_the_contract_that_names_it(
    tree: Path, module: str, wrong_import: str, contract: str
) -> None:
    with (tree / module).open("a", encoding="utf-8") as source:
        source.write(f"\n{wrong_import}\n")
    done = contracts(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [line for line in done.stdout.splitlines() if line.strip().endswith("BROKEN")]
    assert any(line.startswith(contract) for line in broken), done.stdout


def test_a_module_without_a_place_in_the_layers_is_refused(tree: Path) -> None:
    (tree / "cominflow" / "odds.py").write_text('"""Odds and ends."""\n', encoding="utf-8")
    done = contracts(tree)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "odds" in done.stdout
