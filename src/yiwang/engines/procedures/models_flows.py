"""Drawn flows and where their cases stand. A version is stored once; a case keeps only its marks; due timers are rows that the minute job finds by index."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.engines.procedures.models import DRAWN, Case
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class FlowVersion(Record):
    """One drawing of a procedure, for one item or for all. Published, it never changes (held by the database); open cases stay on theirs."""

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已停用"

    personal = ()
    procedure = models.CharField("基础流程", max_length=40)
    item = models.CharField("事项", max_length=80, blank=True)  # Case.item_key; blank: every item of the procedure
    number = models.PositiveSmallIntegerField("版本")
    name = models.CharField("名称", max_length=100)
    note = models.CharField("修改说明", max_length=300, blank=True)
    bpmn = models.TextField("流程图")
    dmn = models.JSONField("决策表", default=list)  # DMN documents as text
    digest = models.CharField("SM3", max_length=64)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.DRAFT)
    revision = models.PositiveIntegerField("版次", default=1)
    report = models.JSONField("检查报告", default=list)  # [element, words, hint] of the last check
    valid_from = models.DateField("施行日期", null=True)
    changed_at = models.DateTimeField("修改时间", default=timezone.now)
    changed_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="修改人")
    published_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="发布人")
    published_at = models.DateTimeField("发布时间", null=True)

    class Meta:
        verbose_name = "流程图"
        constraints = [
            models.UniqueConstraint("procedure", "number", name="flow_numbered"),
            models.UniqueConstraint("procedure", "item", "valid_from", name="flow_one_a_day", condition=Q(state="published")),
            models.CheckConstraint(condition=Q(number__gt=DRAWN), name="flow_number_is_drawn"),
            models.CheckConstraint(condition=~Q(state="published") | Q(valid_from__isnull=False, published_at__isnull=False), name="flow_published_is_dated"),
        ]

    def __str__(self) -> str:
        return f"{self.name} 第{self.edition}版"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Every official: how a case goes is no secret inside the house."""
        return Q() if actor.seats else NOTHING

    @property
    def edition(self) -> int:
        """Its number as people say it."""
        return int(self.number) - DRAWN


class CaseFlow(Record):
    """Where a case on a drawn flow stands: the engine's marks without its specification, and the elements that wait."""

    personal = ()
    case = models.OneToOneField(Case, models.PROTECT, related_name="flow", verbose_name="办件")
    version = models.ForeignKey(FlowVersion, models.PROTECT, related_name="+", verbose_name="流程图")
    standing = ArrayField(models.CharField(max_length=40), verbose_name="所在环节", default=list)
    data = models.JSONField("引擎状态", default=dict)
    revision = models.PositiveIntegerField("版次", default=0)

    class Meta:
        verbose_name = "办件的流程"

    def __str__(self) -> str:
        return f"{self.case_id} {'、'.join(self.standing)}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=Case.objects.filter(Case.visible_to(actor)))


class FlowTimer(Record):
    """A timer of a drawn flow that runs on a case, until it fires or its task is done first."""

    personal = ()
    case = models.ForeignKey(Case, models.PROTECT, related_name="timers", verbose_name="办件")
    element = models.CharField("元素", max_length=40)
    name = models.CharField("名称", max_length=100)
    started_at = models.DateTimeField("开始")
    due_at = models.DateTimeField("到期")
    fired_at = models.DateTimeField("触发", null=True)
    stopped_at = models.DateTimeField("停止", null=True)

    class Meta:
        verbose_name = "流程定时"
        constraints = [models.UniqueConstraint("case", "element", name="timer_runs_once", condition=Q(fired_at=None, stopped_at=None))]
        indexes = [models.Index(fields=["due_at"], name="timer_due", condition=Q(fired_at=None, stopped_at=None))]

    def __str__(self) -> str:
        return f"{self.name} {self.case_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=Case.objects.filter(Case.visible_to(actor)))
