"""Submitting and following cases as an authorised system (OpenAPI 3.1 at /api/openapi.json)."""

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Field, Router, Schema

from yiwang.base.errors import NotAllowed, NotFound, SignInNeeded
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Event
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item
from yiwang.systems.services.acceptance import applying
from yiwang.systems.services.acceptance.portal import public_words

router = Router(tags=["cases"])
NUMBER = r"^[0-9A-Z]{18}$"


class Problem(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: dict[str, str] | None = None


class ApplicantIn(Schema):
    name: str = Field(min_length=1, max_length=60)
    number: str = Field(pattern=NUMBER, description="公民身份号码或统一社会信用代码")
    phone: str = Field("", max_length=20)


class SubmissionIn(Schema):
    """One application; `key` is made by the caller and makes a retry harmless."""

    key: str = Field(min_length=8, max_length=60, pattern=r"^[A-Za-z0-9_-]+$")
    item: str = Field(min_length=1, max_length=80, pattern=r"^[a-z0-9_]+$", description="事项标识")
    division: str = Field(pattern=r"^\d{12}$", description="办理地点的 12 位区划代码")
    applicant: ApplicantIn
    situation: dict[str, str] = Field(default_factory=dict)
    answers: dict[str, Any] = Field(default_factory=dict)


class CaseOut(Schema):
    id: str
    number: str
    item: str
    subject: str
    state: str
    words: str
    organ: str
    opened_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None
    closed_at: datetime | None
    outcome: str


class EventOut(Schema):
    sequence: int
    step: str
    name: str
    at: datetime
    state: str


PROBLEMS = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem}


@router.post("", response={200: CaseOut, 201: CaseOut, **PROBLEMS}, summary="提交一件申请")
def submit(request: HttpRequest, body: SubmissionIn) -> tuple[int, CaseOut]:
    """Submits for an applicant whom the calling system has identified. 201 for a new case, 200 when the key was known."""
    actor = _client(request)
    item = Item.objects.filter(key=body.item).first()
    if item is None:
        raise NotFound(f"没有事项“{body.item}”。")
    service = items.service_for(item.pk, body.division)
    register = parties.find_or_register_person if body.applicant.number[:1] != "9" else parties.find_or_register_entity
    applicant, _ = register(actor, name=body.applicant.name, number=body.applicant.number, phone=body.applicant.phone)
    known = procedures.cases_of(actor).filter(applicant=applicant, key=body.key).exists()
    case = applying.submit_for(actor, service=service.pk, applicant=applicant, situation=body.situation, answers=body.answers, key=body.key)
    return 200 if known else 201, _out(procedures.find(actor, case.pk))


@router.get("", response={200: list[CaseOut], **PROBLEMS}, summary="本系统提交的办件")
def cases(request: HttpRequest, since: date | None = None, after: str = "", limit: int = 50) -> list[CaseOut]:
    """Newest first; `after` is the id of the last one seen."""
    rows = procedures.cases_of(_client(request)).select_related("organ").order_by("-pk")
    rows = rows.filter(opened_at__date__gte=since) if since else rows
    if after:
        rows = rows.filter(pk__lt=_pk(after))
    return [_out(row) for row in rows[: max(1, min(limit, 200))]]


@router.get("/{case}", response={200: CaseOut, **PROBLEMS}, summary="一件办件")
def case(request: HttpRequest, case: str) -> CaseOut:
    return _out(procedures.find(_client(request), _pk(case)))


@router.get("/{case}/events", response={200: list[EventOut], **PROBLEMS}, summary="办理过程")
def events(request: HttpRequest, case: str) -> list[EventOut]:
    found = procedures.find(_client(request), _pk(case))
    return [EventOut(sequence=e.sequence, step=e.step, name=e.name, at=e.at, state=e.target) for e in Event.objects.filter(case=found, public=True).order_by("sequence")]


def _client(request: HttpRequest) -> Actor:
    actor = actor_of(request)
    if actor.is_anonymous:
        raise SignInNeeded("请携带访问令牌（Authorization: Bearer）。", hint="令牌由 POST /api/oauth/token 取得。")
    if not actor.client:
        raise NotAllowed("这一接口供已登记的业务系统使用。")
    return actor


def _pk(text: str) -> int:
    if not text.isdecimal() or len(text) > 18:
        raise NotFound("没有找到这件办件。")
    return int(text)


def _out(case: Case) -> CaseOut:
    return CaseOut(
        id=str(case.pk), number=case.number, item=case.item_key, subject=case.subject, state=case.state, words=public_words(case), organ=case.organ.name,
        opened_at=case.opened_at, accepted_at=case.accepted_at, due_at=case.due_at, closed_at=case.closed_at, outcome=case.outcome,
    )

