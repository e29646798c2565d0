"""The interface for machines: every router that systems declare, one OpenAPI 3.1 document, errors as RFC 9457."""

import json
from typing import Any, cast

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from ninja import Field, NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.parser import Parser
from ninja.security import HttpBearer

from yiwang.base.errors import Invalid, NotAllowed, SignInNeeded, TooLarge, YiwangError
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity
from yiwang.shells.api import registers
from yiwang.shells.api.problems import Problem
from yiwang.shells.errors import answer, problem_of

FORM = "application/x-www-form-urlencoded"
WORDS = {  # what pydantic found, in people's words
    "missing": "缺少这一项。",
    "string_too_short": "太短，至少 {min_length} 个字。",
    "string_too_long": "太长，最多 {max_length} 个字。",
    "string_pattern_mismatch": "格式不对，应符合 {pattern}。",
    "string_type": "应是文字。",
    "int_type": "应是整数。",
    "int_parsing": "应是整数。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
    "dict_type": "应是一个对象。",
    "list_type": "应是一个数组。",
    "too_long": "项数太多，最多 {max_length} 项。",
    "model_attributes_type": "应是一个对象。",
    "date_from_datetime_parsing": "应是日期，如 2026-01-05。",
    "date_parsing": "应是日期，如 2026-01-05。",
    "literal_error": "应是 {expected} 之一。",
}


class Machine(HttpBearer):
    """Whoever calls must be an authorised system; the identity middleware has looked at the token already."""

    def __call__(self, request: HttpRequest) -> Actor:
        actor = actor_of(request)
        if actor.is_anonymous:
            raise SignInNeeded("请携带访问令牌（Authorization: Bearer）。", hint="令牌由 POST /api/oauth/token 取得。")
        if not actor.client:
            raise NotAllowed("这一接口供已登记的业务系统使用。")
        return actor

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        return self(request)


class Body(Parser):
    """JSON, and for the token also the form that OAuth clients send. Text that no database can hold is refused here, once."""

    def parse_body(self, request: HttpRequest) -> dict[str, Any]:
        if request.content_type == FORM:
            return {key: value for key, value in request.POST.items() if isinstance(value, str)}
        body = json.loads(request.body)
        _storable(body)
        return cast("dict[str, Any]", body)


class Interface(NinjaAPI):
    """Refusals are problem documents, and the contract says so."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for path_name, path in schema["paths"].items():
            for operation in path.values():
                operation.setdefault("description", operation["summary"])
                if "registers" in path_name:
                    operation["security"] = [{"Machine": []}, {}]
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"] = {"application/problem+json": response["content"]["application/json"]}
                        response["description"] = MEANING.get(int(status), response["description"])
                    if int(status) == 429:
                        response["headers"] = {"Retry-After": {"description": "多少秒后再试", "schema": {"type": "integer"}}}
        schema["tags"] = list(registers.tags())
        content = schema["paths"]["/api/oauth/token"]["post"]["requestBody"]["content"]
        content[FORM] = content["application/json"]
        return schema


MEANING = {
    400: "不是 JSON，或无法读取", 401: "没有令牌，或令牌已失效", 403: "没有这项授权", 404: "没有，或不是本系统的", 409: "情况已经变化",
    413: "内容过大", 422: "内容不符合要求", 429: "超过每分钟的调用上限", 503: "暂时不能办理，没有丢失任何内容",
}  # fmt: skip
api = Interface(
    title="一网 · 业务对接接口", version="1.0.0", docs_url=None, openapi_url="/openapi.json", urls_namespace="interface", parser=Body(),
    description="以业务系统身份提交和跟踪办件。先用 POST /api/oauth/token 取得令牌；出错时返回 application/problem+json（RFC 9457）；列表按键翻页；提交可以安全重试。",
)  # fmt: skip


class TokenIn(Schema):
    client_id: str = Field(min_length=1, max_length=40, examples=["pos"])
    client_secret: str = Field(min_length=1, max_length=200)
    grant_type: str = Field("client_credentials", pattern="^client_credentials$")


class TokenOut(Schema):
    access_token: str
    token_type: str = "Bearer"
    expires_in: int = 3600


@api.exception_handler(YiwangError)
def named(request: HttpRequest, problem: YiwangError) -> HttpResponse:
    return answer(request, problem)  # type: ignore[return-value]  # a JSON response under /api/


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    fields = {".".join(str(part) for part in error["loc"][2:] or error["loc"][1:]): _words(error) for error in problem.errors}
    return answer(request, Invalid("请求的内容不符合接口定义。", fields=fields))  # type: ignore[return-value]


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, problem: HttpError) -> HttpResponse:
    """What ninja says itself: a body that is no JSON."""
    if isinstance(problem.__cause__, YiwangError):
        return named(request, problem.__cause__)
    return problem_of(problem.status_code, "bad-request", "无法读取请求", "请求正文不是 JSON。")


@api.exception_handler(SuspiciousOperation)
def suspicious(request: HttpRequest, problem: SuspiciousOperation) -> HttpResponse:
    if isinstance(problem, RequestDataTooBig):
        return named(request, TooLarge("请求正文超过 20 MB。", hint="请减小材料文件；可以压缩图片。"))
    return problem_of(400, "bad-request", "无法读取请求", "请求不合规范。")


@api.post("/oauth/token", response={200: TokenOut, 400: Problem, 401: Problem, 413: Problem, 422: Problem}, tags=["令牌"], summary="取得访问令牌", operation_id="token", auth=None)
def token(request: HttpRequest, body: TokenIn) -> TokenOut:
    """一小时有效（RFC 6749 第 4.4 节：客户端凭据）。标识和密钥由平台的系统管理员登记时发给。"""
    return TokenOut(access_token=identity.token(body.client_id, body.client_secret))


def _storable(value: Any) -> None:
    """Raises Invalid for NUL and for half surrogate pairs, which JSON can write and PostgreSQL cannot hold."""
    if isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise Invalid("请求里有不能保存的字符。", hint="请去掉 U+0000 和不成对的代理字符。")
    elif isinstance(value, dict):
        for key, item in value.items():
            _storable(key)
            _storable(item)
    elif isinstance(value, list):
        for item in value:
            _storable(item)


def _words(error: dict[str, Any]) -> str:
    words = WORDS.get(error["type"])
    return words.format(**error.get("ctx", {})) if words else str(error["msg"])


for system in registry().systems.values():
    for prefix, router in system.api:
        api.add_router(prefix, router, auth=Machine())
for prefix, router in registers.routers():  # an open register is read without a token: each operation looks itself
    api.add_router(prefix, router)
