"""对接系统: the system administrator registers who may call the interface, for what, how often; renews secrets; closes; lets systems be told of changes."""

from dataclasses import dataclass
from datetime import timedelta

from django import forms
from django.contrib import messages as flash
from django.db.models import Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict
from yiwang.engines.parties.models import Organisation
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import Hook
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.kit.registry import registry
from yiwang.platforms.identity import clients as registered
from yiwang.platforms.identity.assurance import second_factor
from yiwang.platforms.identity.forms import DelegationForm
from yiwang.platforms.identity.models import Client


class ClientForm(forms.Form):
    """A system that may call."""

    name = forms.CharField(label="系统名称", max_length=80, error_messages={"required": "请填写系统名称。"})
    code = forms.RegexField(
        r"^[a-z][a-z0-9-]{2,39}$", label="标识", max_length=40, help_text="小写字母、数字和连字符，至少 3 个字符。",
        error_messages={"required": "请填写标识。", "invalid": "标识只能用小写字母、数字和连字符，以字母开头。"},
    )  # fmt: skip
    organ = forms.CharField(
        label="所属机构标识", max_length=80, help_text="例如 market_regulation@440800。", error_messages={"required": "请填写机构标识。"}
    )
    scope = forms.CharField(
        label="授权范围", widget=forms.Textarea({"rows": 3}), error_messages={"required": "请填写授权范围。"},
        help_text="每行一项：事项标识（* 表示全部事项），或“register:登记簿标识”（可读取），或“register:登记簿标识:write”（可读写）。",
    )
    rate = forms.IntegerField(label="每分钟调用上限", min_value=1, max_value=100_000, initial=registered.RATE)

    def clean_organ(self) -> int:
        found = Organisation.objects.filter(key=str(self.cleaned_data["organ"]).strip()).first()
        if found is None:
            raise forms.ValidationError("没有这个机构标识。")
        return found.pk

    def clean_scope(self) -> list[str]:
        keys = list(dict.fromkeys(str(self.cleaned_data["scope"]).split()))
        shares = {f"register:{r.code}" for r in registry().registers.values()}
        known = set(DelegationForm.items().filter(key__in=keys).values_list("key", flat=True)) | {"*"} | shares | {f"{share}:write" for share in shares}
        if wrong := [key for key in keys if key not in known]:
            raise forms.ValidationError(f"没有这些事项或登记簿：{'、'.join(wrong[:5])}。")
        return keys


@dataclass(frozen=True)
class Told:
    """A system that asked to be told of a register's changes."""

    hook: Hook
    register: str

    @property
    def lamp(self) -> tuple[str, str]:
        """Colour and words."""
        if not self.hook.approved_by:
            return "warn", "等待批准"
        if self.hook.failures >= registers.GIVE_UP:
            return "bad", f"连续失败 {self.hook.failures} 次，已停止"
        return ("warn", f"失败 {self.hook.failures} 次，还会再试") if self.hook.failures else ("good", "正在通知")


@dataclass(frozen=True)
class ClientsPage:
    rows: QuerySet[Client]
    form: ClientForm
    hooks: list[Told]
    fresh: Client | None = None
    secret: str = ""  #: shown once


@second_factor
def clients(request: HttpRequest) -> HttpResponse:
    """The list, and the form for one more."""
    form = ClientForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made, secret = registered.make_client(actor_of(request), **form.cleaned_data)
        except Conflict as problem:
            form.add_error("code", problem.fields["code"])
        else:
            return _page(request, ClientForm(), made, secret)
    return _page(request, form)


@require_POST
@second_factor
def renew(request: HttpRequest, client: int) -> HttpResponse:
    made, secret = registered.renew_secret(actor_of(request), client)
    return _page(request, ClientForm(), made, secret)


@require_POST
@second_factor
def close(request: HttpRequest, client: int) -> HttpResponse:
    closed = registered.close_client(actor_of(request), client)
    flash.success(request, f"“{closed.name}”已经停用，它的令牌立即失效。")
    return redirect("identity:clients")


@require_POST
@second_factor
def approve_hook(request: HttpRequest, hook: int) -> HttpResponse:
    """Lets it be told, or told again after it failed too often."""
    let = registers.approve_hook(actor_of(request), hook)
    flash.success(request, f"已批准向“{let.client}”发送变更通知。")
    return redirect("identity:clients")


@require_POST
@second_factor
def end_hook(request: HttpRequest, hook: int) -> HttpResponse:
    registers.end_hook(actor_of(request), hook)
    flash.success(request, "变更通知已经结束。")
    return redirect("identity:clients")


def _page(request: HttpRequest, form: ClientForm, fresh: Client | None = None, secret: str = "") -> HttpResponse:
    day = Sum("usage__calls", filter=Q(usage__minute__gt=timezone.now() - timedelta(days=1)), default=0)
    rows = restrict(actor_of(request), Client.objects.select_related("organ")).annotate(day=day).order_by("-active", "name")
    names = {r.code: r.name for r in registry().registers.values()}
    hooks = [Told(hook, names.get(hook.register, hook.register)) for hook in restrict(actor_of(request), Hook.objects.order_by("approved_by", "client", "pk"))]
    return render(request, "identity/clients.html", {"page": ClientsPage(rows, form, hooks, fresh, secret)}, status=422 if form.errors else 200)
