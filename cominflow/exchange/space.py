"""Space: give the space that a purge made free in the database back to the file system, beside a living engine.

SQLite keeps free pages in its file. `PRAGMA incremental_vacuum` moves the last pages into their places and cuts the
file; in steps of a megabyte, each a short transaction, so that nobody waits for longer than one. PostgreSQL does this
by itself: autovacuum makes the space free for new rows, and giving it back is `VACUUM FULL`, the server's business.
"""

from __future__ import annotations

import time

from django.db import connection

from cominflow.limits import VACUUM_PAGES, VACUUM_PAUSE_S


def overwrite_freed() -> None:
    """From here on, what this connection removes is overwritten with zeros (SQLite; elsewhere nothing is done).

    Parts of a page stay in the file when a row becomes shorter: people's data would outlive their purge in it.
    """
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA secure_delete=ON")
            cursor.fetchall()


def give_back() -> int:
    """Cut the file as far as it goes. Returns the bytes given back; 0 on PostgreSQL.

    An old database that was made without incremental vacuum stays as large as it is, and its free pages are used again.
    """
    if connection.vendor != "sqlite":
        return 0
    size, before = _pragma("page_size"), _pragma("page_count")
    free = _pragma("freelist_count")
    while free:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA incremental_vacuum({VACUUM_PAGES})")
            cursor.fetchall()
        left = _pragma("freelist_count")
        if left >= free:
            break  # it is a database without incremental vacuum, or others free as fast
        free = left
        time.sleep(VACUUM_PAUSE_S)
    # What readers still need stays in the log; the next checkpoint of anybody does the rest.
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
        cursor.fetchall()
    return (before - _pragma("page_count")) * size


def _pragma(name: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA {name}")
        (value,) = cursor.fetchone()
    return int(value)
