"""账号核验 at a window: the clerk sees the identity card, and confirms an account, lets its owner back in, or closes one that is not theirs."""

from dataclasses import dataclass
from typing import Any

import segno
from django import forms
from django.conf import settings
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, YiwangError
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of
from yiwang.platforms.identity import proving


class CardForm(forms.Form):
    """What stands on the card, and what the person wants."""

    name = forms.CharField(label="姓名", max_length=60, error_messages={"required": "请按证件填写姓名。"})
    number = forms.CharField(label="公民身份号码", max_length=18, error_messages={"required": "请按证件填写或读取号码。"})
    wish = forms.ChoiceField(
        label="办理什么",
        choices=[("confirm", "确认账号是本人的"), ("recover", "重设登录方式（忘记密码、手机丢失）"), ("release", "关闭不是本人开的账号")],
        widget=forms.RadioSelect,
        initial="confirm",
        error_messages={"required": "请选择办理内容。"},
    )
    username = forms.CharField(label="用户名（确认账号时填写）", max_length=60, required=False)
    phone = forms.CharField(
        label="新的手机号码（换了号码时填写）", max_length=11, required=False, help_text="以后的验证码和重设密码的链接发到这个手机，请当面核对。", widget=forms.TextInput({"inputmode": "tel"})
    )
    reason = forms.CharField(label="当事人的说明（关闭账号时填写）", max_length=200, required=False)
    seen = forms.BooleanField(label="已当面核对身份证原件，人证一致", error_messages={"required": "请先当面核对证件。"})

    def clean_number(self) -> str:
        number = str(self.cleaned_data["number"]).strip().upper()
        if not identifiers.is_citizen_number(number):
            raise forms.ValidationError("身份证号码不正确，请核对。")
        return number

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"]).strip()
        if phone and not identifiers.is_mobile(phone):
            raise forms.ValidationError("手机号码不正确，请填写 11 位手机号码。")
        return phone

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("wish") == "confirm" and not cleaned.get("username"):
            self.add_error("username", "请填写当事人的用户名。")
        if cleaned.get("wish") == "release" and not cleaned.get("reason"):
            self.add_error("reason", "请填写当事人的说明。")
        return cleaned


@dataclass(frozen=True)
class WindowPage:
    form: CardForm
    link: str = ""  #: where the owner sets a new password
    qr: SafeString | str = ""


def accounts(request: HttpRequest) -> HttpResponse:
    """One form, three wishes."""
    form = CardForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            link = fulfil(actor_of(request), **form.cleaned_data)
        except NotAllowed:
            raise
        except (Invalid, NotFound, Conflict) as problem:
            _show(form, problem)
        else:
            if link:
                return render(request, "identity/window.html", {"page": WindowPage(CardForm(), link, _qr(link))})
            flash.success(request, "已经办好，并已记录。")
            return redirect("identity:window")
    return render(request, "identity/window.html", {"page": WindowPage(form)}, status=422 if form.errors else 200)


def fulfil(clerk: Actor, *, name: str, number: str, wish: str, username: str, phone: str, reason: str, seen: bool) -> str:
    """Does what was wished; the link for a new password where one was made. Raises Invalid, NotFound, Conflict, NotAllowed."""
    if not seen:
        raise Invalid("请先当面核对证件。", fields={"seen": "请先当面核对证件"})
    if wish == "confirm":
        proving.confirm(clerk, username=username, name=name, number=number, phone=phone)
    elif wish == "release":
        proving.release(clerk, name=name, number=number, reason=reason)
    else:
        return settings.PUBLIC_URL + proving.recover(clerk, name=name, number=number, phone=phone)[1]
    return ""


def _show(form: CardForm, problem: YiwangError) -> None:
    for name, words in problem.fields.items():
        form.add_error(name, words)
    if not problem.fields:
        form.add_error(None, f"{problem.message}{problem.hint}")


def _qr(link: str) -> SafeString:
    return mark_safe(segno.make(link).svg_inline(scale=4, border=2))  # made here from our own address
