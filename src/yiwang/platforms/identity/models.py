"""Accounts: how a person is known at the door. Who they are is `parties`; what they may do comes from posts and delegations."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Accounts(BaseUserManager["Account"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "Account":
        account = self.model(username=username, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, Record):
    """One sign-in of one natural person. No flags for staff or superusers: authority comes from posts.

    Without a party it only claims to be somebody whom the registers know, until that is proven.
    """

    class Proof(models.TextChoices):
        DECLARED = "declared", "本人申报"
        PHONE = "phone", "登记手机核验"
        WINDOW = "window", "窗口核验证件"

    personal = ("username",)
    username = models.CharField("用户名", max_length=60, unique=True)
    party = models.OneToOneField("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="本人")
    claim = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="声称的本人")  # until it is proven
    proof = models.CharField("实名核验方式", max_length=10, choices=Proof.choices, default=Proof.DECLARED)
    proven_at = models.DateTimeField("核验时间", null=True)
    email = models.EmailField("电子邮箱", blank=True)
    is_active = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField("开户时间", auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = Accounts()

    class Meta:
        verbose_name = "账号"
        constraints = [models.UniqueConstraint(Lower("username"), name="username_once")]

    def __str__(self) -> str:
        return self.username

    @property
    def full_name(self) -> str:
        """The person's name; the user name of an account without a person."""
        return self.party.name if self.party else self.username

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """One's own; any to a security administrator, who ends sessions."""
        if "security-admin" in actor.roles:
            return Q()
        return Q(pk=actor.account) if actor.account else NOTHING


class Code(Record):
    """Six digits sent to the phone on record of the person whom an account claims to be. Only a keyed digest is kept."""

    personal = ()
    account = models.ForeignKey(Account, models.PROTECT, related_name="codes", verbose_name="账号")
    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="声称的本人")
    digest = models.CharField("摘要", max_length=64)
    sent_at = models.DateTimeField("发送时间", default=timezone.now)
    tries = models.PositiveSmallIntegerField("已试次数", default=0)
    used_at = models.DateTimeField("使用时间", null=True)

    class Meta:
        verbose_name = "核验码"
        indexes = [models.Index(fields=["account", "sent_at"]), models.Index(fields=["party", "sent_at"])]

    def __str__(self) -> str:
        return f"{self.account} 的核验码"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(account=actor.account) if actor.account else NOTHING


class Client(Record):
    """An authorised system of an office or enterprise that calls our interfaces for its own people."""

    personal = ()
    code = models.CharField("标识", max_length=40, unique=True)
    name = models.CharField("名称", max_length=80)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="所属机构")
    scope = ArrayField(models.CharField(max_length=80), verbose_name="事项范围")
    secret_digest = models.CharField("密钥摘要", max_length=64)
    rate = models.PositiveIntegerField("每分钟调用上限", default=600)
    active = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField("登记时间", auto_now_add=True)

    class Meta:
        verbose_name = "对接系统"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING


class Usage(Record):
    """How often an authorised system called in one minute: what its rate is held by, and what its owner is shown."""

    personal = ()
    client = models.ForeignKey(Client, models.PROTECT, related_name="usage", verbose_name="对接系统")
    minute = models.DateTimeField("分钟")
    calls = models.PositiveIntegerField("次数", default=1)

    class Meta:
        verbose_name = "接口调用量"
        constraints = [models.UniqueConstraint("client", "minute", name="usage_once_per_minute")]

    def __str__(self) -> str:
        return f"{self.client} {self.calls} 次"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING
