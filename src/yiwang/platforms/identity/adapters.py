"""allauth's hooks: who an account is, and sign-ins on the record."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.models import Account


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Sign-up binds the account to its person in the same transaction; every sign-in and every failure is recorded."""

    def save_user(self, request: HttpRequest, user: Account, form: Any, commit: bool = True) -> Account:
        with elevated():
            user.username = form.cleaned_data["username"]
            user.party = form.party(Actor(name="访客", address=request.META.get("REMOTE_ADDR", "")))
            user.set_password(form.cleaned_data["password1"])
            user.save()
        return user

    def post_login(self, request: HttpRequest, user: Account, **kwargs: Any) -> Any:
        audit.record(_visitor(request, user), "sign-in", summary="登录成功")
        return super().post_login(request, user, **kwargs)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        audit.record(_visitor(request, None), "sign-in.failed", summary="登录失败", detail={"username": str(credentials.get("username", ""))[:60]})
        super().authentication_failed(request, **credentials)


def _visitor(request: HttpRequest, user: Account | None) -> Actor:
    return Actor(account=user.pk if user else None, name=str(user) if user else "访客", party=user.party_id if user else None, address=request.META.get("REMOTE_ADDR", ""))
