"""Offices and posts: which office answers for a place (its zone's, if a zone manages it), who holds which post, which window takes in."""

from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Division, Management, Membership, Organisation, Post
from yiwang.kit.actors import Actor

HALL = "admin_service_centre"
ZONE = "派出机构"  # organisations of this kind manage units inside other divisions


def divisions_above(division: str) -> list[str]:
    """The codes of a division and all above it, the nearest first."""
    codes = [division[:length].ljust(12, "0") for length in (12, 9, 6, 4, 2)]
    return list(dict.fromkeys(codes))


def managing_organisation(division: str) -> Organisation | None:
    """The zone that manages the unit or one above it below the county, if any (the managing tree)."""
    today = timezone.localdate()
    live = Management.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today), division__in=divisions_above(division)).select_related("organisation")
    return next((m.organisation for m in sorted(live, key=lambda m: m.division_id.rstrip("0"), reverse=True)), None)


def organ_for(function: str, division: str) -> Organisation:
    """The office of that function for a place: its zone's own, else the town's, county's or city's, whichever is nearest. Raises NotFound."""
    zone = managing_organisation(division)
    if zone:
        own = Organisation.objects.filter(function=function, parent=zone).first()
        if own:
            return own
    places = divisions_above(division)
    found = {o.division_id: o for o in Organisation.objects.filter(function=function, division__in=places).exclude(parent__kind=ZONE)}
    for code in places:
        if code in found:
            return found[code]
    raise NotFound(f"{division[:6]} 没有承担“{function}”职能的机构。")


def organ_named(key: str) -> Organisation:
    """Raises NotFound."""
    found = Organisation.objects.filter(key=key).first()
    if found is None:
        raise NotFound(f"没有机构“{key}”。")
    return found


def window_for(organ: int) -> int:
    """The window of an office: the service hall of its division; a town is its own window."""
    office = Organisation.objects.select_related("division").get(pk=organ)
    if office.division.level >= Division.Level.TOWN:
        return organ
    hall = Organisation.objects.filter(function=HALL, division=office.division_id).values_list("pk", flat=True).first()
    return hall or organ


def holders_of(role: str, *, organ: int | None = None, covering: str | None = None) -> list[int]:
    """Parties that hold a post with this role today, in an office, or for a place."""
    today = timezone.localdate()
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today), valid_from__lte=today, post__roles__contains=[role])
    if organ is not None:
        held = held.filter(post__organisation=organ)
    if covering is not None:
        held = held.filter(post__division__in=divisions_above(covering))
    return list(held.order_by("party").values_list("party", flat=True).distinct())


@transaction.atomic
def hold_post(actor: Actor, *, party: int, post: int, since: date) -> Membership:
    """A person takes a post. By a system administrator (三权分立: who gives rights does not use them)."""
    _administers(actor)
    held = Membership.objects.create(party_id=party, post=Post.objects.get(pk=post), valid_from=since)
    audit.record(actor, "post.hold", subject=held, summary=str(held.post))
    return held


@transaction.atomic
def leave_post(actor: Actor, membership: int, *, until: date) -> None:
    """A person leaves a post; from the next day on it gives nothing."""
    _administers(actor)
    held = Membership.objects.select_for_update().select_related("post").get(pk=membership)
    held.valid_to = until
    held.save(update_fields=["valid_to"])
    audit.record(actor, "post.leave", subject=held, summary=str(held.post))


def _administers(actor: Actor) -> None:
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("任职由系统管理员维护。")
