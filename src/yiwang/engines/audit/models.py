"""What was done and who looked at personal data. Append-only: a trigger refuses change, and sealed batches show it where the trigger was removed."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record

AUDITOR = "audit-admin"


class Withheld(Record):
    """Somebody, or everybody with a post in an office, who must learn nothing of a case (回避, 信访工作条例第三十条): no row of it, not even this one."""

    personal = ("party",)
    case = models.BigIntegerField("办件")
    party = models.BigIntegerField("人员", null=True)
    organ = models.BigIntegerField("机构", null=True)
    since = models.DateTimeField("起", default=timezone.now)

    class Meta:
        verbose_name = "保密对象"
        constraints = [
            models.CheckConstraint(condition=Q(party__isnull=False, organ=None) | Q(party=None, organ__isnull=False), name="withheld_from_one"),
            models.UniqueConstraint("case", "party", "organ", name="withheld_once", nulls_distinct=False),
        ]
        indexes = [models.Index(fields=["party"], name="withheld_party"), models.Index(fields=["organ"], name="withheld_organ")]

    def __str__(self) -> str:
        return f"保密 {self.case}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return NOTHING

    @classmethod
    def cases_from(cls, actor: Actor) -> "models.QuerySet[Withheld, dict[str, Any]]":
        """The cases of which `actor` must learn nothing, as a subquery of their ids."""
        return cls.objects.filter(Q(party__in=[p for p in (actor.party, actor.acting_for) if p]) | Q(organ__in=actor.organs)).values("case")


class Entry(Record):
    """One act: who, for whom, what, on what, when, from where."""

    personal = ("actor", "address")
    at = models.DateTimeField("时间", default=timezone.now)
    actor = models.CharField("操作人", max_length=60)
    account = models.BigIntegerField("账号", null=True)
    party = models.BigIntegerField("操作人主体", null=True)
    acting_for = models.BigIntegerField("代表", null=True)
    organ = models.BigIntegerField("机构", null=True)
    client = models.CharField("对接系统", max_length=40, blank=True)
    address = models.CharField("网络地址", max_length=45, blank=True)
    action = models.CharField("动作", max_length=60)
    subject_type = models.CharField("对象类型", max_length=60, blank=True)
    subject_id = models.CharField("对象", max_length=60, blank=True)
    case = models.BigIntegerField("办件", null=True)
    summary = models.CharField("摘要", max_length=300, blank=True)
    detail = models.JSONField("内容", default=dict)

    class Meta:
        verbose_name = "审计记录"
        indexes = [
            models.Index(fields=["case"], name="entry_of_case", condition=Q(case__isnull=False)),
            models.Index(fields=["subject_type", "subject_id"]),
            models.Index(fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.actor} {self.action}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Audit administrators see all; everybody sees what they did themselves."""
        if AUDITOR in actor.roles:
            return _told(actor)
        return Q(account=actor.account) if actor.account else NOTHING


class Access(Record):
    """One look at a person's data: by whom, which fields, what for. The person sees it (个人信息保护法第四十四条、第五十四条)."""

    personal = ("actor",)
    at = models.DateTimeField("时间", default=timezone.now)
    party = models.BigIntegerField("被查询人")
    actor = models.CharField("查询人", max_length=60)
    account = models.BigIntegerField("账号", null=True)
    organ = models.BigIntegerField("机构", null=True)
    organ_name = models.CharField("机构名称", max_length=120, blank=True)
    what = models.CharField("内容", max_length=120)
    fields = models.JSONField("字段", default=list)
    purpose = models.CharField("用途", max_length=200)
    case = models.BigIntegerField("办件", null=True)

    class Meta:
        verbose_name = "查询记录"
        indexes = [models.Index(models.F("party"), models.F("at").desc(), name="access_of_party"), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.organ_name or self.actor} 查看 {self.what}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        if AUDITOR in actor.roles:
            return _told(actor)
        mine = actor.acting_for or actor.party
        return Q(party=mine) if mine else NOTHING


def _told(actor: Actor) -> Q:
    """An auditor about whom a case is does not audit it."""
    return Q(case=None) | ~Q(case__in=Withheld.cases_from(actor))


class Batch(Record):
    """A sealed run of rows: their Merkle root, chained to the batch before by SM3."""

    personal = ()
    sequence = models.PositiveIntegerField("序号", unique=True)
    sealed_at = models.DateTimeField("封存时间", default=timezone.now)
    size = models.PositiveIntegerField("条数")
    root = models.CharField("默克尔根", max_length=64)
    head = models.CharField("链头", max_length=64)  # SM3(previous head ‖ root), hex

    class Meta:
        verbose_name = "封存批次"

    def __str__(self) -> str:
        return f"批次 {self.sequence}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if AUDITOR in actor.roles else NOTHING


class Leaf(models.Model):
    """Which batch a row went into, at which place, with which hash. Kept apart so that sealing never touches the row itself."""

    personal = ()
    row = models.BigIntegerField("记录", primary_key=True)
    kind = models.CharField("类型", max_length=6, choices=[("entry", "审计记录"), ("access", "查询记录")])
    batch = models.ForeignKey(Batch, models.PROTECT, related_name="leaves", verbose_name="批次")
    index = models.PositiveIntegerField("位置")
    hash = models.CharField("散列", max_length=64)

    class Meta:
        verbose_name = "封存记录"
        constraints = [models.UniqueConstraint("batch", "index", name="leaf_place_once")]

    def __str__(self) -> str:
        return f"{self.batch_id}/{self.index}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if AUDITOR in actor.roles else NOTHING


class ChainCheck(Record):
    """One going through the whole chain: asked for by an auditor or made every night, and what was found."""

    personal = ()
    asked_at = models.DateTimeField("发起时间", default=timezone.now)
    asked_by = models.CharField("发起人", max_length=60)
    finished_at = models.DateTimeField("完成时间", null=True)
    batches = models.PositiveIntegerField("批次数", default=0)
    rows = models.PositiveBigIntegerField("记录数", default=0)
    problems = models.JSONField("发现的问题", default=list)  # sentences; the first thousand

    class Meta:
        verbose_name = "完整性核对"

    def __str__(self) -> str:
        return f"{self.asked_at:%Y-%m-%d %H:%M} {len(self.problems)}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if AUDITOR in actor.roles else NOTHING
