"""Plans of patrols, the rounds that were walked, what was found on them, and how each period was met."""

from django.contrib.gis.db.models import LineStringField, MultiLineStringField, PointField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record
from yiwang.kit.registry import registry

SRID = 4490


def _under(actor: Actor, role: str, division: str) -> Q:
    """What belongs to a division, or one below it, that a post of the actor covers with the role named in the row's own field."""
    seen = NOTHING
    for seat in actor.seats:
        below = Q(**{f"{division}__gte": seat.division, f"{division}__lt": str(int(seat.division) + 1)}) if seat.division else Q()
        seen |= below & Q(**{f"{role}__in": sorted(seat.roles)})
    return seen


class CheckItem(Record):
    """A point to look at on every round of a list."""

    personal = ()
    few = True
    listing = models.CharField("检查表", max_length=20)
    code = models.CharField("标识", max_length=40)
    name = models.CharField("检查内容", max_length=120)
    place = models.PositiveSmallIntegerField("次序", default=0)

    class Meta:
        verbose_name = "检查项"
        constraints = [models.UniqueConstraint("listing", "code", name="check_item_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class CheckList(Record):
    """A check list as people call it; its points are the items of the same code."""

    personal = ()
    few = True
    code = models.CharField("检查表编码", max_length=20, unique=True)
    name = models.CharField("检查表", max_length=60)

    class Meta:
        verbose_name = "检查表"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class PatrolPlan(Kept):
    """A course that the holder of a post walks so many times in each period. What it belongs to is another register's row."""

    class Period(models.TextChoices):
        WEEK = "week", "每周"
        TEN_DAYS = "ten-days", "每旬"
        MONTH = "month", "每月"
        QUARTER = "quarter", "每季度"
        YEAR = "year", "每年"

    personal = ()
    name = models.CharField("巡查计划", max_length=80)
    subject = models.CharField("所属登记簿", max_length=40)
    subject_row = models.BigIntegerField("所属记录")
    course = MultiLineStringField("线路", srid=SRID)
    post = models.ForeignKey("parties.Post", models.PROTECT, related_name="+", verbose_name="巡查岗位")
    overseer = models.CharField("督查角色", max_length=40)  # whoever holds it over the division sees the rounds
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    times = models.PositiveSmallIntegerField("次数", default=1)
    period = models.CharField("周期", max_length=8, choices=Period.choices)
    checks = models.CharField("检查表", max_length=20, blank=True)
    since = models.DateField("起", default=timezone.localdate)
    until = models.DateField("止", null=True, blank=True)

    class Meta(Kept.Meta):
        verbose_name = "巡查计划"
        constraints = [
            models.CheckConstraint(condition=Q(times__gt=0), name="patrol_at_least_once", violation_error_message="每个周期至少巡查一次。"),
            models.CheckConstraint(condition=Q(until=None) | Q(until__gte=F("since")), name="patrol_plan_ends_after_start", violation_error_message="止日不能早于起日。"),
            models.UniqueConstraint("subject", "subject_row", "post", name="patrol_plan_once", violation_error_message="这个岗位对这条线路已经有计划。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["name", "id"], name="patrol_plan_by_name"), models.Index(fields=["post"], name="patrol_plan_of_post")]

    def __str__(self) -> str:
        return self.name

    def get_subject_display(self) -> str:
        """The register as people call it."""
        register = registry().registers.get(self.subject)
        return register.name if register else self.subject

    def get_overseer_display(self) -> str:
        """The role as people call it."""
        role = registry().roles.get(self.overseer)
        return role.name if role else self.overseer

    def get_checks_display(self) -> str:
        """The check list as people call it."""
        return str(CheckList.objects.filter(code=self.checks).values_list("name", flat=True).first() or self.checks) if self.checks else ""

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """One's own post's; those that a post oversees."""
        return Q(post__in=[seat.post for seat in actor.seats]) | _under(actor, "overseer", "division")


class Duty(Record):
    """One period of one plan: what was to be walked, and what was, by whom."""

    personal = ()
    plan = models.ForeignKey(PatrolPlan, models.PROTECT, related_name="duties", verbose_name="计划")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    first = models.DateField("起")
    last = models.DateField("止")
    wanted = models.PositiveSmallIntegerField("应巡次数")
    own = models.PositiveSmallIntegerField("本人有效次数", default=0)
    delegated = models.PositiveSmallIntegerField("代巡有效次数", default=0)
    invalid = models.PositiveSmallIntegerField("无效次数", default=0)
    met = models.BooleanField("已完成", default=False)
    warned_at = models.DateTimeField("提醒时间", null=True)
    overdue_at = models.DateTimeField("逾期通报时间", null=True)

    class Meta:
        verbose_name = "巡查任务"
        constraints = [models.UniqueConstraint("plan", "first", name="duty_once")]
        indexes = [models.Index(fields=["last", "id"], name="duty_by_end")]

    def __str__(self) -> str:
        return f"{self.plan.name} {self.first:%m-%d} 至 {self.last:%m-%d}"

    @property
    def left(self) -> int:
        """Rounds still to be walked."""
        return max(0, self.wanted - self.own - self.delegated)

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(plan__in=PatrolPlan.objects.filter(PatrolPlan.visible_to(actor)))


class Round(Record):
    """One patrol as a phone recorded it, with what the rules found. It is never changed."""

    personal = ("track",)
    plan = models.ForeignKey(PatrolPlan, models.PROTECT, related_name="rounds", verbose_name="计划")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    walker = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="巡查人")
    delegated = models.BooleanField("代巡", default=False)
    started_at = models.DateTimeField("开始")
    finished_at = models.DateTimeField("结束")
    received_at = models.DateTimeField("收到", default=timezone.now)
    track = LineStringField("轨迹", srid=SRID, null=True)
    seconds = models.JSONField("各点时间（秒）", default=list)
    metres = models.DecimalField("距离（米）", max_digits=9, decimal_places=1)
    minutes = models.DecimalField("用时（分钟）", max_digits=7, decimal_places=2)
    coverage = models.DecimalField("覆盖率", max_digits=5, decimal_places=4)
    valid = models.BooleanField("有效")
    reasons = models.JSONField("无效原因", default=list)
    checks = models.JSONField("检查结果", default=list)
    note = models.CharField("巡查情况", max_length=500, blank=True)
    key = models.UUIDField("记录标识", unique=True)  # made by the phone: the same record twice is one round

    class Meta:
        verbose_name = "巡查记录"
        constraints = [models.CheckConstraint(condition=Q(finished_at__gte=F("started_at")), name="round_ends_after_start", violation_error_message="结束不能早于开始。")]
        indexes = [models.Index(fields=["started_at", "id"], name="round_by_start"), models.Index(fields=["plan", "started_at"], name="round_of_plan")]

    def __str__(self) -> str:
        return f"{self.plan.name} {timezone.localtime(self.started_at):%m-%d %H:%M}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        own = Q(walker=actor.party) if actor.party else NOTHING
        return own | _under(actor, "plan__overseer", "division")


class Finding(Record):
    """What was seen on a round at a place."""

    personal = ()
    round = models.ForeignKey(Round, models.PROTECT, related_name="findings", verbose_name="巡查")
    key = models.UUIDField("标识", unique=True)
    kind = models.CharField("类型", max_length=40)
    place = PointField("位置", srid=SRID)
    accuracy = models.FloatField("误差（米）", null=True)
    note = models.CharField("情况", max_length=500)
    photo = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="照片")
    seen_at = models.DateTimeField("发现时间")

    class Meta:
        verbose_name = "巡查发现"

    def __str__(self) -> str:
        return self.note[:40]

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(round__in=Round.objects.filter(Round.visible_to(actor)))
