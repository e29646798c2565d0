"""Errors as people and machines meet them: a page that says what happened and what to do, or a problem document (RFC 9457)."""

import logging
import secrets
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme, urlencode

from yiwang.base.errors import Invalid, NotAllowed, NotFound, SignInNeeded, TooMany, YiwangError
from yiwang.engines.audit import api as audit
from yiwang.kit.guards import actor_of

log = logging.getLogger("yiwang.errors")


class ErrorMiddleware:
    """Turns the named errors into answers; anything else is logged under a number that the person can quote."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refused = getattr(request, "lapsed", None) or unstorable(request)
        response = answer(request, refused) if refused else self.get_response(request)
        if response.status_code == 405 and request.path.startswith("/api/"):
            allowed = response["Allow"]
            response = problem_of(405, "method-not-allowed", "没有这种操作", f"这个地址只接受 {allowed}。")
            response["Allow"] = allowed
        return response

    def process_exception(self, request: HttpRequest, problem: Exception) -> HttpResponseBase | None:
        if isinstance(problem, YiwangError):
            return answer(request, problem)
        return None


def unstorable(request: HttpRequest) -> Invalid | None:
    """What to say to an address or a form with U+0000, which no text column can hold; none of ours ever writes one."""
    if "\0" in request.path or "%00" in request.META.get("QUERY_STRING", "") or any("\0" in text for _, texts in request.POST.lists() for text in texts):
        return Invalid("请求里有不能保存的字符。", hint="请去掉 U+0000 字符后重试。")
    return None


def answer(request: HttpRequest, problem: YiwangError) -> HttpResponseBase:
    """The page or document of a named error; refusals go on the record."""
    if isinstance(problem, NotAllowed):
        audit.record(actor_of(request), "denied", summary=problem.message, detail={"path": request.path[:200], "method": request.method})
    if wants_json(request):
        return problem_document(problem)
    if isinstance(problem, SignInNeeded) and request.method == "GET" and actor_of(request).is_anonymous:
        return redirect(f"/accounts/login/?{urlencode({'next': request.get_full_path()})}")
    return render(request, "errors/page.html", {"problem": problem, "back": _back(request)}, status=problem.status)


def _back(request: HttpRequest) -> str:
    """The page of ours from which the refused request came, if it is another."""
    before = request.headers.get("Referer", "")
    try:
        ours = url_has_allowed_host_and_scheme(before, allowed_hosts={request.get_host()})
    except DisallowedHost:  # the host itself is what was refused
        return ""
    return before if ours and urlsplit(before).path != request.path else ""


def wants_json(request: HttpRequest) -> bool:
    return request.path.startswith("/api/") or "application/json" in request.headers.get("Accept", "")


def problem_document(problem: YiwangError) -> JsonResponse:
    """The document of a named error; who is asked for a token, or to wait, is told so in the header too."""
    response = problem_of(problem.status, problem.code, problem.title, problem.message, hint=problem.hint, errors=problem.fields)
    if isinstance(problem, SignInNeeded):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(problem, TooMany):
        response["Retry-After"] = str(problem.retry_after)
    return response


def problem_of(status: int, code: str, title: str, detail: str, *, hint: str = "", errors: Mapping[str, str] | None = None) -> JsonResponse:
    """type, title, status, detail and, for wrong input, errors by field (RFC 9457)."""
    body = {"type": f"urn:yiwang:problem:{code}", "title": title, "status": status, "detail": detail}
    body |= {"hint": hint} if hint else {}
    body |= {"errors": dict(errors)} if errors else {}
    return JsonResponse(body, status=status, content_type="application/problem+json", json_dumps_params={"ensure_ascii": False})


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, NotFound("没有这个页面。", hint="地址可能输错了，或者页面已经移动。可以从首页搜索要办的事。"))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, Invalid("浏览器发来的内容无法读取，没有提交。", hint="请返回上一页刷新后重试。"))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    return answer(request, NotAllowed("您不能打开这一页。", hint="如果您认为应当可以，请拨打 12345。"))


def too_many(request: HttpRequest) -> HttpResponseBase:
    return answer(request, TooMany("尝试的次数过多，为了安全暂时停止。", hint="请几分钟后再试，或携带身份证到任何一个政务服务大厅窗口办理。"))


def refused(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """A form that did not come from our own page (CSRF)."""
    return answer(request, NotAllowed("页面已经过期，没有提交。", hint="请返回上一页刷新后重新提交，已填写的内容还在。"))


def locked_out(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
    """Too many wrong passwords."""
    return answer(request, TooMany("密码连续输错多次，这个账号暂时锁定。", hint="请半小时后再试，或携带身份证到窗口重置密码。"))


def failed(request: HttpRequest) -> HttpResponse:
    """An error nobody foresaw: a number to quote, no details."""
    number = secrets.token_hex(4)
    log.exception("error %s at %s", number, request.path)
    problem = YiwangError("系统出了问题，我们已经记录下来。", hint=f"已经提交成功的内容不会丢失。如需帮助请拨打 12345，并告知错误编号 {number}。")
    if wants_json(request):
        return problem_document(problem)
    return render(request, "errors/page.html", {"problem": problem}, status=500)
