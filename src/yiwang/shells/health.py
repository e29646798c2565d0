"""/healthz: what works and what does not, part by part, for people and for machines."""

from dataclasses import dataclass

from django.db import connection
from django.http import HttpRequest, JsonResponse

from yiwang.kit.guards import ANYONE, guarded
from yiwang.kit.registry import registry


@dataclass(frozen=True)
class Part:
    code: str
    name: str
    works: bool
    says: str
    vital: bool


def parts() -> list[Part]:
    """Every part asked once; a check that raises counts as not working and says why."""
    checks = [("database", "数据库", _database, True), ("worker", "后台任务", _worker, True)]
    checks += [(h.code, h.name, h.check, h.vital) for s in registry().systems.values() for h in s.health]
    found = []
    for code, name, check, vital in checks:
        try:
            works, says = check()
        except Exception as problem:  # noqa: BLE001  # the page must answer whatever broke
            works, says = False, f"{type(problem).__name__}: {problem}"
        found.append(Part(code, name, works, says, vital))
    return found


@guarded(ANYONE)
def healthz(request: HttpRequest) -> JsonResponse:
    """200 when every vital part works, else 503; the body names each part (draft-inadarei-api-health-check)."""
    found = parts()
    broken = [part for part in found if part.vital and not part.works]
    status = "fail" if broken else "warn" if any(not part.works for part in found) else "pass"
    body = {"status": status, "checks": {p.code: {"name": p.name, "status": "pass" if p.works else "fail", "output": p.says} for p in found}}
    return JsonResponse(body, status=503 if broken else 200, content_type="application/health+json", json_dumps_params={"ensure_ascii": False})


def _database() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), pg_is_in_recovery()")
        version, standby = cursor.fetchone()
    return not standby, f"PostgreSQL {version}" + ("，只读副本" if standby else "")


def _worker() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'")
        alive = cursor.fetchone()[0]
        cursor.execute("SELECT count(*), coalesce(extract(epoch FROM now() - min(scheduled_at)), 0)::int FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()")
        waiting, _ = cursor.fetchone()
    return alive > 0, f"{alive} 个进程，{waiting} 个任务等待"
