"""The abstract bases of tables: Record for every row, Kept for a row that officials keep.

A case is an engine's row (`procedures.Case`); a system's own part of it is a Record with a one-to-one key.
"""

from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.base.ids import new_id
from yiwang.kit.actors import Actor


class Record(models.Model):
    """A row with an application-made 64-bit id. Subclasses say which fields are personal and who may see a row."""

    personal: ClassVar[tuple[str, ...]]  #: fields that hold personal data, masked by default
    id = models.BigIntegerField("编号", primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Which rows `actor` may see. There is no default: each model decides."""
        raise NotImplementedError(f"{cls.__name__}.visible_to")


class Kept(Record):
    """A row of a declared register: guarded by its revision, found by its words; every version of it is kept (`registers.Version`).

    Written only through `engines.registers.api`: keep, change, freeze, erase.
    """

    class Standing(models.TextChoices):
        LIVE = "live", "正常"
        FROZEN = "frozen", "停止处理"  # 个人信息保护法第四十七条: only stored and secured
        ERASED = "erased", "已删除"

    revision = models.PositiveIntegerField("版次", default=1, editable=False)
    standing = models.CharField("处理状态", max_length=6, choices=Standing.choices, default=Standing.LIVE, editable=False)
    changed_at = models.DateTimeField("更新时间", default=timezone.now, editable=False)
    words = SearchVectorField("检索词", null=True, editable=False)

    class Meta:
        abstract = True
        indexes = [GinIndex(fields=["words"], name="%(class)s_words"), models.Index(fields=["changed_at", "id"], name="%(class)s_changed")]
