"""Where an item is handled: the offices, and the one that answers for a place."""

from django.db.models import QuerySet

from yiwang.base.errors import NotFound
from yiwang.engines.parties import api as parties
from yiwang.platforms.items.models import Implementation


def handled_at(item: int) -> "QuerySet[Implementation]":
    """Every office that handles the item, counties before towns."""
    return Implementation.objects.filter(item=item, active=True).select_related("organ", "division").order_by("division__level", "division__code")


def service_for(item: int, division: str) -> Implementation:
    """The office's own row for a place: the nearest enclosing division that handles the item. Raises NotFound."""
    places = parties.divisions_above(division)
    found = {row.division_id: row for row in handled_at(item).filter(division__in=places)}
    for code in places:
        if code in found:
            return found[code]
    raise NotFound("这个事项在所选地区没有办理机构。", hint="请换一个地区，或拨打 12345 咨询。")
