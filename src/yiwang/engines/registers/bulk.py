"""Many rows in one statement: sent as one JSON value, read by PostgreSQL as rows of the table.

Not COPY, which does not pass row security; not `bulk_create`, which writes a placeholder for every value of every row and takes ten times as long.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.gis.geos import GEOSGeometry
from django.db import connection
from django.db.models import Model
from django.db.models.expressions import DatabaseDefault

Values = Mapping[str, Any]  # column → value


def insert(model: type[Model], rows: Sequence[Values]) -> None:
    """Adds rows that all name the same columns; the others get the table's own defaults. Raises what the database refuses."""
    if rows:
        columns = [connection.ops.quote_name(name) for name in rows[0]]
        _run(model, f"INSERT INTO {{table}} ({', '.join(columns)}) SELECT {', '.join(columns)} FROM {{rows}}", rows)


def update(model: type[Model], rows: Sequence[Values]) -> None:
    """Writes rows that name all their columns over those with their key."""
    if rows:
        key = connection.ops.quote_name(str(model._meta.pk.column))
        sets = ", ".join(f"{name} = told.{name}" for name in map(connection.ops.quote_name, rows[0]) if name != key)
        _run(model, f"UPDATE {{table}} SET {sets} FROM {{rows}} AS told WHERE {{table}}.{key} = told.{key}", rows)


def values(row: Model, *, fresh: bool) -> dict[str, Any]:
    """What a row says, by column, as `insert` and `update` take it; a column left to the database is not among it."""
    found = {}
    for column, read, prepare in _stored(type(row)):
        value = read(row, fresh)
        if not isinstance(value, DatabaseDefault):
            found[column] = prepare(value)
    return found


def _run(model: type[Model], statement: str, rows: Iterable[Values]) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(statement.format(table=table, rows=f"jsonb_populate_recordset(NULL::{table}, %s::jsonb)"), [json.dumps(rows, default=_written, ensure_ascii=False)])


@cache
def _stored(model: type[Model]) -> tuple[tuple[str, Callable[[Any, bool], Any], Callable[[Any], Any]], ...]:
    """Of every column how its value is read and made ready; fields that take their value when they are written (`auto_now`) do so."""
    return tuple((str(f.column), f.pre_save, f.get_prep_value) for f in model._meta.concrete_fields if not f.generated)


def _written(value: Any) -> str:
    """As PostgreSQL reads it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, GEOSGeometry):
        return str(value.hexewkb.decode())
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} in a row that is written with others")
