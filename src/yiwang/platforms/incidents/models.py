"""Reports, the incidents they are about, who answers for which kind where, and the check by somebody who did not handle it."""

from typing import ClassVar

from django.contrib.gis.db.models import PointField
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division, Organisation
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record
from yiwang.kit.registry import registry

SRID = 4490


class Category(Record):
    """A kind of incident; a system brings its own. `family`: kinds of one family may be the same matter seen twice."""

    personal = ()
    few = True
    code = models.CharField("类别编码", max_length=40, unique=True)
    name = models.CharField("类别", max_length=60)
    family = models.CharField("大类", max_length=40)

    class Meta:
        verbose_name = "事件类别"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class RuleManager(models.Manager["RoutingRule"]):
    """Each rule with the name of the city's office for its function."""

    def get_queryset(self) -> "models.QuerySet[RoutingRule]":
        offices = Organisation.objects.filter(function=OuterRef("function"), division__level=Division.Level.CITY)
        return super().get_queryset().annotate(office=Subquery(offices.values("short")[:1]))


class RoutingRule(Kept):
    """Which office answers for a kind in a place, and in how many days, from a day on. The nearest enclosing division's holds."""

    personal = ()
    category = models.ForeignKey(Category, models.PROTECT, related_name="rules", verbose_name="类别")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    function = models.CharField("主办职能", max_length=60)  # parties.Organisation.function
    days = models.PositiveSmallIntegerField("整改期限（自然日）")
    since = models.DateField("起")
    until = models.DateField("止", null=True, blank=True)
    source = models.CharField("依据", max_length=200)
    mark = models.CharField("核实", max_length=1, choices=[("V", "已核对"), ("K", "待核对")], default="K")

    objects = RuleManager()

    class Meta(Kept.Meta):
        verbose_name = "分派规则"
        constraints = [
            models.CheckConstraint(condition=Q(days__gt=0), name="routing_days_positive", violation_error_message="期限应当大于 0 天。"),
            models.UniqueConstraint("category", "division", "since", name="routing_once", violation_error_message="这一类别在这个区划从同一天起已有规则。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["category", "id"], name="routing_by_category")]

    def __str__(self) -> str:
        return f"{self.category} → {self.get_function_display()}"

    def get_function_display(self) -> str:
        """The function by the office that has it in the city."""
        known = self.office if hasattr(self, "office") else parties.office_names([self.function]).get(self.function)
        return str(known or self.function)

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class Incident(Record):
    """One matter at one place: whatever eye saw it, one owner, one clock. Its case carries the flow."""

    class Stage(models.TextChoices):
        FILING = "filing", "待立案"
        ASSIGNING = "assigning", "待交办"
        SIGNING = "signing", "待签收"
        FIXING = "fixing", "整改中"
        VERIFYING = "verifying", "待核查"
        CLOSING = "closing", "待销号"
        CLOSED = "closed", "已销号"
        VOID = "void", "不予立案"

    class Eye(models.TextChoices):
        PATROL = "patrol", "巡查"
        CROWD = "crowd", "群众"
        DEVICE = "device", "感知设备"
        UPPER = "upper", "上级交办"

    personal = ()
    category = models.ForeignKey(Category, models.PROTECT, related_name="+", verbose_name="类别")
    eye = models.CharField("来源", max_length=8, choices=Eye.choices)
    place = PointField("位置", srid=SRID)
    accuracy = models.FloatField("误差（米）", null=True)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    severity = models.PositiveSmallIntegerField("程度", choices=[(1, "特别严重"), (2, "严重"), (3, "较重"), (4, "一般")], default=4)
    text = models.CharField("情况", max_length=500)
    owner = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="主办单位")
    checker = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="核查单位")
    days = models.PositiveSmallIntegerField("整改期限（自然日）", default=15)
    stage = models.CharField("环节", max_length=10, choices=Stage.choices, default=Stage.FILING)
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    returned = models.PositiveSmallIntegerField("退回次数", default=0)
    reopened = models.PositiveSmallIntegerField("重开次数", default=0)
    handler = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="整改人")
    occurred_at = models.DateTimeField("发现时间", default=timezone.now)
    opened_at = models.DateTimeField("登记时间", default=timezone.now)
    closed_at = models.DateTimeField("销号时间", null=True)
    on_time = models.BooleanField("按期", null=True)
    duplicate_of = models.ForeignKey("self", models.PROTECT, null=True, related_name="duplicates", verbose_name="可能重复于")

    class Meta:
        verbose_name = "事件"
        constraints = [models.CheckConstraint(condition=~Q(duplicate_of=F("id")), name="incident_not_its_own_twin", violation_error_message="不能与自身重复。")]
        indexes = [models.Index(fields=["stage", "id"], name="incident_by_stage"), models.Index(fields=["opened_at", "id"], name="incident_by_day")]

    def __str__(self) -> str:
        return f"{self.category.name}：{self.text[:24]}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Offices: the divisions that a post covers, and whatever was given to one's office; what only some roles may see (`Procedure.seen_by`) only for them."""
        seen = Q(owner__in=actor.organs) | Q(checker__in=actor.organs) if actor.organs else NOTHING
        for seat in actor.seats:
            seen |= Q(division__gte=seat.division, division__lt=str(int(seat.division) + 1)) if seat.division else Q()
        closed = [p.code for p in registry().procedures.values() if p.seen_by and not actor.roles & set(p.seen_by)]
        return seen & ~Q(case__procedure__in=closed)


