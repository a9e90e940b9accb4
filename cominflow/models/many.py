"""Many: rows written by one prepared statement, without an object for each.

`bulk_create` and `bulk_update` build a statement with a place for every value of every row: that takes ten times as
long as SQLite needs to write them, and small files are mostly rows. What a model's columns hold is said by the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows: the fields `names` (of a foreign key its `_id`), in this order; all others have their default."""
    fields = [_field(model, name) for name in names]
    others = [one for one in model._meta.concrete_fields if one not in fields and not one.primary_key]
    defaults = [one.get_db_prep_save(one.get_default(), connection) for one in others]
    columns = ", ".join(connection.ops.quote_name(one.column) for one in (*fields, *others))
    places = ", ".join(["%s"] * (len(fields) + len(others)))
    table = connection.ops.quote_name(model._meta.db_table)
    _execute(
        f"insert into {table} ({columns}) values ({places})",
        [(*_prepared(fields, row), *defaults) for row in rows],
    )


def update(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, keys: Sequence[str]) -> int:
    """Update rows: each has the new values of `names`, then those of `keys` by which it is found. Returns how many."""
    fields = [_field(model, name) for name in (*names, *keys)]
    columns = [f"{connection.ops.quote_name(one.column)} = %s" for one in fields]
    changes, found = ", ".join(columns[: len(names)]), " and ".join(columns[len(names) :])
    table = connection.ops.quote_name(model._meta.db_table)
    return _execute(f"update {table} set {changes} where {found}", [_prepared(fields, row) for row in rows])


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(one for one in model._meta.concrete_fields if name in (one.name, one.attname))


def _prepared(fields: Sequence[Field[Any, Any]], row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True))


def _execute(statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
    if not rows:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)
        return int(cursor.rowcount)
