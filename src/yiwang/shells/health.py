"""/healthz: what works and what does not, part by part, for people and for machines."""

import logging
import shutil
import urllib.request
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from yiwang.kit.guards import ANYONE, guarded
from yiwang.kit.registry import registry

log = logging.getLogger("yiwang.health")
LEAST_SPACE = 300_000_000  # bytes; below it PostgreSQL may stop at any moment


@dataclass(frozen=True)
class Part:
    code: str
    name: str
    works: bool
    says: str
    vital: bool


def parts() -> list[Part]:
    """Every part asked once; a check that raises counts as not working and says why."""
    checks = [
        ("database", "数据库", _database, True), ("tables", "数据表", _tables, True), ("worker", "后台任务", _worker, True),
        ("disk", "磁盘空间", _disk, True), ("stream", "实时更新", _stream, False),
    ]  # fmt: skip
    checks += [(h.code, h.name, h.check, h.vital) for s in registry().systems.values() for h in s.health]
    found = []
    for code, name, check, vital in checks:
        try:
            works, says = check()
        except Exception as problem:  # the page must answer whatever broke
            log.exception("health check %s", code)  # what it says may name hosts and accounts: for the log, not for the page
            works, says = False, f"没有应答（{type(problem).__name__}），详情见日志"
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


def _tables() -> tuple[bool, str]:
    executor = MigrationExecutor(connection)
    pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    return not pending, f"还有 {pending} 项更新没有执行，请重新启动" if pending else "与程序一致"


def _disk() -> tuple[bool, str]:
    """Files, keys and, with a private cluster, the database lie here."""
    free = shutil.disk_usage(settings.HOME).free
    return free > LEAST_SPACE, f"剩余 {free / 10**9:.1f} GB"


def _stream() -> tuple[bool, str]:
    if not settings.STREAM_URL:
        return True, "没有启用，页面不会自动提示更新"
    with urllib.request.urlopen(f"{settings.STREAM_URL}/healthz", timeout=2) as answer:
        return answer.status == 200, "在运行"


def _worker() -> tuple[bool, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '1 minute'")
        alive = cursor.fetchone()[0]
        cursor.execute("SELECT count(*), coalesce(extract(epoch FROM now() - min(scheduled_at)), 0)::int FROM procrastinate_jobs WHERE status = 'todo' AND coalesce(scheduled_at, now()) <= now()")
        waiting, _ = cursor.fetchone()
    return alive > 0, f"{alive} 个进程，{waiting} 个任务等待"