class Report(Record):
    """What one person or device told. Who told it is shown to nobody but the one who must call back (举报人信息保密)."""

    GRADES: ClassVar = ((5, "非常满意"), (4, "满意"), (3, "基本满意"), (2, "不满意"), (1, "非常不满意"))
    personal = ("reporter", "phone")
    key = models.UUIDField("标识", unique=True)
    incident = models.ForeignKey(Incident, models.PROTECT, related_name="reports", verbose_name="事件")
    reporter = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="反映人")
    phone = models.CharField("联系电话", max_length=20, blank=True)
    text = models.CharField("反映内容", max_length=500)
    place = PointField("位置", srid=SRID)
    photo = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="照片")
    received_at = models.DateTimeField("收到时间", default=timezone.now)
    due_at = models.DateTimeField("答复期限")
    answer = models.CharField("答复", max_length=500, blank=True)
    answered_at = models.DateTimeField("答复时间", null=True)
    answered_by = models.CharField("答复人", max_length=60, blank=True)
    grade = models.PositiveSmallIntegerField("评价", null=True, choices=GRADES)
    grade_words = models.CharField("评价意见", max_length=300, blank=True)
    graded_at = models.DateTimeField("评价时间", null=True)

    class Meta:
        verbose_name = "反映"
        indexes = [models.Index(fields=["reporter", "received_at"], name="report_of_reporter")]
        constraints = [models.CheckConstraint(condition=Q(grade=None) | Q(grade__gte=1, grade__lte=5), name="report_five_grades", violation_error_message="请选择五个等级之一。")]

    def __str__(self) -> str:
        return self.text[:40]

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The reporter's own; what was told about an incident that one works on (without who: `incidents.caller` says that, to one person)."""
        own = Q(reporter=actor.party) if actor.party else NOTHING
        return own | Q(incident__in=Incident.objects.filter(Incident.visible_to(actor))) if actor.seats else own


class Verification(Record):
    """Somebody who did not handle it looked whether it is done."""

    personal = ()
    incident = models.ForeignKey(Incident, models.PROTECT, related_name="verifications", verbose_name="事件")
    verifier = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="核查人")
    handler = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="整改人")
    passed = models.BooleanField("通过")
    note = models.CharField("核查情况", max_length=500)
    at = models.DateTimeField("核查时间", default=timezone.now)

    class Meta:
        verbose_name = "核查"
        constraints = [models.CheckConstraint(condition=~Q(verifier=F("handler")), name="verified_by_another", violation_error_message="核查人不能是整改人。")]

    def __str__(self) -> str:
        return f"{'通过' if self.passed else '不通过'} {self.at:%Y-%m-%d}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(incident__in=Incident.objects.filter(Incident.visible_to(actor)))
