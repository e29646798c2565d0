"""Flows that officials redraw: the list of versions, the editor with its report, the trial on a past case, publishing, files in and out."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePath
from typing import Any

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from yiwang.base import say
from yiwang.base.errors import Conflict, Invalid, NotFound, YiwangError
from yiwang.engines.parties.models import Organisation
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.models import FlowVersion
from yiwang.kit.declare import Fact, Procedure, State
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.platforms.items.models import Item

LARGEST = 2_000_000


@dataclass(frozen=True)
class Family:
    """One procedure: what is declared, and its drawings."""

    procedure: Procedure
    versions: list[FlowVersion]


@dataclass(frozen=True)
class FlowsPage:
    families: list[Family]
    today: Any
    items: dict[str, str]  #: what a flow may be drawn for alone: key → name
    problems: list[str] = field(default_factory=list)  #: of a file that could not be brought in


@dataclass(frozen=True)
class FlowPage:
    version: FlowVersion
    base: Procedure
    findings: list[tuple[str, str, bool]]  #: element, words, only a hint
    roles: list[tuple[str, str]]
    steps: list[tuple[str, str]]
    leaving: list[tuple[str, str]]  #: steps that may end the case wherever it stands
    offices: list[str]
    facts: list[tuple[str, str]]
    tables: list[Any]
    cases: list[Any]
    today: Any
    item: str  #: name of the only item it is for
    stops: list[flows.Stop]
    trial: Any = None
    error: str = ""
    drawn: str = ""  #: what was sent and not kept

    @property
    def sound(self) -> bool:
        return all(hint for _, _, hint in self.findings)


@dataclass(frozen=True)
class DeclaredPage:
    """A declared flow, drawn by itself."""

    procedure: Procedure
    diagram: str

    @property
    def rows(self) -> list[tuple[State, list[str]]]:
        """Every state with what may be done there."""
        return [(state, [step.name for step in self.procedure.steps_from(state.code)]) for state in self.procedure.states]


def listing(request: HttpRequest) -> HttpResponse:
    """Every procedure with its drawings."""
    return render(request, "console/flows.html", {"page": _list(request)})


def _list(request: HttpRequest, problems: list[str] | None = None) -> FlowsPage:
    versions = flows.listed(actor_of(request))
    newest = {code: registry().procedure(code) for code, _ in registry().procedures}
    families = [Family(p, [v for v in versions if v.procedure == code]) for code, p in newest.items()]
    return FlowsPage(families, timezone.localdate(), _items(), problems or [])


def declared(request: HttpRequest, procedure: str) -> HttpResponse:
    """How a procedure goes that nobody has redrawn."""
    if procedure not in {code for code, _ in registry().procedures}:
        raise NotFound("没有这个流程。")
    return render(request, "console/flow_declared.html", {"page": DeclaredPage(registry().procedure(procedure), flows.drawing_of(procedure))})


@require_POST
def begin(request: HttpRequest) -> HttpResponse:
    """A new draft from what is in effect."""
    asked = request.POST
    try:
        version = flows.draft(actor_of(request), procedure=asked.get("procedure", ""), item=_item(asked.get("item", "")), name=asked.get("name", "").strip())
    except Invalid as problem:
        return render(request, "console/flows.html", {"page": _list(request, [problem.message])}, status=422)
    return redirect("flows:flow", version=version.pk)


@require_POST
def bring(request: HttpRequest) -> HttpResponse:
    """A draft from files drawn elsewhere; what is not supported is said by name."""
    asked, files = request.POST, request.FILES
    drawn, tables = files.get("bpmn"), files.getlist("dmn")
    try:
        if drawn is None or any((f.size or 0) > LARGEST for f in (drawn, *tables)):
            raise Invalid("请选择不超过 2 MB 的 BPMN 文件。")
        version = flows.bring(
            actor_of(request), procedure=asked.get("procedure", ""), item=_item(asked.get("item", "")), name=asked.get("name", "").strip() or PurePath(str(drawn.name)).stem,
            bpmn=drawn.read(), dmn=[f.read() for f in tables],
        )  # fmt: skip
    except flows.Unreadable as problem:
        return render(request, "console/flows.html", {"page": _list(request, [words for _, words in problem.problems])}, status=422)
    except Invalid as problem:
        return render(request, "console/flows.html", {"page": _list(request, [problem.message])}, status=422)
    flash.success(request, "已导入为草稿，请看检查报告。")
    return redirect("flows:flow", version=version.pk)


def flow(request: HttpRequest, version: int) -> HttpResponse:
    """The editor of a draft; a published version is only shown."""
    return show(request, flows.find(actor_of(request), version))


def show(request: HttpRequest, version: FlowVersion, *, status: int = 200, **more: Any) -> HttpResponse:
    """The page of a version, also where something was refused: with `error` and its status."""
    return render(request, "console/flow.html", {"page": _page(request, version, **more)}, status=status)


def _page(request: HttpRequest, version: FlowVersion, **more: Any) -> FlowPage:
    base = registry().procedure(version.procedure)
    return FlowPage(
        version=version,
        base=base,
        findings=[(element, words, hint) for element, words, hint in version.report],
        roles=sorted(flows.role_names().items(), key=lambda r: r[1]),
        steps=[*((s.code, s.name) for s in base.steps), *((s.code, f"{s.name}（通用）") for s in flows.COMMON.values())],
        leaving=[(s.code, s.name) for s in base.steps if isinstance(s.target, str) and base.state(s.target).final],
        offices=sorted(set(Organisation.objects.values_list("function", flat=True))),
        facts=[("step", "刚办理的动作"), ("target", "动作原定去向"), *((f.code, _explained(f)) for f in base.facts)],
        tables=flows.tables_in(version),
        cases=flows.past_cases(actor_of(request), version),
        today=timezone.localdate(),
        item=_items().get(version.item, version.item),
        stops=flows.outline_of(version),
        **more,
    )


def _explained(fact: Fact) -> str:
    """渠道：internet 网上申办、counter 窗口."""
    values = "、".join(f"{value} {name}" for value, name in fact.choices)
    return f"{fact.name}：{values}" if values else fact.name


@require_POST
def save(request: HttpRequest, version: int) -> HttpResponse:
    """Keeps the drawing and says what is wrong with it; an unsound draft may be kept, never published."""
    asked, drawn = request.POST, request.POST.get("bpmn", "")
    try:
        kept = flows.save(actor_of(request), version, bpmn=drawn, revision=whole(asked.get("revision")), name=asked.get("name", ""), note=asked.get("note", ""))
    except (Conflict, flows.Unreadable) as problem:
        return show(request, flows.find(actor_of(request), version), status=problem.status, error=f"没有保存：{problem.message}{problem.hint}", drawn=drawn)
    against = sum(not hint for _, _, hint in kept.report)
    flash.success(request, f"已保存，检查发现 {against} 个问题。" if against else "已保存，检查通过，可以发布。")
    return redirect("flows:flow", version=kept.pk)


@require_POST
def publish(request: HttpRequest, version: int) -> HttpResponse:
    """From that day new cases follow it. An unsound one is refused with the reason."""
    on = _day(request.POST.get("on", ""))
    try:
        if on is None:
            raise Invalid("请填写施行日期。")
        done = flows.publish(actor_of(request), version, on=on, revision=whole(request.POST.get("revision")))
    except (Invalid, Conflict) as problem:
        return show(request, flows.find(actor_of(request), version), status=problem.status, error=problem.message)
    flash.success(request, f"已发布，{say.day(on)}起的新办件按它办理；已受理的办件不受影响。")
    return redirect("flows:flow", version=done.pk)


@require_POST
def withdraw(request: HttpRequest, version: int) -> HttpResponse:
    """Drops a draft, or chooses a published version no more."""
    done = flows.withdraw(actor_of(request), version)
    flash.success(request, "已停用，新办件不再按它办理。" if done.published_at else "草稿已作废。")
    return redirect("flows:list")


@require_POST
def trial(request: HttpRequest, version: int) -> HttpResponse:
    """Takes a past case along the drawing; nothing is written."""
    found = flows.find(actor_of(request), version)
    try:
        tried = flows.try_on(actor_of(request), found, request.POST.get("number", ""))
    except YiwangError as problem:
        return show(request, found, status=problem.status, error=problem.message + problem.hint)
    return show(request, found, trial=tried)


def export(request: HttpRequest, version: int) -> HttpResponse:
    """The file as other BPMN tools open it."""
    found = flows.find(actor_of(request), version)
    answer = HttpResponse(found.bpmn, content_type="application/xml; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{found.name}-{found.edition}.bpmn") or "attachment"
    return answer


def whole(text: str | None) -> int:
    """A revision or a place in a form; 0 for what is no number."""
    return int(text) if text and text.isdecimal() and len(text) < 10 else 0


def _day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:  # a day that no calendar has
        return None


ROUTES = (
    ("", "list", listing),
    ("new", "begin", begin),
    ("import", "bring", bring),
    ("declared/<slug:procedure>", "declared", declared),
    ("<int:version>", "flow", flow),
    ("<int:version>/save", "save", save),
    ("<int:version>/publish", "publish", publish),
    ("<int:version>/withdraw", "withdraw", withdraw),
    ("<int:version>/trial", "trial", trial),
    ("<int:version>/file.bpmn", "export", export),
)


def _items() -> dict[str, str]:
    return dict(Item.objects.order_by("name").values_list("key", "name"))


def _item(asked: str) -> str:
    """The key of the item that somebody named; empty for every item. Raises Invalid for a name or key that no item has."""
    asked = asked.strip()
    key = {**{name: key for key, name in _items().items()}, **{key: key for key in _items()}}.get(asked, "")
    if asked and not key:
        raise Invalid(f"没有叫“{asked}”的事项。")
    return key
