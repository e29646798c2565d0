"""The flow of an incident (立案-交办-签收-整改-核查-销号), made for whichever roles a system names."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.utils import timezone

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import Actor
from yiwang.kit.declare import SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.platforms.incidents.models import Incident, Verification


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


def procedure(*, code: str, name: str, office: str, handler: str, verifier: str, hint: Callable[[Incident], Hint | None] | None = None) -> Procedure:
    """The flow with a system's own roles: who files, assigns and closes; who mends; who checks. `hint` is shown to whoever assigns."""
    stages = ("立案", "交办", "整改", "核查", "销号")
    return Procedure(
        code=code,
        name=name,
        start="new",
        stages=stages,
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
            Step(code="refuse", name="不予立案", source="filing", target="void", by=office, needs_reason=True, finishes=("file",), effect=_stage, style="danger"),
            Step(
                code="assign", name="交办", source="assigning", target="signing", by=office, form=_assigning(handler, hint), finishes=("assign",), starts=("sign",), when=_has_owner,
                effect=_assign, style="primary",
            ),
            Step(code="sign", name="签收", source="signing", target="fixing", by=handler, finishes=("sign",), starts=("fix",), effect=_sign, style="primary"),
            Step(code="send_back", name="退回", source="signing", target="assigning", by=handler, needs_reason=True, when=_once, finishes=("sign",), starts=("assign",), effect=_send_back),
            Step(code="report_fixed", name="提交整改结果", source="fixing", target="verifying", by=handler, form=FixForm, finishes=("fix",), starts=("verify",), effect=_fixed, style="primary"),
            Step(
                code="verify", name="提交核查结论", source="verifying", target=_verified, targets=("closing", "fixing"), by=verifier, form=VerifyForm, when=_another,
                finishes=("verify",), effect=_verify, style="primary",
            ),
            Step(code="close", name="销号", source="closing", target="closed", by=office, form=OpinionForm, effect=_close, style="primary"),
            Step(code="reopen", name="重新办理", source="closed", target="assigning", by=SYSTEM_ROLE, starts=("assign",), effect=_reopen),
        ),
        clocks=(
            Clock(code="file", name="立案时限", amount=1, basis="河长制问题办理规程（示意）"),
            Clock(code="assign", name="交办时限", amount=1, basis="河长制问题办理规程（示意）"),
            Clock(code="sign", name="签收时限", amount=1, basis="河长制问题办理规程（示意）"),
            Clock(code="fix", name="整改时限", amount=lambda case: incident_of(case).days, unit="calendar", basis="分派规则"),
            Clock(code="verify", name="核查时限", amount=3, basis="河长制问题办理规程（示意）"),
        ),
    )


def _owner(case: Any) -> int:
    return incident_of(case).owner_id or case.organ_id


def _checker(case: Any) -> int:
    return incident_of(case).checker_id or case.organ_id


def _stage(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state)


def _has_owner(case: Any, actor: Actor) -> str | None:
    return None if incident_of(case).owner_id else "还没有主办单位：这一类问题在这里没有分派规则。"


def _assigning(handler: str, hint: Callable[[Incident], Hint | None] | None) -> type[forms.Form] | Callable[[Any], type[forms.Form]]:
    """The opinion with what the system knows of the place; the office that it names may be chosen where somebody there mends such things."""
    if hint is None:
        return OpinionForm

    def form(case: Any) -> type[forms.Form]:
        incident = incident_of(case)
        found = hint(incident)
        if found is None:
            return OpinionForm
        fields: dict[str, forms.Field] = {"opinion": _text("意见", "请写明意见。")}
        fields["opinion"].help_text = found.words
        if found.organ and incident.owner and found.organ != incident.owner and parties.holders_of(handler, organ=found.organ.pk):
            choices = [("", f"{incident.owner.name}（按分派规则）"), (str(found.organ.pk), f"{found.organ.name}（岸线管理单位）")]
            fields["owner"] = forms.ChoiceField(label="主办单位", choices=choices, required=False)
        return type("AssignForm", (forms.Form,), fields)

    return form


def _assign(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    """The form offers no other office than the routed one and that of the hint."""
    Incident.objects.filter(case=case.pk).update(stage=case.state, **({"owner": int(data["owner"])} if data.get("owner") else {}))


def _sign(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, handler=actor.party)


def _once(case: Any, actor: Actor) -> str | None:
    return "只能退回一次，请联系河长办协调主办单位。" if incident_of(case).returned else None


def _send_back(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, returned=1)


def _fixed(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    late = case.deadlines.filter(code="fix", expired_at__isnull=False).exists()
    Incident.objects.filter(case=case.pk).update(stage=case.state, handler=actor.party, on_time=not late)


def _another(case: Any, actor: Actor) -> str | None:
    return "核查由没有参加整改的人员进行。" if incident_of(case).handler_id == actor.party else None


def _verified(case: Any, data: dict[str, Any]) -> str:
    return "closing" if data["passed"] else "fixing"


def _verify(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    found = incident_of(case)
    Verification.objects.create(incident=found, verifier_id=cast("int", actor.party), handler_id=cast("int", found.handler_id), passed=data["passed"], note=data["opinion"])
    Incident.objects.filter(pk=found.pk).update(stage=case.state)


def _close(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    Incident.objects.filter(case=case.pk).update(stage=case.state, closed_at=timezone.now())


def _reopen(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.closed_at = None
    found = incident_of(case)
    Incident.objects.filter(pk=found.pk).update(stage=case.state, closed_at=None, reopened=found.reopened + 1)
