"""A chief's post that nobody took after its holder left: told to the river office once the days allowed have passed, shown with what is open on it until somebody holds it."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Post
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.handing import PARTS, sheet_of
from yiwang.systems.governance.river_chief.models import Reach, Vacancy


@transaction.atomic
def look(day: date) -> int:
    """Tells of each post that has stood empty for the days allowed, once, and ends what has been filled; returns how many were told. Harmless when repeated."""
    chiefs = Post.objects.filter(pk__in=Reach.objects.filter(standing=Reach.Standing.LIVE).exclude(chief=None).values("chief"))
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=day), valid_from__lte=day)
    _fill(held)
    told = 0
    for post in chiefs.exclude(pk__in=held.values("post")).select_related("organisation").order_by("pk"):
        told += _tell(post, day)
    return told


def open_ones(actor: Actor) -> list[tuple[Vacancy, list[tuple[str, list[str]]]]]:
    """Each vacancy that the actor may see with what is open on the post now, the longest first."""
    rows = restrict(actor, Vacancy.objects.filter(filled_on=None)).select_related("post__organisation").order_by("since")[:50]
    return [(row, [(PARTS[part], lines) for part, lines in sheet_of(row.post).items() if lines]) for row in rows]


def _fill(held: "QuerySet[Membership]") -> None:
    taken = {term.post_id: term.valid_from for term in held.filter(post__in=Vacancy.objects.filter(filled_on=None).values("post"))}
    for row in Vacancy.objects.select_for_update().filter(filled_on=None, post__in=taken):
        row.filled_on = max(taken[row.post_id], row.since)
        row.save(update_fields=["filled_on"])


def _tell(post: Post, day: date) -> bool:
    """Not of a post that nobody ever held: there is nobody who left anything."""
    last = Membership.objects.filter(post=post, valid_to__lt=day).order_by("-valid_to").select_related("party").first()
    if last is None or last.valid_to is None or (day - last.valid_to).days < int(registers.policy("river.vacant-days", division=post.division_id, on=day)):
        return False
    made, fresh = Vacancy.objects.get_or_create(post=post, since=last.valid_to + timedelta(days=1), defaults={"division_id": post.division_id, "left_name": last.party.name})
    if fresh:
        for party in parties.holders_of(OFFICE, covering=post.division_id):
            messages.send(to=party, template="river-vacant", values={"post": str(post), "left": made.left_name, "since": f"{made.since:%Y年%m月%d日}"}, key=f"river-vacant:{made.pk}:{party}")
    return fresh
