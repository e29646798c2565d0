"""How sure we are who sits there. A level belongs to the account's proof and to how this session was signed in; it is never a score of the person."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from django.db.models import IntegerChoices
from django.http import HttpRequest, HttpResponseBase

from yiwang.base.errors import NotAllowed, SignInNeeded
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.models import Account

View = Callable[..., HttpResponseBase]


class Level(IntegerChoices):
    """What GB/T 42453 style platforms call 实名等级; the names say what was done, not more."""

    NONE = 0, "未实名"
    DECLARED = 1, "本人申报"
    VERIFIED = 2, "实名核验"
    STRONG = 3, "实名核验并双因素登录"


NEEDS = {
    Level.DECLARED: "请先完成实名核验：填写发送到登记手机的验证码，或携带身份证到政务服务大厅窗口核验。",
    Level.VERIFIED: "请先完成实名核验：填写发送到登记手机的验证码，或携带身份证到政务服务大厅窗口核验。",
    Level.STRONG: "请在“账号安全”启用验证器或通行密钥，并用它重新登录。",
}


def account_level(account: Account) -> Level:
    """By the account's proof alone: a phone proves only whom a register had confirmed before; a window has seen the card."""
    if account.party_id is None:
        return Level.NONE
    if account.proof == Account.Proof.WINDOW:
        return Level.VERIFIED
    with elevated():  # one's own row, also before an actor is entered
        confirmed = account.party is not None and account.party.verified != ""
    return Level.VERIFIED if account.proof == Account.Proof.PHONE and confirmed else Level.DECLARED


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


def require(level: Level) -> Callable[[View], View]:
    """A view that asks for at least `level`, whatever the method."""

    def wrap(view: View) -> View:
        @wraps(view)
        def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            demand(request, level)
            return view(request, *args, **kwargs)

        return checked

    return wrap
