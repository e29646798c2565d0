"""allauth's hooks: who an account is, sign-ins and changes on the record, secrets of second factors kept encrypted."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import resolve_url

from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity import proving
from yiwang.platforms.identity.models import Account

CHANGES = {  # allauth's notices, in our words
    "account/email/password_changed": "登录密码已修改",
    "account/email/password_reset": "登录密码已重设",
    "mfa/email/totp_activated": "已启用验证器应用",
    "mfa/email/totp_deactivated": "已停用验证器应用",
    "mfa/email/webauthn_added": "已登记一个通行密钥",
    "mfa/email/webauthn_removed": "已删除一个通行密钥",
    "mfa/email/recovery_codes_generated": "已生成新的恢复码",
}


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth is not typed
    """Sign-up makes account and person in one transaction; every sign-in, failure and change is recorded."""

    error_messages = DefaultAccountAdapter.error_messages | {
        "username_password_mismatch": "用户名或密码不正确。",
        "incorrect_password": "密码不正确。",
        "username_taken": "这个用户名已经有人使用，请换一个。",
        "too_many_login_attempts": "连续输错多次，请几分钟后再试。",
    }

    def save_user(self, request: HttpRequest, user: Account, form: Any, commit: bool = True) -> Account:
        with transaction.atomic(), elevated():  # nobody is signed in
            user.username = form.cleaned_data["username"]
            user.set_password(form.cleaned_data["password1"])
            form.bind(user, _visitor(request, None))
            audit.record(_visitor(request, user), "account.open", subject=user, summary="注册账号")
        return user

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        unproven = isinstance(request.user, Account) and request.user.party_id is None
        return resolve_url("identity:prove") if unproven else super().get_signup_redirect_url(request)

    def post_login(self, request: HttpRequest, user: Account, **kwargs: Any) -> Any:
        audit.record(_visitor(request, user), "sign-in", subject=user, summary="登录成功")
        return super().post_login(request, user, **kwargs)

    def logout(self, request: HttpRequest) -> None:
        if isinstance(request.user, Account):
            audit.record(_visitor(request, request.user), "sign-out", subject=request.user, summary="退出登录")
        super().logout(request)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        username = str(credentials.get("username", ""))[:60]
        locked = bool(getattr(request, "axes_locked_out", False))
        audit.record(
            _visitor(request, None),
            "sign-in.locked" if locked else "sign-in.failed",
            summary="连续输错密码，暂时锁定" if locked else "登录失败",
            detail={"username": username},
        )
        super().authentication_failed(request, **credentials)

    def send_notification_mail(self, template_prefix: str, user: Account, context: Any = None, email: str | None = None) -> None:
        """A change to how one signs in: on the record, and told to the person by our own messages."""
        what = CHANGES.get(template_prefix)
        if what:
            with elevated():  # after a reset nobody is signed in
                audit.record(_visitor(self.request, user), "account.change", subject=user, summary=what)
                proving.tell_change(user, what)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds of authenticator apps and recovery codes lie encrypted in the database; the key is this installation's."""

    error_messages = DefaultMFAAdapter.error_messages | {"incorrect_code": "验证码不正确。"}

    def encrypt(self, text: str) -> str:
        return _box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return _box().decrypt(encrypted_text.encode()).decode()


def tried_name(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """Under which name wrong passwords are counted: one account, however it is written."""
    name = (credentials or {}).get("username") or request.POST.get("login", "")
    return str(name).strip().lower()[:60]


def record_wrong_factor(sender: object, request: HttpRequest, user: Account, **kwargs: object) -> None:
    """A wrong code of an authenticator app, recovery code or passkey."""
    audit.record(_visitor(request, user), "sign-in.factor-failed", subject=user, summary="第二验证因素不正确")


def _box() -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"identity.mfa" + settings.SECRET_KEY.encode()).digest()))


def _visitor(request: HttpRequest, user: Account | None) -> Actor:
    address = request.META.get("REMOTE_ADDR", "")
    if user is None:
        return Actor(name="访客", address=address)
    with elevated():  # nobody is signed in yet
        person = user.party
    return Actor(account=user.pk, name=person.name if person else user.username, party=user.party_id, acting_for=user.party_id, address=address)
