"""What chiefs ask of each other and leave to each other: orders under seal, and the sheet of a hand-over."""

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.systems.governance.river_chief.models import River, RiverProblem

OFFICE = "river-office"


def _overseen(actor: Actor) -> Q:
    """What lies in the division of a river office that the actor works in."""
    seen = NOTHING
    for seat in actor.seats:
        if OFFICE in seat.roles and seat.division:
            seen |= Q(division__gte=seat.division.ljust(12, "0"), division__lt=str(int(seat.division) + 1).ljust(12, "0"))
    return seen


class ChiefOrder(Record):
    """河长令 or 督办单: a chief tells a chief below, or an office of the place, by a numbered and sealed paper what is to be done by when."""

    class Kind(models.TextChoices):
        ORDER = "order", "河长令"
        PRESS = "press", "督办单"

    class Stage(models.TextChoices):
        ISSUED = "issued", "待反馈"
        ANSWERED = "answered", "待核销"
        CLOSED = "closed", "已办结"

    personal = ()
    kind = models.CharField("类别", max_length=6, choices=Kind.choices)
    issuer = models.ForeignKey("parties.Post", models.PROTECT, related_name="+", verbose_name="签发河长")
    receiver = models.ForeignKey("parties.Post", models.PROTECT, null=True, related_name="+", verbose_name="承办河长")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="承办单位")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="承办区划")
    river = models.ForeignKey(River, models.PROTECT, null=True, related_name="orders", verbose_name="河湖")
    problem = models.ForeignKey(RiverProblem, models.PROTECT, null=True, related_name="orders", verbose_name="督办问题")
    title = models.CharField("事由", max_length=80)
    text = models.TextField("要求", max_length=1000)
    stage = models.CharField("环节", max_length=8, choices=Stage.choices, default=Stage.ISSUED)
    issued_by = models.CharField("签发人", max_length=60)
    issued_at = models.DateTimeField("签发时间", default=timezone.now)
    due = models.DateField("办理期限")
    document = models.ForeignKey("documents.Document", models.PROTECT, related_name="+", verbose_name="文书")
    feedback = models.TextField("反馈", max_length=1000, blank=True)
    answered_by = models.CharField("反馈人", max_length=60, blank=True)
    answered_at = models.DateTimeField("反馈时间", null=True)
    returned = models.PositiveSmallIntegerField("退回次数", default=0)
    verdict = models.CharField("核销意见", max_length=300, blank=True)
    closed_at = models.DateTimeField("办结时间", null=True)
    on_time = models.BooleanField("按期反馈", null=True)
    late_at = models.DateTimeField("逾期通报时间", null=True)

    class Meta:
        verbose_name = "河长令和督办单"
        constraints = [
            models.CheckConstraint(condition=Q(receiver=None, organ__isnull=False) | Q(receiver__isnull=False, organ=None), name="order_to_one"),
            models.CheckConstraint(condition=Q(receiver=None) | ~Q(receiver=F("issuer")), name="order_to_another"),
        ]
        indexes = [models.Index(fields=["issued_at", "id"], name="order_by_day"), models.Index(fields=["due"], name="order_waiting", condition=Q(stage="issued")), models.Index(fields=["due", "id"], name="chieforder_by_due")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}：{self.title}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Who issued it, who has to answer it, and the river office of the place."""
        if not actor.seats:
            return NOTHING
        posts = [seat.post for seat in actor.seats]
        return Q(issuer__in=posts) | Q(receiver__in=posts) | Q(organ__in=actor.organs) | _overseen(actor)


class HandOver(Record):
    """A chief's post passes from one person to another, with a sheet of what is open that both sign (河长变更交接)."""

    personal = ()
    post = models.ForeignKey("parties.Post", models.PROTECT, related_name="+", verbose_name="河长岗位")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    giver = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="移交人")
    taker = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="接收人")
    giver_name = models.CharField("移交人姓名", max_length=120)  # as of that day: neither may read the other's own row
    taker_name = models.CharField("接收人姓名", max_length=120)
    changed_on = models.DateField("变更日期")
    due_at = models.DateTimeField("交接期限")
    sheet = models.JSONField("交接清单")  # part → lines
    given_at = models.DateTimeField("移交时间", null=True)
    given_words = models.CharField("移交说明", max_length=500, blank=True)
    taken_at = models.DateTimeField("接收时间", null=True)
    taken_words = models.CharField("接收意见", max_length=500, blank=True)
    late_at = models.DateTimeField("逾期通报时间", null=True)

    class Meta:
        verbose_name = "河长交接"
        constraints = [
            models.UniqueConstraint("post", "giver", "taker", "changed_on", name="handed_over_once"),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="handed_over_to_another"),
            models.CheckConstraint(condition=Q(taken_at=None) | Q(given_at__isnull=False), name="given_before_taken"),
        ]
        indexes = [
            models.Index(fields=["changed_on", "id"], name="handover_by_day"), models.Index(fields=["due_at"], name="handover_untold", condition=Q(taken_at=None, late_at=None)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.post} {self.giver_name} → {self.taker_name}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Both of them, whatever they hold by now; the river office of the place."""
        own = Q(giver=actor.party) | Q(taker=actor.party) if actor.party else NOTHING
        return own | _overseen(actor)


class Vacancy(Record):
    """A chief's post that stands empty: whoever left it, since when, when the river office was told, until somebody holds it."""

    personal = ()
    post = models.ForeignKey("parties.Post", models.PROTECT, related_name="+", verbose_name="河长岗位")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    left_name = models.CharField("离任河长", max_length=120)  # chiefs are published by name (河长公示)
    since = models.DateField("空缺自")  # the first day without anybody
    told_at = models.DateTimeField("告知时间", default=timezone.now)
    filled_on = models.DateField("补任日期", null=True)

    class Meta:
        verbose_name = "河长空缺"
        constraints = [models.UniqueConstraint("post", "since", name="vacant_once")]
        indexes = [models.Index(fields=["since", "id"], name="vacancy_by_day"), models.Index(fields=["post"], name="vacancy_open", condition=Q(filled_on=None))]

    def __str__(self) -> str:
        return f"{self.post} 自 {self.since} 空缺"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The river office of the place, and the chiefs of it."""
        posts = [seat.post for seat in actor.seats]
        return _overseen(actor) | Q(post__in=posts) if actor.seats else NOTHING
