"""How sure we are who sits there. A level belongs to the account's proof and to how this session was signed in; it is never a score of the person."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from django.db.models import IntegerChoices
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from yiwang.base.errors import NotAllowed, SignInNeeded
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.models import Account

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class SecondFactorPage:
    back: str  #: where the administrator was going


class Level(IntegerChoices):
    """What GB/T 42453 style platforms call 实名等级; the names say what was done, not more."""

    NONE = 0, "未实名"
    DECLARED = 1, "本人申报"
    VERIFIED = 2, "实名核验"
    STRONG = 3, "实名核验并双因素登录"


NEEDS = {
    Level.DECLARED: "请先完成实名核验：填写发送到登记手机的验证码，或携带身份证到政务服务大厅窗口核验。",
    Level.VERIFIED: "请携带本人身份证到任何一个政务服务大厅窗口核验，说出您的用户名即可。",
    Level.STRONG: "请在“账号安全”启用验证器或通行密钥，并用它重新登录。",
}


def account_level(account: Account) -> Level:
    """By the account's proof alone: a phone proves only whom a register had confirmed before; a window has seen the card."""
    if account.party_id is None:
        return Level.NONE
    if account.proof == Account.Proof.WINDOW:
        return Level.VERIFIED
    with elevated():  # one's own row, also before an actor is entered
        person = account.party
    confirmed = person is not None and person.verified != "" and _not_after(person.verified_at, account.proven_at)
    return Level.VERIFIED if account.proof == Account.Proof.PHONE and confirmed else Level.DECLARED


def _not_after(first: datetime | None, second: datetime | None) -> bool:
    """A register that confirmed the person only after the code was sent says nothing about that phone."""
    return first is not None and second is not None and first <= second


def may_prove_by_phone(account: Account) -> bool:
    """Whether a code says anything: of somebody known before, not of a phone that was given at this account's own sign-up."""
    return account.party_id is None and account.claim_id is not None


def level_of(request: HttpRequest) -> Level:
    """Of this session: STRONG only when the person is verified and a second factor or a passkey was used to sign in."""
    if not request.user.is_authenticated:
        return Level.NONE
    level = account_level(request.user)
    methods = {record.get("method") for record in get_authentication_records(request, request.user)}
    return Level.STRONG if level == Level.VERIFIED and "mfa" in methods else level


def demand(request: HttpRequest, level: Level) -> None:
    """Raises SignInNeeded or NotAllowed, with what to do, unless this session reaches `level`."""
    if not request.user.is_authenticated:
        raise SignInNeeded("这一步需要登录后办理。")
    if level_of(request) < level:
        raise NotAllowed("这一步需要更高的实名等级。", hint=NEEDS[level])


def second_factor(view: View) -> View:
    """A page of an administrator: entered only with a second factor (GB/T 22239-2019 8.1.4.1 d). Says how to set one up, or asks for it."""

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            raise SignInNeeded("这一页需要登录后查看。")
        if level_of(request) >= Level.STRONG:
            return view(request, *args, **kwargs)
        kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
        if not kinds or account_level(request.user) < Level.VERIFIED:
            return render(request, "identity/second_factor.html", {"page": SecondFactorPage(request.path)}, status=403)
        name = "mfa_reauthenticate" if Authenticator.Type.TOTP in kinds else "mfa_reauthenticate_webauthn"
        return redirect(f"{reverse(name)}?{urlencode({'next': request.path})}")

    return checked


def require(level: Level) -> Callable[[View], View]:
    """A view that asks for at least `level`, whatever the method."""

    def wrap(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            demand(request, level)
            return view(request, *args, **kwargs)

        return checked

    return wrap
