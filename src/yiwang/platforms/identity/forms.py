"""Sign-up by real name and sign-in, in the words of the trade."""

from contextlib import suppress
from datetime import date, datetime, time, timedelta
from typing import Any

from allauth.account.forms import ChangePasswordForm as BaseChangeForm
from allauth.account.forms import LoginForm as BaseLoginForm
from allauth.account.forms import ReauthenticateForm as BaseReauthenticateForm
from allauth.account.forms import ResetPasswordKeyForm as BaseResetForm
from allauth.account.forms import SignupForm as BaseSignupForm
from allauth.core import context, ratelimit
from django import forms
from django.conf import settings
from django.db.models import Model, QuerySet
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import TooMany
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity import proving
from yiwang.platforms.identity.models import Account

AGE = "identity.sign-up-age"
RULES = "至少 10 个字符，包含字母、数字、符号中的两种；不要用常见的密码，也不要用身份证号码或手机号码。"
LAST_YEAR = 2100  # a typing mistake, not a limit on delegations


class LoginForm(BaseLoginForm):  # type: ignore[misc]  # allauth is not typed
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, login="用户名", password="密码", remember="在这台设备上保持登录")
        self.fields["password"].help_text = ""


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """A person signs up with name and citizen number; the number decides who they are, never two accounts for one.

    Whom no register knows is taken at their word (DECLARED). Whom a register knows must first show that it is them (`proving`).
    """

    name = forms.CharField(label="姓名", max_length=60, error_messages={"required": "请填写姓名。"}, widget=forms.TextInput({"autocomplete": "name"}))
    number = forms.CharField(label="公民身份号码", max_length=18, error_messages={"required": "请填写公民身份号码。"})
    phone = forms.CharField(
        label="手机号码", max_length=11, error_messages={"required": "请填写手机号码。"}, widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel"})
    )
    field_order = ["name", "number", "phone", "username", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, username="用户名", password1="密码", password2="再次输入密码")
        self.fields["username"].help_text = "登录时使用，可以用字母和数字，以后不能修改。"
        self.fields["phone"].help_text = "办理进度和验证码会发到这个手机。"
        self.fields["password1"].help_text = RULES

    def clean_name(self) -> str:
        return str(self.cleaned_data["name"]).strip()

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"]).strip().upper()
        read = identifiers.read_citizen_number(number)
        if read is None:
            raise forms.ValidationError("身份证号码不正确，请核对 18 位公民身份号码。")
        today = timezone.localdate()
        years = registers.policy(AGE, division=settings.CITY, on=today)
        if identifiers.age(read.birth, today) < years:
            raise forms.ValidationError(f"未满 {years} 周岁的未成年人不能自己注册，请由父母或其他监护人办理。")
        return number

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"]).strip()
        if not identifiers.is_mobile(phone):
            raise forms.ValidationError("手机号码不正确，请填写 11 位手机号码。")
        return phone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("number") and cleaned.get("name"):
            self._check_person(cleaned["number"], cleaned["name"])
        password = str(cleaned.get("password1") or "")
        if any(fact[-6:] in password for fact in (cleaned.get("number"), cleaned.get("phone")) if fact):
            self.add_error("password1", "密码不能包含身份证号码或手机号码的末六位。")
        return cleaned

    def bind(self, account: Account, actor: Actor) -> None:
        """Saves the account with its person, or waiting for proof. Called inside the sign-up's own transaction."""
        data = self.cleaned_data
        party, fresh = parties.find_or_register_person(actor, name=data["name"], number=data["number"], phone=data["phone"])
        if fresh:
            account.party = party
            account.save()
            return
        account.claim = party
        account.save()
        with suppress(TooMany):  # somebody has just asked for the same person; the next page offers to send again
            proving.send_code(actor, account)

    def _check_person(self, number: str, name: str) -> None:
        """Says what is wrong without saying anything about anybody else. Names cannot be tried out: five wrong ones a day for a number."""
        with elevated():  # nobody is signed in
            known = Party.objects.filter(scheme="111", number=number).first()
            if known is None:
                return
            if not ratelimit.consume(context.request, action="sign_up_name", key=number, dry_run=True):
                self.add_error("number", "今天用这个证件号码填错姓名的次数过多，请明天再试，或携带身份证到任何一个政务服务大厅窗口办理。")
            elif known.name != name:
                ratelimit.consume(context.request, action="sign_up_name", key=number)
                audit.record(Actor(name="访客", address=context.request.META.get("REMOTE_ADDR", "")), "sign-up.mismatch", subject=known, summary="注册时姓名与证件号码不相符")
                self.add_error("name", "姓名与证件号码不相符。")
            elif Account.objects.filter(party=known).exists():
                self.add_error("number", "这个证件号码已经注册，请直接登录；忘记密码可以用登记的手机找回，或携带身份证到窗口办理。")


