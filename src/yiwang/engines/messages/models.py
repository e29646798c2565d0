"""What is said to people: an inbox row in the same transaction as its cause, and deliveries by other channels after commit."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


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
        mine = [p for p in (actor.party, actor.acting_for) if p]
        return Q(to__in=mine) if mine else NOTHING


class Dispatch(Record):
    """One try-until-done delivery of a message by a channel outside: SMS, e-mail, webhook."""

    class State(models.TextChoices):
        WAITING = "waiting", "待发送"
        SENT = "sent", "已发送"
        FAILED = "failed", "发送失败"

    personal = ("address",)
    message = models.ForeignKey(Message, models.PROTECT, related_name="dispatches", verbose_name="消息")
    channel = models.CharField("渠道", max_length=10)
    address = models.CharField("地址", max_length=120)
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField("次数", default=0)
    receipt = models.CharField("回执", max_length=120, blank=True)
    problem = models.CharField("问题", max_length=200, blank=True)
    done_at = models.DateTimeField("完成时间", null=True)

    class Meta:
        verbose_name = "消息投递"
        constraints = [models.UniqueConstraint("message", "channel", name="dispatch_once")]

    def __str__(self) -> str:
        return f"{self.channel} {self.get_state_display()}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING


class Gateway(models.Model):
    """Where a channel is reached: the SMS gateway's address and the key that signs our requests."""

    personal = ()
    channel = models.CharField("渠道", max_length=10, primary_key=True)
    url = models.URLField("地址")
    account = models.CharField("账号", max_length=60)
    key_file = models.CharField("密钥文件", max_length=60)  # a name below settings.KEYS; never the secret itself
    quiet_from = models.TimeField("免打扰起", null=True)
    quiet_to = models.TimeField("免打扰止", null=True)

    class Meta:
        verbose_name = "消息网关"

    def __str__(self) -> str:
        return self.channel

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING
