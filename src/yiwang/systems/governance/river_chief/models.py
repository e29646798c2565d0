"""Rivers and their reaches. A river is one row of the water register; a reach is the stretch of it that one chief of one level answers for."""

from django.contrib.gis.db.models import LineStringField, MultiLineStringField, PointField
from django.db import models
from django.db.models import Q

from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept

SRID = 4490


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
