"""Saved views: a list's filters, words and order under a name, for oneself or one's office."""

from urllib.parse import urlencode

from django.db import transaction

from yiwang.base.errors import Invalid, NotAllowed, NotFound
from yiwang.engines.registers.listing import Query
from yiwang.engines.registers.models import SavedView
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register


def views_of(actor: Actor, register: Register) -> list[SavedView]:
    return list(restrict(actor, SavedView.objects.filter(register=register.code)).order_by("name"))


@transaction.atomic
def save_view(actor: Actor, register: Register, query: Query, *, name: str, organ: int | None = None) -> SavedView:
    """Keeps the query under a name; the same name again replaces it. `organ` shares it with that office, which must be one's own. Raises Invalid, NotAllowed."""
    called = name.strip()[:40]
    if not called:
        raise Invalid("请给这个列表起个名字。", fields={"name": "请填写名称"})
    if actor.party is None or (organ is not None and organ not in actor.organs):
        raise NotAllowed("只能共享给自己所在的单位。")
    words = {**query.filters, **({"q": query.search} if query.search else {}), **({"order": query.order} if query.order else {})}
    saved, _ = SavedView.objects.update_or_create(
        owner_id=actor.party, register=register.code, name=called, defaults={"query": urlencode(words), "organ_id": organ}
    )
    return saved


@transaction.atomic
def forget_view(actor: Actor, view: int) -> None:
    """Only by whoever saved it. Raises NotFound."""
    if not SavedView.objects.filter(pk=view, owner=actor.party).delete()[0]:
        raise NotFound("没有找到您保存的这个列表。")
