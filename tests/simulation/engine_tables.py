"""Engine tables: what the durable engine keeps. Every workflow ended well, and nothing of a person is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.files import Sent
    from tests.simulation.place import Place

# Sixteen letters and digits, as every codice fiscale is; the engine's own ids and hashes are in lower case.
PERSON = re.compile(r"(?<![0-9A-Za-z])[A-Z]{6}[0-9A-Z]{10}(?![0-9A-Za-z])")


def wrong(place: Place, sent: list[Sent]) -> Iterator[str]:
    """Workflows that did not end well, and rows of the engine that hold more than ids."""
    rows = list(texts())
    if not any(table == "workflow_status" for table, _ in rows):
        yield "the engine has no workflows"
    references = {expected.reference for one in sent for expected in one.expected}
    for table, text in rows:
        if PERSON.search(text):
            yield f"{table} holds a codice fiscale"
        if any(reference in text for reference in references):
            yield f"{table} holds a customer's reference"
    yield from _unended()


def texts() -> Iterator[tuple[str, str]]:
    """(table, all columns of a row as text) of every table of the engine."""
    from django.db import connection

    with connection.cursor() as cursor:
        for table in _tables():
            cursor.execute(f"SELECT * FROM {table}")
            for row in cursor.fetchall():
                yield table.rpartition(".")[2].strip('"'), " | ".join(str(cell) for cell in row)


def _tables() -> list[str]:
    from django.apps import apps
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'dbos'")
            return [f'dbos."{name}"' for (name,) in cursor.fetchall()]
        ours = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
        return [
            name for name in connection.introspection.table_names(cursor) if name not in ours | {"django_migrations"}
        ]


def _unended() -> Iterator[str]:
    from django.db import connection

    prefix = "dbos." if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT workflow_uuid, status FROM {prefix}workflow_status WHERE status <> 'SUCCESS'")
        yield from (f"workflow {name} is {status}" for name, status in cursor.fetchall())
