"""Hand-over when a chief's post changes hands: what is open stays with the post; the sheet says so, and both sign it within the working days allowed."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from yiwang.base import deadlines
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Membership, Post
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.patrols.models import Duty
from yiwang.systems.governance.river_chief import alerting
from yiwang.systems.governance.river_chief.chiefs import problems_on
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import ChiefOrder, HandOver, Reach, WaterAlert

PARTS = {"reaches": "负责的河段", "problems": "没有办结的问题", "duties": "本期巡河任务", "orders": "没有办结的河长令和督办单", "alerts": "没有解除的水质预警"}
LOOK_BACK = timedelta(days=180)  # a post that stood empty longer was taken over from the office


@transaction.atomic
def look(day: date) -> int:
    """Opens a hand-over for every chief's post that somebody has taken since another left it; returns how many. Harmless when repeated; reads only posts taken of late."""
    opened = 0
    taken = Membership.objects.filter(post__in=Reach.objects.exclude(chief=None).values("chief"), valid_from__range=(day - LOOK_BACK, day)).values("post")
    for post in Post.objects.filter(pk__in=taken).select_related("organisation").order_by("pk"):
        for giver, taker in _changes(post, day):
            opened += _open(post, giver, taker)
    return opened


@transaction.atomic
def give(actor: Actor, handover: int, words: str) -> HandOver:
    """Whoever leaves hands the sheet over as it now stands. Raises NotFound, NotAllowed, Conflict."""
    found = _lock(actor, handover)
    if found.giver_id != actor.party:
        raise NotAllowed("由离任的河长本人移交。")
    if found.given_at:
        raise Conflict("已经移交。")
    with elevated():  # whoever has left holds no post any more: what is open there is theirs to hand over, not to read elsewhere
        found.sheet = sheet_of(found.post)
    found.given_at, found.given_words = timezone.now(), words.strip()[:500]
    found.save(update_fields=["sheet", "given_at", "given_words"])
    _tell(found, found.taker_id, "river-handover-given")
    audit.record(actor, "river.hand-over", subject=found, summary=f"{found}：移交")
    return found


