"""审计记录: the audit administrator searches what was done, has the chain checked, takes a proof away. Each search is itself on the record."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode

from django import forms
from django.contrib import messages as flash
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import NotFound
from yiwang.engines.audit import api
from yiwang.engines.audit.checking import ask_check
from yiwang.engines.audit.models import Batch, ChainCheck, Entry, Leaf
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of

SIZE = 50
AREAS = (  # the beginning of an action's code, and what people call it
    ("case", "办件"), ("application", "申请"), ("sign-in", "登录"), ("account", "账号"), ("denied", "被拒绝的操作"), ("delegation", "委托"), ("act-for", "代办"),
    ("post", "任职"), ("party", "主体登记"), ("item", "服务事项"), ("calendar", "工作日历"), ("policy", "时限与标准"), ("register", "登记更正"), ("licence", "证照"),
    ("document", "文书"), ("seal", "印章"), ("bill", "缴款单"), ("payment", "支付"), ("client", "对接系统"), ("audit", "审计"),
)  # fmt: skip
DATE = forms.DateInput({"type": "date"})


class SearchForm(forms.Form):
    """Nothing filled in: the newest."""

    since = forms.DateField(label="从", required=False, widget=DATE)
    until = forms.DateField(label="到", required=False, widget=DATE)
    action = forms.ChoiceField(label="动作", required=False, choices=(("", "全部"), *AREAS))
    actor = forms.CharField(label="操作人", required=False, max_length=60)
    case = forms.CharField(label="办件编号", required=False, max_length=60)


@dataclass(frozen=True)
class AuditPage:
    form: SearchForm
    rows: list[tuple[Entry, str, bool]]  # entry, what its action is called, whether it is sealed and can be proven
    older: str  #: query of the next page, "" on the last
    searched: bool
    head: Batch | None
    check: ChainCheck | None


def audit(request: HttpRequest) -> HttpResponse:
    """Newest first, 50 at a time, on by key."""
    actor = actor_of(request)
    form = SearchForm(request.GET or None)
    found = _found(form, restrict(actor, Entry.objects.all()))
    before = request.GET.get("before", "")
    if "_" in before:
        found = _before(found, before)
    rows = list(found.order_by("-at", "-id")[: SIZE + 1])
    _remember(actor, form)
    last = rows[SIZE - 1] if len(rows) > SIZE else None
    sealed = set(Leaf.objects.filter(row__in=[row.pk for row in rows]).values_list("row", flat=True))
    kept = {k: v for k, v in request.GET.items() if k != "before"}
    older = urlencode({**kept, "before": f"{last.at.timestamp():.6f}_{last.pk}"}) if last else ""
    page = AuditPage(
        form, [(row, area_of(row.action), row.pk in sealed) for row in rows[:SIZE]], older, bool(kept),
        restrict(actor, Batch.objects.order_by("-sequence")).first(), restrict(actor, ChainCheck.objects.order_by("-asked_at")).first(),
    )  # fmt: skip
    return render(request, "audit/audit.html", {"page": page})


@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """核对全部记录."""
    ask_check(actor_of(request))
    flash.success(request, "正在核对全部已封存的记录，完成后结果显示在下面。")
    return redirect("audit:audit")


def proof(request: HttpRequest, row: int) -> HttpResponse:
    """The proof of one record as a file that docs/examples/check_audit_proof.py checks."""
    if not restrict(actor_of(request), Entry.objects.filter(pk=row)).exists():
        raise NotFound("没有这条记录。")
    content = json.dumps(api.prove(row).as_dict(), ensure_ascii=False, indent=1)
    return HttpResponse(content, content_type="application/json", headers={"Content-Disposition": f'attachment; filename="proof-{row}.json"'})


def area_of(action: str) -> str:
    """办件 for case.accept; the code itself where it has no name."""
    head = action.partition(".")[0]
    return dict(AREAS).get(head, head)


def _found(form: SearchForm, rows: "QuerySet[Entry]") -> "QuerySet[Entry]":
    if not form.is_bound or not form.is_valid():
        return rows
    data = form.cleaned_data
    if data["since"]:
        rows = rows.filter(at__gte=_midnight(data["since"]))
    if data["until"]:
        rows = rows.filter(at__lt=_midnight(data["until"]) + timedelta(days=1))
    if data["action"]:
        rows = rows.filter(action__startswith=data["action"])
    if data["actor"]:
        rows = rows.filter(actor=data["actor"].strip())
    if data["case"]:  # cases are another engine's: their numbers end the summaries of their own entries
        rows = rows.filter(case__in=Entry.objects.filter(case__isnull=False, summary__endswith=data["case"].strip()).values("case"))
    return rows


def _before(rows: "QuerySet[Entry]", key: str) -> "QuerySet[Entry]":
    at, _, row = key.partition("_")
    try:
        moment = datetime.fromtimestamp(float(at), tz=timezone.get_current_timezone())
        return rows.filter(Q(at__lt=moment) | Q(at=moment, pk__lt=int(row)))
    except (ValueError, OverflowError):
        return rows


def _remember(actor: Actor, form: SearchForm) -> None:
    """The record holds personal data: whoever searches it leaves a trace."""
    if form.is_bound and form.is_valid():
        asked = {form.fields[name].label: str(value) for name, value in form.cleaned_data.items() if value}
        api.record(actor, "audit.search", summary="查询审计记录：" + ("，".join(f"{k} {v}" for k, v in asked.items()) or "全部"))


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))
