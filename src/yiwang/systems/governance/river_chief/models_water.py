"""What the water is and what it can bear: readings of stations, the alerts that follow, loads and the capacity of a reach, repairs and whether they worked."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record
from yiwang.systems.governance.river_chief.models import Measured, Outfall, Reach, River, RiverProblem, Section

LOADS = [("permanganate", "高锰酸盐指数"), ("ammonia", "氨氮"), ("phosphorus", "总磷")]


class Reading(Measured):
    """What an automatic station measured at a moment. Its class follows from the values as that of a month does."""

    personal = ()
    section = models.ForeignKey(Section, models.PROTECT, related_name="readings", verbose_name="断面")
    at = models.DateTimeField("监测时间")
    flow = models.DecimalField("流量（m³/s）", max_digits=9, decimal_places=3, null=True, blank=True)

    class Meta(Measured.Meta):
        verbose_name = "自动站数据"
        constraints = [
            models.UniqueConstraint("section", "at", name="reading_once", violation_error_message="这个断面这个时间已经有数据。"),
            models.CheckConstraint(condition=Q(flow=None) | Q(flow__gte=0), name="reading_flow_not_negative", violation_error_message="流量不能为负。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["at", "id"], name="reading_by_time")]

    def __str__(self) -> str:
        return f"{self.section} {timezone.localtime(self.at):%Y-%m-%d %H:%M}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class WaterAlert(Record):
    """A section that missed its target so many times in a row. It ends when the water has met it as often; who answers for it says what was done."""

    personal = ()
    section = models.ForeignKey(Section, models.PROTECT, related_name="alerts", verbose_name="断面")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="考核区划")
    reading = models.ForeignKey(Reading, models.PROTECT, related_name="+", verbose_name="触发数据")
    grade = models.CharField("水质类别", max_length=1)
    by = models.CharField("定类项目", max_length=80)
    times = models.PositiveSmallIntegerField("连续不达标次数")
    raised_at = models.DateTimeField("预警时间", default=timezone.now)
    note = models.CharField("处置情况", max_length=300, blank=True)
    noted_by = models.CharField("处置人", max_length=60, blank=True)
    noted_at = models.DateTimeField("处置时间", null=True)
    problem = models.ForeignKey(RiverProblem, models.PROTECT, null=True, related_name="+", verbose_name="立案问题")
    closed_at = models.DateTimeField("解除时间", null=True)

    class Meta:
        verbose_name = "水质预警"
        constraints = [models.UniqueConstraint("section", name="alert_open_once", condition=Q(closed_at=None))]
        indexes = [models.Index(fields=["raised_at", "id"], name="alert_by_time")]

    def __str__(self) -> str:
        return f"{self.section}连续 {self.times} 次不达标"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Every official: water is nobody's secret, who acts on it is decided by the verbs."""
        return Q() if actor.seats else NOTHING


