"""The interface of every declared register: list with filters and pages by key, one row with ETag, writes that may be retried, change feed, hooks, shapes."""

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from ninja.params.functions import Header, Query
from pydantic import Field, create_model

from yiwang.base.errors import Invalid, NotAllowed, NotFound, SignInNeeded
from yiwang.engines.registers import api as registers
from yiwang.kit import cells
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import form_of
from yiwang.kit.guards import actor_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry
from yiwang.kit.resources import describe
from yiwang.shells.api.problems import PROBLEMS
from yiwang.shells.console import boards

KEY = r"^[A-Za-z0-9_-]{8,80}$"
ROW = r"^[0-9A-Za-z_-]{1,60}$"


class RegisterOut(Schema):
    """What a register holds and who may read it."""

    code: str
    name: str
    share: str = Field(description="none 不予共享，conditional 有条件共享，open 无条件共享")
    fields: dict[str, str] = Field(description="字段 → 中文名称")
    filters: list[str]
    editable: bool


class RowOut(Schema):
    id: str
    revision: int
    fields: dict[str, Any] = Field(description="各字段的值；个人信息已遮盖")


class RowsOut(Schema):
    items: list[RowOut]
    next: str = Field(description="下一页的 after；空表示没有了")


class RowIn(Schema):
    fields: dict[str, Any] = Field(description="字段 → 值；引用其他表时填写编码或名称，位置填写 GeoJSON")


class ChangeOut(Schema):
    row: str
    at: str
    valid_from: str
    fields: dict[str, Any]


class FeedOut(Schema):
    changes: list[ChangeOut]
    cursor: str = Field(description="下次从这里继续")


class HookIn(Schema):
    url: str = Field(max_length=300, pattern=r"^https?://")


class HookOut(Schema):
    id: str
    url: str
    approved: bool
    secret: str = Field("", description="签名密钥，只在登记时返回一次（Standard Webhooks）")


def listed(request: HttpRequest) -> list[RegisterOut]:
    """The registers that the asker may read."""
    actor = actor_of(request)
    return [_about(actor, r) for r in registry().registers.values() if registers.may_read(actor, r)]


def routers() -> list[tuple[str, Router]]:
    """One router for the list of registers, one for each register."""
    index = Router(tags=["registers"])
    index.get("", response={200: list[RegisterOut]}, summary="可读取的登记簿", operation_id="registers")(listed)
    return [("/registers", index), *((f"/registers/{r.code}", _router(r)) for r in registry().registers.values())]


def tags() -> Iterator[dict[str, str]]:
    """What each register is, for the contract: whose it is, how far it is shared, every field with its kind and which are personal."""
    for system in registry().systems.values():
        for register in system.registers:
            found = describe(register, system)
            lines = [f"- `{i.code}` {i.name}（{'，'.join(filter(None, (i.kind, i.values, '必填' * i.required, '个人信息，遮盖后返回' * i.personal)))}）" for i in found.items]
            yield {"name": f"register:{register.code}", "description": f"{found.name}（{system.name}，{found.share}）\n\n" + "\n".join(lines)}


def _router(register: Register) -> Router:
    router = Router(tags=[f"register:{register.code}"])
    asked = _asked(register)

    def rows(request: HttpRequest, query: Any = Query(...)) -> HttpResponse:  # noqa: B008  # ninja's way
        actor = _reader(request, register)
        asked = registers.parse(register, {n: str(v) for n, v in query.dict().items() if v not in (None, "")}, actor)
        listed = registers.page(actor, register, asked, whole=True)
        return _answer({"items": [_row(register, row) for row in listed.rows], "next": listed.after})

    rows.__annotations__["query"] = asked
    _add(router.get, "/rows", rows, register, "rows", f"{register.name}：列表", RowsOut)
    _add(router.get, "/rows/{row}", _one(register), register, "row", f"{register.name}：一条记录", RowOut)
    _add(router.get, "/changes", _changes(register), register, "changes", f"{register.name}：变更", FeedOut)
    if register.place:
        _add(router.get, "/features", lambda request, bbox="": boards.features(request, register.code), register, "features", f"{register.name}：空间要素（GeoJSON）", None)
    if issubclass(register.model, Kept) and (register.fields or register.form):
        _writes(router, register)
    _add(router.post, "/hooks", _ask(register), register, "hook", f"{register.name}：申请变更通知", HookOut, 201)
    _add(router.delete, "/hooks/{hook}", _end(register), register, "end-hook", f"{register.name}：结束变更通知", None, 204)
    return router


def _add(method: Callable[..., Any], path: str, view: Callable[..., Any], register: Register, name: str, summary: str, answer: Any, status: int = 200) -> None:
    response = {status: answer, **PROBLEMS}
    method(path, response=response, summary=summary, operation_id=f"{register.code}-{name}".replace("-", "_"))(view)


def _asked(register: Register) -> type[Schema]:
    """The query parameters of a register's list."""
    fields: dict[str, Any] = {"q": (str, Field("", max_length=100, description="查找的词")), "after": (str, Field("", max_length=400)), "size": (int, Field(50, ge=1, le=500))}
    orders = sorted({register.order.lstrip("-"), *register.sorts})
    fields["order"] = (str, Field("", max_length=60, description=f"排序：{'、'.join(orders)}，前面加 - 为倒序"))
    for path in registers.names(register):
        base = path.removesuffix("__from").removesuffix("__to")
        fields[path] = (str, Field("", max_length=200, description=str(cells.field_at(register.model, base).verbose_name)))
    made: type[Schema] = create_model(f"{register.code}-query", __base__=Schema, **fields)
    return made


