"""The search for outfalls that nobody registered (排口排查): a stretch to be searched, the traces taken of it, and each candidate until somebody has looked."""

from django.contrib.gis.db.models import PointField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.systems.governance.river_chief.models import SRID, Outfall, River, RiverProblem
from yiwang.systems.governance.river_chief.models_bank import SIDES, Along


class OutfallSearch(Along, Record):
    """Some kilometres of a river, to be searched by a named person in one way until a day."""

    class Method(models.TextChoices):
        CONDUCTIVITY = "conduct", "乘船测电导率"
        THERMAL = "thermal", "无人机热红外"
        FOOT = "foot", "徒步排查"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="searches", verbose_name="河湖")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="组织单位")
    method = models.CharField("方法", max_length=8, choices=Method.choices)
    reason = models.CharField("排查缘由", max_length=200)
    leader = models.CharField("负责人", max_length=60)
    day = models.DateField("排查日期")
    due = models.DateField("完成期限")
    opened_by = models.CharField("组织人", max_length=60)
    opened_at = models.DateTimeField("组织时间", default=timezone.now)
    km = models.DecimalField("排查长度（公里）", max_digits=8, decimal_places=2)
    found = models.PositiveSmallIntegerField("查实排口", default=0)
    closed_at = models.DateTimeField("办结时间", null=True)
    conclusion = models.CharField("结论", max_length=300, blank=True)

    class Meta:
        verbose_name = "排口排查"
        constraints = [
            models.CheckConstraint(condition=Q(to_km__gt=F("from_km")) & Q(from_km__gte=0), name="search_runs_down"),
            models.CheckConstraint(condition=Q(due__gte=F("day")), name="search_due_after_day"),
        ]
        indexes = [models.Index(fields=["opened_at", "id"], name="search_by_day"), models.Index(fields=["due", "id"], name="search_by_due")]

    def __str__(self) -> str:
        return f"{self.river} {self.stretch}{self.get_method_display()}"

    @property
    def late(self) -> bool:
        return self.closed_at is None and self.due < timezone.localdate()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Every official: water is nobody's secret."""
        return Q() if actor.seats else NOTHING


class Trace(Record):
    """What an instrument measured along a search, as it was sent in; it is never changed."""

    personal = ()
    search = models.ForeignKey(OutfallSearch, models.PROTECT, related_name="traces", verbose_name="排查")
    file = models.CharField("文件", max_length=120)
    sent_by = models.CharField("上传人", max_length=60)
    sent_at = models.DateTimeField("上传时间", default=timezone.now)
    points = models.JSONField("测点")  # [kilometre, value, side] from the source down
    noise = models.FloatField("噪声")  # in the unit of the values

    class Meta:
        verbose_name = "排查轨迹"

    def __str__(self) -> str:
        return f"{self.file}（{len(self.points)} 点）"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class Candidate(Record):
    """A spot where an outfall may be: looked at by a named person, who confirms it (an outfall and a problem follow) or says why not."""

    class Stage(models.TextChoices):
        WAITING = "waiting", "待核实"
        CONFIRMED = "yes", "查实"
        DISMISSED = "no", "排除"

    personal = ()
    search = models.ForeignKey(OutfallSearch, models.PROTECT, related_name="candidates", verbose_name="排查")
    km = models.DecimalField("里程（公里）", max_digits=8, decimal_places=3)
    side = models.CharField("岸别", max_length=5, choices=SIDES, blank=True)
    place = PointField("位置", srid=SRID)
    step = models.FloatField("变化", null=True)  # none: seen on foot
    score = models.FloatField("噪声倍数", null=True)
    note = models.CharField("情况", max_length=200, blank=True)
    stage = models.CharField("核实", max_length=7, choices=Stage.choices, default=Stage.WAITING)
    words = models.CharField("核实情况", max_length=300, blank=True)
    verified_by = models.CharField("核实人", max_length=60, blank=True)
    verified_at = models.DateTimeField("核实时间", null=True)
    photo = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="照片")
    outfall = models.ForeignKey(Outfall, models.PROTECT, null=True, related_name="+", verbose_name="排污口")
    problem = models.ForeignKey(RiverProblem, models.PROTECT, null=True, related_name="+", verbose_name="立案问题")

    class Meta:
        verbose_name = "疑似排口"
        indexes = [models.Index(fields=["search", "km"], name="candidate_along_river")]
        constraints = [models.CheckConstraint(condition=Q(stage="waiting") | Q(verified_at__isnull=False), name="candidate_looked_at")]

    def __str__(self) -> str:
        return f"{self.search.river} {self.km.normalize():f} 公里疑似排口"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING
