"""Home, search, guides, one's own page, messages, and who looked at one's data."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages as flash
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from yiwang.base.errors import NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties.models import Division, Organisation
from yiwang.engines.places import api as places
from yiwang.engines.procedures import api as procedures
from yiwang.kit.declare import APPLICANT
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Bundle, Implementation, Item, ItemVersion
from yiwang.platforms.licences import api as licences

PERSON_TOPICS = ("生育收养", "户籍办理", "教育科研", "就业创业", "婚姻登记", "住房保障", "社会保障", "医疗卫生", "优待抚恤", "交通出行", "出境入境", "证件办理", "死亡殡葬")
LEGAL_TOPICS = ("设立变更", "准营准办", "资质认证", "税收财务", "人力资源", "投资审批", "交通运输", "环保绿化", "国土和规划建设", "公用事业", "农林牧渔", "注销退出")


@dataclass(frozen=True)
class HomePage:
    hot: list[Item]
    person_topics: tuple[str, ...]
    legal_topics: tuple[str, ...]
    bundles: list[Bundle]
    mine: "Mine | None"


@dataclass(frozen=True)
class Mine:
    """What waits for the person and what they hold."""

    waiting: list[Any]
    under_way: list[Any]
    licences: list[Any]
    expiring: list[Any]


@dataclass(frozen=True)
class SearchPage:
    question: str
    who: str
    topic: str
    function: str
    heading: str
    hits: list[Item]
    bundles: list[Bundle]


@dataclass(frozen=True)
class GuidePage:
    item: Item
    version: ItemVersion
    services: list[Implementation]
    here: Implementation | None
    counties: list[Division]
    towns: list[Division]
    county: str
    town: str
    situation: dict[str, str]
    questions: list[tuple[dict[str, Any], str]]
    materials: list[dict[str, Any]]
    department: str


def home(request: HttpRequest) -> HttpResponse:
    """One search box, life events, themes, and what is mine."""
    actor = actor_of(request)
    keys = ("food_operation", "elderly_card_apply", "road_dig", "marriage_register", "ssc_apply", "passport_apply")
    found = {item.key: item for item in Item.objects.defer("words", "meaning").filter(key__in=keys)}
    page = HomePage(
        hot=[found[key] for key in keys if key in found],
        person_topics=PERSON_TOPICS,
        legal_topics=LEGAL_TOPICS,
        bundles=list(Bundle.objects.order_by("pk")[:8]),
        mine=_mine(request) if actor.acting_for else None,
    )
    return render(request, "network/home.html", {"page": page})


def _mine(request: HttpRequest) -> Mine:
    actor = actor_of(request)
    assert actor.acting_for is not None
    rows = list(procedures.cases_of(actor).filter(applicant=actor.acting_for, parent=None, closed_at=None).exclude(item_key="evaluation-reply").order_by("-opened_at")[:10])
    waiting = [case for case in rows if case.declared.state(case.state).awaits == APPLICANT]
    held = list(licences.of_holder(actor.acting_for)[:6])
    soon = timezone.localdate() + timedelta(days=60)
    return Mine(waiting, [c for c in rows if c not in waiting], held, [h for h in held if h.valid_to and h.valid_to <= soon])


def mine(request: HttpRequest) -> HttpResponse:
    """个人专属主页 or, acting for an enterprise, 企业专属主页 (一企一网)."""
    return render(request, "network/mine.html", {"page": _mine(request)})


def search(request: HttpRequest) -> HttpResponse:
    """搜索 and browsing by person, enterprise, theme, department."""
    question, who = request.GET.get("q", "").strip()[:100], request.GET.get("who", "")
    topic, function = request.GET.get("topic", ""), request.GET.get("department", "")
    hits = [hit.item for hit in items.search(question, who=who, topic=topic, function=function, limit=30 if question else 200)]
    office = Organisation.objects.filter(function=function, division="440800000000").first() if function else None
    heading = f"“{question}”" if question else topic or (office.name if office else {"person": "个人办事", "entity": "企业办事"}.get(who, "全部事项"))
    words = question[:6]
    bundles = [b for b in Bundle.objects.all() if question and any(words in s or s in question for s in [b.name, *b.says])][:3]
    return render(request, "network/search.html", {"page": SearchPage(question, who, topic, function, heading, hits, bundles)})


def suggest(request: HttpRequest) -> JsonResponse:
    """For the search box while typing."""
    return JsonResponse({"names": items.suggest(request.GET.get("q", "")[:30])})


def departments(request: HttpRequest) -> HttpResponse:
    """按部门."""
    functions = set(Item.objects.values_list("function", flat=True))
    rows = list(Organisation.objects.filter(division="440800000000", function__in=functions).order_by("pk"))
    return render(request, "network/departments.html", {"page": rows})


def bundles(request: HttpRequest) -> HttpResponse:
    """一件事."""
    names = dict(Item.objects.values_list("key", "name"))
    rows = [(b, [(s, names.get(s["item"], s["item"])) for s in b.steps]) for b in Bundle.objects.order_by("pk")]
    return render(request, "network/bundles.html", {"page": rows})


def guide(request: HttpRequest, key: str) -> HttpResponse:
    """办事指南: every element, materials pruned by the situation, the office that answers for the chosen place."""
    item = Item.objects.defer("words", "meaning").filter(key=key).first()
    if item is None:
        raise NotFound("没有这个事项。", hint="可以从首页搜索。")
    return render(request, "network/guide.html", {"page": guide_page(request, item, items.published(item))})


def preview(request: HttpRequest, version: int) -> HttpResponse:
    """A draft as people will see it."""
    found = ItemVersion.objects.select_related("item").filter(pk=version).first()
    if found is None:
        raise NotFound("没有这个版本。")
    return render(request, "network/guide.html", {"page": guide_page(request, found.item, found)})


def guide_page(request: HttpRequest, item: Item, version: ItemVersion) -> GuidePage:
    """The guide of one version; the editor's preview is the same page."""
    services = list(items.handled_at(item.pk))
    county, town = request.GET.get("county", ""), request.GET.get("town", "")
    here = _service(services, town or county)
    codes = {s.division_id for s in services}
    counties = [d for d in Division.objects.filter(level=Division.Level.COUNTY).order_by("code") if any(c.startswith(d.code[:6]) for c in codes)]
    towns = [s.division for s in services if s.division.level == Division.Level.TOWN and s.division_id.startswith(county[:6])] if county else []
    asked = {q["code"]: request.GET.get(q["code"], "") for q in version.questions}
    materials = items.materials_for(version, asked) if all(asked.values()) else version.materials
    office = Organisation.objects.filter(function=item.function).order_by("division__level").first()
    questions = [(q, asked[q["code"]]) for q in version.questions]
    return GuidePage(item, version, services, here, counties, towns, county, town, asked, questions, materials, office.name if office else "")


