"""What a petitioner sends with the words: papers and pictures, kept by content."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.systems.welfare.online_petition.models import Petition, of_petition


class Material(Record):
    """One file of a petition. It is seen, and withheld, with the petition."""

    personal = ("name",)
    petition = models.ForeignKey(Petition, models.PROTECT, related_name="materials", verbose_name="信访件")
    file = models.ForeignKey("documents.File", models.PROTECT, related_name="+", verbose_name="文件")
    name = models.CharField("文件名", max_length=200)
    added_at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "信访材料"

    def __str__(self) -> str:
        return f"信访材料 {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return of_petition(actor)
