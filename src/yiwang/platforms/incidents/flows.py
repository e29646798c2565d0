"""The flow of an incident (立案-交办-签收-整改-核查-销号), made for whichever roles a system names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.kit import events
from yiwang.kit.actors import Actor
from yiwang.kit.declare import SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.platforms.incidents import limits
from yiwang.platforms.incidents.models import Incident, Verification
from yiwang.platforms.incidents.reporting import route


def _text(label: str, missing: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=500, widget=forms.Textarea(attrs={"rows": 3}), error_messages={"required": missing})


class OpinionForm(forms.Form):
    """An opinion in words."""

    opinion = _text("意见", "请写明意见。")


class FixForm(forms.Form):
    """What was done."""

    opinion = _text("整改措施和结果", "请写明整改措施和结果。")


class VerifyForm(forms.Form):
    """What the check found on the spot."""

    passed = forms.TypedChoiceField(
        label="核查结论", choices=[("yes", "整改到位"), ("no", "没有到位，退回重新整改")], widget=forms.RadioSelect, coerce=lambda v: v == "yes",
        error_messages={"required": "请选择核查结论。"},
    )  # fmt: skip
    opinion = _text("现场核查情况", "请写明现场核查情况。")


@dataclass(frozen=True)
class Hint:
    """What a system knows of the place of an incident that its owner follows from, in words; an office that may be the owner instead of the routed one."""

    words: str
    organ: Organisation | None = None


def incident_of(case: Any) -> Incident:
    return Incident.objects.get(case=case.pk)


@dataclass(frozen=True)
class IncidentClosed:
    """An incident has come to its end: mended and closed, or not taken up. `words` is what the office wrote about it."""

    incident: int
    closed: bool
    words: str


def procedure(
    *, code: str, name: str, office: str, handler: str, verifier: str, hint: Callable[[Incident], Hint | None] | None = None, seen_by: tuple[str, ...] = ()
) -> Procedure:
    """The flow with a system's own roles: who files, assigns and closes; who mends; who checks. `hint` is shown to whoever assigns. `seen_by`: nobody else learns of it."""
    stages = ("立案", "交办", "整改", "核查", "销号")
    return Procedure(
        code=code,
        name=name,
        start="new",
        stages=stages,
        seen_by=seen_by,
        states=(
            State(code="new", name="新建", stage="立案"),
            State(code="filing", name="待立案", public="正在核实", stage="立案", awaits=office, task="问题立案"),
            State(code="assigning", name="待交办", public="已立案", stage="交办", awaits=office, task="问题交办"),
            State(code="signing", name="待签收", public="已交办", stage="交办", awaits=handler, organ=_owner, task="交办签收"),
            State(code="fixing", name="整改中", public="正在整改", stage="整改", awaits=handler, organ=_owner, task="问题整改"),
            State(code="verifying", name="待核查", public="正在核查", stage="核查", awaits=verifier, organ=_checker, task="整改核查"),
            State(code="closing", name="待销号", public="正在核查", stage="销号", awaits=office, task="问题销号"),
            State(code="closed", name="已销号", public="已解决", stage="销号", final=True),
            State(code="void", name="不予立案", public="经核实不属于问题", stage="立案", final=True),
        ),
        steps=(
            Step(code="open", name="登记", source="new", target="filing", by=SYSTEM_ROLE, starts=("file",), effect=_stage),
            Step(code="file", name="立案", source="filing", target="assigning", by=office, form=OpinionForm, finishes=("file",), starts=("assign",), effect=_stage, style="primary"),
            Step(code="refuse", name="不予立案", source="filing", target="void", by=office, needs_reason=True, finishes=("file",), effect=_refuse, style="danger"),
            Step(
                code="assign", name="交办", source="assigning", target="signing", by=office, form=_assigning(handler, hint), finishes=("assign",), starts=("sign",),
                effect=_assign, style="primary",
            ),
            Step(code="sign", name="签收", source="signing", target="fixing", by=handler, finishes=("sign",), starts=("fix",), effect=_sign, style="primary"),
            Step(code="send_back", name="退回", source="signing", target="assigning", by=handler, needs_reason=True, when=_once, finishes=("sign",), starts=("assign",), effect=_send_back),
            Step(code="report_fixed", name="提交整改结果", source="fixing", target="verifying", by=handler, form=FixForm, finishes=("fix",), starts=("verify",), effect=_fixed, style="primary"),
            Step(
                code="verify", name="提交核查结论", source="verifying", target=_verified, targets=("closing", "fixing"), by=verifier, form=VerifyForm, when=_another,
                finishes=("verify",), starts=("fix",), effect=_verify, style="primary",
            ),
            Step(code="close", name="销号", source="closing", target="closed", by=office, form=OpinionForm, effect=_close, style="primary"),
            Step(code="reopen", name="重新办理", source="closed", target="assigning", by=SYSTEM_ROLE, starts=("assign",), effect=_reopen),
        ),
        clocks=(
            Clock(code="file", name="立案时限", amount=limits.of("file-days"), basis=limits.source("file-days")),
            Clock(code="assign", name="交办时限", amount=limits.of("assign-days"), basis=limits.source("assign-days")),
            Clock(code="sign", name="签收时限", amount=limits.of("sign-days"), basis=limits.source("sign-days")),
            Clock(code="fix", name="整改时限", amount=_days, unit="calendar", basis="分派规则"),
            Clock(code="verify", name="核查时限", amount=limits.of("verify-days"), basis=limits.source("verify-days")),
        ),
    )


