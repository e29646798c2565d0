"""Submitting and following cases as an authorised system (OpenAPI 3.1 at /api/openapi.json)."""

from base64 import b64decode
from binascii import Error as NotBase64
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from ninja import Field, Path, Query, Router, Schema

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Event, Paper
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item, ItemVersion
from yiwang.systems.services.acceptance import integrating
from yiwang.systems.services.acceptance.portal import public_words

cases = Router(tags=["办件"])
guide = Router(tags=["事项"])
ID = r"^[0-9]{1,18}$"
CaseId = Annotated[str, Path(pattern=ID, description="办件的 id", examples=["1024"])]
PaperId = Annotated[str, Path(pattern=ID, description="文书的 id")]
ItemKey = Annotated[str, Path(pattern=r"^[a-z0-9_]{1,80}$", description="事项标识", examples=["elderly_card_apply"])]


class Problem(Schema):
    """一个不能办理的请求（RFC 9457）：发生了什么、怎么办、错在哪一项。"""

    type: str = Field(examples=["urn:yiwang:problem:invalid"])
    title: str = Field(examples=["填写的内容需要修改"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["材料需要补充或修改。"])
    hint: str | None = None
    errors: dict[str, str] | None = Field(None, description="字段名 → 原因；材料写作 material:标识", examples=[{"material:id-card": "请提交身份证。"}])


PROBLEMS = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503), Problem)


class ApplicantIn(Schema):
    name: str = Field(min_length=1, max_length=60, examples=["林海棠"])
    number: str = Field(pattern=r"^[0-9A-Z]{18}$", description="公民身份号码或统一社会信用代码，含校验位", examples=["44089919580312901X"])
    phone: str = Field("", pattern=r"^([0-9+ -]{5,20})?$", examples=["19911110000"])


class MaterialIn(Schema):
    """一份材料文件。类型由内容判定：PDF、JPG、PNG、Word、Excel、OFD。"""

    code: str = Field(min_length=1, max_length=80, description="材料标识，见 GET /api/items/{item}", examples=["photo"])
    name: str = Field(min_length=1, max_length=200, description="文件名", examples=["照片.jpg"])
    content: str = Field(max_length=28_000_000, description="文件内容，BASE64", json_schema_extra={"contentEncoding": "base64"}, examples=["JVBERi0xLjQKJSVFT0YK"])


class SubmissionIn(Schema):
    """一份申请。`key` 由调用方生成，重试时不变：同一申请人、同一标识只会有一件办件。"""

    key: str = Field(pattern=r"^[A-Za-z0-9_-]{8,36}$", examples=["till-0001-0001"])
    item: str = Field(pattern=r"^[a-z0-9_]{1,80}$", description="事项标识", examples=["elderly_card_apply"])
    division: str = Field(pattern=r"^[0-9]{12}$", description="办理地点的 12 位区划代码", examples=["440802001000"])
    applicant: ApplicantIn
    situation: dict[str, str] = Field(default_factory=dict, description="情形问题 → 所选项", examples=[{"who": "self"}])
    answers: dict[str, Any] = Field(default_factory=dict, description="表单内容，结构见 GET /api/items/{item} 的 form", examples=[{"name": "林海棠", "birth": "1958-03-12"}])
    materials: list[MaterialIn] = Field(default_factory=list, max_length=60)


class CorrectionIn(Schema):
    """对补正告知的答复：告知里的每一项都要答复，一次提交。"""

    revision: int = Field(ge=0, le=2_000_000_000, description="所看到的办件版次；办件已经变化时返回 409", examples=[2])
    answers: dict[str, Any] = Field(default_factory=dict)
    materials: list[MaterialIn] = Field(default_factory=list, max_length=60)


class WithdrawalIn(Schema):
    revision: int = Field(ge=0, le=2_000_000_000, examples=[1])
    reason: str = Field(min_length=1, max_length=300, examples=["申请人改为到窗口办理"])


class PointOut(Schema):
    code: str = Field(description="material:标识 或 field:标识")
    name: str
    words: str


class CaseOut(Schema):
    id: str = Field(examples=["1024"])
    number: str = Field(description="办件编号", examples=["440802202601050000001"])
    revision: int = Field(description="版次，每办理一步加一；也是 ETag", examples=[1])
    item: str = Field(examples=["elderly_card_apply"])
    subject: str = Field(examples=["老年人优待证办理"])
    state: str = Field(examples=["submitted"])
    words: str = Field(description="给申请人看的状态", examples=["材料已收到，正在核对"])
    organ: str = Field(description="承办机构", examples=["赤坎区中华街道办事处"])
    opened_at: datetime
    accepted_at: datetime | None
    due_at: datetime | None = Field(description="正在计时的时限何时到期")
    closed_at: datetime | None
    outcome: Literal["", "granted", "refused", "not-accepted", "withdrawn", "ended"] = Field(description="办理结果；办理中为空")


