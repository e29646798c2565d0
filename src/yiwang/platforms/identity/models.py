"""Accounts: how a person is known at the door. Who they are is `parties`; what they may do comes from posts and delegations."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

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
    """One sign-in of one natural person. No flags for staff or superusers: authority comes from posts."""

    personal = ("username",)
    username = models.CharField("用户名", max_length=60, unique=True)
    party = models.OneToOneField("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="本人")
    email = models.EmailField("电子邮箱", blank=True)
    is_active = models.BooleanField("启用", default=True)
    created_at = models.DateTimeField("开户时间", auto_now_add=True)

    USERNAME_FIELD = "username"
    objects = Accounts()

    class Meta:
        verbose_name = "账号"

    def __str__(self) -> str:
        return self.username

    @property
    def full_name(self) -> str:
        """The person's name; the user name of an account without a person."""
        return self.party.name if self.party else self.username

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(pk=actor.account) if actor.account else NOTHING


class Client(Record):
    """An authorised system of an office or enterprise that calls our interfaces for its own people."""

    personal = ()
    code = models.CharField("标识", max_length=40, unique=True)
    name = models.CharField("名称", max_length=80)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="所属机构")
    scope = ArrayField(models.CharField(max_length=80), verbose_name="事项范围")
    secret_digest = models.CharField("密钥摘要", max_length=64)
    active = models.BooleanField("启用", default=True)

    class Meta:
        verbose_name = "对接系统"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "system-admin" in actor.roles else NOTHING
