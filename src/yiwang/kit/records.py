"""The abstract base of every table. A case is an engine's row (`procedures.Case`); a system's own part of it is a Record with a one-to-one key."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

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
