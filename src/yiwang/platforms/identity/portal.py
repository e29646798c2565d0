"""My account: delegations given and received, and acting for others."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django import forms
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.middleware import ACTING_FOR


class DelegationForm(forms.Form):
    """Whom to let act, for what, until when."""

    agent_name = forms.CharField(label="代办人姓名", max_length=60, error_messages={"required": "请填写代办人姓名。"})
    agent_number = forms.CharField(label="代办人公民身份号码", max_length=18, error_messages={"required": "请填写代办人身份证号码。"})
    until = forms.DateField(label="委托到哪一天", widget=forms.DateInput(attrs={"type": "date"}), error_messages={"required": "请选择日期。"})

    def moment(self) -> datetime:
        """The end of that day."""
        return datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time(), timezone.get_current_timezone())


@dataclass(frozen=True)
class DelegationsPage:
    given: list[Delegation]
    received: list[Delegation]
    principals: list[parties.Principal]
    form: forms.Form
    now: datetime


def delegations(request: HttpRequest) -> HttpResponse:
    """委托与代办."""
    actor = actor_of(request)
    form = DelegationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            parties.delegate(actor, agent_name=data["agent_name"], agent_number=data["agent_number"], scope=["*"], valid_to=form.moment())
        except Invalid as problem:
            for name, words in problem.fields.items():
                form.add_error({"valid_to": "until"}.get(name, name), words)
            if not problem.fields:
                form.add_error(None, problem.message)
        else:
            flash.success(request, "委托已经生效，代办人登录后可以切换为您办事。")
            return redirect("identity:delegations")
    with elevated():  # the names of those whom one's own delegations concern
        rows = list(restrict(actor, Delegation.objects.select_related("principal", "agent")).order_by("-valid_to"))
    mine = actor.acting_for or actor.party
    page = DelegationsPage(
        given=[r for r in rows if r.principal_id == mine],
        received=[r for r in rows if r.agent_id == actor.party],
        principals=parties.principals_of(actor.party) if actor.party else [],
        form=form,
        now=timezone.now(),
    )
    return render(request, "identity/delegations.html", {"page": page}, status=422 if form.errors else 200)


@require_POST
def withdraw(request: HttpRequest, delegation: int) -> HttpResponse:
    parties.withdraw_delegation(actor_of(request), delegation)
    flash.success(request, "委托已经撤回。")
    return redirect("identity:delegations")


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Acts for a principal from now on, or for oneself again."""
    actor = actor_of(request)
    wanted = request.POST.get("party", "")
    request.session.pop(ACTING_FOR, None)
    if wanted.isdigit() and int(wanted) != actor.party:
        allowed = {p.party: p for p in parties.principals_of(actor.party or 0)}
        if int(wanted) not in allowed:
            raise Invalid("您现在不能为对方办事，委托可能已经到期或被撤回。")
        request.session[ACTING_FOR] = int(wanted)
        audit.record(actor, "act-for", summary=f"切换为{allowed[int(wanted)].name}办事")
        flash.info(request, f"您正在为“{allowed[int(wanted)].name}”办事。")
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if safe else reverse("network:home"))
