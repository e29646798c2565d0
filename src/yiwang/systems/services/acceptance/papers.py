"""What each document of a case says beside what every one says (number, applicant, item, organ, date). Pure readings of the case and its event."""

from typing import Any

from yiwang.systems.services.acceptance.models import Application, Material


def _application(case: Any) -> Application:
    return Application.objects.select_related("version").get(case=case)


def _materials(case: Any) -> list[dict[str, str]]:
    given = Material.objects.filter(application__case=case).order_by("code", "-round", "-given_at").distinct("code")
    return [{"name": m.name, "way": m.get_way_display()} for m in given]


def receipt(case: Any, event: Any) -> dict[str, Any]:
    """收件凭证: what was handed in and when (行政许可法第三十二条第二款)."""
    return {"materials": _materials(case), "channel": case.get_channel_display(), "received_at": event.at.isoformat()}


def acceptance(case: Any, event: Any) -> dict[str, Any]:
    """受理通知书: from when the limit counts and when it ends."""
    deadline = case.deadlines.filter(code="decide").order_by("-started_at").first()
    return {
        "deemed": event.step == "deem_accepted",
        "limit": f"{deadline.amount}" if deadline else "",
        "unit": deadline.unit if deadline else "",
        "due": deadline.due_at.date().isoformat() if deadline and deadline.due_at else "",
        "materials": _materials(case),
    }


def correction(case: Any, event: Any) -> dict[str, Any]:
    """补正告知书: every point at once, and until when."""
    deadline = case.deadlines.filter(code="correct").order_by("-started_at").first()
    return {"points": event.data["points"], "due": deadline.due_at.date().isoformat() if deadline and deadline.due_at else ""}


def decline(case: Any, event: Any) -> dict[str, Any]:
    """不予受理决定书: the reason and the remedies."""
    return {"reason": event.opinion}


def inspection_order(case: Any, event: Any) -> dict[str, Any]:
    """特别程序告知书 for an on-site check: its days do not count."""
    return {"kind": "现场核查", "days": event.data["days"], "planned_on": event.data["planned_on"]}


def special(case: Any, event: Any) -> dict[str, Any]:
    """特别程序告知书: which one and how long (行政许可法第四十五条)."""
    return {"kind": event.data["kind"], "days": event.data["days"]}


def approval(case: Any, event: Any) -> dict[str, Any]:
    """准予行政许可决定书: what was granted, on which articles."""
    version = _application(case).version
    return {"basis": [str(basis) for basis in version.basis], "result": version.result_name}


def refusal(case: Any, event: Any) -> dict[str, Any]:
    """不予行政许可决定书: the reason, and 复议 and 诉讼 (行政许可法第三十八条第二款)."""
    version = _application(case).version
    return {"reason": event.opinion, "basis": [str(basis) for basis in version.basis]}


def delivery(case: Any, event: Any) -> dict[str, Any]:
    """送达回证: who received what, how."""
    handed = _application(case).delivery
    return {"receiver": event.data["receiver"], "way": handed.get_way_display(), "tracking": event.data.get("tracking", "")}
