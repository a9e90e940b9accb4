"""Snapshot: one read transaction, in which the database stands still for us and for nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def snapshot() -> Iterator[None]:
    """Read what is committed now, whatever others write meanwhile. Nothing can be written inside.

    SQLite: a deferred transaction, which takes no lock that a writer waits for (the settings' IMMEDIATE would keep
    the engine waiting to the end). PostgreSQL: REPEATABLE READ, read-only.
    """
    assert not connection.in_atomic_block, "a snapshot inside a transaction would be that transaction"
    if connection.vendor != "sqlite":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
        return
    connection.ensure_connection()
    mode, connection.transaction_mode = connection.transaction_mode, "DEFERRED"
    try:
        _tell("PRAGMA query_only=ON")
        with transaction.atomic():
            _tell("SELECT count(*) FROM django_migrations")  # it begins with the first read, not with BEGIN
            yield
    finally:
        connection.transaction_mode = mode
        _tell("PRAGMA query_only=OFF")


def _tell(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        cursor.fetchall()
