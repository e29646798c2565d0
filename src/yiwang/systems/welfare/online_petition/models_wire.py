"""The systems beside and above ours, and every message that went to them or came from them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.systems.welfare.online_petition.models import Petition, of_petition

READERS = frozenset(("system-admin", "petition-clerk", "petition-leader"))


class Peer(models.Model):
    """Another petition system: the province's above, or that of one department beside us. Where it is reached, with which key we sign, with which it does."""

    class Kind(models.TextChoices):
        ABOVE = "above", "上级信访系统"
        OFFICE = "office", "部门信访系统"

    personal = ()
    code = models.CharField("标识", max_length=20, primary_key=True)
    kind = models.CharField("类型", max_length=8, choices=Kind.choices, default=Kind.ABOVE)
    name = models.CharField("名称", max_length=60)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="单位")  # whose system it is; null: the province
    url = models.CharField("地址", max_length=200)
    account = models.CharField("账号", max_length=60)
    key_file = models.CharField("密钥文件", max_length=60)  # a name below settings.KEYS
    public_key = models.TextField("对方公钥")  # PEM, Ed25519
    active = models.BooleanField("启用", default=True)
    refused_at = models.DateTimeField("最近拒收", null=True)
    refusal = models.CharField("拒收原因", max_length=200, blank=True)

    class Meta:
        verbose_name = "对接的信访系统"
        constraints = [
            models.UniqueConstraint("organ", name="peer_of_organ_once", condition=Q(organ__isnull=False), violation_error_message="这个单位已经登记了一个系统。"),
            models.CheckConstraint(
                condition=Q(kind="above", organ=None) | Q(kind="office", organ__isnull=False), name="peer_office_has_organ", violation_error_message="部门信访系统应当写明是哪个单位的。"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.roles & READERS else NOTHING


class Exchange(Record):
    """One message to or from another system: sent once its cause stands and tried until it is taken; or taken once, or kept with the reason why not.

    An outgoing one's id is the key by which the other side takes it once; an incoming one bears the other side's key. `signature` is over exactly what came.
    """

    class Direction(models.TextChoices):
        OUT = "out", "发出"
        IN = "in", "收到"

    class What(models.TextChoices):
        REPORT = "report", "上报进展"
        TRANSFER = "transfer", "转送信访件"
        SUPERVISION = "supervision", "督查督办"
        STATE = "state", "告知变化"
        SENT_DOWN = "sent-down", "上级转送"
        REGISTERED = "registered", "部门登记"
        RECEIVED = "received", "已接收"
        ACCEPTED = "accepted", "告知受理"
        OBJECTED = "objected", "提出异议"
        DECLINED = "declined", "不予受理"
        EXTENDED = "extended", "批准延期"
        ANSWERED = "answered", "答复"
        REPORTED = "reported", "上报结果"
        ENDED = "ended", "终止办理"
        PRESSED = "supervision-answered", "反馈督办"

    personal = ("body", "answer")
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="exchanges", verbose_name="信访件")
    peer = models.ForeignKey(Peer, models.PROTECT, related_name="exchanges", verbose_name="对方系统")
    direction = models.CharField("方向", max_length=3, choices=Direction.choices, default=Direction.OUT)
    what = models.CharField("内容", max_length=24, choices=What.choices, default=What.REPORT)
    key = models.CharField("对方标识", max_length=80, blank=True)  # of an incoming one
    body = models.JSONField("报文")
    signature = models.CharField("对方签名", max_length=120, blank=True)  # of an incoming one, over exactly what came: the office's word
    answer = models.JSONField("答复", default=dict)
    made_at = models.DateTimeField("时间", default=timezone.now)
    done_at = models.DateTimeField("送达或办妥", null=True)
    dropped_at = models.DateTimeField("不再发送", null=True)
    tries = models.PositiveSmallIntegerField("次数", default=0)
    problem = models.CharField("问题", max_length=200, blank=True)

    class Meta:
        verbose_name = "系统往来"
        constraints = [models.UniqueConstraint("peer", "key", name="exchange_taken_once", condition=Q(direction="in"))]
        indexes = [
            models.Index(fields=["id"], name="exchange_waiting", condition=Q(direction="out", done_at=None, dropped_at=None)),
            models.Index(fields=["peer", "-made_at"], name="exchange_of_peer"),
        ]

    def __str__(self) -> str:
        return f"{self.get_direction_display()}{self.get_what_display()} {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return of_petition(actor) if actor.seats else NOTHING
