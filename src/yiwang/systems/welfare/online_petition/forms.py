"""What is asked of petitioners and of officials."""

from typing import Any

from django import forms

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division, Organisation
from yiwang.kit.forms import PlaceField
from yiwang.systems.welfare.online_petition import rules, secrecy, ways
from yiwang.systems.welfare.online_petition.models import Body, Matter, Petition, Reply, Transfer

FILES = 10  # of one petition
LARGEST = 20 * 1024 * 1024  # bytes: what `documents.store` takes


def area(label: str, rows: int, missing: str, length: int = 3000) -> forms.CharField:
    return forms.CharField(label=label, max_length=length, widget=forms.Textarea(attrs={"rows": rows}), error_messages={"required": missing})


def matters() -> list[tuple[str, Any]]:
    """The third level under its first and second, as an option group each."""
    rows = list(Matter.objects.select_related("parent__parent").order_by("code"))
    groups: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        if row.parent and row.parent.parent:
            groups.setdefault(row.parent.parent.name, []).append((row.code, f"{row.parent.name}：{row.name}"))
    return [("", "请选择"), *groups.items()]


def places() -> list[tuple[str, Any]]:
    """The city and its counties with their towns."""
    rows = Division.objects.filter(code__startswith="4408", level__in=(Division.Level.CITY, Division.Level.COUNTY, Division.Level.TOWN), valid_to=None)
    chosen: list[tuple[str, Any]] = [("", "请选择")]
    groups: dict[str, list[tuple[str, str]]] = {}
    names = {}
    for row in rows.order_by("code"):
        if row.level == Division.Level.CITY:
            chosen.append((row.code, f"{row.name}（全市性问题）"))
        elif row.level == Division.Level.COUNTY:
            names[row.code[:6]] = row.name
            groups[row.name] = [(row.code, row.name)]
        else:
            groups[names[row.code[:6]]].append((row.code, f"{names[row.code[:6]]} {row.name}"))
    return [*chosen, *groups.items()]


KINDS = (  # what each kind means, for whoever has never written one; what most people come for stands first
    (Petition.Kind.CLAIM, "自己的利益受到影响，要求解决"),
    (Petition.Kind.ADVICE, "对机关、单位的工作有建议或者批评"),
    (Petition.Kind.ACCUSATION, "检举公职人员或者单位违法违纪"),
)


