"""`python probe.py URL` in the virtual environment: one look at a database server, as JSON. `problem` names what is wrong, or is empty."""

import json
import sys
from typing import Any

import psycopg

EXTENSIONS = ("postgis", "pg_trgm", "btree_gist")
LOOK = """
SELECT array(SELECT name::text FROM pg_available_extensions WHERE name = ANY(%(wanted)s)), array(SELECT extname::text FROM pg_extension WHERE extname = ANY(%(wanted)s)),
       rolsuper, rolbypassrls, rolcreatedb, to_regclass('django_migrations') IS NOT NULL, to_regclass('demo_loaded') IS NOT NULL,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'
FROM pg_roles WHERE rolname = current_user
"""


def look(url: str) -> dict[str, Any]:
    """version, what is missing, what the role may, and a mark of what has been applied."""
    with psycopg.connect(url, connect_timeout=5, autocommit=True) as connection:
        found: dict[str, Any] = {"version": connection.info.server_version, "problem": ""}
        if found["version"] < 150000:
            return found
        row = connection.execute(LOOK, {"wanted": list(EXTENSIONS)}).fetchone()
        assert row is not None
        available, present, superuser, bypass, createdb, migrated, demo, readonly = row
        found |= {"unavailable": sorted(set(EXTENSIONS) - set(available)), "absent": sorted(set(EXTENSIONS) - set(present))}
        found |= {"superuser": superuser, "bypass": bypass, "createdb": createdb, "readonly": readonly}
        applied = connection.execute("SELECT coalesce(md5(string_agg(app || '.' || name, ' ' ORDER BY app, name)), '') FROM django_migrations").fetchone() if migrated else None
        steps = connection.execute("SELECT coalesce(string_agg(step, ' ' ORDER BY step), '') FROM demo_loaded").fetchone() if demo else None
        return found | {"applied": applied[0] if applied else "", "steps": steps[0] if steps else ""}


if __name__ == "__main__":
    try:
        print(json.dumps(look(sys.argv[1])))
    except psycopg.Error as problem:
        print(json.dumps({"problem": str(problem).strip() or type(problem).__name__}))
