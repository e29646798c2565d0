"""My account: who I am here and how sure that is, delegations given and received, enterprises, acting for others."""

import re
from dataclasses import dataclass

from allauth.core import ratelimit
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Invalid, NotAllowed, SignInNeeded, TooMany
from yiwang.engines.audit import api as audit
from yiwang.engines.audit.models import Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation, Party
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity import assurance, proving, sessions
from yiwang.platforms.identity.assurance import Level
from yiwang.platforms.identity.forms import CodeForm, DelegationForm, EnterpriseForm, ForgottenForm
from yiwang.platforms.identity.middleware import ACTING_FOR, is_waiting
from yiwang.platforms.identity.models import Account

PARTY = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class AccountPage:
    account: Account
    party: Party
    level: Level
    advice: str
    sign_ins: list[Entry]


@dataclass(frozen=True)
class ProvePage:
    form: CodeForm
    account: Account
    by_phone: bool
    sent: bool
    verified: bool


@dataclass(frozen=True)
class ForgottenPage:
    form: ForgottenForm
    sent: bool


@dataclass(frozen=True)
class Given:
    """A delegation with its scope in words."""

    row: Delegation
    scope: str
    live: bool


@dataclass(frozen=True)
class DelegationsPage:
    given: list[Given]
    received: list[Given]
    principals: list[parties.Principal]
    form: DelegationForm
    verified: bool
    own: bool  #: for oneself or an entity one represents; an agent cannot delegate on


@dataclass(frozen=True)
class EnterprisesPage:
    represented: list[parties.Principal]
    form: EnterpriseForm


def account(request: HttpRequest) -> HttpResponse:
    """我的账号."""
    actor, mine, level = actor_of(request), _account(request), assurance.level_of(request)
    own = restrict(actor, Entry.objects.filter(subject_type="identity.account", subject_id=str(mine.pk), action="sign-in"))
    page = AccountPage(
        account=mine,
        party=parties.facts_of(mine.party_id or 0),
        level=level,
        advice=assurance.NEEDS[Level(level + 1)] if level < Level.STRONG else "",
        sign_ins=list(own.order_by("-at")[:5]),
    )
    return render(request, "identity/account.html", {"page": page})


def prove(request: HttpRequest) -> HttpResponse:
    """实名核验 by a code to the phone on record."""
    mine = _account(request)
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            proving.prove(_proving_actor(request), mine, form.cleaned_data["code"])
        except (Invalid, Conflict) as problem:
            form.add_error("code", f"{problem.message}{problem.hint}")
        else:
            sessions.renew_key(request)
            flash.success(request, "实名核验完成，现在可以办事了。")
            return redirect("identity:account")
    page = ProvePage(
        form, mine, assurance.may_prove_by_phone(mine), proving.has_open_code(mine), assurance.account_level(mine) >= Level.VERIFIED
    )
    return render(request, "identity/prove.html", {"page": page}, status=422 if form.errors else 200)


@require_POST
def send_code(request: HttpRequest) -> HttpResponse:
    """Sends the code again. Whether there is a phone on record is not said."""
    mine = _account(request)
    if not assurance.may_prove_by_phone(mine):
        raise NotAllowed("这个账号不能用短信核验。", hint="请携带身份证到任何一个政务服务大厅窗口核验。")
    proving.send_code(_proving_actor(request), mine)
    flash.info(request, "如果登记过手机号码，验证码已经发出，请查看短信。")
    return redirect("identity:prove")


def forgotten(request: HttpRequest) -> HttpResponse:
    """忘记密码. The answer is the same whether there is such an account or not."""
    form = ForgottenForm(request.POST or None)
    sent = request.method == "POST" and form.is_valid()
    if sent:
        if not ratelimit.consume(request, action="reset_password", key=form.cleaned_data["username"].lower()):
            raise TooMany("申请得太频繁。", hint="请几分钟后再试，或携带身份证到任何一个政务服务大厅窗口办理。")
        proving.forgotten(actor_of(request), form.cleaned_data["username"])
    return render(request, "identity/forgotten.html", {"page": ForgottenPage(form, sent)}, status=422 if form.errors else 200)


def delegations(request: HttpRequest) -> HttpResponse:
    """委托与代办."""
    actor = actor_of(request)
    form = DelegationForm(request.POST or None)
    if request.method == "POST":
        assurance.demand(request, Level.VERIFIED)
        if form.is_valid() and _look_up(request) and _delegate(actor, form):
            flash.success(request, "委托已经生效，代办人登录后可以切换为您办事。")
            return redirect("identity:delegations")
    with elevated():  # the names of those whom one's own delegations concern
        rows = list(restrict(actor, Delegation.objects.select_related("principal", "agent")).order_by("-valid_to"))
    mine = actor.acting_for or actor.party
    own = mine is not None and parties.agent_of(actor, mine) is None  # an agent neither gives on nor sees the other agents
    page = DelegationsPage(
        given=_in_words([r for r in rows if r.principal_id == mine]) if own else [],
        received=_in_words([r for r in rows if r.agent_id == actor.party]),
        principals=parties.principals_of(actor.party) if actor.party else [],
        form=form,
        verified=assurance.level_of(request) >= Level.VERIFIED,
        own=own,
    )
    return render(request, "identity/delegations.html", {"page": page}, status=422 if form.errors else 200)


