"""Files by content, seals with their certificates, and numbered sealed documents that never change."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.engines.audit.models import Withheld
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class File(Record):
    """A stored content. The same content twice is one file on disk and two rows, each with its own owner."""

    personal = ("name",)
    digest = models.CharField("SHA-256", max_length=64, db_index=True)
    sm3 = models.CharField("SM3", max_length=64)
    size = models.PositiveBigIntegerField("字节数")
    media_type = models.CharField("类型", max_length=80)
    name = models.CharField("文件名", max_length=200)
    owner = models.BigIntegerField("所有人", null=True)  # parties.Party of whoever brought it; null: made by the government
    case = models.BigIntegerField("办件", null=True)
    stored_at = models.DateTimeField("存入时间", default=timezone.now)

    class Meta:
        verbose_name = "文件"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The owner's own. Officials reach files through the case they belong to."""
        mine = [p for p in (actor.party, actor.acting_for) if p]
        return Q(owner__in=mine) if mine else NOTHING


class Seal(Record):
    """An office's electronic seal: its certificate and validity. The key lies in the node's key folder, never here."""

    class State(models.TextChoices):
        ACTIVE = "active", "有效"
        SUSPENDED = "suspended", "停用"
        RETIRED = "retired", "更换"
        REVOKED = "revoked", "撤销"

    personal = ()
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="机构")
    serial = models.CharField("证书序列号", max_length=60, unique=True)
    certificate = models.TextField("证书")  # PEM
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.ACTIVE)
    valid_from = models.DateTimeField("启用")
    valid_to = models.DateTimeField("到期")
    revoked_at = models.DateTimeField("撤销时间", null=True)
    reason = models.CharField("原因", max_length=200, blank=True)

    class Meta:
        verbose_name = "电子印章"
        constraints = [models.UniqueConstraint("organ", name="seal_one_active", condition=Q(state="active"))]

    def __str__(self) -> str:
        return f"{self.organ} 电子印章"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        if "seal-keeper" in actor.roles:
            return Q()
        return Q(organ__in=actor.organs) if actor.organs else NOTHING


class SealUse(Record):
    """One sealing: which seal, on what content, for which document, by whom."""

    personal = ()
    seal = models.ForeignKey(Seal, models.PROTECT, related_name="uses", verbose_name="印章")
    at = models.DateTimeField("时间", default=timezone.now)
    by = models.CharField("用印人", max_length=60)
    digest = models.CharField("文件摘要", max_length=64, db_index=True)
    what = models.CharField("用途", max_length=200)

    class Meta:
        verbose_name = "用印记录"

    def __str__(self) -> str:
        return f"{self.seal} {self.what}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(seal__in=Seal.objects.filter(Seal.visible_to(actor)))


class Series(models.Model):
    """The running number of one kind of paper of one office in one year: taken under a row lock, so without gaps."""

    personal = ()
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="机构")
    kind = models.CharField("文种", max_length=60)
    year = models.PositiveSmallIntegerField("年份")
    last = models.PositiveIntegerField("末号", default=0)

    class Meta:
        verbose_name = "文号"
        constraints = [models.UniqueConstraint("organ", "kind", "year", name="series_once")]

    def __str__(self) -> str:
        return f"{self.kind}〔{self.year}〕{self.last}号"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class Document(Record):
    """A numbered, dated and sealed document. Immutable; what replaces it is another."""

    personal = ("data",)
    number = models.CharField("文号", max_length=80)
    template = models.CharField("模板", max_length=60)
    template_digest = models.CharField("模板摘要", max_length=64)
    title = models.CharField("标题", max_length=200)
    data = models.JSONField("内容")
    file = models.ForeignKey(File, models.PROTECT, related_name="+", verbose_name="文件")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="制发机构")
    case = models.BigIntegerField("办件", null=True, db_index=True)
    issued_at = models.DateTimeField("制发时间", default=timezone.now)

    class Meta:
        verbose_name = "文书"
        constraints = [models.UniqueConstraint("organ", "number", name="document_number_once")]

    def __str__(self) -> str:
        return f"{self.title} {self.number}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The office that made it; everybody else reaches it through its case."""
        return Q(organ__in=actor.organs) & (Q(case=None) | ~Q(case__in=Withheld.cases_from(actor))) if actor.organs else NOTHING
