"""Money of the government: double entry in fen; bills, payments and refunds that each end reconciled or in a named difference."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Account(models.Model):
    """An account of the ledger: what is owed to us, what a channel holds for us, what an office has earned."""

    personal = ()
    code = models.CharField("科目", max_length=60, primary_key=True)  # receivable:<organ>, channel:<code>, income:<organ>, difference
    name = models.CharField("名称", max_length=120)

    class Meta:
        verbose_name = "账户"

    def __str__(self) -> str:
        return self.code

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING


class Transaction(Record):
    """One booking; its entries sum to zero (a deferred trigger refuses the commit otherwise)."""

    personal = ()
    key = models.CharField("标识", max_length=120, unique=True)
    at = models.DateTimeField("时间", default=timezone.now)
    words = models.CharField("摘要", max_length=200)

    class Meta:
        verbose_name = "记账"

    def __str__(self) -> str:
        return self.words

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING


class Entry(Record):
    """One side of a booking: fen, positive for debit, negative for credit."""

    personal = ()
    transaction = models.ForeignKey(Transaction, models.PROTECT, related_name="entries", verbose_name="记账")
    account = models.ForeignKey(Account, models.PROTECT, related_name="entries", verbose_name="账户")
    amount = models.BigIntegerField("金额(分)")

    class Meta:
        verbose_name = "分录"
        constraints = [models.CheckConstraint(condition=~Q(amount=0), name="entry_not_zero")]

    def __str__(self) -> str:
        return f"{self.account_id} {self.amount}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING


class Bill(Record):
    """What a party owes an office for one thing."""

    class State(models.TextChoices):
        OPEN = "open", "待缴费"
        PAID = "paid", "已缴费"
        CANCELLED = "cancelled", "已取消"
        REFUNDED = "refunded", "已退费"

    personal = ()
    number = models.CharField("缴款识别码", max_length=20, unique=True)
    payer = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="缴款人")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="执收单位")
    case = models.BigIntegerField("办件", null=True)
    amount = models.BigIntegerField("金额(分)")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.OPEN)
    made_at = models.DateTimeField("开具时间", default=timezone.now)
    paid_at = models.DateTimeField("缴费时间", null=True)
    key = models.CharField("标识", max_length=80, unique=True)

    class Meta:
        verbose_name = "缴款单"
        constraints = [models.CheckConstraint(condition=Q(amount__gt=0), name="bill_positive")]
        indexes = [models.Index(models.F("payer"), models.F("made_at").desc(), name="bill_of_payer"), models.Index(fields=["case"])]

    def __str__(self) -> str:
        return self.number

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        seen = NOTHING
        if actor.acting_for or actor.party:
            seen |= Q(payer=actor.acting_for or actor.party)
        if actor.organs:
            seen |= Q(organ__in=actor.organs)
        return seen


class BillLine(Record):
    """One line with the tariff it was computed by."""

    personal = ()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="lines", verbose_name="缴款单")
    name = models.CharField("项目", max_length=120)
    quantity = models.CharField("数量", max_length=60)
    price = models.CharField("标准", max_length=120)
    amount = models.BigIntegerField("金额(分)")
    basis = models.CharField("依据", max_length=300)

    class Meta:
        verbose_name = "缴款明细"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(bill__in=Bill.objects.filter(Bill.visible_to(actor)))


class Payment(Record):
    """Money that a channel says it received, by the channel's own serial: counted once."""

    personal = ()
    bill = models.ForeignKey(Bill, models.PROTECT, related_name="payments", verbose_name="缴款单")
    channel = models.CharField("渠道", max_length=40)
    serial = models.CharField("渠道流水", max_length=80)
    amount = models.BigIntegerField("金额(分)")
    paid_at = models.DateTimeField("支付时间")
    reconciled_on = models.DateField("对账日", null=True)
    refunded = models.BigIntegerField("已退(分)", default=0)

    class Meta:
        verbose_name = "支付"
        constraints = [
            models.UniqueConstraint("channel", "serial", name="payment_counted_once"),
            models.CheckConstraint(condition=Q(amount__gt=0, refunded__gte=0, refunded__lte=models.F("amount")), name="payment_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.serial}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(bill__in=Bill.objects.filter(Bill.visible_to(actor)))


class Difference(Record):
    """Where two books disagree, by name, until somebody settles it."""

    class Kind(models.TextChoices):
        WRONG_AMOUNT = "wrong-amount", "与缴款单金额不符"
        TWICE = "twice", "重复缴费"
        NOT_OPEN = "not-open", "缴款单已取消或已退费"
        MISSTATED = "misstated", "与渠道账单金额不符"
        WRONG_BILL = "wrong-bill", "与渠道账单缴款单不符"
        UNKNOWN_TO_US = "unknown-to-us", "渠道有、本方无"
        UNKNOWN_TO_CHANNEL = "unknown-to-channel", "本方有、渠道无"

    personal = ()
    kind = models.CharField("类型", max_length=20, choices=Kind.choices)
    channel = models.CharField("渠道", max_length=40)
    serial = models.CharField("渠道流水", max_length=80)
    ours = models.BigIntegerField("本方(分)", null=True)
    theirs = models.BigIntegerField("渠道(分)", null=True)
    found_at = models.DateTimeField("发现时间", default=timezone.now)
    settled_at = models.DateTimeField("处理时间", null=True)
    settled_by = models.CharField("处理人", max_length=60, blank=True)
    words = models.CharField("处理说明", max_length=300, blank=True)

    class Meta:
        verbose_name = "对账差异"
        constraints = [models.UniqueConstraint("kind", "channel", "serial", name="difference_once")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.serial}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING
