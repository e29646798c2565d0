"""The other legal ways of 第三十一条: which body or service item a person is led to, and the inspection (履职查处) that a petition opens and follows."""

from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from django.contrib.gis.geos import Point
from django.utils import timezone

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Category, Incident, RoutingRule
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Implementation, Item
from yiwang.systems.welfare.online_petition import effects, limits
from yiwang.systems.welfare.online_petition.models import Body, Matter, Petition

FLOW = "petition-duty"
CITY = "440800000000"
BODIES = Path(__file__).parent / "data" / "bodies.yaml"
DUTY = "《行政诉讼法》第四十七条：申请履行职责两个月内不履行的可以起诉；承办单位以市信访局和各部门公布为准（示意）"


def seed() -> int:
    """The bodies of the other ways; for each matter a kind of incident and who inspects it. Harmless when they are there."""
    incidents.seed()
    for row in yaml.safe_load(BODIES.read_text(encoding="utf-8")):
        place = row.pop("division").ljust(12, "0")
        Body.objects.get_or_create(code=row["code"], defaults={**row, "division_id": place})
    since = timezone.localdate().replace(year=2022, month=5, day=1)
    for matter in Matter.objects.exclude(function="").exclude(function="discipline_inspection"):
        kind, _ = Category.objects.get_or_create(code=category_of(matter.pk), defaults={"name": matter.name, "family": f"petition-{matter.pk[:4]}"})
        values = {"function": matter.function, "days": limits.value("duty-days", CITY), "source": DUTY}
        RoutingRule.objects.get_or_create(category=kind, division_id=CITY, since=since, defaults=values)
    return Body.objects.count()


def category_of(matter: str) -> str:
    """The kind of incident that a matter becomes."""
    return f"petition-{matter}"


# --- bodies and service items ------------------------------------------------------------------------------------------------------------------


def bodies_for(division: str) -> list[Body]:
    """Who takes what goes another way, for a place: the nearest first."""
    above = parties.divisions_above(division)
    return sorted(Body.objects.filter(division__in=above), key=lambda b: (b.route, above.index(b.division_id), b.code))


def item_named(words: str) -> Item | None:
    """A service item by its key, code or whole name; None for what names none, or several."""
    named = Item.objects.defer("words", "meaning")
    for exact in ({"key": words}, {"code": words}, {"name": words}):
        found = list(named.filter(**exact)[:2]) if words else []
        if len(found) == 1:
            return found[0]
    return None


def items_for(petition: Petition) -> list[Item]:
    """What the office that usually handles the matter decides on application, where the matter is."""
    function = petition.matter.function if petition.matter else ""
    handled = Implementation.objects.filter(active=True, division__in=parties.divisions_above(petition.division_id)).values("item")
    return list(Item.objects.filter(function=function, pk__in=handled).defer("words", "meaning").order_by("name")[:60]) if function else []


def service_of(petition: Petition) -> tuple[Item, int | None] | None:
    """The item a petition was led to, and the office's own service for its place, where one can apply; None where it was led to none."""
    item = Item.objects.defer("words", "meaning").filter(key=petition.item_key).first() if petition.item_key else None
    if item is None:
        return None
    try:
        return item, items.service_for(item.pk, petition.division_id).pk
    except NotFound:
        return item, None


# --- 履职查处 ------------------------------------------------------------------------------------------------------------------------------------


def may_inspect(case: Any, actor: Actor) -> str | None:
    """Why a petition cannot become an inspection. An accusation against persons never does: whoever it accuses could see what it opens."""
    petition = effects.petition_of(case)
    if petition.kind != Petition.Kind.CLAIM:
        return "只有申诉求决类事项可以移交履职查处；检举控告由有权机关依照规定办理，不得公开登记。"
    return None


def inspect(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """依法履行职责 (第三十一条第五项): an incident with place, matter, owner and clocks, in which the petitioner stands nowhere. Raises Invalid."""
    petition = effects.petition_of(case)
    problems = _named_in(data["summary"], petition, case)
    organ, _ = incidents.route(category_of(data["matter"]), petition.division_id, timezone.localdate())
    if organ is None:
        problems["matter"] = "这一类事项在这里还没有履职查处的承办单位，请转送或者先补充分派规则"
    place = Point(data["point"][0], data["point"][1], srid=4490) if data["point"] else petition.point
    if place is None:
        problems["point"] = "请在地图上点出问题的位置"
    if problems or place is None:
        raise Invalid("移交履职查处需要补充或者修改。", fields=problems)
    told = incidents.Told(
        key=uuid5(NAMESPACE_URL, f"petition:{case.pk}:{case.revision}"), procedure=FLOW, category=category_of(data["matter"]), eye=Incident.Eye.CROWD,
        text=f"{data['summary'].strip()}（信访件 {case.number} 移交）", place=place, division=petition.division_id, office=petition.desk_id, anonymous=True,
    )  # fmt: skip
    with elevated():  # the incident is the city's; whoever hands the matter over need not see the others there
        report, _ = incidents.tell(SYSTEM, told)
    petition.incident, petition.route, petition.matter_id = report.incident, Petition.Route.DUTY, data["matter"]
    petition.handed_to, petition.point = report.incident.case.number, place
    petition.save(update_fields=["incident", "route", "matter", "handed_to", "point"])
    case.accepted_at = case.accepted_at or timezone.now()
    effects.told(case, actor, "inspecting")


def followed(event: incidents.IncidentClosed) -> None:
    """What an inspection came to: told to every petitioner whose petition opened or joined it; what was not taken up goes back to the desk. Harmless twice."""
    step = "inspected" if event.closed else "not_inspected"
    for case in Petition.objects.filter(incident=event.incident, case__state="inspecting").values_list("case", flat=True):
        procedures.perform(SYSTEM, case, step, {"opinion": event.words})


def settle(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.ANSWERED
    effects.told(case, actor, "answered")


def take_back(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Not taken up there: the desk divides anew."""
    petition = effects.petition_of(case)
    case.organ_id = petition.desk_id
    audit.record(actor, "petition.not-inspected", subject=petition, summary=data["opinion"][:300], case=case.pk)


def incident_of(petition: Petition) -> tuple[Incident, str, str] | None:
    """The inspection with its number and what may be said of how far it is, whoever asks: nothing in it is personal."""
    if petition.incident_id is None:
        return None
    with elevated():  # the petitioner has no post there; number, office and stage are theirs to know
        found = Incident.objects.select_related("case", "owner", "category").get(pk=petition.incident_id)
    state = found.case.declared.state(found.case.state)
    return found, found.case.number, state.public or state.name


def _named_in(text: str, petition: Petition, case: Any) -> dict[str, str]:
    """Nobody who wrote is named to whoever inspects."""
    names = [case.applicant.name, case.applicant.number, petition.contact, case.applicant.phone, *petition.members.values_list("name", flat=True)]
    told = [name for name in names if name and len(name) > 1 and name in text]
    return {"summary": "不能写出信访人和联名人的姓名、证件号码和电话"} if told else {}
