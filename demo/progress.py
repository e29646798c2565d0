"""Which steps of the demo city have been loaded, kept in the database itself: a load that was cut off goes on, and a newer demo adds what it brings."""

from django.db import connection

TABLE = "CREATE TABLE IF NOT EXISTS demo_loaded (step text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())"


def finished() -> set[str] | None:
    """Names of the finished steps; None in a database into which no demo city was ever loaded."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('demo_loaded') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return None
        cursor.execute("SELECT step FROM demo_loaded")
        return {row[0] for row in cursor.fetchall()}


def begin() -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLE)


def finish(step: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO demo_loaded (step) VALUES (%s) ON CONFLICT DO NOTHING", [step])