@transaction.atomic
def take(actor: Actor, handover: int, words: str) -> HandOver:
    """Whoever comes signs for it; from then on the sheet stands. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock(actor, handover)
    if found.taker_id != actor.party:
        raise NotAllowed("由接任的河长本人接收。")
    if found.taken_at or not found.given_at:
        raise Conflict("已经接收。" if found.taken_at else "移交人还没有移交。")
    if not words.strip():
        raise Invalid("请写明接收意见。", fields={"words": "请写明是否核对一致"})
    found.taken_at, found.taken_words = timezone.now(), words.strip()[:500]
    found.save(update_fields=["taken_at", "taken_words"])
    _tell(found, found.giver_id, "river-handover-taken")
    audit.record(actor, "river.take-over", subject=found, summary=f"{found}：接收")
    return found


@transaction.atomic
def tell_late() -> int:
    """Whoever has not signed in time, and the river office, once for a hand-over; returns how many were told. An index holds only those nobody was told of."""
    late = list(HandOver.objects.select_for_update(of=("self",)).filter(taken_at=None, late_at=None, due_at__lt=timezone.now()).select_related("post__organisation"))
    for handover in late:
        owing = handover.taker_id if handover.given_at else handover.giver_id
        for party in {owing, *parties.holders_of(OFFICE, covering=handover.division_id)}:
            _tell(handover, party, "river-handover-late")
    HandOver.objects.filter(pk__in=[handover.pk for handover in late]).update(late_at=timezone.now())
    return len(late)


def find(actor: Actor, handover: int) -> HandOver:
    """Raises NotFound."""
    found = restrict(actor, HandOver.objects.filter(pk=handover)).select_related("post__organisation").first()
    if found is None:
        raise NotFound("没有找到这份交接清单。")
    return found


def sheet_of(post: Post) -> dict[str, list[str]]:
    """What is open at a post, in words: all of it stays with the post and so passes to whoever holds it."""
    return {part: list(lines) for part, lines in zip(PARTS, (_reaches(post), _problems(post), _duties(post), _orders(post), _alerts(post)), strict=True)}


def _changes(post: Post, day: date) -> Iterator[tuple[Membership, Membership]]:
    """Who left and who came after them; where nobody came after, who was there beside them."""
    terms = list(Membership.objects.filter(post=post, valid_from__lte=day).order_by("valid_from", "pk").select_related("party"))
    for taker in terms:
        left = [t for t in terms if t.valid_to and t.party_id != taker.party_id and taker.valid_from - LOOK_BACK <= t.valid_to < day and t.valid_from <= taker.valid_from]
        giver = max(left, key=lambda t: (t.valid_to or day, t.pk), default=None)
        if giver is None or giver.valid_to is None or taker.valid_from < day - LOOK_BACK or (taker.valid_to is not None and taker.valid_to < day):
            continue
        followed = any(t.valid_from > giver.valid_to and t.party_id != giver.party_id for t in terms)
        if taker.valid_from > giver.valid_to or not followed:
            yield giver, taker


def _open(post: Post, giver: Membership, taker: Membership) -> bool:
    changed = max(taker.valid_from, (giver.valid_to or taker.valid_from) + timedelta(days=1))  # who was there before takes over when the other has left
    began = timezone.make_aware(datetime.combine(changed, time.min))
    days = int(registers.policy("river.handover-days", division=post.division_id, on=changed))
    made, fresh = HandOver.objects.get_or_create(
        post=post, giver=giver.party, taker=taker.party, changed_on=changed,
        defaults={
            "division_id": post.division_id, "giver_name": giver.party.name, "taker_name": taker.party.name, "sheet": sheet_of(post),
            "due_at": deadlines.due_at(deadlines.Term(days, "working"), began, calendar=registers.working_calendar()),
        },
    )  # fmt: skip
    if fresh:
        for party in (made.giver_id, made.taker_id):
            _tell(made, party, "river-handover")
    return fresh


def _reaches(post: Post) -> Iterator[str]:
    return (f"{r.name}（{r.get_level_display()}，水质目标{r.get_target_display()}）" for r in Reach.objects.filter(chief=post).order_by("code"))


def _problems(post: Post) -> Iterator[str]:
    rows = problems_on(*Reach.objects.filter(chief=post)).filter(incident__closed_at=None).select_related("river", "incident__owner")
    return (f"{p}：{p.incident.get_stage_display()}{'，' + p.incident.owner.short if p.incident.owner else ''}，{timezone.localtime(p.found_at):%Y-%m-%d} 发现" for p in rows.order_by("found_at"))


def _duties(post: Post) -> Iterator[str]:
    rows = Duty.objects.filter(plan__post=post, last__gte=timezone.localdate()).select_related("plan").order_by("last")
    return (f"{d.plan.name}：{d.last:%Y-%m-%d} 前{'已完成' if d.met else f'还需 {d.left} 次'}" for d in rows)


def _orders(post: Post) -> Iterator[str]:
    rows = ChiefOrder.objects.filter(Q(issuer=post) | Q(receiver=post)).exclude(stage=ChiefOrder.Stage.CLOSED).select_related("document").order_by("due")
    return (f"{o.document.number} {o.title}：{o.get_stage_display()}，期限 {o.due:%Y-%m-%d}（{'签发' if o.issuer_id == post.pk else '承办'}）" for o in rows)


def _alerts(post: Post) -> Iterator[str]:
    rivers = Reach.objects.filter(chief=post).values("river")
    rows = list(WaterAlert.objects.filter(closed_at=None, section__river__in=rivers).select_related("section"))
    reaches = alerting.reaches_by(alert.section for alert in rows)
    mine = (a for a in rows if any(reach.chief_id == post.pk for reach in reaches[a.section_id]))
    return (f"{a}，{timezone.localtime(a.raised_at):%Y-%m-%d} 起" for a in mine)


def _tell(handover: HandOver, party: int, template: str) -> None:
    values = {
        "post": str(handover.post), "giver": handover.giver_name, "taker": handover.taker_name, "due": f"{timezone.localtime(handover.due_at):%Y年%m月%d日}",
        "page": settings.PUBLIC_URL + reverse("river_chief:handover", args=[handover.pk]),  # whoever has left finds it in no menu
    }  # fmt: skip
    messages.send(to=party, template=template, values=values, key=f"{template}:{handover.pk}:{party}")


def _lock(actor: Actor, handover: int) -> HandOver:
    found = restrict(actor, HandOver.objects.select_for_update(of=("self",)).filter(pk=handover)).select_related("post__organisation").first()
    if found is None:
        raise NotFound("没有找到这份交接清单。")
    return found
