"""A petition and what hangs on it. Who may see its cases may see it (`procedures.Case`); from whom a case is withheld, everything here is withheld too."""

import uuid

from django.contrib.gis.db.models import PointField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from yiwang.engines.procedures import api as procedures
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Matter(models.Model):
    """One node of the tree of matters (信访内容分类), at most three levels deep; the words help to find it and name the office that usually handles it."""

    personal = ()
    code = models.CharField("代码", max_length=6, primary_key=True)  # two digits a level
    name = models.CharField("名称", max_length=40)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children", verbose_name="上级")
    words = models.CharField("常用词", max_length=300, blank=True)
    function = models.CharField("一般由谁承办", max_length=60, blank=True)  # parties.Organisation.function
    source = models.CharField("来源", max_length=120, blank=True)

    class Meta:
        verbose_name = "信访内容"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Petition(Record):
    """What a person brought forward, as they put it. Its three instances are cases of their own; the words are never changed afterwards."""

    class Channel(models.TextChoices):
        ONLINE = "online", "网上"
        LETTER = "letter", "来信"
        FAX = "fax", "传真"
        VISIT = "visit", "来访"
        PHONE = "phone", "电话"
        LEADER = "leader", "领导信箱"
        ABOVE = "above", "上级转送"
        OFFICE = "office", "部门系统"

    class Kind(models.TextChoices):  # 信访工作条例第二十九条至第三十一条
        ADVICE = "advice", "建议意见"
        ACCUSATION = "accusation", "检举控告"
        CLAIM = "claim", "申诉求决"

    class Route(models.TextChoices):  # 第三十一条第一至六项
        LAWSUIT = "lawsuit", "诉讼"
        ARBITRATION = "arbitration", "仲裁"
        PARTY = "party", "党纪申诉"
        PROCEDURE = "procedure", "行政程序"
        DUTY = "duty", "履职查处"
        PETITION = "petition", "信访程序"

    personal = ("petitioner", "title", "words", "claims", "contact", "point")
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="信访件")
    petitioner = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="信访人")
    desk = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="登记机构")
    channel = models.CharField("来源", max_length=8, choices=Channel.choices)
    kind = models.CharField("类别", max_length=12, choices=Kind.choices)
    route = models.CharField("途径", max_length=12, choices=Route.choices, blank=True)
    matter = models.ForeignKey(Matter, models.PROTECT, null=True, related_name="+", verbose_name="内容")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="问题属地")
    point = PointField("地点", srid=4490, null=True)
    title = models.CharField("标题", max_length=60)
    words = models.TextField("事实和理由", max_length=5000)
    claims = models.TextField("诉求", max_length=1000, blank=True)
    contact = models.CharField("联系电话", max_length=20, blank=True)
    people = models.PositiveIntegerField("人数", default=1)
    anonymous = models.BooleanField("匿名", default=False)
    secret = models.BooleanField("要求保密", default=False)
    previous = models.ForeignKey("self", models.PROTECT, null=True, related_name="repeats", verbose_name="初次信访")
    joined_to = models.ForeignKey("self", models.PROTECT, null=True, related_name="joined", verbose_name="并入")
    outside = models.CharField("对方编号", max_length=80, blank=True)  # its number in the system it came from; a department's begins with the peer's code
    handed_to = models.CharField("移交的办件", max_length=80, blank=True)  # case number in the system of the route
    incident = models.ForeignKey("incidents.Incident", models.PROTECT, null=True, related_name="+", verbose_name="履职查处")  # that it opened or joined
    item_key = models.CharField("服务事项", max_length=80, blank=True)  # items.Item.key: where an application is the way
    body = models.ForeignKey("Body", models.PROTECT, null=True, related_name="+", verbose_name="受理机关")  # that the notice names
    registered_at = models.DateTimeField("登记时间", default=timezone.now)

    class Meta:
        verbose_name = "信访件"
        constraints = [models.UniqueConstraint("outside", name="petition_outside_once", condition=~Q(outside=""))]
        indexes = [
            models.Index(fields=["division", "matter", "registered_at"], name="petition_cluster"),
            models.Index(fields=["petitioner", "matter"], name="petition_again"),
        ]

    def __str__(self) -> str:
        return f"信访件 {self.case_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Whoever may see one of its instances."""
        return Q(Exists(Instance.objects.filter(petition=OuterRef("pk"), case__in=procedures.cases_of(actor))))

    @property
    def is_accusation(self) -> bool:
        return self.kind == self.Kind.ACCUSATION


def of_petition(actor: Actor) -> Q:
    """What hangs on a petition, to whom the petition is visible."""
    return Q(petition__in=Petition.objects.filter(Petition.visible_to(actor)))


class Draft(Record):
    """A petition being written, saved as typed. Its key becomes the case's: sending twice makes one."""

    personal = ("author", "answers")
    author = models.OneToOneField("parties.Party", models.PROTECT, related_name="+", verbose_name="填写人")
    key = models.UUIDField("提交标识", default=uuid.uuid4)
    answers = models.JSONField("填写内容", default=dict)
    saved_at = models.DateTimeField("保存时间", auto_now=True)

    class Meta:
        verbose_name = "信访草稿"

    def __str__(self) -> str:
        return f"草稿 {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(author=actor.party) if actor.party else NOTHING


class Member(Record):
    """One of those who bring a petition together; a visit has at most five representatives (第二十条)."""

    personal = ("name", "phone")
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="members", verbose_name="信访件")
    name = models.CharField("姓名", max_length=60)
    phone = models.CharField("电话", max_length=20, blank=True)
    represents = models.BooleanField("代表", default=False)

    class Meta:
        verbose_name = "联名人"
        constraints = [models.UniqueConstraint("petition", "name", name="member_once")]

    def __str__(self) -> str:
        return f"联名人 {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return of_petition(actor)


class Accused(Record):
    """Whom an accusation names. What the petitioner wrote stands; party and organ are whom the office took it to mean, all of whom learn nothing of it."""

    personal = ("name", "party")
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="accused", verbose_name="信访件")
    name = models.CharField("被反映人", max_length=60, blank=True)
    title = models.CharField("职务", max_length=60, blank=True)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="所在单位")
    party = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="认定为")

    class Meta:
        verbose_name = "被反映人"

    def __str__(self) -> str:
        return f"被反映人 {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Officials who handle it; never through one's own name."""
        return of_petition(actor)


class Instance(Record):
    """办理, 复查 or 复核 of a petition: one case each, each after the one before. Holds the petitioner's rating of it."""

    class Level(models.IntegerChoices):
        HANDLING = 1, "办理"
        REVIEW = 2, "复查"
        REREVIEW = 3, "复核"

    class Grade(models.IntegerChoices):
        GOOD = 3, "满意"
        FAIR = 2, "基本满意"
        BAD = 1, "不满意"

    personal = ("grounds", "rating")
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="instances", verbose_name="信访件")
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    level = models.PositiveSmallIntegerField("层级", choices=Level.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="问题属地")
    grounds = models.TextField("不服的理由", max_length=2000, blank=True)
    opened_at = models.DateTimeField("提出时间", default=timezone.now)
    answered_at = models.DateTimeField("答复时间", null=True)
    accepted_late = models.BooleanField("逾期告知", default=False)
    answered_late = models.BooleanField("逾期答复", default=False)
    taken_on = models.BooleanField("已请求上一级", default=False)  # the petitioner did not leave it at this answer
    grade = models.PositiveSmallIntegerField("评价", choices=Grade.choices, null=True)
    rating = models.CharField("评价意见", max_length=300, blank=True)
    rated_at = models.DateTimeField("评价时间", null=True)

    class Meta:
        verbose_name = "信访层级"
        constraints = [models.UniqueConstraint("petition", "level", name="instance_once")]
        indexes = [models.Index(fields=["division", "answered_at"], name="instance_answered")]

    def __str__(self) -> str:
        return self.get_level_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=procedures.cases_of(actor))


class Transfer(Record):
    """One sending of a petition: down to a lower petition office or an organ, or back; 转送 asks for an answer to the petitioner, 交办 for a report as well."""

    class Manner(models.TextChoices):
        FORWARD = "forward", "转送"
        ASSIGN = "assign", "交办"
        RETURN = "return", "退回"
        REPORT = "report", "上报"

    personal = ()
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="transfers", verbose_name="信访件")
    manner = models.CharField("方式", max_length=8, choices=Manner.choices)
    sender = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="发出")
    receiver = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="接收")  # null: the province
    words = models.CharField("要求", max_length=500, blank=True)
    sent_at = models.DateTimeField("时间", default=timezone.now)
    due_at = models.DateTimeField("要求上报时间", null=True)
    closed_at = models.DateTimeField("完成时间", null=True)

    class Meta:
        verbose_name = "转送"
        indexes = [models.Index(F("petition"), F("sent_at"), name="transfer_of_petition")]

    def __str__(self) -> str:
        return self.get_manner_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return of_petition(actor) if actor.seats else NOTHING


class Reply(Record):
    """意见书 of an instance: claims, facts, opinion, basis (第三十二条). Drafted, then signed; the sealed letter is made from it."""

    class Result(models.TextChoices):
        SUPPORT = "support", "支持"
        EXPLAIN = "explain", "解释说明"
        REFUSE = "refuse", "不支持"

    personal = ("claims", "found", "answer")
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    claims = models.TextField("诉求", max_length=1000)
    found = models.TextField("查明的事实", max_length=3000)
    answer = models.TextField("意见", max_length=3000)
    basis = models.TextField("依据", max_length=1000)
    result = models.CharField("结论", max_length=8, choices=Result.choices)
    drafted_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="拟稿人")
    signed_at = models.DateTimeField("签发时间", null=True)

    class Meta:
        verbose_name = "意见书"

    def __str__(self) -> str:
        return self.get_result_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """To the petitioner once it is signed."""
        seen = Q(case__in=procedures.cases_of(actor))
        return seen if actor.seats else seen & Q(signed_at__isnull=False)


class Hearing(Record):
    """A hearing (听证) held in an instance; in re-review its days are not counted (第三十六条)."""

    personal = ("record",)
    case = models.ForeignKey("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    planned_on = models.DateField("计划日期")
    held_on = models.DateField("举行日期", null=True)
    record = models.TextField("听证情况", max_length=3000, blank=True)

    class Meta:
        verbose_name = "听证"
        constraints = [models.UniqueConstraint("case", name="hearing_open_once", condition=Q(held_on=None))]

    def __str__(self) -> str:
        return f"听证 {self.planned_on}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=procedures.cases_of(actor))


class Supervision(Record):
    """督查 or 督办 of an organ by the petition office, by letter (第四十六条), and what the organ answered."""

    class Kind(models.TextChoices):
        INSPECT = "inspect", "督查"
        PRESS = "press", "督办"

    personal = ()
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="supervisions", verbose_name="信访件")
    case = models.ForeignKey("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    kind = models.CharField("方式", max_length=8, choices=Kind.choices)
    sender = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="发出")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="被督办单位")
    reason = models.CharField("事由", max_length=300)
    asked_at = models.DateTimeField("时间", default=timezone.now)
    due_at = models.DateTimeField("反馈期限")
    document = models.ForeignKey("documents.Document", models.PROTECT, null=True, related_name="+", verbose_name="督办函")
    answer = models.CharField("反馈", max_length=1000, blank=True)
    answered_at = models.DateTimeField("反馈时间", null=True)

    class Meta:
        verbose_name = "督办"
        constraints = [models.UniqueConstraint("case", "organ", name="supervision_open_once", condition=Q(answered_at=None))]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.petition_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=procedures.cases_of(actor)) if actor.seats else NOTHING


class Warning(Record):
    """More petitions of one matter in one place in one week than the weeks before let expect. Counts only; the petitions are reached one by one."""

    personal = ()
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="地方")
    matter = models.ForeignKey(Matter, models.PROTECT, related_name="+", verbose_name="内容")
    week = models.DateField("周（星期一）")
    count = models.PositiveIntegerField("本周件数")
    median = models.FloatField("前几周中位数")
    mad = models.FloatField("绝对中位差")
    z = models.FloatField("偏离")
    found_at = models.DateTimeField("发现时间", default=timezone.now)
    note = models.CharField("处置", max_length=300, blank=True)
    closed_at = models.DateTimeField("处置时间", null=True)

    class Meta:
        verbose_name = "苗头预警"
        constraints = [models.UniqueConstraint("division", "matter", "week", name="warning_once")]
        indexes = [models.Index(fields=["found_at", "id"], name="warning_by_time")]

    def __str__(self) -> str:
        return f"{self.division} {self.matter} {self.week}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Petition offices, of their own place and below."""
        seen = NOTHING
        for seat in actor.seats:
            if seat.roles & {"petition-clerk", "petition-leader"}:
                seen |= Q(division__gte=seat.division.ljust(12, "0"), division__lt=str(int(seat.division) + 1).ljust(12, "0"))
        return seen


from yiwang.systems.welfare.online_petition.models_materials import Material  # noqa: E402 - as below
from yiwang.systems.welfare.online_petition.models_ways import Body  # noqa: E402 - as below
from yiwang.systems.welfare.online_petition.models_wire import Exchange, Peer  # noqa: E402 - Django finds an app's tables in `models`; these build on Petition

__all__ = ["Accused", "Body", "Draft", "Exchange", "Hearing", "Instance", "Material", "Matter", "Member", "Peer", "Petition", "Reply", "Supervision", "Transfer", "Warning"]
