"""PostgreSQL row security behind `restrict`: even a query that forgot it returns nothing that is not this person's.

Three settings of the connection say who is looking: `yiwang.mode` is `system` (our own workers, migrations), `official` (a post is held
or an authorised system calls; `restrict` decides finely), `person` (only rows of `yiwang.parties`) or unset, which sees nothing. Web processes start unset; the middleware enters
an actor for each request. The policies use leak-proof operators only, so indexes stay usable (PostgreSQL 15 manual, 5.8 and 41.5).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, migrations

from yiwang.kit.actors import Actor

_MINE = "ANY (coalesce(nullif(current_setting('yiwang.parties', true), ''), '{{}}')::bigint[])"
_BEFORE = "SELECT current_setting('yiwang.mode', true) AS mode, current_setting('yiwang.parties', true) AS parties"
_SET = "set_config('yiwang.mode', %s, false), set_config('yiwang.parties', %s, false)"
_TRUSTED = "current_setting('yiwang.mode', true) IN ('system', 'official')"


def secure(table: str, *owners: str) -> migrations.RunSQL:
    """Only the parties in the `owners` columns, officials and the system reach the rows of `table`."""
    mine = " OR ".join(f"{column} = {_MINE.format()}" for column in owners)
    return _policy(table, f"{_TRUSTED} OR {mine}")


def secure_through(table: str, column: str, parent: str) -> migrations.RunSQL:
    """Whoever reaches the row of `parent` that `column` points to reaches the row of `table`."""
    return _policy(table, f"{_TRUSTED} OR EXISTS (SELECT 1 FROM {parent} WHERE {parent}.id = {table}.{column})")


def _policy(table: str, condition: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
        f" CREATE POLICY {table}_seen ON {table} USING ({condition})",
        f"DROP POLICY {table}_seen ON {table}; ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY; ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    )


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """The connection belongs to `actor` inside the block; afterwards to whoever had it before."""
    if actor.system:
        mode = "system"
    elif actor.seats or actor.client:
        mode = "official"
    else:
        mode = "person" if actor.party else ""
    parties = "{" + ",".join(str(p) for p in sorted({p for p in (actor.party, actor.acting_for) if p})) + "}"
    with _settings(mode, parties):
        yield


@contextmanager
def elevated() -> Iterator[None]:
    """The few reads that reach beyond one's own rows by law (public verification of a licence, finding an agent by number). Always say why at the call."""
    with _settings("system", ""):
        yield


@contextmanager
def _settings(mode: str, parties: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"WITH before AS MATERIALIZED ({_BEFORE}) SELECT mode, parties, {_SET} FROM before", [mode, parties])
        before = cursor.fetchone() or ("", "")
    try:
        yield
    finally:
        if not connection.in_atomic_block or not connection.needs_rollback:  # a broken transaction restores the settings itself when it rolls back
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT {_SET}", [before[0] or "", before[1] or ""])
