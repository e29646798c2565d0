"""Whose the bank is and what the water is for: shore zones with their holders (岸线), water functional zones with their opinion and what was told of them (水功能区)."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DecimalRangeField
from django.db import models
from django.db.models import F, Func, Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record
from yiwang.systems.governance.river_chief.models import Reach, River, Section
from yiwang.systems.governance.river_chief.models_water import LOADS

SIDES: list[tuple[str, str]] = [("left", "左岸"), ("right", "右岸")]  # of somebody who looks downstream


class KmRange(Func):
    """Two kilometres as a range of PostgreSQL, the upper one not in it: neighbours may touch."""

    function = "NUMRANGE"
    output_field = DecimalRangeField()


class Along(models.Model):
    """Whatever reaches from one kilometre of a river to another."""

    from_km = models.DecimalField("起（公里）", max_digits=8, decimal_places=2)
    to_km = models.DecimalField("止（公里）", max_digits=8, decimal_places=2)

    class Meta:
        abstract = True

    @property
    def stretch(self) -> str:
        """“1.2–2 公里”."""
        return f"{self.from_km.normalize():f}–{self.to_km.normalize():f} 公里"


class Bank(Along, Kept):
    """A stretch of one bank: its zone of use, whose it is and by which right, and how wide the range is that the river's administration manages (河道管理条例第二十条)."""

    class Kind(models.TextChoices):
        PROTECT = "protect", "岸线保护区"
        RESERVE = "reserve", "岸线保留区"
        CONTROL = "control", "岸线控制利用区"
        USE = "use", "岸线开发利用区"

    class Right(models.TextChoices):
        OWN = "own", "权属"
        PERMIT = "permit", "涉河许可"
        LEASE = "lease", "承包或者租赁"

    personal = ("holder",)
    river = models.ForeignKey(River, models.PROTECT, related_name="banks", verbose_name="河湖")
    side = models.CharField("岸别", max_length=5, choices=SIDES)
    kind = models.CharField("岸线功能区", max_length=8, choices=Kind.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="管理单位")
    village = models.ForeignKey("parties.Division", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="村（社区）集体")
    holder = models.ForeignKey("parties.Party", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="企业或者个人")
    right = models.CharField("权利", max_length=6, choices=Right.choices)
    permit = models.CharField("权属证或者许可文号", max_length=60, blank=True)
    until = models.DateField("到期", null=True, blank=True)
    width_m = models.PositiveSmallIntegerField("管理范围宽度（米）", null=True, blank=True)

    class Meta(Kept.Meta):
        verbose_name = "河湖岸线"
        constraints = [
            models.CheckConstraint(condition=Q(to_km__gt=F("from_km")) & Q(from_km__gte=0), name="bank_runs_down", violation_error_message="止点应当在起点的下游。"),
            models.CheckConstraint(
                condition=Q(organ__isnull=False, village=None, holder=None) | Q(organ=None, village__isnull=False, holder=None) | Q(organ=None, village=None, holder__isnull=False)
                | Q(organ=None, village=None, holder=None, standing="erased"),  # 个人信息保护法第四十七条
                name="bank_of_one", violation_error_message="管理单位、村（社区）集体、企业或者个人，填写其中一项。",
            ),
        ]  # fmt: skip
        indexes = [*Kept.Meta.indexes, models.Index(fields=["river", "side", "from_km"], name="bank_along_river"), models.Index(fields=["from_km", "id"], name="bank_by_km")]

    def __str__(self) -> str:
        return f"{self.river}{self.get_side_display()} {self.stretch}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Officials, the holder masked; whoever holds it sees their own."""
        own = Q(holder__in=[p for p in (actor.party, actor.acting_for) if p])
        return Q() if actor.seats or actor.client else own


