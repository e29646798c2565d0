"""Home, one's own page, messages, and who looked at one's data."""

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

from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties.models import Organisation
from yiwang.engines.places import api as places
from yiwang.engines.procedures import api as procedures
from yiwang.kit.declare import APPLICANT
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Bundle, Item
from yiwang.platforms.licences import api as licences
from yiwang.systems.services.network import finding

PERSON_TOPICS = {  # theme → icon
    "生育收养": "baby-carriage", "户籍办理": "address-book", "教育科研": "school", "就业创业": "briefcase", "婚姻登记": "heart", "住房保障": "building-community", "社会保障": "umbrella",
    "医疗卫生": "stethoscope", "优待抚恤": "medal", "交通出行": "bus", "出境入境": "plane", "证件办理": "id", "死亡殡葬": "flower",
}  # fmt: skip
LEGAL_TOPICS = {
    "设立变更": "building-store", "准营准办": "license", "资质认证": "certificate", "税收财务": "receipt-tax", "人力资源": "users-group", "投资审批": "trending-up", "交通运输": "truck",
    "环保绿化": "leaf", "国土和规划建设": "map-2", "公用事业": "bolt", "农林牧渔": "tractor", "法人注销": "door-exit",
}  # fmt: skip
HOT = ("food_operation", "elderly_card_apply", "road_dig", "marriage_register", "ssc_apply", "passport_apply")


@dataclass(frozen=True)
class HomePage:
    hot: list[Item]
    person_topics: list[tuple[str, str, int]]  # theme, its icon, how many items
    legal_topics: list[tuple[str, str, int]]
    bundles: list[Bundle]
    departments: list[tuple[Organisation, int]]
    total: int
    mine: "Mine | None"


@dataclass(frozen=True)
class Mine:
    """What waits for the person and what they hold."""

    waiting: list[Any]
    under_way: list[Any]
    licences: list[Any]
    expiring: list[Any]


def home(request: HttpRequest) -> HttpResponse:
    """One search box, what is mine, life events, themes, departments."""
    actor = actor_of(request)
    found = {item.key: item for item in Item.objects.defer("words", "meaning").filter(key__in=HOT)}
    count = items.counts()
    page = HomePage(
        hot=[found[key] for key in HOT if key in found],
        person_topics=[(topic, icon, count.persons[topic]) for topic, icon in PERSON_TOPICS.items() if topic in count.persons],
        legal_topics=[(topic, icon, count.entities[topic]) for topic, icon in LEGAL_TOPICS.items() if topic in count.entities],
        bundles=list(Bundle.objects.order_by("pk")[:8]),
        departments=finding.city_departments()[:12],
        total=count.total,
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
    return Mine(waiting, [c for c in rows if c not in waiting], held, [h for h in held if h.state == h.State.VALID and h.valid_to and h.valid_to <= soon])


def mine(request: HttpRequest) -> HttpResponse:
    """个人专属主页 or, acting for an enterprise, 企业专属主页 (一企一网)."""
    return render(request, "network/mine.html", {"page": _mine(request)})


def inbox(request: HttpRequest) -> HttpResponse:
    """我的消息."""
    actor = actor_of(request)
    if request.method == "POST":
        messages.mark_read(actor)
        flash.success(request, "已全部标为已读。")
        return redirect("network:inbox")
    rows = list(messages.inbox(actor)[:100])
    about = dict(procedures.cases_of(actor).filter(pk__in={m.case for m in rows if m.case}).values_list("pk", "applicant"))
    own = (actor.party, actor.acting_for)
    return render(request, "network/inbox.html", {"page": [(m, "" if m.case not in about else "own" if about[m.case] in own else "work") for m in rows]})


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