class CaseWhole(CaseOut):
    correction: list[PointOut] = Field(description="等待答复的补正内容；没有则为空")


class CasesOut(Schema):
    cases: list[CaseOut]
    next: str | None = Field(description="还有更早的办件：作为 after 再取")


class EventOut(Schema):
    sequence: int
    step: str = Field(examples=["accept"])
    name: str = Field(examples=["受理"])
    at: datetime
    state: str = Field(description="办理后的状态", examples=["reviewing"])


class PaperOut(Schema):
    id: str
    title: str = Field(examples=["受理通知书"])
    number: str = Field(description="文号")
    issued_at: datetime
    digest: str = Field(description="文件内容的 SHA-256，十六进制")
    size: int


class OptionOut(Schema):
    code: str
    text: str


class QuestionOut(Schema):
    code: str
    text: str
    options: list[OptionOut]


class MaterialOut(Schema):
    code: str
    name: str
    required: bool
    source: str = Field(description="谁出具")
    confirmed_by: str = Field(description="能由哪个库核验而免于提交；不能则为空")
    when: dict[str, list[str]] = Field(description="哪些情形才需要：情形问题 → 选项")


class ItemOut(Schema):
    key: str
    name: str
    version: int
    for_persons: bool
    for_entities: bool
    questions: list[QuestionOut]
    form: dict[str, Any] = Field(description="answers 的 JSON Schema（2020-12）")
    materials: list[MaterialOut]


