"""What is said to people: an inbox row in the same transaction as its cause, and deliveries by other channels after commit."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.kit.registry import registry


class Message(Record):
    """One message to one party. The key makes a repeated cause harmless."""

    personal = ("title", "body")
    to = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="收件人")
    template = models.CharField("模板", max_length=40)
    title = models.CharField("标题", max_length=120)
    body = models.TextField("内容")
    case = models.BigIntegerField("办件", null=True)
    key = models.CharField("标识", max_length=120, unique=True)
    sent_at = models.DateTimeField("时间", default=timezone.now)
    read_at = models.DateTimeField("已读", null=True)
    shown = models.BooleanField("在站内显示", default=True)  # a code sent by SMS does not stand in the inbox as well

    class Meta:
        verbose_name = "消息"
        indexes = [
            models.Index(models.F("to"), models.F("sent_at").desc(), name="message_inbox"),
            models.Index(fields=["to"], name="message_unread", condition=Q(read_at=None)),
        ]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Not what went by SMS alone: a code or a link for a password is for whoever holds the phone, never for an agent at the inbox."""
        mine = [p for p in (actor.party, actor.acting_for) if p]
        elsewhere = [code for code, declared in registry().messages.items() if "inbox" not in declared.channels]
        return Q(to__in=mine) & ~Q(template__in=elsewhere) if mine else NOTHING


class Channel(models.TextChoices):
    """Ways outside. The inbox is no channel: a message is in it once its transaction commits."""

    SMS = "sms", "短信"
    EMAIL = "email", "电子邮件"
    WEBHOOK = "webhook", "系统推送"


class Subscription(Record):
    """Where a party wants its messages besides inbox and SMS: an e-mail address that it has confirmed, or a system of its own."""

    personal = ("address",)
    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="主体")
    channel = models.CharField("渠道", max_length=10, choices=[(Channel.EMAIL, "电子邮件"), (Channel.WEBHOOK, "系统推送")])
    address = models.CharField("地址", max_length=200)
    code = models.CharField("确认码摘要", max_length=64, blank=True)
    code_until = models.DateTimeField("确认码有效至", null=True)
    tries = models.PositiveSmallIntegerField("确认次数", default=0)
    confirmed_at = models.DateTimeField("确认时间", null=True)
    ended_at = models.DateTimeField("停用时间", null=True)

    class Meta:
        verbose_name = "消息订阅"
        constraints = [models.UniqueConstraint("party", "channel", name="subscription_one", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.address}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        mine = actor.acting_for or actor.party
        return Q(party=mine) if mine else NOTHING


class Dispatch(Record):
    """One try-until-done delivery of a message by a channel outside: SMS, e-mail, webhook."""

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENT = "sent", "已发送"
        FAILED = "failed", "发送失败"

    personal = ("address",)
    message = models.ForeignKey(Message, models.PROTECT, related_name="dispatches", verbose_name="消息")
    channel = models.CharField("渠道", max_length=10, choices=Channel.choices)
    address = models.CharField("地址", max_length=200)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField("次数", default=0)
    receipt = models.CharField("回执", max_length=120, blank=True)
    problem = models.CharField("问题", max_length=200, blank=True)
    done_at = models.DateTimeField("完成时间", null=True)

    class Meta:
        verbose_name = "消息投递"
        constraints = [models.UniqueConstraint("message", "channel", name="dispatch_once")]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} {self.get_state_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING


class Gateway(models.Model):
    """Where a channel is reached and the key with which we show who we are. Without its row a channel is closed.

    SMS: `url` of the gateway. E-mail: smtp://host:port or smtps://host:port, `account` is the sender. Webhooks go to their subscribers' own addresses.
    """

    personal = ()
    channel = models.CharField("渠道", max_length=10, choices=Channel.choices, primary_key=True)
    url = models.CharField("地址", max_length=200, blank=True)
    account = models.CharField("账号", max_length=60)
    key_file = models.CharField("密钥文件", max_length=60, blank=True)  # a name below settings.KEYS; never the secret itself
    quiet_from = models.TimeField("免打扰起", null=True)
    quiet_to = models.TimeField("免打扰止", null=True)

    class Meta:
        verbose_name = "消息网关"

    def __str__(self) -> str:
        return self.get_channel_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING
