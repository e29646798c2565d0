"""What each letter of a petition says beside number, petitioner, organ and date. Pure readings of the case and its event."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from yiwang.base.errors import YiwangError
from yiwang.engines.parties.models import Organisation
from yiwang.systems.welfare.online_petition import effects, rules, ways
from yiwang.systems.welfare.online_petition.models import Reply, Transfer


def transfer(case: Any, event: Any) -> dict[str, Any]:
    """转送告知书: to whom it went (第二十二条). What was asked of that office is not the petitioner's."""
    organ = Organisation.objects.get(pk=event.data["organ"])
    manner = "交办" if event.data["manner"] == Transfer.Manner.ASSIGN else "转送"
    return {"title": _title(case), "to_organ": organ.name, "manner": manner, "words": ""}


def acceptance(case: Any, event: Any) -> dict[str, Any]:
    """受理告知书: until when it is handled (第二十三条、第三十四条)."""
    return {"title": _title(case), "due": _due(case, "handle")}


def declined(case: Any, event: Any) -> dict[str, Any]:
    """不予受理告知书: why, on which item, and where to go (第三十一条)."""
    way = rules.BY_CODE.get(event.data.get("route", ""))
    article = way.article if way else "第三十六条" if event.data.get("route") == "ended" else "第二十三条"
    handed = event.data.get("handed_to", "")
    petition = effects.petition_of(case)
    led = ways.service_of(petition)
    applied = f"申请“{led[0].name}”，办事指南 {settings.PUBLIC_URL}/items/{led[0].key}" if led else ""
    told = [petition.body.words if petition.body else "", applied, event.data.get("way", ""), f"已移交登记，编号 {handed}" if handed else ""]
    return {"title": _title(case), "reason": event.opinion, "article": article, "way": "；".join(t for t in told if t)}


def inspection(case: Any, event: Any) -> dict[str, Any]:
    """移交履职查处告知书: which office looks into it under which number (第三十一条第五项)."""
    incident, number, _ = ways.incident_of(effects.petition_of(case)) or (None, "", "")
    return {"title": _title(case), "to_organ": incident.owner.name if incident and incident.owner else "", "incident": number, "opinion": event.opinion}


def opinion(case: Any, event: Any) -> dict[str, Any]:
    """意见书 of any instance: claims, facts, opinion, basis (第三十二条), and who reviews it."""
    reply = Reply.objects.get(case=case)
    said = {"claims": reply.claims, "found": reply.found, "answer": reply.answer, "basis": reply.basis, "result": reply.get_result_display()}
    return {"title": _title(case), "next_organ": _next(case), **said}


def _title(case: Any) -> str:
    return effects.petition_of(case).title


def _next(case: Any) -> str:
    try:
        return effects.upper_organ(case.organ).name
    except YiwangError:
        return "上一级机关"


def _due(case: Any, code: str) -> str:
    """The last day, not the midnight after it."""
    deadline = case.deadlines.filter(code=code).order_by("-started_at").first()
    return (timezone.localtime(deadline.due_at) - timedelta(seconds=1)).date().isoformat() if deadline and deadline.due_at else ""