@require_POST
def withdraw(request: HttpRequest, delegation: int) -> HttpResponse:
    parties.withdraw_delegation(actor_of(request), delegation)
    flash.success(request, "委托已经撤回。")
    return redirect("identity:delegations")


@assurance.require(Level.VERIFIED)
def enterprises(request: HttpRequest) -> HttpResponse:
    """我的企业: those one represents; an enterprise that no register knows yet is entered by its representative."""
    actor, form = actor_of(request), EnterpriseForm(request.POST or None)
    if request.method == "POST" and form.is_valid() and _look_up(request):
        try:
            made = bind_enterprise(actor, **form.cleaned_data)
        except Invalid as problem:
            for name, words in (problem.fields or {"number": problem.message}).items():
                form.add_error(name, words)
        else:
            flash.success(request, f"现在可以为“{made.name}”办事。")
            return redirect("identity:enterprises")
    represented = [p for p in parties.principals_of(actor.party or 0) if p.until is None]
    return render(request, "identity/enterprises.html", {"page": EnterprisesPage(represented, form)}, status=422 if form.errors else 200)


def bind_enterprise(actor: Actor, *, name: str, number: str) -> Party:
    """The enterprise that the actor represents, entered if no register knows it. Raises Invalid when somebody else represents it."""
    made, _ = parties.find_or_register_entity(actor, name=name, number=number, representative=actor.party)
    if made.pk not in [p.party for p in parties.principals_of(actor.party or 0)]:
        raise Invalid("登记的法定代表人不是您。", fields={"number": "法人库登记的法定代表人不是您，请由法定代表人绑定后委托您办理"})
    return made


@require_POST
def switch(request: HttpRequest) -> HttpResponse:
    """Acts for a principal from now on, or for oneself again. Raises NotAllowed without a live right."""
    actor, wanted = actor_of(request), request.POST.get("party", "")
    request.session.pop(ACTING_FOR, None)
    if PARTY.fullmatch(wanted) and int(wanted) != actor.party:
        assurance.demand(request, Level.VERIFIED)
        principal = next((p for p in parties.principals_of(actor.party or 0) if p.party == int(wanted)), None)
        if principal is None:
            raise NotAllowed("您现在不能为对方办事，委托可能已经到期或被撤回。")
        request.session[ACTING_FOR] = principal.party
        audit.record(actor, "act-for", summary=f"切换为{principal.name}办事")
        flash.info(request, f"您正在为“{principal.name}”办事。")
    elif actor.acting_for != actor.party:
        audit.record(actor, "act-for", summary="切换为本人办事")
    sessions.renew_key(request)
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return HttpResponseRedirect(back if safe else "/")


def _account(request: HttpRequest) -> Account:
    if not request.user.is_authenticated:
        raise SignInNeeded("这一页需要登录后查看。")
    return request.user


def _look_up(request: HttpRequest) -> bool:
    """Counts a try at somebody's name and number. Raises TooMany."""
    if not ratelimit.consume(request, action="look_up", user=request.user):
        raise TooMany("一小时内填写的次数过多。", hint="请过一小时再试，没有生效的内容请重新填写。")
    return True


def _proving_actor(request: HttpRequest) -> Actor:
    """Whoever is waiting is nobody yet, but the record names their account."""
    known = actor_of(request)
    return Actor(account=request.user.pk, name=str(request.user), address=known.address) if is_waiting(request) else known


def _delegate(actor: Actor, form: DelegationForm) -> bool:
    data = form.cleaned_data
    try:
        parties.delegate(actor, agent_name=data["agent_name"], agent_number=data["agent_number"], scope=form.scope(), valid_to=form.moment())
    except Invalid as problem:
        for name, words in problem.fields.items():
            form.add_error({"valid_to": "until", "scope": "item"}.get(name, name), words)
        if not problem.fields:
            form.add_error(None, problem.message)
        return False
    return True


def _in_words(rows: list[Delegation]) -> list[Given]:
    names = DelegationForm.items().filter(key__in={key for row in rows for key in row.scope}).values_list("key", "name")
    words, now = {"*": "全部事项", **dict(names)}, timezone.now()
    return [
        Given(row, "、".join(dict.fromkeys(words.get(key, key) for key in row.scope)), row.withdrawn_at is None and row.valid_from <= now < row.valid_to)
        for row in rows
    ]
