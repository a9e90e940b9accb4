"""Many: rows written by one prepared statement, without an object for each.

`bulk_create` and `bulk_update` build a statement with a place for every value of every row: that takes ten times as
long as SQLite needs to write them, and small files are mostly rows. What a model's columns hold is said by the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Field, Model


def insert(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows: the fields `names` (of a foreign key its `_id`), in this order; all others have their default."""
    fields = [_field(model, name) for name in names]
    others = [one for one in model._meta.concrete_fields if one not in fields and not one.primary_key]
    defaults = [one.get_default() for one in others]
    columns = ", ".join(connection.ops.quote_name(one.column) for one in (*fields, *others))
    places = ", ".join(["%s"] * (len(fields) + len(others)))
    table = connection.ops.quote_name(model._meta.db_table)
    _execute(f"insert into {table} ({columns}) values ({places})", ((*row, *defaults) for row in rows))


def update(model: type[Model], names: Sequence[str], rows: Iterable[Sequence[Any]], *, keys: Sequence[str]) -> int:
    """Update rows: each has the new values of `names`, then those of `keys` by which it is found. Returns how many."""
    fields = [_field(model, name) for name in (*names, *keys)]
    columns = [f"{connection.ops.quote_name(one.column)} = %s" for one in fields]
    changes, found = ", ".join(columns[: len(names)]), " and ".join(columns[len(names) :])
    table = connection.ops.quote_name(model._meta.db_table)
    return _execute(f"update {table} set {changes} where {found}", rows)


def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(one for one in model._meta.concrete_fields if name in (one.name, one.attname))


def _execute(statement: str, rows: Iterable[Sequence[Any]]) -> int:
    # Numbers, texts, bytes and null are as the database's own library takes them.
    adapt = {datetime: connection.ops.adapt_datetimefield_value, date: connection.ops.adapt_datefield_value}
    values = [tuple(adapt[type(one)](one) if type(one) in adapt else one for one in row) for row in rows]
    if not values:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)
        return int(cursor.rowcount)