class LoadBasis(Kept):
    """What a reach can take of one item in a year (纳污能力, 水法第三十二条): the hydrology as surveyed; limit, length and capacity follow."""

    personal = ()
    reach = models.ForeignKey(Reach, models.PROTECT, related_name="bases", verbose_name="河段")
    year = models.PositiveSmallIntegerField("年度")
    item = models.CharField("项目", max_length=14, choices=LOADS)
    flow = models.DecimalField("设计流量 Q（m³/s）", max_digits=9, decimal_places=3)
    inflow = models.DecimalField("旁侧入流 q（m³/s）", max_digits=9, decimal_places=3, default=0)
    background = models.DecimalField("上游来水浓度 C0（mg/L）", max_digits=9, decimal_places=4)
    decay = models.DecimalField("综合衰减系数 K（1/d）", max_digits=7, decimal_places=4, default=0)
    speed = models.DecimalField("流速 u（m/s）", max_digits=7, decimal_places=4)
    source = models.CharField("来源", max_length=100)
    limit = models.DecimalField("水质目标浓度 Cs（mg/L）", max_digits=9, decimal_places=4, editable=False)
    km = models.DecimalField("河段长 L（公里）", max_digits=8, decimal_places=2, editable=False)
    capacity = models.DecimalField("纳污能力（吨/年）", max_digits=14, decimal_places=3, editable=False)

    class Meta(Kept.Meta):
        verbose_name = "纳污能力"
        constraints = [
            models.UniqueConstraint("reach", "year", "item", name="basis_once", violation_error_message="这个河段这个年度的这个项目已经核定。"),
            models.CheckConstraint(condition=Q(flow__gt=0, speed__gt=0), name="basis_flows", violation_error_message="设计流量和流速应当大于 0。"),
            models.CheckConstraint(condition=Q(inflow__gte=0, background__gte=0, decay__gte=0), name="basis_not_negative", violation_error_message="入流、浓度和衰减系数不能为负。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["year", "id"], name="basis_by_year")]

    def __str__(self) -> str:
        return f"{self.reach} {self.year} 年{self.get_item_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class LoadSource(Kept):
    """One source of a reach's load in a year: an outfall, a tributary, the fields along the bank. The tonnes follow from concentration and flow."""

    personal = ()
    reach = models.ForeignKey(Reach, models.PROTECT, related_name="loads", verbose_name="河段")
    year = models.PositiveSmallIntegerField("年度")
    item = models.CharField("项目", max_length=14, choices=LOADS)
    name = models.CharField("来源名称", max_length=80)
    outfall = models.ForeignKey(Outfall, models.PROTECT, null=True, blank=True, related_name="loads", verbose_name="排污口")
    concentration = models.DecimalField("浓度 C（mg/L）", max_digits=9, decimal_places=4)
    flow = models.DecimalField("流量 Q（m³/s）", max_digits=9, decimal_places=5)
    source = models.CharField("数据来源", max_length=100)
    load = models.DecimalField("入河量（吨/年）", max_digits=14, decimal_places=3, editable=False)

    class Meta(Kept.Meta):
        verbose_name = "入河负荷"
        constraints = [
            models.UniqueConstraint("reach", "year", "item", "name", name="load_once", violation_error_message="这个来源这个年度的这个项目已经登记。"),
            models.CheckConstraint(condition=Q(concentration__gte=0, flow__gte=0), name="load_not_negative", violation_error_message="浓度和流量不能为负。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["year", "id"], name="load_by_year")]

    def __str__(self) -> str:
        return f"{self.name} {self.year} 年{self.get_item_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Repair(Kept):
    """A work of ecology repair (生态修复) with what it is measured by, from which value to which."""

    class Kind(models.TextChoices):
        WETLAND = "wetland", "湿地修复"
        BANK = "bank", "生态岸线"
        DREDGE = "dredge", "清淤疏浚"
        PLANTS = "plants", "水生植被恢复"
        FISH = "fish", "增殖放流"
        FLOW = "flow", "生态流量保障"

    class Measure(models.TextChoices):
        COVER = "cover", "岸线植被覆盖率（%）"
        BENTHOS = "benthos", "底栖动物种数（种）"
        FISH = "fish", "鱼类种数（种）"
        FLOW = "flow", "生态流量保证率（%）"
        GRADE = "grade", "水质类别（数字，越小越好）"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="repairs", verbose_name="河湖")
    name = models.CharField("修复工程", max_length=80, unique=True)
    kind = models.CharField("类型", max_length=10, choices=Kind.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    from_km = models.DecimalField("起（公里）", max_digits=8, decimal_places=2)
    to_km = models.DecimalField("止（公里）", max_digits=8, decimal_places=2)
    owner = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="责任单位")
    budget_fen = models.BigIntegerField("预算（分）", default=0)
    due = models.DateField("完成期限")
    done_on = models.DateField("完工日期", null=True, blank=True)
    measure = models.CharField("成效指标", max_length=8, choices=Measure.choices)
    baseline = models.DecimalField("修复前", max_digits=8, decimal_places=2)
    goal = models.DecimalField("修复目标", max_digits=8, decimal_places=2)

    class Meta(Kept.Meta):
        verbose_name = "生态修复"
        constraints = [
            models.CheckConstraint(condition=Q(to_km__gt=models.F("from_km")), name="repair_runs_down", violation_error_message="止点应当在起点的下游。"),
            models.CheckConstraint(condition=Q(budget_fen__gte=0), name="repair_budget_not_negative", violation_error_message="预算不能为负。"),
            models.CheckConstraint(
                condition=Q(measure="grade", goal__lt=models.F("baseline")) | (~Q(measure="grade") & Q(goal__gt=models.F("baseline"))), name="repair_betters",
                violation_error_message="修复目标应当好于修复前。",
            ),
        ]  # fmt: skip
        indexes = [*Kept.Meta.indexes, models.Index(fields=["due", "id"], name="repair_by_due")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class RepairCheck(Kept):
    """A survey of what a repair brought: the value found on a day and how; whether the goal is reached follows."""

    personal = ()
    repair = models.ForeignKey(Repair, models.PROTECT, related_name="checks", verbose_name="修复工程")
    day = models.DateField("监测日期")
    value = models.DecimalField("监测值", max_digits=8, decimal_places=2)
    method = models.CharField("监测单位和方法", max_length=100)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划", editable=False)
    gained = models.DecimalField("较修复前", max_digits=8, decimal_places=2, editable=False)
    reached = models.BooleanField("达到目标", editable=False)

    class Meta(Kept.Meta):
        verbose_name = "修复成效监测"
        constraints = [models.UniqueConstraint("repair", "day", name="repair_checked_once_a_day", violation_error_message="这一天的监测已经登记。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["day", "id"], name="repair_check_by_day")]

    def __str__(self) -> str:
        return f"{self.repair} {self.day}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()
