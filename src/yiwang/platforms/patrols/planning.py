"""Periods of plans: opened, counted, reminded before they end, told to the office when they end without enough rounds."""

from datetime import date, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from yiwang.base import say
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.platforms.patrols import rules
from yiwang.platforms.patrols.models import CheckItem, Duty, PatrolPlan, Round


def duty(plan: PatrolPlan, day: date) -> Duty:
    """The period of the plan that the day lies in, opened if it is new."""
    first, last = rules.window(plan.period, day)
    found, _ = Duty.objects.get_or_create(plan=plan, first=first, defaults={"last": last, "wanted": plan.times, "division_id": plan.division_id})
    return found


@transaction.atomic
def count(plan: PatrolPlan, day: date) -> Duty:
    """Counts the rounds of the period anew. Delegated rounds stand apart; both meet the frequency."""
    found = Duty.objects.select_for_update().get(pk=duty(plan, day).pk)
    rounds = Round.objects.filter(plan=plan, started_at__date__range=(found.first, found.last))
    found.own, found.delegated = rounds.filter(valid=True, delegated=False).count(), rounds.filter(valid=True, delegated=True).count()
    found.invalid = rounds.filter(valid=False).count()
    found.met = found.own + found.delegated >= found.wanted
    found.save()
    return found


def open_duties(day: date) -> int:
    """Opens the period of every plan in force; returns how many plans there are."""
    plans = PatrolPlan.objects.filter(Q(until=None) | Q(until__gte=day), since__lte=day, standing=PatrolPlan.Standing.LIVE)
    for plan in plans:
        duty(plan, day)
    return len(plans)


@transaction.atomic
def remind(day: date) -> tuple[int, int]:
    """In the last fifth of a period whoever has not walked is reminded; after its end the overseers are told. Returns how many of each; once per period.

    A period in which its plan did not last to the end is owed no longer: it is taken away, unless it was met or told of as missed.
    """
    now = timezone.now()
    ended = Q(plan__until__lt=F("last")) & Q(plan__until__lt=day) | Q(plan__since__gt=F("last")) | ~Q(plan__standing=PatrolPlan.Standing.LIVE)
    Duty.objects.filter(ended, met=False, overdue_at=None).delete()
    lasting = Q(plan__until=None) | Q(plan__until__gte=F("last"))
    open_ones = Duty.objects.select_for_update(of=("self",)).select_related("plan__post").filter(lasting, met=False)
    soon = [d for d in open_ones.filter(warned_at=None, first__lte=day, last__gte=day) if _near_end(d, day)]
    for d in soon:
        for party in holders(d.plan.post_id, day):
            messages.send(to=party, template="patrol-due", values=_words(d), key=f"patrol-due:{d.pk}:{party}")
        d.warned_at = now
    late = list(open_ones.filter(overdue_at=None, last__lt=day))
    for d in late:
        for party in {*holders(d.plan.post_id, day), *parties.holders_of(d.plan.overseer, covering=d.division_id)}:
            messages.send(to=party, template="patrol-overdue", values=_words(d), key=f"patrol-overdue:{d.pk}:{party}")
        d.overdue_at = now
    Duty.objects.bulk_update([*soon, *late], ["warned_at", "overdue_at"])
    return len(soon), len(late)


def next_duties(actor: Actor, day: date) -> list[Duty]:
    """What the actor's own posts have to walk, the nearest end first; periods are opened as they are asked for."""
    posts = [seat.post for seat in actor.seats]
    plans = restrict(actor, PatrolPlan.objects.filter(Q(until=None) | Q(until__gte=day), post__in=posts, since__lte=day, standing=PatrolPlan.Standing.LIVE))
    found = [duty(plan, day) for plan in plans.select_related("post")]
    return sorted(found, key=lambda d: (d.met, d.last, d.plan.name))


def checklist(plan: PatrolPlan) -> list[CheckItem]:
    return list(CheckItem.objects.filter(listing=plan.checks).order_by("place", "code")) if plan.checks else []


def _near_end(d: Duty, day: date) -> bool:
    whole = (d.last - d.first).days + 1
    return d.last - day < timedelta(days=max(1, whole // 5))


def holders(post: int, day: date) -> list[int]:
    """Parties that held the post on that day."""
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=day), post=post, valid_from__lte=day)
    return list(held.values_list("party", flat=True))


def _words(d: Duty) -> dict[str, str]:
    return {"plan": d.plan.name, "left": str(d.left), "last": say.day(d.last), "period": d.plan.get_period_display()}


