"""A rating and the duty that a bad one opens."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Rating(Record):
    """One rating of one finished case (一事一评). The office reads grade and words, not who gave them."""

    class Grade(models.IntegerChoices):
        VERY_GOOD = 5, "非常满意"
        GOOD = 4, "满意"
        FAIR = 3, "基本满意"
        BAD = 2, "不满意"
        VERY_BAD = 1, "非常不满意"

    personal = ("words",)
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="被评机构")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    grade = models.PositiveSmallIntegerField("评价", choices=Grade.choices)
    words = models.CharField("意见", max_length=500, blank=True)
    given_at = models.DateTimeField("评价时间", default=timezone.now)
    reply = models.ForeignKey("procedures.Case", models.PROTECT, null=True, related_name="+", verbose_name="整改办件")
    counted = models.BooleanField("纳入统计", default=True)  # a malicious rating is left out after review, never deleted

    class Meta:
        verbose_name = "评价"
        constraints = [models.CheckConstraint(condition=Q(grade__gte=1, grade__lte=5), name="rating_five_grades")]
        indexes = [models.Index(fields=["organ", "given_at"])]

    def __str__(self) -> str:
        return self.get_grade_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        if "evaluation-officer" in actor.roles:
            return Q()
        return Q(case__in=procedures.cases_of(actor))
