"""What every test may ask for: a database, the corpus, programs of the machine, golden files.

A test run has one database: SQLite, or with COMINFLOW_TEST_DATABASE=postgresql a real PostgreSQL (`make test` runs
both; COMINFLOW_TEST_PG_URL names a server that is there already). A test that asks for `database` or `database_url`
is marked `database`, so that the second run takes just these. Tables are emptied after each test and nothing is
wrapped in a transaction: what a test commits is committed, and other threads and processes see it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests import postgresql, preloaded, programs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.house import House

ROOT = Path(__file__).resolve().parents[1]
ON_POSTGRESQL = os.environ.get("COMINFLOW_TEST_DATABASE", "sqlite") == "postgresql"

# Time limits per example fail on a busy machine; the blob makes a failure repeatable from the report alone.
hypothesis.settings.register_profile("cominflow", deadline=None, print_blob=True)
hypothesis.settings.load_profile("cominflow")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--golden=write` rewrites golden files instead of comparing them."""
    parser.addoption("--golden", choices=("compare", "write"), default="compare")


def pytest_configure(config: pytest.Config) -> None:
    """Start what a run has once, in the process that starts the workers; give every worker a database of its own."""
    is_worker = hasattr(config, "workerinput")
    if not is_worker and not config.option.collectonly:
        commands = preloaded.Preloaded()
        config.add_cleanup(commands.stop)
        os.environ[preloaded.BIN] = str(commands.bin)
        config.add_cleanup(lambda: os.environ.pop(preloaded.BIN))
    if ON_POSTGRESQL and not is_worker and "COMINFLOW_TEST_PG_URL" not in os.environ:
        server = postgresql.PostgreSQL()
        config.add_cleanup(server.stop)
        os.environ["COMINFLOW_TEST_PG_URL"] = server.url
        config.add_cleanup(lambda: os.environ.pop("COMINFLOW_TEST_PG_URL"))
    data = Path(tempfile.mkdtemp(prefix="cominflow-test-"))
    config.add_cleanup(lambda: shutil.rmtree(data))
    # Settings are read once per process, so these stand before anything of cominflow is imported.
    os.environ["COMINFLOW_DATA"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "cominflow.settings"
    if ON_POSTGRESQL:
        name = f"test_{uuid.uuid4().hex}"
        server_url = os.environ["COMINFLOW_TEST_PG_URL"]
        os.environ["COMINFLOW_DATABASE_URL"] = postgresql.make_database(server_url, name)
        config.add_cleanup(lambda: postgresql.drop_database(server_url, name))
    else:
        os.environ["COMINFLOW_DATABASE_URL"] = f"sqlite:///{data}/test.db"


# Files that take longest, longest first.
LONG = (
    "simulation/test_singles.py::",
    "simulation/test_order_of_writes.py::",
    "acceptance/test_running_system",
    "simulation/test_pairs.py::",
    "acceptance/",
    "test_claim_kills",
    "docs/test_sessions",
    "contract/providers/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by what they ask for, before `-m` chooses; the long files first, so that both cores end together."""
    items.sort(key=lambda item: next((n for n, name in enumerate(LONG) if name in item.nodeid), len(LONG)))
    for item in items:
        asked = set(getattr(item, "fixturenames", ()))
        if asked & {"database", "database_url", "migrated_url"}:
            item.add_marker("database")
        if "golden" in asked:
            item.add_marker("golden")


def pytest_report_header() -> str:
    """Say which database this run uses."""
    return f"database: {'PostgreSQL' if ON_POSTGRESQL else 'SQLite'}"


@pytest.fixture(scope="session")
def _migrated() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, interactive=False)


@pytest.fixture
def database(_migrated: None) -> Iterator[str]:
    """Django, set up, on an empty migrated database; emptied again after the test. The value is its URL.

    Commits are real. Connections that the test opened in other threads are the test's to close.
    """
    from django.db import connection, connections

    yield os.environ["COMINFLOW_DATABASE_URL"]
    assert not connection.in_atomic_block, "the test left a transaction open"
    _empty()
    connections.close_all()


def _empty() -> None:
    """Empty every table, and number from 1 again. On PostgreSQL not by TRUNCATE: that takes a new file per table."""
    from django.core.management.color import no_style
    from django.db import connection, transaction

    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    if not ON_POSTGRESQL:
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))
        return
    with transaction.atomic(), connection.cursor() as cursor:  # keys into other tables are looked at when it commits
        cursor.execute("; ".join(f'DELETE FROM "{table}"' for table in tables))
        cursor.execute("SELECT setval(seqrelid::regclass, seqstart, false) FROM pg_sequence")


@pytest.fixture
def house(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A system with the customer banca-demo, its services and prices, and its feed as it ships, in a folder."""
    from cominflow import settings
    from tests.house import House

    monkeypatch.setattr(settings, "DATA", tmp_path / "data")
    built = House(tmp_path)
    built.furnish()
    return built


@pytest.fixture
def database_url(tmp_path: Path) -> Iterator[str]:
    """The URL of a new, empty database of its own, for a test that starts processes or counts on fresh tables."""
    if not ON_POSTGRESQL:
        yield f"sqlite:///{tmp_path}/cominflow.db"
        return
    name = f"test_{uuid.uuid4().hex}"
    server_url = os.environ["COMINFLOW_TEST_PG_URL"]
    yield postgresql.make_database(server_url, name)
    postgresql.drop_database(server_url, name)


@pytest.fixture(scope="session")
def _template(_migrated: None) -> Iterator[str]:
    """A database with our tables and nothing in them, that nobody is connected to: the path of a file, or its name."""
    from django.db import connection

    connection.close()
    name = str(connection.settings_dict["NAME"])
    template = f"{name}_template"
    if ON_POSTGRESQL:
        server_url = os.environ["COMINFLOW_TEST_PG_URL"]
        postgresql.make_database(server_url, template, of=name)
        yield template
        postgresql.drop_database(server_url, template)
    else:
        shutil.copyfile(name, template)
        yield template


@pytest.fixture
def migrated_url(_template: str, tmp_path: Path) -> Iterator[str]:
    """As `database_url`, with our tables in it already: what `cominflow init` would take most of its time for."""
    if not ON_POSTGRESQL:
        shutil.copyfile(_template, tmp_path / "cominflow.db")
        yield f"sqlite:///{tmp_path}/cominflow.db"
        return
    name = f"test_{uuid.uuid4().hex}"
    server_url = os.environ["COMINFLOW_TEST_PG_URL"]
    yield postgresql.make_database(server_url, name, of=_template)
    postgresql.drop_database(server_url, name)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of real files that nobody here wrote; they are not part of this repository."""
    folder = Path(os.environ.get("COMINFLOW_CORPUS", ROOT.parent / "shared" / "corpus"))
    if not folder.is_dir():
        programs.absent(f"no corpus at {folder}; do: set COMINFLOW_CORPUS to the folder that holds it")
    return folder


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """`program("sftp")`: the path of a program of this machine, or the test is skipped (CI=true: fails)."""
    return programs.need


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("banca-demo/report.txt", text)`: compare with tests/golden/…, or write it (`make golden`)."""

    def compare(name: str, text: str) -> None:
        path = ROOT / "tests" / "golden" / name
        if request.config.getoption("--golden") == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path.relative_to(ROOT)} does not exist; do: make golden"
        assert text == path.read_text(encoding="utf-8"), f"{path.relative_to(ROOT)} differs; do: make golden"

    return compare
