"""Where this installation keeps what it owns: one folder (YIWANG_HOME), one database (DATABASE_URL)."""

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def home() -> Path:
    path = Path(os.environ.get("YIWANG_HOME") or Path(__file__).resolve().parents[3] / "var").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def secret(name: str) -> str:
    """A random secret of this installation, made once with mode 0600; two processes that start together agree on one."""
    folder = home() / "keys"
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / name
    if not path.exists():
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        with contextlib.suppress(FileExistsError):  # another process was first: its secret holds
            os.link(fresh, path)
        fresh.unlink()
    return path.read_text().strip()


def database() -> dict[str, Any]:
    """Django's database settings from DATABASE_URL; without it, the private cluster that `./yiwang up` keeps in YIWANG_HOME."""
    url = os.environ.get("DATABASE_URL") or _private_cluster()
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    # Statements are prepared: planning row security and joins anew for every request costs more than running them. A pooler must pass that on (PgBouncer 1.21 does).
    prepared = {"server_side_binding": True, "prepare_threshold": 3}
    return {
        "ENGINE": "django.contrib.gis.db.backends.postgis",
        "NAME": unquote(parts.path.lstrip("/")) or "yiwang",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", None) or parts.hostname or "",
        "PORT": query.pop("port", None) or parts.port or "",
        "OPTIONS": prepared | query | {"options": _mode()},
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }


def _mode() -> str:
    """Web processes begin seeing no personal row (kit.rowsecurity); workers, migrations and tests are the system."""
    return "" if os.environ.get("YIWANG_PROCESS") in {"web", "stream"} else "-c yiwang.mode=system"


def _private_cluster() -> str:
    note = home() / "database.url"  # written by the launcher, mode 0600
    if note.exists():
        return note.read_text().strip()
    return "postgres:///yiwang"
