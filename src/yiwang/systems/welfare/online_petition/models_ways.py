"""Where the ways lead that are not a petition office's (第三十一条第一至三项): courts, arbitration, organs of discipline, by place."""

from django.db import models
from django.db.models import Q

from yiwang.kit.actors import Actor
from yiwang.systems.welfare.online_petition.models import Petition


class Body(models.Model):
    """Who takes what goes another legal way, for a place and all below it; the nearest place's comes first. From the office's list, with its source."""

    personal = ()
    code = models.CharField("标识", max_length=40, primary_key=True)
    route = models.CharField("途径", max_length=12, choices=Petition.Route.choices)
    name = models.CharField("机关或者机构", max_length=80)
    matter = models.CharField("管什么", max_length=120)
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="地方")
    address = models.CharField("地址", max_length=120)
    phone = models.CharField("电话", max_length=40)
    how = models.CharField("怎样去", max_length=200)
    source = models.CharField("来源", max_length=120)
    mark = models.CharField("核实", max_length=1, choices=[("V", "已核对"), ("K", "待核对")], default="K")

    class Meta:
        verbose_name = "其他途径的受理机关"
        indexes = [models.Index(fields=["route", "division"], name="body_of_route")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()

    @property
    def words(self) -> str:
        """As a letter says it."""
        return f"{self.name}（{self.matter}），{self.address}，电话 {self.phone}；{self.how}"
