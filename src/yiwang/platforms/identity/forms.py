"""Sign-up by real name and sign-in, in the words of the trade."""

from typing import Any

from allauth.account.forms import LoginForm as BaseLoginForm
from allauth.account.forms import SignupForm as BaseSignupForm
from django import forms
from django.db import transaction

from yiwang.base import identifiers
from yiwang.base.errors import YiwangError
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.kit.actors import NOBODY, Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.models import Account


class LoginForm(BaseLoginForm):  # type: ignore[misc]  # allauth is not typed
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "用户名"
        self.fields["password"].label = "密码"
        self.fields["password"].help_text = ""
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class SignupForm(BaseSignupForm):  # type: ignore[misc]
    """A person signs up with name and citizen number; the number decides who they are, never two accounts for one."""

    name = forms.CharField(label="姓名", max_length=60, error_messages={"required": "请填写姓名。"})
    number = forms.CharField(label="公民身份号码", max_length=18, error_messages={"required": "请填写公民身份号码。"})
    phone = forms.CharField(label="手机号码", max_length=11, error_messages={"required": "请填写手机号码。"})
    field_order = ["name", "number", "phone", "username", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {"username": "用户名", "password1": "密码", "password2": "再次输入密码"}
        for name, field in self.fields.items():
            field.label = labels.get(name, field.label)
            field.widget.attrs.pop("placeholder", None)

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"]).strip().upper()
        if not identifiers.is_citizen_number(number):
            raise forms.ValidationError("身份证号码不正确，请核对 18 位公民身份号码。")
        return number

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"]).strip()
        if not identifiers.is_mobile(phone):
            raise forms.ValidationError("手机号码不正确，请填写 11 位手机号码。")
        return phone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        number, name = cleaned.get("number"), cleaned.get("name")
        if number and name:
            self._check_person(number, name)
        return cleaned

    def party(self, actor: Actor = NOBODY) -> Party:
        """The person, found or registered. Called inside the sign-up's own transaction."""
        data = self.cleaned_data
        with transaction.atomic():
            found, _ = parties.find_or_register_person(actor, name=data["name"], number=data["number"], phone=data["phone"])
        return found

    def _check_person(self, number: str, name: str) -> None:
        """Says what is wrong without saying anything about anybody else."""
        try:
            with elevated(), transaction.atomic():
                known = Party.objects.filter(number=number).first()
                if known and known.name != name.strip():
                    self.add_error("name", "姓名与证件号码不相符。")
                elif known and Account.objects.filter(party=known).exists():
                    self.add_error("number", "这个证件号码已经注册，请直接登录；忘记密码请携带身份证到窗口办理。")
        except YiwangError as problem:
            self.add_error("number", problem.message)
