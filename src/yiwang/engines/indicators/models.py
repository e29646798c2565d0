"""Figures as they were computed, and what they are meant to reach."""

from decimal import Decimal

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Series(Record):
    """One figure of one division in one period, in parts that add up: a share is kept as its two counts, never as a per cent.

    `division` is a prefix of 12-digit codes. A row's own level is a division too: "440802000" is what belongs to the county 440802 and to no town of it,
    so that the children of a division always sum up to it. Divisions without any row have none here and are nought.
    """

    class Span(models.TextChoices):
        DAY = "day", "日"
        MONTH = "month", "月"
        YEAR = "year", "年"

    personal = ()
    indicator = models.CharField("指标", max_length=60)
    division = models.CharField("区划", max_length=9)
    span = models.CharField("周期", max_length=5, choices=Span.choices)
    start = models.DateField("周期起始日")
    total = models.DecimalField("数量", max_digits=24, decimal_places=6)  # rows counted, or the sum of what is measured
    base = models.BigIntegerField("基数", null=True)  # mean and share: rows it is divided by
    computed_at = models.DateTimeField("计算时间", default=timezone.now)

    class Meta:
        verbose_name = "指标数据"
        constraints = [models.UniqueConstraint("indicator", "division", "span", "start", name="figure_once")]
        indexes = [models.Index(fields=["span", "start", "division"], name="figures_of_period")]

    def __str__(self) -> str:
        return f"{self.indicator} {self.division} {self.span} {self.start}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Figures of the divisions that one's posts cover."""
        seen = NOTHING
        for seat in actor.seats:
            seen |= Q(division__startswith=seat.division)
        return seen


class Target(Record):
    """What an indicator is to reach in a division and all below it, from a day on, and who says so."""

    personal = ()
    indicator = models.CharField("指标", max_length=60)
    division = models.CharField("区划", max_length=9)
    value = models.DecimalField("目标值", max_digits=18, decimal_places=4)  # in the indicator's unit
    valid_from = models.DateField("起")
    valid_to = models.DateField("止", null=True)  # the last day; null: until further notice
    source = models.CharField("依据", max_length=300)
    mark = models.CharField("核实", max_length=1)  # V verified against the source, K from knowledge

    class Meta:
        verbose_name = "指标目标"
        constraints = [
            models.UniqueConstraint("indicator", "division", "valid_from", name="target_once"),
            models.CheckConstraint(condition=Q(valid_to=None) | Q(valid_to__gte=models.F("valid_from")), name="target_ends_after_start"),
        ]

    def __str__(self) -> str:
        return f"{self.indicator} {self.plain}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING

    @property
    def plain(self) -> Decimal:
        """Without zeros that say nothing."""
        return self.value.normalize() if self.value % 1 else self.value.quantize(Decimal(1))