def _service(services: list[Implementation], place: str) -> Implementation | None:
    """The office of the chosen place, or the only one there is."""
    if place:
        return next((s for s in services if s.division_id == place), None)
    return services[0] if len(services) == 1 else None


def inbox(request: HttpRequest) -> HttpResponse:
    """我的消息."""
    actor = actor_of(request)
    if request.method == "POST":
        messages.mark_read(actor)
        flash.success(request, "已全部标为已读。")
        return redirect("network:inbox")
    return render(request, "network/inbox.html", {"page": list(messages.inbox(actor)[:100])})


def accesses(request: HttpRequest) -> HttpResponse:
    """谁看过我的信息."""
    rows = Paginator(audit.accesses(actor_of(request)), 50).get_page(request.GET.get("page"))
    return render(request, "network/accesses.html", {"page": rows})


@require_POST
def large(request: HttpRequest) -> HttpResponse:
    """大字版 on and off, kept in a cookie for a year."""
    back = request.POST.get("next", "/")
    answer = HttpResponseRedirect(back if url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}) else "/")
    answer.set_cookie("large", "" if request.COOKIES.get("large") == "1" else "1", max_age=365 * 86400, samesite="Lax")
    return answer


def counties(request: HttpRequest) -> JsonResponse:
    """County boundaries as GeoJSON, indicative."""
    return JsonResponse(places.collection("counties"), content_type="application/geo+json")
