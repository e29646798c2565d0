"""One form is done once: pressed twice, or sent again because the connection was lost, it leads to where the first one led and says so.

Every page that is rendered carries a token of its own against forgery, so the same token with the same content is the very same form. Only a form that ended
in a redirect is done; one that was refused, or that shows something and changes nothing, may be sent again as it stands.
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any

from django.contrib import messages as flash
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect

from yiwang.base.errors import Conflict
from yiwang.shells.errors import answer, wants_json

TOGGLES = {"network:large", "identity:act-for"}  # pressed again from a page that the browser kept, they mean it
PATIENCE = 3.0  # seconds that a second press waits for the first
DEAD = 60  # seconds after which a form that never ended is given up: its process has died, before or after it had done what was asked
KEPT = "1 day"

BEGIN = "INSERT INTO sent_form (digest) VALUES (%s) ON CONFLICT DO NOTHING RETURNING 1"
ANSWERED = "SELECT answer FROM sent_form WHERE digest = %s AND answer IS NOT NULL"
GIVE_UP = "DELETE FROM sent_form WHERE digest = %s AND answer IS NULL AND begun < now() - make_interval(secs => %s) RETURNING 1"


class OnceMiddleware:
    """After the check against forgery: what it refuses is not remembered."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        digest = getattr(request, "sent_form", None)
        if digest is not None:
            _end(digest, response["Location"] if 300 <= response.status_code < 400 else None)
        return response

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponseBase | None:
        if request.method != "POST" or not request.POST.get("csrfmiddlewaretoken") or wants_json(request) or _leaves_to_others(request):
            return None
        digest = _digest(request)
        until = time.monotonic() + PATIENCE
        while not _did(BEGIN, digest):  # the first may be refused meanwhile: then this one is
            if found := _did(ANSWERED, digest):
                flash.info(request, "这份表单刚才已经提交成功，没有重复办理。")
                return HttpResponseRedirect(found[0])
            if time.monotonic() > until:
                return answer(request, _unknown(digest))
            time.sleep(0.1)
        request.sent_form = digest  # type: ignore[attr-defined]  # read above when the answer is there
        return None


def forget_old() -> None:
    """Nobody sends a page of yesterday again."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sent_form WHERE begun < now() - %s::interval", [KEPT])


def _leaves_to_others(request: HttpRequest) -> bool:
    """Signing in and out have their own order; what only turns something on and off may be pressed again."""
    found = request.resolver_match
    return request.path.startswith("/accounts/") or bool(found and found.view_name in TOGGLES)


def _digest(request: HttpRequest) -> bytes:
    """Of who sends what to where; files by their content."""
    made = hashlib.sha256(f"{request.user.pk}\n{request.get_full_path()}".encode())
    for name, values in sorted(request.POST.lists()):
        made.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            made.update(repr((name, file.name)).encode() + _content(file))
    return made.digest()


def _content(file: "UploadedFile[bytes]") -> bytes:
    made = hashlib.sha256()
    for chunk in file.chunks():
        made.update(chunk)
    file.seek(0)
    return made.digest()


def _unknown(digest: bytes) -> Conflict:
    """It is still at work; or it never ended, and only a person can look whether it was done. Having been told so, they may send it again."""
    if _did(GIVE_UP, digest, DEAD):
        return Conflict("刚才提交时服务中断，不能确定是否已经办理。", hint="请先查看是否已经办理；没有办理的，返回刚才的页面再提交一次。")
    return Conflict("这份表单正在办理，没有重复提交。", hint="请等几秒钟，再返回刚才的页面刷新查看结果。")


def _end(digest: bytes, location: str | None) -> None:
    if location is None:
        _did("DELETE FROM sent_form WHERE digest = %s RETURNING 1", digest)
    else:
        _did("UPDATE sent_form SET answer = %s WHERE digest = %s RETURNING 1", location, digest)


def _did(statement: str, *values: Any) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        found: tuple[Any, ...] | None = cursor.fetchone()
    return found
