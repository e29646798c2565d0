"""From whom a case is withheld reaches none of its rows, whatever post they hold and whatever a query forgot: the wall behind `Withheld.cases_from` (信访工作条例第三十条)."""

from django.db import migrations

_SETTING = "ANY (coalesce(nullif(current_setting('yiwang.{name}', true), ''), '{{}}')::bigint[])"
_SYSTEM = "current_setting('yiwang.mode', true) = 'system'"
# asked once for a query, not once for a row
_WITHHELD = f'SELECT w."case" FROM audit_withheld w WHERE w.party = {_SETTING.format(name="parties")} OR w.organ = {_SETTING.format(name="organs")}'


def shut(table: str, column: str) -> migrations.RunSQL:
    """`column` is the id of the row's case; a row without one belongs to none and stays open. Beside a policy of `rowsecurity`, which opens the table first."""
    return _restrictive(table, f"{column} IS NULL OR {column} NOT IN ({_WITHHELD})")


def shut_behind(table: str, column: str, parent: str, key: str = "id") -> migrations.RunSQL:
    """Officials too reach a row of `table` only with the row of `parent` that it hangs on."""
    return _restrictive(table, f"EXISTS (SELECT 1 FROM {parent} p WHERE p.{key} = {table}.{column})")


def _restrictive(table: str, condition: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE POLICY {table}_shut ON {table} AS RESTRICTIVE USING ({_SYSTEM} OR {condition})",
        f"DROP POLICY {table}_shut ON {table}",
    )
