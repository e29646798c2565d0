"""Payment channels and the orders placed with them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Channel(models.Model):
    """A channel that takes money for the government: its address, our key, its public key."""

    personal = ()
    code = models.CharField("渠道", max_length=40, primary_key=True)
    name = models.CharField("名称", max_length=80)
    url = models.URLField("地址")
    merchant = models.CharField("商户号", max_length=60)
    key_file = models.CharField("我方私钥文件", max_length=60)  # a name below settings.KEYS
    public_key = models.TextField("对方公钥")  # PEM, Ed25519
    active = models.BooleanField("启用", default=True)

    class Meta:
        verbose_name = "支付渠道"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class Order(Record):
    """A bill placed with a channel: where the payer is sent, and what the channel last said."""

    class State(models.TextChoices):
        PLACED = "placed", "待支付"
        PAID = "paid", "已支付"
        CLOSED = "closed", "已关闭"

    personal = ()
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name="渠道")
    bill = models.ForeignKey("ledger.Bill", models.PROTECT, related_name="+", verbose_name="缴款单")
    amount = models.BigIntegerField("金额(分)")
    pay_url = models.URLField("支付页", max_length=300)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.PLACED)
    placed_at = models.DateTimeField("下单时间", default=timezone.now)
    asked_at = models.DateTimeField("最近查询", null=True)

    class Meta:
        verbose_name = "支付订单"
        constraints = [models.UniqueConstraint("channel", "bill", name="order_once")]

    def __str__(self) -> str:
        return str(self.pk)

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING


class Notice(Record):
    """A notice that a channel sent, by its nonce: taken once."""

    personal = ()
    nonce = models.CharField("随机数", max_length=80)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+", verbose_name="渠道")
    body = models.JSONField("内容")
    at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "支付通知"
        constraints = [models.UniqueConstraint("channel", "nonce", name="notice_taken_once")]

    def __str__(self) -> str:
        return self.nonce

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "accountant" in actor.roles else NOTHING
