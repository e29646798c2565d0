"""安全管理: a security administrator sees who is locked out and where an account is signed in; unlocks, and ends sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from axes.models import AccessAttempt
from axes.utils import reset
from django import forms
from django.conf import settings
from django.contrib import messages as flash
from django.db import transaction
from django.db.models.functions import Lower
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.platforms.identity import sessions
from yiwang.platforms.identity.assurance import Level, account_level, second_factor
from yiwang.platforms.identity.models import Account


class FindForm(forms.Form):
    """Whose sessions."""

    username = forms.CharField(label="用户名", max_length=60, error_messages={"required": "请填写用户名。"})


@dataclass(frozen=True)
class Lock:
    """Wrong passwords of one account from one address."""

    key: int
    username: str
    address: str
    failures: int
    until: datetime


@dataclass(frozen=True)
class SecurityPage:
    form: FindForm
    locks: list[Lock]
    signed_in: int
    account: Account | None = None
    level: Level = Level.NONE
    sessions: list[UserSession] | None = None


@second_factor
def security(request: HttpRequest) -> HttpResponse:
    """Lock-outs now; the sessions of one account after asking for it."""
    form = FindForm(request.GET or None)
    found = None
    if form.is_valid():
        try:
            found = find(actor_of(request), form.cleaned_data["username"])
        except NotFound as problem:
            form.add_error("username", problem.message)
    page = SecurityPage(
        form=form, locks=locks(), signed_in=UserSession.objects.values("user").distinct().count(), account=found,
        level=account_level(found) if found else Level.NONE, sessions=sessions.live_of(found) if found else None,
    )  # fmt: skip
    return render(request, "identity/security.html", {"page": page}, status=422 if form.errors else 200)


@require_POST
@second_factor
def unlock_view(request: HttpRequest, lock: int) -> HttpResponse:
    unlock(actor_of(request), lock)
    flash.success(request, "已经解除锁定，本人可以重新登录。")
    return redirect("identity:security")


@require_POST
@second_factor
def end_view(request: HttpRequest, account: int) -> HttpResponse:
    count = end_sessions(actor_of(request), account)
    flash.success(request, f"已经结束 {count} 个登录，对方需要重新登录。")
    return redirect("identity:security")


def find(actor: Actor, username: str) -> Account:
    """The account of that user name; the look is recorded for its owner. Raises NotAllowed, NotFound."""
    _security(actor)
    account = restrict(actor, Account.objects.select_related("party").filter(username__iexact=username.strip())).first()
    if account is None:
        raise NotFound("没有这个用户名。")
    if account.party_id is not None:
        audit.record_access(actor, party=account.party_id, what="登录情况", purpose="安全管理", fields=["username"])
    return account


def locks() -> list[Lock]:
    """Who is locked out now. A user name that no account has may be a mistyped password, so it is not shown."""
    pause = timedelta(hours=settings.AXES_COOLOFF_TIME)
    rows = AccessAttempt.objects.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT, attempt_time__gt=timezone.now() - pause)
    names = Account.objects.annotate(lower=Lower("username")).filter(lower__in=[row.username for row in rows])
    known = dict(names.values_list("lower", "username"))
    return [
        Lock(row.pk, known.get(row.username, "（没有这个用户名）"), row.ip_address or "", row.failures_since_start, row.attempt_time + pause)
        for row in rows.order_by("-attempt_time")[:100]
    ]


@transaction.atomic
def unlock(actor: Actor, lock: int) -> None:
    """Lets an account be tried again from that address. Raises NotAllowed, NotFound."""
    _security(actor)
    found = AccessAttempt.objects.filter(pk=lock).first()
    if found is None:
        raise NotFound("锁定已经解除或过期。")
    reset(username=found.username, ip=found.ip_address)
    account = Account.objects.filter(username__iexact=found.username).first()
    audit.record(actor, "account.unlock", subject=account, summary="解除登录锁定", detail={"address": found.ip_address or ""})


@transaction.atomic
def end_sessions(actor: Actor, account: int) -> int:
    """Ends every session of an account at once. Raises NotAllowed, NotFound."""
    _security(actor)
    found = Account.objects.filter(pk=account).first()
    if found is None:
        raise NotFound("没有找到这个账号。")
    count = sessions.end_all(found)
    audit.record(actor, "account.end-sessions", subject=found, summary=f"结束 {count} 个登录")
    return count


def _security(actor: Actor) -> None:
    if not actor.holds("security-admin"):
        raise NotAllowed("登录情况由安全管理员管理。")
