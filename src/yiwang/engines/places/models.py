"""Places: layers of features in CGCS2000 (EPSG:4490)."""

from django.contrib.gis.db.models import GeometryField
from django.db import models
from django.db.models import Q

from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Layer(models.Model):
    """A set of features of one kind with its source and, where they are only indicative, that said (示意)."""

    personal = ()
    code = models.CharField("图层", max_length=40, primary_key=True)
    name = models.CharField("名称", max_length=60)
    source = models.CharField("来源", max_length=200)
    indicative = models.BooleanField("示意", default=False)

    class Meta:
        verbose_name = "图层"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Feature(Record):
    """One thing with a place; `code` ties it to a row elsewhere (a division, an office)."""

    personal = ()
    layer = models.ForeignKey(Layer, models.PROTECT, related_name="features", verbose_name="图层")
    code = models.CharField("编码", max_length=60)
    name = models.CharField("名称", max_length=120)
    geometry = GeometryField("几何", srid=4490)

    class Meta:
        verbose_name = "要素"
        constraints = [models.UniqueConstraint("layer", "code", name="feature_code_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()