def _days(case: Any) -> int:
    """For whoever mends it; none for a check that was passed."""
    return incident_of(case).days if case.state == "fixing" else 0


def _owner(case: Any) -> int:
    return incident_of(case).owner_id or case.organ_id


def _checker(case: Any) -> int:
    return incident_of(case).checker_id or case.organ_id


def _stage(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state)


def _refuse(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    _stage(case, actor, data)
    events.publish(IncidentClosed(incident=incident_of(case).pk, closed=False, words=str(data["reason"])))


def _assigning(handler: str, hint: Callable[[Incident], Hint | None] | None) -> Callable[[Any], type[forms.Form]]:
    """The opinion, with what the system knows of the place; and, where there is a choice, which office is to mend it."""

    def form(case: Any) -> type[forms.Form]:
        incident = incident_of(case)
        found = hint(incident) if hint else None
        fields: dict[str, forms.Field] = {"opinion": _text("意见", "请写明意见。")}
        fields["opinion"].help_text = found.words if found else ""
        offices = _offices(incident, handler, found)
        if len(offices) > 1 or (offices and incident.owner_id is None):
            fields["owner"] = forms.ChoiceField(label="主办单位", choices=list(offices.items()), required=False)
        return type("AssignForm", (forms.Form,), fields)

    return form


def _offices(incident: Incident, handler: str, hint: Hint | None) -> dict[str, str]:
    """Who may be given it: whoever has it, the office of the rule in force, that which the system names, and the others of the place where somebody mends such things."""
    routed, _ = route(incident.category.code, incident.division_id, timezone.localdate())
    offices = {str(incident.owner.pk): incident.owner.name} if incident.owner else {}
    if routed:
        offices[str(routed.pk)] = f"{routed.name}（按分派规则）"
    if hint and hint.organ and parties.holders_of(handler, organ=hint.organ.pk):
        offices.setdefault(str(hint.organ.pk), f"{hint.organ.name}（岸线管理单位）")
    for office in parties.offices_with(handler, place=incident.division_id):
        offices.setdefault(str(office.pk), office.name)
    return offices


def _assign(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Without a choice whoever has it, or the office of the rule in force. Another one than before may send it back in its turn. Raises Invalid where there is none."""
    incident = incident_of(case)
    routed, _ = route(incident.category.code, incident.division_id, timezone.localdate())
    owner = int(data.get("owner") or 0) or incident.owner_id or (routed.pk if routed else None)
    if owner is None:
        raise Invalid("还没有主办单位：这一类问题在这里没有分派规则，也没有设办理岗位。")
    returned = incident.returned if owner == incident.owner_id else 0
    Incident.objects.filter(pk=incident.pk).update(stage=case.state, owner=owner, returned=returned)


def _sign(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, handler=actor.party)


def _once(case: Any, actor: Actor) -> str | None:
    return "只能退回一次，请联系立案单位协调主办单位。" if incident_of(case).returned else None


def _send_back(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, returned=1)


def _fixed(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """Late if any of its limits had passed: also the one that runs, whether or not the minute job has looked at it yet."""
    late = case.deadlines.filter(Q(expired_at__isnull=False) | Q(finished_at=None, due_at__lte=timezone.now()), code="fix").exists()
    Incident.objects.filter(case=case.pk).update(stage=case.state, handler=actor.party, on_time=not late)


def _another(case: Any, actor: Actor) -> str | None:
    mended = incident_of(case).handler_id == actor.party or case.events.filter(step__in=("sign", "report_fixed"), party=actor.party).exists()
    return "核查由没有参加整改的人员进行。" if mended else None


def _verified(case: Any, data: dict[str, Any]) -> str:
    return "closing" if data["passed"] else "fixing"


def _verify(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    found = incident_of(case)
    Verification.objects.create(incident=found, verifier_id=cast("int", actor.party), handler_id=cast("int", found.handler_id), passed=data["passed"], note=data["opinion"])
    Incident.objects.filter(pk=found.pk).update(stage=case.state)


def _close(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, closed_at=timezone.now())
    events.publish(IncidentClosed(incident=incident_of(case).pk, closed=True, words=str(data["opinion"])))


def _reopen(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.closed_at = None
    found = incident_of(case)
    Incident.objects.filter(pk=found.pk).update(stage=case.state, closed_at=None, reopened=found.reopened + 1)
