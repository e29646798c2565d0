"""The standards system: documents, their clauses, and what the checks of a clause found."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Kept, Record


class StandardDoc(Kept):
    """A document of the standards system: drafted, tried out, adopted. Its clauses are run on the data."""

    class State(models.TextChoices):
        DRAFT = "draft", "草案"
        TRIAL = "trial", "试行"
        ADOPTED = "adopted", "施行"
        REPEALED = "repealed", "废止"

    personal = ()
    number = models.CharField("编号", max_length=40)
    version = models.CharField("版本", max_length=20)
    title = models.CharField("名称", max_length=120)
    field = models.CharField("类别", max_length=20, choices=[("code", "编码"), ("form", "表单"), ("interface", "接口"), ("assessment", "考核")])
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.DRAFT, editable=False)
    trial_on = models.DateField("试行日期", null=True, editable=False)
    adopted_on = models.DateField("施行日期", null=True, editable=False)

    class Meta(Kept.Meta):
        verbose_name = "标准规范"
        constraints = [models.UniqueConstraint("number", "version", name="standard_version_once", violation_error_message="这个编号的这个版本已经登记。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["number", "id"], name="standard_by_number")]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Clause(Kept):
    """One requirement of a standard, with the check that shows whether our data meet it."""

    personal = ()
    doc = models.ForeignKey(StandardDoc, models.PROTECT, related_name="clauses", verbose_name="标准")
    number = models.CharField("条款", max_length=20)
    text = models.CharField("要求", max_length=300)
    rule = models.CharField("检查", max_length=40, choices=[
        ("river-code", "河湖编码符合格式"), ("reach-code", "河段编码从属于河湖编码"), ("reach-chief", "河段有现任河长"), ("reach-cover", "同级河段首尾相接、不重叠"),
        ("reach-board", "河段有公示牌位置"), ("patrol-plan", "河段有巡查计划且频次符合要求"), ("sample-complete", "断面月数据五项齐全"), ("problem-chain", "销号问题有他人核查记录"),
    ])  # fmt: skip

    class Meta(Kept.Meta):
        verbose_name = "标准条款"
        constraints = [models.UniqueConstraint("doc", "number", name="clause_once", violation_error_message="这一条款已经登记。")]
        indexes = [*Kept.Meta.indexes, models.Index(fields=["number", "id"], name="clause_by_number")]

    def __str__(self) -> str:
        return f"{self.number} {self.text[:30]}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class ClauseRun(Record):
    """One run of a clause's check on all data of a day."""

    personal = ()
    clause = models.ForeignKey(Clause, models.PROTECT, related_name="runs", verbose_name="条款")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    at = models.DateTimeField("运行时间", default=timezone.now)
    total = models.PositiveIntegerField("检查数")
    wrong = models.PositiveIntegerField("不符合数")
    examples = models.JSONField("不符合举例", default=list)
    passed = models.BooleanField("通过")

    class Meta:
        verbose_name = "标准检查"

    def __str__(self) -> str:
        return f"{self.clause} {self.at:%Y-%m-%d}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING
