"""PostgreSQL row security behind `restrict`: even a query that forgot it returns nothing that is not this person's.

Settings of the connection say who is looking: `yiwang.mode` is `system` (our own workers, migrations), `official` (a post is held
or an authorised system calls; `restrict` decides finely), `person` (only rows of `yiwang.parties`) or unset, which sees nothing.
`yiwang.organs` are the offices in which an official holds a post, for policies that shut a whole office out. Web processes start unset; the middleware enters
an actor for each request. The policies use leak-proof operators only, so indexes stay usable (PostgreSQL 15 manual, 5.8 and 41.5).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, migrations
from psycopg.pq import TransactionStatus

from yiwang.kit.actors import Actor

_MINE = "ANY (coalesce(nullif(current_setting('yiwang.parties', true), ''), '{{}}')::bigint[])"
_TRUSTED = "current_setting('yiwang.mode', true) IN ('system', 'official')"


def secure(table: str, *owners: str) -> migrations.RunSQL:
    """Only the parties in the `owners` columns, officials and the system reach the rows of `table`."""
    mine = " OR ".join(f"{column} = {_MINE.format()}" for column in owners)
    return _policy(table, f"{_TRUSTED} OR {mine}")


def secure_officials(table: str) -> migrations.RunSQL:
    """Only officials and the system reach the rows of `table`."""
    return _policy(table, _TRUSTED)


def secure_written(table: str, *owners: str) -> migrations.RunSQL:
    """As `secure`, but whoever is at the door may add a row: the record of what a visitor did is not theirs to read."""
    mine = " OR ".join(f"{column} = {_MINE.format()}" for column in owners)
    return _policy(table, f"{_TRUSTED} OR {mine}", "WITH CHECK (true)")


def secure_through(table: str, column: str, parent: str, *others: tuple[str, str]) -> migrations.RunSQL:
    """Whoever reaches the row of `parent` that `column` points to (or one of the other columns to its own parent) reaches the row of `table`."""
    reached = " OR ".join(f"EXISTS (SELECT 1 FROM {p} WHERE {p}.id = {table}.{c})" for c, p in ((column, parent), *others))
    return _policy(table, f"{_TRUSTED} OR {reached}")


def _policy(table: str, condition: str, check: str = "") -> migrations.RunSQL:
    return migrations.RunSQL(
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY; ALTER TABLE {table} FORCE ROW LEVEL SECURITY;"
        f" CREATE POLICY {table}_seen ON {table} USING ({condition}) {check}",
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
    organs = "{" + ",".join(str(o) for o in sorted(actor.organs)) + "}"
    with _settings(mode, parties, organs):
        yield


@contextmanager
def elevated() -> Iterator[None]:
    """The few reads that reach beyond one's own rows by law (public verification of a licence, finding an agent by number). Always say why at the call."""
    with _settings("system", ""):
        yield


@contextmanager
def _settings(mode: str, parties: str, organs: str = "") -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(_EXCHANGE, [mode, parties, organs])
        before = cursor.fetchone() or ("", "", "")
    try:
        yield
    finally:
        if not _broken():  # a broken transaction restores the settings itself when it rolls back
            with connection.cursor() as cursor:
                cursor.execute(_SET, [value or "" for value in before[:3]])


def _broken() -> bool:
    """Whether the transaction takes no further statement: Django knows only once the error has left an inner block, PostgreSQL at once."""
    if connection.in_atomic_block and connection.needs_rollback:
        return True
    return connection.connection is not None and connection.connection.info.transaction_status == TransactionStatus.INERROR


_SET = "SELECT set_config('yiwang.mode', %s, false), set_config('yiwang.parties', %s, false), set_config('yiwang.organs', %s, false)"
_EXCHANGE = """
SELECT before.mode, before.parties, before.organs, set_config('yiwang.mode', %s, false), set_config('yiwang.parties', %s, false), set_config('yiwang.organs', %s, false)
FROM (
    SELECT current_setting('yiwang.mode', true) AS mode, current_setting('yiwang.parties', true) AS parties, current_setting('yiwang.organs', true) AS organs OFFSET 0
) AS before
"""  # OFFSET 0: the old values are read before the new ones are set