class WaterZone(Along, Kept):
    """A water functional zone (水功能区, 水法第三十二条; GB/T 50594-2010): of the first level, or one of the second inside a development zone."""

    class First(models.TextChoices):
        PROTECT = "protect", "保护区"
        BUFFER = "buffer", "缓冲区"
        USE = "use", "开发利用区"
        RESERVE = "reserve", "保留区"

    class Second(models.TextChoices):
        DRINK = "drink", "饮用水源区"
        INDUSTRY = "industry", "工业用水区"
        FARM = "farm", "农业用水区"
        FISH = "fish", "渔业用水区"
        SCENERY = "scenery", "景观娱乐用水区"
        PASS = "pass", "过渡区"
        DISCHARGE = "discharge", "排污控制区"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="zones", verbose_name="河湖")
    code = models.CharField("功能区编码", max_length=30, unique=True)
    name = models.CharField("水功能区", max_length=80)
    first = models.CharField("一级区", max_length=8, choices=First.choices)
    second = models.CharField("二级区", max_length=10, choices=Second.choices, blank=True)
    target = models.CharField("水质目标", max_length=1, choices=Reach.Water.choices, blank=True)  # none: 开发利用区按二级区、排污控制区按相邻区执行
    section = models.ForeignKey(Section, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="代表断面")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    basis = models.CharField("批准文件", max_length=120)
    authority = models.CharField("批准机关", max_length=80)
    level = models.PositiveSmallIntegerField("级别", choices=[(1, "一级区"), (2, "二级区")], editable=False)

    class Meta(Kept.Meta):
        verbose_name = "水功能区"
        constraints = [
            models.CheckConstraint(condition=Q(to_km__gt=F("from_km")) & Q(from_km__gte=0), name="zone_runs_down", violation_error_message="止点应当在起点的下游。"),
            models.CheckConstraint(condition=Q(second="") | Q(first="use"), name="zone_second_in_use", violation_error_message="只有开发利用区划分二级区。"),
            ExclusionConstraint(
                expressions=[("river", "="), ("level", "="), (KmRange("from_km", "to_km"), "&&")], name="zones_apart",
                violation_error_message="和同一条河、同一级的另一个水功能区重叠。",
            ),
        ]  # fmt: skip
        indexes = [*Kept.Meta.indexes, models.Index(fields=["river", "level", "from_km"], name="zone_along_river"), models.Index(fields=["name", "id"], name="zone_by_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def purpose(self) -> str:
        """The zone of the second level, else of the first."""
        return self.get_second_display() if self.second else self.get_first_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class ZoneOpinion(Kept):
    """限制排污总量意见: how much of an item a zone may receive in a year, as the water department puts it to the environment department (水法第三十二条第三款)."""

    personal = ()
    zone = models.ForeignKey(WaterZone, models.PROTECT, related_name="opinions", verbose_name="水功能区")
    year = models.PositiveSmallIntegerField("年度")
    item = models.CharField("项目", max_length=14, choices=LOADS)
    tonnes = models.DecimalField("限制排污总量（吨/年）", max_digits=14, decimal_places=3)
    basis = models.CharField("依据", max_length=120)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划", editable=False)
    capacity = models.DecimalField("纳污能力（吨/年）", max_digits=14, decimal_places=3, null=True, editable=False)  # of the reaches in it, where surveyed

    class Meta(Kept.Meta):
        verbose_name = "限制排污总量意见"
        constraints = [
            models.UniqueConstraint("zone", "year", "item", name="opinion_once", violation_error_message="这个水功能区这个年度的这个项目已有意见。"),
            models.CheckConstraint(condition=Q(tonnes__gte=0), name="opinion_not_negative", violation_error_message="总量不能为负。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["year", "id"], name="opinion_by_year")]

    def __str__(self) -> str:
        return f"{self.zone} {self.year} 年{self.get_item_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class ZoneResult(Record):
    """A zone's month as assessed: counted by the figures. Computed from samples only, and anew while the months' samples may still come in."""

    personal = ()
    zone = models.ForeignKey(WaterZone, models.PROTECT, related_name="results", verbose_name="水功能区")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    month = models.DateField("月份")
    met = models.BooleanField("达标")
    missed = models.CharField("超标项目", max_length=200, blank=True)

    class Meta:
        verbose_name = "水功能区达标评价"
        constraints = [models.UniqueConstraint("zone", "month", name="zone_assessed_once")]
        indexes = [models.Index(fields=["month", "id"], name="zone_result_by_month")]

    def __str__(self) -> str:
        return f"{self.zone} {self.month:%Y-%m}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class ZoneNotice(Record):
    """What the water department told the environment department and the government of a zone, numbered and sealed, and when it was received."""

    class Kind(models.TextChoices):
        OPINION = "opinion", "限制排污总量意见"
        EXCEED = "exceed", "排放总量超过控制指标"
        QUALITY = "quality", "水质没有达到功能要求"

    personal = ()
    zone = models.ForeignKey(WaterZone, models.PROTECT, related_name="notices", verbose_name="水功能区")
    kind = models.CharField("事由", max_length=8, choices=Kind.choices)
    period = models.CharField("期间", max_length=7)  # a year, or a month of water that missed its target
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="通报单位")
    ecology = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="生态环境部门")
    government = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="报告的人民政府")
    text = models.TextField("内容", max_length=2000)
    document = models.ForeignKey("documents.Document", models.PROTECT, related_name="+", verbose_name="文书")
    issued_by = models.CharField("经办人", max_length=60)
    issued_at = models.DateTimeField("通报时间", default=timezone.now)
    received_by = models.CharField("签收人", max_length=60, blank=True)
    received_at = models.DateTimeField("签收时间", null=True)

    class Meta:
        verbose_name = "水功能区通报"
        constraints = [models.UniqueConstraint("zone", "kind", "period", name="zone_told_once")]
        indexes = [models.Index(fields=["issued_at", "id"], name="zone_notice_by_day")]

    def __str__(self) -> str:
        return f"{self.zone} {self.period} {self.get_kind_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Every official: water is nobody's secret."""
        return Q() if actor.seats else NOTHING
