"""`restrict` is the only way to rows that a person may see. A model says for itself what an actor sees of it."""

from typing import Protocol, TypeVar, cast

from django.db.models import Model, Q, QuerySet

from yiwang.kit.actors import Actor

M = TypeVar("M", bound=Model)


class Visible(Protocol):
    """A model that can say which of its rows an actor may see."""

    @classmethod
    def visible_to(cls, actor: Actor) -> Q: ...


def restrict(actor: Actor, queryset: "QuerySet[M]") -> "QuerySet[M]":
    """The rows of `queryset` that `actor` may see; the system sees all.

    Raises TypeError for a model that does not declare `visible_to`: a forgotten rule must fail loudly, not leak.
    """
    if actor.system:
        return queryset
    model = cast("Visible", queryset.model)
    if not hasattr(model, "visible_to"):
        raise TypeError(f"{queryset.model.__name__} does not say who may see it: give it visible_to(actor)")
    return queryset.filter(model.visible_to(actor))


NOTHING = Q(pk__in=())
