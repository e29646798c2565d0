"""系统对接: how the wires to the province and the departments stand, what waits and why, every message by petition; the administrator's forms."""

from dataclasses import dataclass

from django import forms
from django.contrib import messages as flash
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.parties.models import Organisation
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.systems.welfare.online_petition import peers, wire
from yiwang.systems.welfare.online_petition.models import Exchange, Peer

SIZE = 100


class PeerForm(forms.Form):
    """Another petition system, as the administrator registers it."""

    code = forms.RegexField(
        r"^[a-z][a-z0-9_]{2,19}$", label="标识", help_text="小写字母、数字和下划线，3 至 20 个字符；写在地址里，登记后不变。",
        error_messages={"required": "请填写标识。", "invalid": "标识只能用小写字母、数字和下划线，以字母开头。"},
    )  # fmt: skip
    name = forms.CharField(label="系统名称", max_length=60, error_messages={"required": "请填写系统名称。"})
    organ = forms.CharField(label="所属单位标识", max_length=80, required=False, help_text="例如 education@440800；省级系统不填。")
    url = forms.CharField(label="地址", max_length=200, error_messages={"required": "请填写对方系统的地址。"})
    account = forms.CharField(label="我方账号", max_length=60, error_messages={"required": "请填写对方给我方的账号。"})
    public_key = forms.CharField(label="对方公钥", widget=forms.Textarea({"rows": 4, "spellcheck": "false"}), help_text="PEM 格式，Ed25519。", error_messages={"required": "请粘贴对方的公钥。"})

    def clean_organ(self) -> int | None:
        key = str(self.cleaned_data["organ"]).strip()
        found = Organisation.objects.filter(key=key).first() if key else None
        if key and found is None:
            raise forms.ValidationError("没有这个单位标识。")
        return found.pk if found else None


@dataclass(frozen=True)
class PeersPage:
    lines: list[peers.Line]
    waiting: QuerySet[Exchange]
    form: PeerForm | None  #: the administrator's


@dataclass(frozen=True)
class PeerPage:
    line: peers.Line
    rows: list[Exchange]
    after: str
    form: PeerForm | None
    key: str  #: ours, for the other side


def listed(request: HttpRequest) -> HttpResponse:
    """The systems with their lamps; what waits. The administrator registers a new one."""
    actor = actor_of(request)
    form = PeerForm(request.POST or None) if actor.holds("system-admin") else None
    if request.method == "POST" and form and form.is_valid() and (made := _keep(request, form, str(form.cleaned_data["code"]))):
        return redirect("online_petition:peer", peer=made.pk)
    waiting = restrict(actor, Exchange.objects.filter(**wire.WAITING).select_related("peer", "petition__case")).order_by("pk")[:SIZE]
    return render(request, "online_petition/peers.html", {"page": PeersPage(peers.lines(actor), waiting, form)}, status=422 if form and form.errors else 200)


def one(request: HttpRequest, peer: str) -> HttpResponse:
    """One system with every message to and from it that one may see, the newest first; the administrator changes it."""
    actor = actor_of(request)
    line = next((row for row in peers.lines(actor) if row.peer.pk == peer), None)
    if line is None:
        raise NotFound("没有这个对接系统。")
    form = _form(request, line.peer) if actor.holds("system-admin") else None
    if request.method == "POST" and form and form.is_valid() and _keep(request, form, peer):
        return redirect("online_petition:peer", peer=peer)
    rows = restrict(actor, line.peer.exchanges.select_related("petition__case")).order_by("-pk")
    if (after := request.GET.get("after", "")).isdecimal():
        rows = rows.filter(pk__lt=int(after))
    found = list(rows[: SIZE + 1])
    page = PeerPage(line, found[:SIZE], str(found[SIZE - 1].pk) if len(found) > SIZE else "", form, peers.our_key(line.peer) if form else "")
    return render(request, "online_petition/peer.html", {"page": page}, status=422 if form and form.errors else 200)


@require_POST
def switch(request: HttpRequest, peer: str) -> HttpResponse:
    """Pauses, lets go on, or changes our key."""
    actor, asked = actor_of(request), request.POST.get("act", "")
    if asked == "key":
        peers.change_key(actor, peer)
        flash.success(request, "已更换我方密钥，请把新的公钥交给对方登记。")
    else:
        changed = peers.switch(actor, peer, active=asked == "resume")
        flash.success(request, "已恢复对接，等待的往来将自动发送。" if changed.active else "已暂停对接。等待的往来保留，恢复后发送。")
    return redirect("online_petition:peer", peer=peer)


@require_POST
def send_again(request: HttpRequest, exchange: int) -> HttpResponse:
    row = peers.send_again(actor_of(request), exchange)
    if row.done_at:
        flash.success(request, "已送达。")
    else:
        flash.error(request, f"没有送达：{row.problem or '等待前一条往来'}。会继续自动重试。")
    return redirect("online_petition:peer", peer=row.peer_id)


def _form(request: HttpRequest, peer: Peer) -> PeerForm:
    known = {"code": peer.pk, "name": peer.name, "organ": peer.organ.key if peer.organ else "", "url": peer.url, "account": peer.account, "public_key": peer.public_key}
    form = PeerForm({**request.POST.dict(), "code": peer.pk} if request.method == "POST" else None, initial=known)
    form.fields["code"].disabled = True
    return form


def _keep(request: HttpRequest, form: PeerForm, code: str) -> Peer | None:
    """The system as it then is, or None with what is wrong in the form."""
    asked = {name: form.cleaned_data[name] for name in ("name", "organ", "url", "account", "public_key")}
    try:
        made = peers.keep(actor_of(request), code, **asked)
    except Invalid as problem:
        for name, words in problem.fields.items():
            form.add_error(name, words)
        return None
    flash.success(request, f"已保存：{made.name}（{timezone.localtime():%H:%M}）。")
    return made