class ChangePasswordForm(BaseChangeForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, oldpassword="现在的密码", password1="新密码", password2="再次输入新密码")
        self.fields["oldpassword"].help_text, self.fields["password1"].help_text = "", RULES


class ResetPasswordForm(BaseResetForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, password1="新密码", password2="再次输入新密码")
        self.fields["password1"].help_text = RULES


class ReauthenticateForm(BaseReauthenticateForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self, password="密码")
        self.fields["password"].help_text = ""


class CodeForm(forms.Form):
    """What came by SMS."""

    code = forms.RegexField(
        r"^\s*\d{6}\s*$", label="验证码", max_length=8, widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
        error_messages={"required": "请填写短信中的 6 位数字。", "invalid": "验证码是 6 位数字。"},
    )  # fmt: skip


class ForgottenForm(forms.Form):
    """Whose password is forgotten."""

    username = forms.CharField(
        label="用户名", max_length=60, widget=forms.TextInput({"autocomplete": "username"}), error_messages={"required": "请填写用户名。"}
    )


class DelegationForm(forms.Form):
    """Whom to let act, for what, until when."""

    agent_name = forms.CharField(label="代办人姓名", max_length=60, error_messages={"required": "请填写代办人姓名。"})
    agent_number = forms.CharField(label="代办人公民身份号码", max_length=18, error_messages={"required": "请填写代办人身份证号码。"})
    item = forms.CharField(
        label="只办哪一项", max_length=200, required=False, widget=forms.TextInput({"list": "items", "autocomplete": "off"}),
        help_text="输入几个字后从列表中选择；不填表示全部事项。",
    )  # fmt: skip
    until = forms.DateField(
        label="委托到哪一天", widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"), help_text="到这一天的 24 时为止，您可以随时撤回。", error_messages={"required": "请选择日期。"}
    )

    @staticmethod
    def items() -> QuerySet[Model]:
        """The register of items; it is declared by a platform above this one."""
        return registry().registers["items"].model._default_manager.order_by("name")

    @classmethod
    def names(cls) -> list[str]:
        return list(dict.fromkeys(cls.items().values_list("name", flat=True)))

    def clean_item(self) -> str:
        name = str(self.cleaned_data["item"]).strip()
        if name and not self.items().filter(name=name).exists():
            raise forms.ValidationError("没有这个事项，请从列表中选择。")
        return name

    def clean_until(self) -> date:
        until: date = self.cleaned_data["until"]
        if until.year > LAST_YEAR:
            raise forms.ValidationError("日期太远，请核对。")
        return until

    def scope(self) -> list[str]:
        """Keys of the chosen item; everything if none was named."""
        name = self.cleaned_data["item"]
        return list(self.items().filter(name=name).values_list("key", flat=True)) if name else ["*"]

    def moment(self) -> datetime:
        """The end of that day."""
        return datetime.combine(self.cleaned_data["until"] + timedelta(days=1), time(), timezone.get_current_timezone())


class EnterpriseForm(forms.Form):
    """Which enterprise one represents."""

    name = forms.CharField(label="企业名称", max_length=120, error_messages={"required": "请填写营业执照上的名称。"})
    number = forms.CharField(label="统一社会信用代码", max_length=18, error_messages={"required": "请填写统一社会信用代码。"})


def _plain(form: forms.Form, **labels: str) -> None:
    """Visible labels instead of placeholders, which vanish while typing."""
    for name, field in form.fields.items():
        field.label = labels.get(name, field.label)
        field.widget.attrs.pop("placeholder", None)