LINKS = {
    "links": {
        name: {"operationId": name, "parameters": {"case": "$response.body#/id"}} for name in ("case", "events", "papers")
    } | {"withdraw": {"operationId": "withdraw", "parameters": {"case": "$response.body#/id"}, "requestBody": {"revision": "$response.body#/revision", "reason": "申请人改为到窗口办理"}}}
}  # fmt: skip
PDF = {"responses": {200: {"description": "盖章的文书", "content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}}}


@cases.post("", operation_id="submit", response={200: CaseOut, 201: CaseOut, **PROBLEMS}, summary="提交一件申请", openapi_extra={"responses": {200: LINKS, 201: LINKS}})
def submit(request: HttpRequest, answer: HttpResponse, body: SubmissionIn) -> tuple[int, CaseOut]:
    """为本系统已核实身份的申请人提交。新办件返回 201，标识已用过（重试）返回 200 和原来的办件。"""
    actor = actor_of(request)
    item = _item(body.item)
    service = items.service_for(item.pk, body.division)
    register = parties.find_or_register_person if body.applicant.number[:1] != "9" else parties.find_or_register_entity
    applicant, _ = register(actor, name=body.applicant.name, number=body.applicant.number, phone=body.applicant.phone)
    case, fresh = integrating.submit_for(
        actor, service=service.pk, applicant=applicant, situation=body.situation, answers=body.answers, materials=_handed(body.materials), key=body.key
    )
    answer["Location"] = f"/api/cases/{case.pk}"
    return 201 if fresh else 200, _out(procedures.find(actor, case.pk), answer)


@cases.get("", operation_id="cases", response={200: CasesOut, **PROBLEMS}, summary="本系统提交的办件")
def listed(
    request: HttpRequest,
    since: Annotated[date | None, Query(description="此日及以后提交的")] = None,
    after: Annotated[str, Query(pattern=r"^[0-9]{0,18}$", description="上一页最后一件的 id")] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> CasesOut:
    """新的在前，按键翻页：把返回的 next 作为 after。"""
    rows = procedures.cases_of(actor_of(request)).select_related("organ").order_by("-pk")
    rows = rows.filter(opened_at__date__gte=since) if since else rows
    rows = rows.filter(pk__lt=int(after)) if after else rows
    found = list(rows[: limit + 1])
    return CasesOut(cases=[_out(row) for row in found[:limit]], next=str(found[limit - 1].pk) if len(found) > limit else None)


@cases.get("/{case}", operation_id="case", response={200: CaseWhole, **PROBLEMS}, summary="一件办件")
def one(request: HttpRequest, answer: HttpResponse, case: CaseId) -> CaseWhole:
    """现在的状态，和等待答复的补正内容。"""
    found = procedures.find(actor_of(request), int(case))
    notice = integrating.notice(found)
    return CaseWhole(**_out(found, answer).dict(), correction=[PointOut(**point) for point in notice.points] if notice else [])


@cases.get("/{case}/events", operation_id="events", response={200: list[EventOut], **PROBLEMS}, summary="办理过程")
def events(request: HttpRequest, case: CaseId) -> list[EventOut]:
    """申请人可见的每一步，先后为序。"""
    actor = actor_of(request)
    found = procedures.find(actor, int(case))
    rows = restrict(actor, Event.objects.filter(case=found)).order_by("sequence")
    return [EventOut(sequence=e.sequence, step=e.step, name=e.name, at=e.at, state=e.target) for e in rows]


@cases.get("/{case}/papers", operation_id="papers", response={200: list[PaperOut], **PROBLEMS}, summary="已经制成的文书")
def papers(request: HttpRequest, case: CaseId) -> list[PaperOut]:
    """受理通知书、决定书等。一步办理后几秒钟内制成。"""
    actor = actor_of(request)
    found = procedures.find(actor, int(case))
    pairs = [(str(paper.pk), paper.document) for paper in _papers(actor, found)]
    return [PaperOut(id=pk, title=d.title, number=d.number, issued_at=d.issued_at, digest=d.file.digest, size=d.file.size) for pk, d in pairs if d]


@cases.get("/{case}/papers/{paper}", operation_id="paper", response=PROBLEMS, summary="下载一份文书", openapi_extra=PDF)
def paper(request: HttpRequest, case: CaseId, paper: PaperId) -> HttpResponse:
    """盖章的 PDF，可以离线核验。"""
    actor = actor_of(request)
    found = _papers(actor, procedures.find(actor, int(case))).filter(pk=int(paper)).first()
    if found is None or found.document is None:
        raise NotFound("没有找到这份文书。")
    answer = HttpResponse(documents.read(found.document.file), content_type=found.document.file.media_type)
    answer["ETag"] = f'"{found.document.file.digest}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


@cases.post("/{case}/correction", operation_id="correct", response={200: CaseOut, **PROBLEMS}, summary="答复补正告知")
def correct(request: HttpRequest, answer: HttpResponse, case: CaseId, body: CorrectionIn) -> CaseOut:
    """补正期限内答复一次，逐项都要答复。没有等待补正的返回 409。"""
    actor = actor_of(request)
    done = integrating.answer_correction(actor, int(case), revision=body.revision, answers=body.answers, materials=_handed(body.materials))
    return _out(procedures.find(actor, done.pk), answer)


@cases.post("/{case}/withdrawal", operation_id="withdraw", response={200: CaseOut, **PROBLEMS}, summary="撤回申请")
def withdraw(request: HttpRequest, answer: HttpResponse, case: CaseId, body: WithdrawalIn) -> CaseOut:
    """作出决定前可以撤回。"""
    actor = actor_of(request)
    done = procedures.perform(actor, int(case), "withdraw", {"reason": body.reason}, revision=body.revision)
    return _out(procedures.find(actor, done.pk), answer)


@guide.get("/{item}", operation_id="item", response={200: ItemOut, **PROBLEMS}, summary="一个事项要什么")
def item(request: HttpRequest, item: ItemKey) -> ItemOut:
    """现行版本的情形问题、表单结构和材料。"""
    version = items.published(_item(item).pk)
    return ItemOut(
        key=item, name=version.item.name, version=version.number, for_persons=version.item.for_persons, for_entities=version.item.for_entities,
        questions=version.questions, form=items.schema(version), materials=_asked(version),
    )  # fmt: skip


def _asked(version: ItemVersion) -> list[MaterialOut]:
    return [
        MaterialOut(code=m["code"], name=m["name"], required=m.get("required", True), source=m["source"], confirmed_by=m.get("register", ""), when=m.get("when", {}))
        for m in version.materials
    ]


def _papers(actor: Actor, case: Case) -> QuerySet[Paper]:
    return restrict(actor, Paper.objects.filter(event__case=case, document__isnull=False)).select_related("document__file").order_by("event__sequence")


def _item(key: str) -> Item:
    found = Item.objects.filter(key=key).first()
    if found is None:
        raise NotFound(f"没有事项“{key}”。")
    return found


def _handed(materials: list[MaterialIn]) -> list[integrating.Handed]:
    """Raises Invalid naming what is not BASE64."""
    handed, problems = [], {}
    for one in materials:
        try:
            handed.append(integrating.Handed(code=one.code, name=one.name, content=b64decode(one.content, validate=True)))
        except (NotBase64, ValueError):
            problems[f"material:{one.code}"] = "文件内容不是 BASE64。"
    if problems:
        raise Invalid("材料需要补充或修改。", fields=problems)
    return handed


def _out(case: Case, answer: HttpResponse | None = None) -> CaseOut:
    if answer is not None:
        answer["ETag"] = f'"{case.revision}"'
    return CaseOut(
        id=str(case.pk), number=case.number, revision=case.revision, item=case.item_key, subject=case.subject, state=case.state, words=public_words(case),
        organ=case.organ.name, opened_at=case.opened_at, accepted_at=case.accepted_at, due_at=case.due_at, closed_at=case.closed_at, outcome=case.outcome,  # type: ignore[arg-type]  # the database allows only these
    )  # fmt: skip
