"""How people find a service: search in plain words, browse by person, enterprise, theme, department and 一件事, read the guide."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from yiwang.base.errors import NotFound
from yiwang.engines.parties.models import Division, Organisation, Party
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Bundle, Implementation, Item, ItemVersion

CITY = f"{settings.CITY}000000"


@dataclass(frozen=True)
class Result:
    """One answer as the list shows it."""

    item: Item
    version: ItemVersion
    department: str
    why: str


@dataclass(frozen=True)
class SearchPage:
    question: str
    who: str
    topic: str
    function: str
    heading: str
    results: list[Result]
    bundles: list[Bundle]
    topics: list[tuple[str, int]]  # themes beside, when browsing persons or enterprises


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
    answered: bool
    materials: list[dict[str, Any]]
    department: Organisation | None
    steps: list[str]
    closed: tuple[str, str] | None  # why whoever looks cannot apply, and what to do


def search(request: HttpRequest) -> HttpResponse:
    """搜索, and browsing by person, enterprise, theme, department."""
    question, who = request.GET.get("q", "").strip()[:100], request.GET.get("who", "")
    topic, function = request.GET.get("topic", ""), request.GET.get("department", "")
    hits = items.search(question, who=who, topic=topic, function=function, limit=20 if question else 500)
    if question:
        hits = items.relevant(hits)
    count = items.counts()
    topics = {"person": count.persons, "entity": count.entities}.get(who, {}) if not question else {}
    page = SearchPage(question, who, topic, function, _heading(question, who, topic, function), _results(hits), items.bundles_for(question), sorted(topics.items(), key=lambda t: -t[1]))
    return render(request, "network/search.html", {"page": page})


def _heading(question: str, who: str, topic: str, function: str) -> str:
    if question:
        return f"“{question}”"
    office = Organisation.objects.filter(function=function, division=CITY).first() if function else None
    return office.name if office else topic or {"person": "个人办事", "entity": "企业办事"}.get(who, "全部事项")


def _results(hits: list[items.Hit]) -> list[Result]:
    """With what a person weighs before opening: whose, how long, how often to come, what it costs."""
    versions = {v.item_id: v for v in items.published_of([hit.item.pk for hit in hits])}
    offices = dict(Organisation.objects.filter(function__in={hit.item.function for hit in hits}).order_by("-division__level").values_list("function", "short"))
    return [Result(hit.item, versions[hit.item.pk], offices.get(hit.item.function, ""), hit.why) for hit in hits]


def suggest(request: HttpRequest) -> JsonResponse:
    """For the search box while typing."""
    return JsonResponse({"names": items.suggest(request.GET.get("q", "")[:30])})


def departments(request: HttpRequest) -> HttpResponse:
    """按部门."""
    return render(request, "network/departments.html", {"page": city_departments()})


def city_departments() -> list[tuple[Organisation, int]]:
    """The city's departments that have items, those with most first."""
    count = items.counts().functions
    rows = Organisation.objects.filter(division=CITY, function__in=count)
    return sorted(((office, count[office.function]) for office in rows), key=lambda row: (-row[1], row[0].pk))


def bundles(request: HttpRequest) -> HttpResponse:
    """一件事."""
    names = dict(Item.objects.values_list("key", "name"))
    rows = [(b, [(s, names.get(s["item"], s["item"])) for s in b.steps]) for b in Bundle.objects.order_by("pk")]
    persons = [row for row in rows if "自然人" in row[0].who]
    return render(request, "network/bundles.html", {"page": [("个人", persons), ("企业和单位", [row for row in rows if row not in persons])]})


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
    return render(request, "network/guide.html", {"page": guide_page(request, found.item, found), "preview": True})


def guide_page(request: HttpRequest, item: Item, version: ItemVersion) -> GuidePage:
    """The guide of one version; the editor's preview is the same page."""
    services = list(items.handled_at(item.pk))
    county, town = request.GET.get("county", ""), request.GET.get("town", "")
    codes = {s.division_id for s in services}
    counties = [d for d in Division.objects.filter(level=Division.Level.COUNTY).order_by("code") if any(c.startswith(d.code[:6]) for c in codes)]
    towns = [s.division for s in services if s.division.level == Division.Level.TOWN and s.division_id.startswith(county[:6])] if county else []
    asked = {q["code"]: request.GET.get(q["code"], "") for q in version.questions}
    answered = bool(asked) and all(asked.values())
    return GuidePage(
        item=item,
        version=version,
        services=services,
        here=_service(services, town or county),
        counties=counties,
        towns=towns,
        county=county,
        town=town,
        situation=asked,
        questions=[(q, asked[q["code"]]) for q in version.questions],
        answered=answered,
        materials=items.materials_for(version, asked) if answered else version.materials,
        department=Organisation.objects.filter(function=item.function).order_by("division__level").first(),
        steps=_steps(version),
        closed=_closed(actor_of(request), item),
    )


def _closed(actor: Actor, item: Item) -> tuple[str, str] | None:
    kind = Party.objects.filter(pk=actor.acting_for).values_list("kind", flat=True).first() if actor.acting_for else None
    return item.closed_to(kind) if kind else None


def _steps(version: ItemVersion) -> list[str]:
    """What happens after the application, in people's words."""
    if version.procedure == "instant":
        return ["提交申请", "核对信息", "当场办结"]
    middle = [*(["现场核查"] if version.inspection else []), *(["部门会审"] if version.joint else [])]
    return ["提交申请", "受理", "审查", *middle, "作出决定", "领取结果"]


def _service(services: list[Implementation], place: str) -> Implementation | None:
    """The office of the chosen place, or the only one there is."""
    if place:
        return next((s for s in services if s.division_id == place), None)
    return services[0] if len(services) == 1 else None