def _one(register: Register) -> Callable[..., Any]:
    def one(request: HttpRequest, row: str, if_none_match: str = Header("", alias="If-None-Match")) -> Any:
        found = registers.find(_reader(request, register), register, _key(row))
        body = _row(register, found)
        tag = {"ETag": _tag(found) if isinstance(found, Kept) else _digest(body)}
        return HttpResponse(status=304, headers=tag) if _is_known(if_none_match, tag["ETag"]) else _answer(body, tag)

    return one


def _changes(register: Register) -> Callable[..., Any]:
    def changes(request: HttpRequest, cursor: str = "", limit: int = Query(500, ge=1, le=500)) -> FeedOut:
        feed = registers.changes_since(_reader(request, register), register, cursor, limit=limit)
        return FeedOut(changes=[ChangeOut(row=c.row, at=c.at.isoformat(), valid_from=c.valid_from.isoformat(), fields=c.fields) for c in feed.changes], cursor=feed.cursor)

    return changes


def _writes(router: Router, register: Register) -> None:
    def add(request: HttpRequest, response: HttpResponse, body: RowIn, key: str = Header(..., alias="Idempotency-Key", pattern=KEY)) -> Any:
        row, fresh = registers.keep_once(_client(request), register, _named(register, body.fields), key=key)
        response["ETag"] = _tag(row)
        return (201 if fresh else 200), _row(register, row)

    def change(
        request: HttpRequest, response: HttpResponse, row: str, body: RowIn, match: str = Header(..., alias="If-Match", pattern=r'^"\d{1,9}"$'),
        key: str = Header("", alias="Idempotency-Key", max_length=80),
    ) -> Any:  # fmt: skip
        changed = registers.change_once(_client(request), register, _number(row), _named(register, body.fields), revision=int(match.strip('"')), key=key)
        response["ETag"] = _tag(changed)
        return _row(register, changed)

    router.post("/rows", response={200: RowOut, 201: RowOut, **PROBLEMS}, summary=f"{register.name}：登记", operation_id=f"{register.code}_add".replace("-", "_"))(add)
    _add(router.patch, "/rows/{row}", change, register, "change", f"{register.name}：修改（If-Match 为所见的 ETag）", RowOut)


def _ask(register: Register) -> Callable[..., Any]:
    def ask(request: HttpRequest, body: HookIn) -> Any:
        hook, secret = registers.ask_hook(_client(request), register, body.url)
        return 201, HookOut(id=str(hook.pk), url=hook.url, approved=False, secret=secret)

    return ask


def _end(register: Register) -> Callable[..., Any]:
    def end(request: HttpRequest, hook: str) -> Any:
        registers.end_hook(_client(request), _number(hook))
        return 204, None

    return end


def _about(actor: Actor, register: Register) -> RegisterOut:
    fields = {f.name: str(f.verbose_name) for f in register.model._meta.concrete_fields if f.name not in registers.GUARDED}
    return RegisterOut(code=register.code, name=register.name, share=register.share, fields=fields, filters=registers.names(register), editable=registers.may_edit(actor, register))


def _row(register: Register, row: Any) -> dict[str, Any]:
    """A RowOut."""
    said = registers.snapshot(row)
    for name in register.personal:
        if said.get(name) not in (None, ""):
            said[name] = cells.mask(str(said[name]))
    return {"id": str(row.pk), "revision": getattr(row, "revision", 1), "fields": said}


def _answer(body: dict[str, Any], headers: dict[str, str] | None = None) -> HttpResponse:
    """What was made here by a declared form is not checked against it once more."""
    return HttpResponse(json.dumps(body, ensure_ascii=False), content_type="application/json; charset=utf-8", headers=headers)


def _named(register: Register, fields: dict[str, Any]) -> dict[str, Any]:
    """Only fields that the form knows. Raises Invalid naming the others."""
    known = set(form_of(register).base_fields)
    if unknown := set(fields) - known:
        raise Invalid("有不认识的字段。", fields={name[:60]: f"可用的字段：{'、'.join(sorted(known))}" for name in sorted(unknown)[:20]})
    return fields


def _reader(request: HttpRequest, register: Register) -> Actor:
    actor = actor_of(request)
    if actor.is_anonymous and register.share != "open":
        raise SignInNeeded("请携带访问令牌（Authorization: Bearer）。", hint="令牌由 POST /api/oauth/token 取得。")
    if not registers.may_read(actor, register):
        raise NotAllowed(f"没有读取“{register.name}”的授权。")
    return actor


def _client(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if actor.is_anonymous:
        raise SignInNeeded("请携带访问令牌（Authorization: Bearer）。", hint="令牌由 POST /api/oauth/token 取得。")
    if not actor.client:
        raise NotAllowed("这一接口供已登记的业务系统使用。")
    return actor


def _tag(row: Kept) -> str:
    return f'"{row.revision}"'


def _digest(body: dict[str, Any]) -> str:
    """Of a row without revisions: what it says."""
    return f'"{hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]}"'


def _is_known(given: str, tag: str) -> bool:
    """Whether one of the tags that the asker has is this one (RFC 9110, 13.1.2: weakly compared)."""
    return given.strip() == "*" or tag in {one.strip().removeprefix("W/") for one in given.split(",")}


def _key(text: str) -> str:
    if not (text.isascii() and text.isprintable()) or len(text) > 60:
        raise NotFound("没有这条记录。")
    return text


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise NotFound("没有这条记录。")
    return int(text)


