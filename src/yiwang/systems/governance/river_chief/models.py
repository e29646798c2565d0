"""Rivers, reaches, sections, outfalls, problems, plans, assessments. A river is one row of the water register; a reach is the stretch of it that one chief of one level answers for."""

from django.contrib.gis.db.models import LineStringField, MultiLineStringField, PointField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record
from yiwang.platforms.incidents.models import Incident

SRID = 4490
ITEMS = ("ph", "oxygen", "permanganate", "ammonia", "phosphorus")


class River(Kept):
    """A river, lake, reservoir or canal under a chief, with its course. Basins and cross-sections belong to hydrology."""

    class Kind(models.TextChoices):
        RIVER = "river", "河流"
        LAKE = "lake", "湖泊"
        RESERVOIR = "reservoir", "水库"
        CANAL = "canal", "渠道"

    personal = ()
    code = models.CharField("河湖编码", max_length=20, unique=True)  # SL/T 249
    name = models.CharField("名称", max_length=60)
    kind = models.CharField("类型", max_length=10, choices=Kind.choices, default=Kind.RIVER)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="所属区划")
    length_km = models.DecimalField("长度（公里）", max_digits=8, decimal_places=2)
    course = MultiLineStringField("走向", srid=SRID, null=True, blank=True)

    class Meta(Kept.Meta):
        verbose_name = "河湖"
        constraints = [models.CheckConstraint(condition=Q(length_km__gt=0), name="river_has_length", violation_error_message="长度应当大于 0。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["name", "id"], name="river_by_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Reach(Kept):
    """The stretch of a river for which one chief of one level answers; the reaches of one level do not overlap."""

    class Level(models.TextChoices):
        CITY = "city", "市级"
        COUNTY = "county", "县级"
        TOWN = "town", "镇级"
        VILLAGE = "village", "村级"

    class Water(models.TextChoices):
        I = "1", "Ⅰ类"  # noqa: E741  # GB 3838-2002 names the classes by Roman numerals
        II = "2", "Ⅱ类"
        III = "3", "Ⅲ类"
        IV = "4", "Ⅳ类"
        V = "5", "Ⅴ类"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="reaches", verbose_name="河湖")
    code = models.CharField("河段编码", max_length=24, unique=True)
    name = models.CharField("河段", max_length=80)
    level = models.CharField("级别", max_length=8, choices=Level.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="所在区划")
    chief = models.ForeignKey("parties.Post", models.PROTECT, null=True, blank=True, related_name="+", verbose_name="河长岗位")
    from_km = models.DecimalField("起（公里）", max_digits=8, decimal_places=2)
    to_km = models.DecimalField("止（公里）", max_digits=8, decimal_places=2)
    course = LineStringField("走向", srid=SRID, null=True, blank=True)
    target = models.CharField("水质目标", max_length=1, choices=Water.choices, default=Water.III)
    board = PointField("公示牌位置", srid=SRID, null=True, blank=True)

    class Meta(Kept.Meta):
        verbose_name = "河段"
        constraints = [models.CheckConstraint(condition=Q(to_km__gt=models.F("from_km")), name="reach_runs_down", violation_error_message="止点应当在起点的下游。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["river", "level", "from_km"], name="reach_along_river"), models.Index(fields=["name", "id"], name="reach_by_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


LAKES = (River.Kind.LAKE, River.Kind.RESERVOIR)
GRADES = [*Reach.Water.choices, ("6", "劣Ⅴ类")]


class Outfall(Kept):
    """An outlet into a river (入河排污口) with its permit."""

    class Kind(models.TextChoices):
        INDUSTRY = "industry", "工业排污口"
        TOWN = "town", "城镇污水处理厂排污口"
        FARM = "farm", "农业排口"
        RAIN = "rain", "雨水排口"
        OTHER = "other", "其他排口"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="outfalls", verbose_name="河湖")
    code = models.CharField("排口编码", max_length=30, unique=True)
    name = models.CharField("名称", max_length=80)
    kind = models.CharField("类型", max_length=10, choices=Kind.choices)
    permit = models.CharField("许可文号", max_length=60, blank=True)
    km = models.DecimalField("里程（公里）", max_digits=8, decimal_places=2)
    place = PointField("位置", srid=SRID)

    class Meta(Kept.Meta):
        verbose_name = "入河排污口"
        indexes = [*Kept.Meta.indexes, models.Index(fields=["name", "id"], name="outfall_by_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Section(Kept):
    """A monitoring section (断面) or automatic station on a river, with the class it must reach."""

    class Tier(models.TextChoices):
        NATION = "nation", "国考"
        PROVINCE = "province", "省考"
        CITY = "city", "市考"

    personal = ()
    few = True
    river = models.ForeignKey(River, models.PROTECT, related_name="sections", verbose_name="河湖")
    code = models.CharField("断面编码", max_length=30, unique=True)
    name = models.CharField("断面", max_length=80)
    tier = models.CharField("级别", max_length=10, choices=Tier.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="考核区划")
    km = models.DecimalField("里程（公里）", max_digits=8, decimal_places=2)
    target = models.CharField("水质目标", max_length=1, choices=Reach.Water.choices)
    station = models.CharField("自动站设备编码", max_length=40, blank=True)  # HJ 212 MN of the station whose readings are joined
    place = PointField("位置", srid=SRID)

    class Meta(Kept.Meta):
        verbose_name = "水质断面"
        indexes = [*Kept.Meta.indexes, models.Index(fields=["name", "id"], name="section_by_name")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Measured(Kept):
    """Values of a section. The class and the items that decide it follow from them by GB 3838 (`water.classed`); nobody types them."""

    ph = models.DecimalField("pH", max_digits=4, decimal_places=2, null=True, blank=True)
    oxygen = models.DecimalField("溶解氧（mg/L）", max_digits=6, decimal_places=3, null=True, blank=True)
    permanganate = models.DecimalField("高锰酸盐指数（mg/L）", max_digits=7, decimal_places=3, null=True, blank=True)
    ammonia = models.DecimalField("氨氮（mg/L）", max_digits=7, decimal_places=3, null=True, blank=True)
    phosphorus = models.DecimalField("总磷（mg/L）", max_digits=7, decimal_places=3, null=True, blank=True)
    source = models.CharField("来源", max_length=100)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="考核区划", editable=False)
    grade = models.CharField("水质类别", max_length=1, choices=GRADES, editable=False)
    by = models.CharField("定类项目", max_length=80, blank=True, editable=False)
    met = models.BooleanField("达标", editable=False)

    class Meta(Kept.Meta):
        abstract = True


class Sample(Measured):
    """The month's mean of a section."""

    personal = ()
    section = models.ForeignKey(Section, models.PROTECT, related_name="samples", verbose_name="断面")
    month = models.DateField("月份")  # its first day

    class Meta(Measured.Meta):
        verbose_name = "断面水质"
        constraints = [models.UniqueConstraint("section", "month", name="sample_once_a_month", violation_error_message="这个断面这个月已经有数据。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["month", "id"], name="sample_by_month")]

    def __str__(self) -> str:
        return f"{self.section} {self.month:%Y-%m}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class RiverProblem(Record):
    """A problem on a river: an incident with its kilometre, its reach and whether it is an old one again."""

    class Kind(models.TextChoices):
        OCCUPY = "occupy", "乱占"
        DIG = "dig", "乱采"
        HEAP = "heap", "乱堆"
        BUILD = "build", "乱建"
        OUTFALL = "outfall", "违规排污口"
        GARBAGE = "garbage", "垃圾漂浮物"
        BLACK = "black", "黑臭水体"
        PLANTS = "plants", "水葫芦、藻类"

    personal = ()
    incident = models.OneToOneField("incidents.Incident", models.PROTECT, related_name="+", verbose_name="事件")
    river = models.ForeignKey(River, models.PROTECT, related_name="problems", verbose_name="河湖")
    reach = models.ForeignKey(Reach, models.PROTECT, null=True, related_name="problems", verbose_name="河段")
    kind = models.CharField("类型", max_length=10, choices=Kind.choices)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    km = models.DecimalField("里程（公里）", max_digits=8, decimal_places=2)
    side = models.CharField("岸别", max_length=5, choices=[("left", "左岸"), ("right", "右岸")], blank=True)  # none: on the water
    finding = models.OneToOneField("patrols.Finding", models.PROTECT, null=True, related_name="+", verbose_name="巡查发现")
    again = models.ForeignKey("self", models.PROTECT, null=True, related_name="+", verbose_name="反复自")
    found_at = models.DateTimeField("发现时间", default=timezone.now)

    class Meta:
        verbose_name = "河湖问题"
        indexes = [models.Index(fields=["found_at", "id"], name="problem_by_day"), models.Index(fields=["river", "km"], name="problem_along_river")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}（{self.river} {self.km} 公里）"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(incident__in=Incident.objects.filter(Incident.visible_to(actor)))


class OneRiverOnePlan(Kept):
    """一河一策: what a river is to reach in a year, by what, for how much, and what the yearly review found."""

    class State(models.TextChoices):
        DRAFT = "draft", "编制中"
        ADOPTED = "adopted", "已批准"
        REVIEWED = "reviewed", "已评估"

    personal = ()
    river = models.ForeignKey(River, models.PROTECT, related_name="plans", verbose_name="河湖")
    year = models.PositiveSmallIntegerField("年度")
    target = models.CharField("水质目标", max_length=1, choices=Reach.Water.choices)
    goals = models.TextField("目标")
    budget_fen = models.BigIntegerField("预算（分）")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.DRAFT)
    review = models.TextField("年度评估", blank=True)

    class Meta(Kept.Meta):
        verbose_name = "一河一策"
        constraints = [
            models.UniqueConstraint("river", "year", name="plan_once_a_year", violation_error_message="这条河流这个年度已有方案。"),
            models.CheckConstraint(condition=Q(budget_fen__gte=0), name="plan_budget_not_negative", violation_error_message="预算不能为负。"),
            models.CheckConstraint(condition=~Q(state="reviewed") | ~Q(review=""), name="plan_reviewed_in_words", violation_error_message="评估应当写明情况。"),
        ]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["year", "id"], name="river_plan_by_year")]

    def __str__(self) -> str:
        return f"{self.river} {self.year} 年"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Measure(Kept):
    """One measure of a plan."""

    personal = ()
    plan = models.ForeignKey(OneRiverOnePlan, models.PROTECT, related_name="measures", verbose_name="方案")
    name = models.CharField("措施", max_length=120)
    owner = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="责任单位")
    budget_fen = models.BigIntegerField("预算（分）", default=0)
    due = models.DateField("完成期限")
    done_on = models.DateField("完成日期", null=True, blank=True)

    class Meta(Kept.Meta):
        verbose_name = "治理措施"
        constraints = [models.CheckConstraint(condition=Q(budget_fen__gte=0), name="measure_budget_not_negative", violation_error_message="预算不能为负。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["due", "id"], name="measure_by_due")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Assessment(Record):
    """The score of one chief's post for one month, computed from rows only. An objection within the time allowed is decided by the office."""

    personal = ()
    post = models.ForeignKey("parties.Post", models.PROTECT, related_name="+", verbose_name="河长岗位")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    month = models.DateField("月份")
    counts = models.JSONField("计数")  # part → [reached, of]
    points = models.JSONField("得分项")
    weights = models.JSONField("权重")
    score = models.DecimalField("得分", max_digits=5, decimal_places=2, null=True)
    computed_at = models.DateTimeField("计算时间", default=timezone.now)
    objection = models.CharField("异议", max_length=300, blank=True)
    objected_at = models.DateTimeField("异议时间", null=True)
    decision = models.CharField("处理意见", max_length=300, blank=True)
    decided_at = models.DateTimeField("处理时间", null=True)

    class Meta:
        verbose_name = "河长考核"
        constraints = [models.UniqueConstraint("post", "month", name="assessed_once_a_month")]
        indexes = [models.Index(fields=["month", "id"], name="assessment_by_month")]

    def __str__(self) -> str:
        return f"{self.post} {self.month:%Y-%m}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """One's own; the river office those of its division."""
        seen = Q(post__in=[seat.post for seat in actor.seats])
        for seat in actor.seats:
            if "river-office" in seat.roles:
                seen |= Q(division__gte=seat.division, division__lt=str(int(seat.division) + 1)) if seat.division else Q()
        return seen


from yiwang.systems.governance.river_chief.models_bank import Bank, WaterZone, ZoneNotice, ZoneOpinion, ZoneResult  # noqa: E402 - Django finds an app's tables in `models`; these build on the rivers above
from yiwang.systems.governance.river_chief.models_chiefs import ChiefOrder, HandOver, Vacancy  # noqa: E402
from yiwang.systems.governance.river_chief.models_search import Candidate, OutfallSearch, Trace  # noqa: E402
from yiwang.systems.governance.river_chief.models_standards import Clause, ClauseRun, StandardDoc  # noqa: E402
from yiwang.systems.governance.river_chief.models_water import LoadBasis, LoadSource, Reading, Repair, RepairCheck, WaterAlert  # noqa: E402

__all__ = [
    "GRADES", "ITEMS", "LAKES", "Assessment", "Bank", "Candidate", "ChiefOrder", "Clause", "ClauseRun", "HandOver", "LoadBasis", "LoadSource", "Measure", "Measured", "OneRiverOnePlan", "Outfall",
    "OutfallSearch", "Reach", "Reading", "Repair", "RepairCheck", "River", "RiverProblem", "Sample", "Section", "StandardDoc", "Trace", "Vacancy", "WaterAlert", "WaterZone", "ZoneNotice", "ZoneOpinion", "ZoneResult",
]
