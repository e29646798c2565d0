"""The interface for machines: every router that systems declare, one OpenAPI 3.1 document, errors as RFC 9457."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Schema
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema

from yiwang.base.errors import Invalid, YiwangError
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity
from yiwang.shells.api import registers
from yiwang.shells.api.problems import Problem
from yiwang.shells.errors import answer


class Interface(NinjaAPI):
    """Refusals are problem documents, and the contract says so."""

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for path in schema["paths"].values():
            for operation in path.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400 and "application/json" in response.get("content", {}):
                        response["content"] = {"application/problem+json": response["content"]["application/json"]}
        return schema


api = Interface(title="一网 · 业务对接接口", version="1.0.0", docs_url=None, openapi_url="/openapi.json", urls_namespace="interface", description="以业务系统身份提交和查询办件。")


class TokenIn(Schema):
    client_id: str
    client_secret: str
    grant_type: str = "client_credentials"


class TokenOut(Schema):
    access_token: str
    token_type: str = "Bearer"
    expires_in: int = 3600


@api.exception_handler(YiwangError)
def named(request: HttpRequest, problem: YiwangError) -> HttpResponse:
    return answer(request, problem)  # type: ignore[return-value]  # a JSON response under /api/


@api.exception_handler(ValidationError)
def invalid(request: HttpRequest, problem: ValidationError) -> HttpResponse:
    fields = {".".join(str(part) for part in error["loc"][1:]): str(error["msg"]) for error in problem.errors}
    return answer(request, Invalid("请求的内容不符合接口定义。", fields=fields))  # type: ignore[return-value]


@api.post("/oauth/token", response={200: TokenOut, 401: Problem, 422: Problem}, tags=["oauth"], summary="取得访问令牌", auth=None)
def token(request: HttpRequest, body: TokenIn) -> TokenOut:
    """Client credentials for an hour (RFC 6749 section 4.4)."""
    return TokenOut(access_token=identity.token(body.client_id, body.client_secret))


for system in registry().systems.values():
    for prefix, router in system.api:
        api.add_router(prefix, router)
for prefix, router in registers.routers():
    api.add_router(prefix, router)