class ManyFiles(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several files at once, each not empty."""

    widget = ManyFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        """Raises ValidationError beyond `FILES`."""
        found = [super(FilesField, self).clean(one, initial) for one in data or ()]
        if big := [str(one.name) for one in found if one.size > LARGEST]:
            raise forms.ValidationError(f"{'、'.join(big)}超过 20 MB，请压缩后重新选择。")
        if len(found) > FILES:
            raise forms.ValidationError(f"最多 {FILES} 个文件，现在是 {len(found)} 个。")
        return found


class PetitionForm(forms.Form):
    """A petition as its writer fills it in, at home or at the desk."""

    kind = forms.ChoiceField(label="您要提出的是", choices=[(k.value, f"{k.label}：{words}") for k, words in KINDS], widget=forms.RadioSelect, error_messages={"required": "请选择类别。"})
    title = forms.CharField(label="标题", max_length=60, help_text="一句话说明是什么事，例如：小区电梯坏了三个月没有修。", error_messages={"required": "请用一句话写明是什么事。"})
    words = area("事实和理由", 6, "请写明事情的经过和理由。", 5000)
    claims = forms.CharField(label="您的诉求", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}), help_text="希望怎样解决。")
    papers = FilesField(label="材料（选填）", required=False, help_text=f"PDF、图片、Word、Excel 或 OFD，每个不超过 20 MB，最多 {FILES} 个。")
    division = forms.ChoiceField(label="问题发生在哪里", choices=places, error_messages={"required": "请选择问题发生的地方。"})
    point = PlaceField(kind="POINT", label="在地图上点出位置（选填）", required=False, widget=forms.HiddenInput)
    matter = forms.ChoiceField(label="属于哪一类", choices=matters, required=False, help_text="不确定可以不选，工作人员会归类。")
    contact = forms.CharField(label="联系电话", max_length=20, required=False, widget=forms.TextInput({"type": "tel", "autocomplete": "tel"}), help_text="办理时用来向您了解情况。")
    people = forms.IntegerField(label="一共几个人提出", min_value=1, max_value=100_000, initial=1, error_messages={"required": "请填写人数。"})
    members = forms.CharField(label="联名人", required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 2}), help_text="每行一个姓名；代表在姓名前加 *，走访代表不超过 5 人。")
    accused = forms.CharField(label="被反映人姓名", required=False, max_length=60, help_text="姓名和单位至少填写一项。被反映的人和单位看不到您的信。")
    accused_title = forms.CharField(label="被反映人职务", required=False, max_length=60)
    accused_organ = forms.CharField(label="被反映人单位", required=False, max_length=120)
    secret = forms.BooleanField(label="请为我的姓名和联系方式保密", required=False)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == Petition.Kind.ACCUSATION and not (data.get("accused") or data.get("accused_organ")):
            self.add_error("accused", "检举控告请写明被反映的人或者单位。")
        if data.get("kind") == Petition.Kind.CLAIM and not data.get("claims"):
            self.add_error("claims", "请写明希望怎样解决。")
        return data


class DeskForm(PetitionForm):
    """A letter, a visit, a call or a leader's letter box, as the clerk registers it."""

    channel = forms.ChoiceField(label="来源", choices=[(c.value, c.label) for c in Petition.Channel if c.value not in ("online", "above", "office")], widget=forms.RadioSelect, error_messages={"required": "请选择来源。"})
    name = forms.CharField(label="信访人姓名", max_length=60, error_messages={"required": "请填写姓名；没有署名的填写“匿名”。"})
    number = forms.CharField(label="身份证号码", max_length=18, required=False, help_text="没有提供的可以不填。")
    field_order = ("channel", "name", "number", "contact")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, label in (("claims", "诉求"), ("secret", "要求为姓名和联系方式保密")):  # the clerk writes of somebody else
            self.fields[name].label = label
        self.fields["kind"] = forms.ChoiceField(label="提出的是", choices=Petition.Kind.choices, widget=forms.RadioSelect, error_messages={"required": "请选择类别。"})
        self.fields["title"].help_text = self.fields["claims"].help_text = self.fields["contact"].help_text = ""
        self.fields["accused"].help_text = "姓名和单位至少填写一项。被反映的人和单位看不到来信。"


def transfer_form(case: Any, *, down: bool) -> type[forms.Form]:
    """Where this petition may be sent: the offices of its place and above, or the petition offices below; never one that is accused."""
    petition = Petition.objects.select_related("desk__division").get(case=case)
    choices = [(o.pk, o.name) for o in (_below(petition) if down else _around(petition)) if not secrecy.is_shut_out(petition, o.pk)]
    return type("TransferForm", (_TransferForm,), {"organ": forms.TypedChoiceField(label="转给", coerce=int, choices=choices, error_messages={"required": "请选择接收单位。"})})


class _TransferForm(forms.Form):
    kind = forms.ChoiceField(label="类别", choices=Petition.Kind.choices)
    matter = forms.ChoiceField(label="内容", choices=matters, error_messages={"required": "请归类后再转送。"})
    route = forms.ChoiceField(label="途径", choices=[(w.code, f"{w.name}（{w.article}）") for w in rules.WAYS])
    manner = forms.ChoiceField(label="方式", choices=[(Transfer.Manner.FORWARD, "转送"), (Transfer.Manner.ASSIGN, "交办（需要上报结果）")], widget=forms.RadioSelect, initial=Transfer.Manner.FORWARD)
    words = forms.CharField(label="办理要求", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("kind", "matter", "route", "organ", "manner", "words")


def _around(petition: Petition) -> "list[Organisation]":
    """Offices of the place and of the desk it was sent down to, up to the city, without petition offices; the one that usually handles the matter first."""
    places = {*parties.divisions_above(petition.division_id), *parties.divisions_above(petition.desk.division_id)}
    found = Organisation.objects.filter(division__in=places).exclude(function__in=("petition", "admin_service_centre")).order_by("-division", "name")
    usual = petition.matter.function if petition.matter else ""
    return sorted(found, key=lambda o: o.function != usual)


def _below(petition: Petition) -> "list[Organisation]":
    """The petition offices one level down: of the counties, or a county's town governments."""
    level = petition.desk.division.level
    function = "petition" if level == Division.Level.CITY else "town_government"
    return list(Organisation.objects.filter(function=function, division__parent=petition.desk.division_id).order_by("division"))


class DeclineForm(forms.Form):
    """Not accepted: on which ground, and where the person may go instead."""

    route = forms.ChoiceField(label="理由和途径", choices=[
        *((w.code, f"{w.name}：{w.words}") for w in rules.WAYS if w.code != "petition"), ("ended", "已经复核终结，同一事实和理由（第三十六条）"), ("other", "其他"),
    ], widget=forms.RadioSelect, error_messages={"required": "请选择理由。"})  # fmt: skip
    reason = area("告知信访人的理由", 3, "请写明理由。", 1000)
    way = forms.CharField(label="可以到哪里提出", max_length=300, required=False)
    handed_to = forms.CharField(label="已移交的办件编号", max_length=80, required=False, help_text="已经作为另一系统的办件登记的，填写编号，信访人可以凭编号查询。")


def decline_form(case: Any) -> type[forms.Form]:
    """Not accepted here, with where to go: the bodies of the petition's place, the items of the office that usually decides."""
    petition = Petition.objects.select_related("matter").get(case=case)
    bodies = [(b.pk, f"{b.get_route_display()}：{b.name}（{b.matter}）") for b in ways.bodies_for(petition.division_id)]
    known = [(item.key, item.name) for item in ways.items_for(petition)]
    fields = {
        "body": forms.ChoiceField(label="受理机关", choices=[("", "不指明"), *bodies], required=False, help_text="名称、地址和怎样去会写进告知书。"),
        "item": forms.ChoiceField(label="服务事项", choices=[("", "请选择"), *known], required=False, help_text="属于行政程序的，信访人可以从告知书和网页直接去申请。"),
    }
    return type("DeclineForm", (_PlacedDeclineForm,), fields)


class _PlacedDeclineForm(DeclineForm):
    """Where a legal way is open, the person is told whose door it is."""

    item_name = forms.CharField(label="其他服务事项（名称或者编码）", max_length=200, required=False)
    field_order = ("route", "reason", "body", "item", "item_name", "way", "handed_to")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["route"].choices = [c for c in self.fields["route"].choices if c[0] != Petition.Route.DUTY]  # type: ignore[attr-defined]  # the inspection is a step of its own

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if name := str(data.get("item_name") or "").strip():
            found = ways.item_named(name)
            data["item"] = found.key if found else ""
            if found is None:
                self.add_error("item_name", "没有找到这个服务事项，请填写完整名称或者编码。")
        body = Body.objects.filter(pk=data.get("body") or "").first()
        if body and body.route != data.get("route"):
            self.add_error("body", f"{body.name}受理的是“{body.get_route_display()}”途径。")
        if data.get("route") in ("lawsuit", "arbitration", "party") and not body and not data.get("way"):
            self.add_error("body", "请选择受理机关，或者写明可以到哪里提出。")
        if data.get("route") == Petition.Route.PROCEDURE and not data.get("item") and not body and not data.get("way") and "item_name" not in self.errors:
            self.add_error("item", "请选择服务事项或者复议机关，或者写明可以到哪里提出。")
        return data


def inspect_form(case: Any) -> type[forms.Form]:
    """移交履职查处: what is to be looked into, where. Who wrote it is not in it."""
    petition = Petition.objects.get(case=case)
    return type("InspectForm", (_InspectForm,), {"point": PlaceField(kind="POINT", label="问题的位置", required=False, widget=forms.HiddenInput, initial=petition.point, help_text="点一下地图；承办单位按这个位置去查。")})


class _InspectForm(forms.Form):
    matter = forms.ChoiceField(label="内容", choices=matters, error_messages={"required": "请归类后再移交。"})
    summary = forms.CharField(
        label="要查处的问题", max_length=300, widget=forms.Textarea(attrs={"rows": 4}), help_text="写时间、地点和行为；不写信访人的姓名、电话。", error_messages={"required": "请写明要查处的问题。"}
    )
    point: forms.Field
    opinion = forms.CharField(label="告知信访人的话", max_length=300, required=False, widget=forms.Textarea(attrs={"rows": 2}))
    field_order = ("matter", "summary", "point", "opinion")

    def clean(self) -> dict[str, Any]:
        """The place as the event keeps it: longitude and latitude."""
        data = super().clean() or {}
        point = data.get("point")
        return {**data, "point": [point.x, point.y] if point else None}


class JoinForm(forms.Form):
    """Into which open petition this one is merged: several people, one matter."""

    number = forms.CharField(label="并入的信访件编号", max_length=60, error_messages={"required": "请填写主件的编号。"})


class AcceptForm(forms.Form):
    opinion = forms.CharField(label="告知信访人的话", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class ReplyForm(forms.Form):
    """意见书 (第三十二条)."""

    claims = area("一、信访人的诉求", 2, "请写明诉求。", 1000)
    found = area("二、查明的事实", 4, "请写明查明的事实。")
    result = forms.ChoiceField(label="三、结论", choices=Reply.Result.choices, widget=forms.RadioSelect, error_messages={"required": "请选择支持、解释说明或者不支持。"})
    answer = area("意见", 4, "请写明处理意见。")
    basis = area("四、依据", 2, "请写明法律、法规、规章和政策依据。", 1000)


class WordsForm(forms.Form):
    opinion = area("内容", 3, "请写明内容。", 1000)


class SignForm(forms.Form):
    opinion = forms.CharField(label="签发意见", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}))


class HearingForm(forms.Form):
    planned_on = forms.DateField(label="听证日期", widget=forms.DateInput(attrs={"type": "date"}), error_messages={"required": "请选择日期。"})


class HearingRecordForm(forms.Form):
    held_on = forms.DateField(label="举行日期", widget=forms.DateInput(attrs={"type": "date"}), error_messages={"required": "请填写日期。"})
    record = area("听证情况", 4, "请写明听证情况。")
