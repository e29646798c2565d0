"""Accounts: how a person is known at the door. Who they are is `parties`; what they may do comes from posts and delegations."""

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
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

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(pk=actor.account) if actor.account else NOTHING
