"""E-licences: types, licences in immutable versions, and every use of one."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class LicenceType(models.Model):
    """A kind of licence, permit, certificate or filing."""

    personal = ()
    key = models.CharField("标识", max_length=60, primary_key=True)
    serial = models.PositiveSmallIntegerField("顺序号", unique=True)  # of this node; given once, in identifiers for good
    code = models.CharField("类型代码", max_length=21, blank=True)  # C 0200.3: defining authority + serial; never invented
    name = models.CharField("名称", max_length=120)
    issuer = models.CharField("颁发部门", max_length=60)
    holders = ArrayField(models.CharField(max_length=30), verbose_name="持有人")
    fields = ArrayField(models.CharField(max_length=40), verbose_name="照面内容")
    validity = models.CharField("有效期", max_length=60, blank=True)
    mark = models.CharField("核实", max_length=1)
    source = models.CharField("来源", max_length=200, blank=True)

    class Meta:
        verbose_name = "证照类型"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Licence(Record):
    """One version of one licence. A change issues the next version; the sealed face belongs to the version for good."""

    class State(models.TextChoices):
        VALID = "valid", "有效"
        SUSPENDED = "suspended", "暂扣"
        REVOKED = "revoked", "吊销或撤销"
        CANCELLED = "cancelled", "注销"
        REPLACED = "replaced", "已换发"

    personal = ("fields", "number")
    identifier = models.CharField("电子证照标识", max_length=120, unique=True)
    type = models.ForeignKey(LicenceType, models.PROTECT, related_name="+", verbose_name="类型")
    number = models.CharField("证照编号", max_length=60)
    version = models.PositiveSmallIntegerField("版本", default=1)
    holder = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="持有人")
    issuer = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="颁发机构")
    fields = models.JSONField("照面内容")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.VALID)
    valid_from = models.DateField("有效期起")
    valid_to = models.DateField("有效期止", null=True)
    issued_at = models.DateTimeField("颁发时间", default=timezone.now)
    changed_at = models.DateTimeField("状态时间", null=True)
    reason = models.CharField("状态原因", max_length=300, blank=True)
    file = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="照面文件")
    case = models.BigIntegerField("办件", null=True)
    previous = models.OneToOneField("self", models.PROTECT, null=True, related_name="next", verbose_name="前一版本")

    class Meta:
        verbose_name = "电子证照"
        constraints = [
            models.UniqueConstraint("case", "type", name="licence_once_per_case", condition=Q(case__isnull=False, previous__isnull=True)),
            models.CheckConstraint(condition=Q(valid_to=None) | Q(valid_to__gte=models.F("valid_from")), name="licence_ends_after_start"),
        ]
        indexes = [models.Index(fields=["holder", "state"]), models.Index(fields=["valid_to"], name="licence_expiring", condition=Q(state="valid"))]

    def __str__(self) -> str:
        return f"{self.type} {self.number}"

    @property
    def in_force(self) -> bool:
        """Whether it holds today: a state that nobody changed does not outlive its dates."""
        today = timezone.localdate()
        return self.state == self.State.VALID and self.valid_from <= today and (self.valid_to is None or self.valid_to >= today)

    @property
    def said(self) -> str:
        """Its state today, as the holder reads it."""
        if self.state != self.State.VALID or self.in_force:
            return str(self.get_state_display())
        return "尚未生效" if self.valid_from > timezone.localdate() else "已过有效期"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The holder's own; the office that issued it. Others see it through a recorded use."""
        seen = NOTHING
        if actor.acting_for or actor.party:
            seen |= Q(holder=actor.acting_for or actor.party)
        if actor.organs:
            seen |= Q(issuer__in=actor.organs)
        return seen


class Use(Record):
    """A licence shown or used in a matter: by whom, for what. The holder sees it."""

    personal = ()
    licence = models.ForeignKey(Licence, models.PROTECT, related_name="uses", verbose_name="证照")
    at = models.DateTimeField("时间", default=timezone.now)
    by = models.CharField("使用人", max_length=120)
    purpose = models.CharField("用途", max_length=200)
    case = models.BigIntegerField("办件", null=True)

    class Meta:
        verbose_name = "用证记录"

    def __str__(self) -> str:
        return f"{self.by} {self.purpose}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(licence__in=Licence.objects.filter(Licence.visible_to(actor)))


class Authorisation(Record):
    """The holder lets somebody see a licence, for a purpose, until a moment. Whoever has the token is that somebody."""

    personal = ("to_whom",)
    licence = models.ForeignKey(Licence, models.PROTECT, related_name="authorisations", verbose_name="证照")
    token = models.CharField("凭据", max_length=40, unique=True)
    to_whom = models.CharField("授权给", max_length=120)
    purpose = models.CharField("用途", max_length=200)
    made_at = models.DateTimeField("授权时间", default=timezone.now)
    valid_to = models.DateTimeField("到期")
    withdrawn_at = models.DateTimeField("撤回时间", null=True)

    class Meta:
        verbose_name = "用证授权"

    def __str__(self) -> str:
        return f"{self.to_whom} {self.purpose}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The holder's alone: the token opens the licence."""
        mine = actor.acting_for or actor.party
        return Q(licence__holder=mine) if mine else NOTHING

    @property
    def is_open(self) -> bool:
        return self.withdrawn_at is None and self.valid_to > timezone.now()
