"""河长令 and 督办单: issued by a chief to a chief below or to an office of the place, under number and seal; answered, sent back or closed; told when late."""

from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.base import say
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Post
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor, Seat
from yiwang.systems.governance.river_chief import chiefs
from yiwang.systems.governance.river_chief.flows import CHIEF, HANDLER
from yiwang.systems.governance.river_chief.models import ChiefOrder, Reach, River, RiverProblem

Kind, Stage = ChiefOrder.Kind, ChiefOrder.Stage
TEMPLATES = {Kind.ORDER: "river-chief-order", Kind.PRESS: "river-chief-press"}


@dataclass(frozen=True, kw_only=True)
class Draft:
    """An order as the chief writes it: to a chief's post or to an office, never both."""

    kind: str
    title: str
    text: str
    due: date
    receiver: int | None = None
    organ: int | None = None
    river: int | None = None
    problem: int | None = None


@transaction.atomic
def issue(actor: Actor, draft: Draft) -> ChiefOrder:
    """Numbers and seals the paper and tells whoever has to answer. Raises NotAllowed for whoever is no chief above the receiver, Invalid, NotFound."""
    _whole(draft)
    seat, post = _chief_above(actor, draft)
    organ = Organisation.objects.filter(pk=draft.organ).first() if draft.organ else None
    receiver = Post.objects.select_related("organisation").filter(pk=draft.receiver).first() if draft.receiver else None
    made = ChiefOrder(
        kind=draft.kind, issuer=post, receiver=receiver, organ=organ, division_id=receiver.division_id if receiver else organ.division_id if organ else "",
        river=River.objects.filter(pk=draft.river).first() if draft.river else None, problem=_problem(actor, draft), title=draft.title.strip()[:80],
        text=draft.text.strip()[:1000], issued_by=actor.name, due=draft.due,
    )  # fmt: skip
    made.document = documents.issue(TEMPLATES[Kind(draft.kind)], _paper(made), organ=seat.organ, actor=SYSTEM)
    made.save()
    for party in answering(made):
        messages.send(to=party, template="river-order", values=_words(made), key=f"river-order:{made.pk}:{party}")
    audit.record(actor, "river.order", subject=made, summary=f"{made.document.number}：{made.title}", organ=seat.organ)
    return made


@transaction.atomic
def answer(actor: Actor, order: int, words: str) -> ChiefOrder:
    """The receiver says what was done. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock(actor, order)
    if not _must_answer(actor, found):
        raise NotAllowed("由承办河长或者承办单位反馈。")
    if found.stage != Stage.ISSUED:
        raise Conflict(f"这份{found.get_kind_display()}现在是“{found.get_stage_display()}”。")
    if not words.strip():
        raise Invalid("请写明办理情况。", fields={"words": "请写明办理情况"})
    now = timezone.now()
    found.feedback, found.answered_by, found.answered_at, found.stage = words.strip()[:1000], actor.name, now, Stage.ANSWERED
    found.on_time = timezone.localdate(now) <= found.due if found.on_time is None else found.on_time  # a returned answer does not become late by being returned
    found.save(update_fields=["feedback", "answered_by", "answered_at", "stage", "on_time"])
    for party in chiefs.holders(found.issuer_id):
        messages.send(to=party, template="river-order-answered", values=_words(found), key=f"river-order-answered:{found.pk}:{found.returned}:{party}")
    audit.record(actor, "river.answer-order", subject=found, summary=found.feedback[:80])
    return found


@transaction.atomic
def settle(actor: Actor, order: int, *, passed: bool, words: str) -> ChiefOrder:
    """The issuing post closes an answered order or sends it back. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock(actor, order)
    if found.issuer_id not in {seat.post for seat in actor.seats}:
        raise NotAllowed("由签发的河长核销或者退回。")
    if found.stage != Stage.ANSWERED:
        raise Conflict("反馈以后才能核销或者退回。")
    if not words.strip():
        raise Invalid("请写明意见。", fields={"words": "请写明核销或者退回的理由"})
    found.verdict = words.strip()[:300]
    if passed:
        found.stage, found.closed_at = Stage.CLOSED, timezone.now()
    else:
        found.stage, found.returned = Stage.ISSUED, found.returned + 1
        for party in answering(found):
            messages.send(to=party, template="river-order-returned", values={**_words(found), "words": found.verdict}, key=f"river-order-back:{found.pk}:{found.returned}:{party}")
    found.save(update_fields=["verdict", "stage", "closed_at", "returned"])
    audit.record(actor, "river.settle-order", subject=found, summary=f"{'核销' if passed else '退回'}：{found.verdict[:80]}")
    return found


@transaction.atomic
def tell_late(day: date) -> int:
    """Once for each order whose day has passed without an answer: those who owe it and the chief who asked. Returns how many."""
    late = list(ChiefOrder.objects.select_for_update(of=("self",)).filter(stage=Stage.ISSUED, due__lt=day, late_at=None).select_related("document"))
    for order in late:
        for party in {*answering(order), *chiefs.holders(order.issuer_id)}:
            messages.send(to=party, template="river-order-late", values=_words(order), key=f"river-order-late:{order.pk}:{party}")
    ChiefOrder.objects.filter(pk__in=[order.pk for order in late]).update(late_at=timezone.now())
    return len(late)


def answering(order: ChiefOrder) -> list[int]:
    """Who has to answer: the holders of the post, or the handlers of the office."""
    if order.receiver_id:
        return chiefs.holders(order.receiver_id)
    return parties.holders_of(HANDLER, organ=order.organ_id)


def seats_of(actor: Actor) -> list[tuple[Seat, int]]:
    """The chief's seats of the actor with their rank, the highest first."""
    ranked = [(seat, chiefs.rank(seat.post)) for seat in actor.seats if CHIEF in seat.roles]
    return sorted(((seat, rank) for seat, rank in ranked if rank is not None), key=lambda pair: pair[1])


def posts_below(actor: Actor) -> "QuerySet[Post]":
    """The chiefs' posts that the actor may give orders to."""
    found = seats_of(actor)
    if not found:
        return Post.objects.none()
    seat, rank = found[0]
    reaches = Reach.objects.filter(level__in=chiefs.LEVELS[rank + 1 :], division__gte=seat.division.ljust(12, "0"), division__lt=str(int(seat.division) + 1).ljust(12, "0"))
    higher = Reach.objects.filter(level__in=chiefs.LEVELS[: rank + 1], chief__isnull=False)
    return Post.objects.filter(pk__in=reaches.values("chief")).exclude(pk__in=higher.values("chief")).select_related("organisation").order_by("division", "title")


def offices_below(actor: Actor) -> "QuerySet[Organisation]":
    """The offices of the actor's place that have somebody who mends what is wrong with rivers."""
    found = seats_of(actor)
    if not found:
        return Organisation.objects.none()
    seat, _ = found[0]
    held = Post.objects.filter(roles__contains=[HANDLER], division__gte=seat.division.ljust(12, "0"), division__lt=str(int(seat.division) + 1).ljust(12, "0"))
    return Organisation.objects.filter(pk__in=held.values("organisation")).order_by("division", "name")


def owed_to(order: ChiefOrder, actor: Actor) -> tuple[bool, bool]:
    """Whether the actor may answer it now, and whether they may close it now."""
    mine = order.issuer_id in {seat.post for seat in actor.seats}
    return order.stage == Stage.ISSUED and _must_answer(actor, order), order.stage == Stage.ANSWERED and mine


def _must_answer(actor: Actor, order: ChiefOrder) -> bool:
    if order.receiver_id:
        return order.receiver_id in {seat.post for seat in actor.seats}
    return actor.holds(HANDLER, order.organ_id)


def _whole(draft: Draft) -> None:
    wrong = {}
    if draft.kind not in Kind.values:
        wrong["kind"] = "请选择河长令或者督办单"
    if (draft.receiver is None) == (draft.organ is None):
        wrong["to"] = "请选择一个承办河长或者承办单位"
    for name, words in (("title", draft.title), ("text", draft.text)):
        if not words.strip():
            wrong[name] = "请写明事由" if name == "title" else "请写明要求"
    if draft.due <= timezone.localdate():
        wrong["due"] = "办理期限应当晚于今天"
    if wrong:
        raise Invalid("有内容需要补充或者修改。", fields=wrong)


def _chief_above(actor: Actor, draft: Draft) -> tuple[Seat, Post]:
    """The seat from which this order may be given. Raises NotAllowed."""
    posts, offices = posts_below(actor).filter(pk=draft.receiver or 0), offices_below(actor).filter(pk=draft.organ or 0)
    if not (posts.exists() or offices.exists()):
        raise NotAllowed("河长令和督办单由上级河长向下级河长或者本级有关单位签发。")
    seat, _ = seats_of(actor)[0]
    return seat, Post.objects.select_related("organisation").get(pk=seat.post)


def _problem(actor: Actor, draft: Draft) -> RiverProblem | None:
    if not draft.problem:
        return None
    found = restrict(actor, RiverProblem.objects.filter(pk=draft.problem)).first()
    if found is None:
        raise NotFound("没有找到督办的问题。")
    return found


def _paper(order: ChiefOrder) -> dict[str, str]:
    receiver = f"{order.receiver.organisation.name}{order.receiver.title}" if order.receiver else order.organ.name if order.organ else ""
    about = str(order.river) if order.river else str(order.problem) if order.problem else ""
    return {
        "to": receiver, "subject": order.title, "text": order.text, "about": about, "due": order.due.isoformat(), "issuer": f"{order.issuer.title} {order.issued_by}",
        "date": timezone.localdate().isoformat(), "case_number": "",
    }  # fmt: skip


def _words(order: ChiefOrder) -> dict[str, str]:
    return {"kind": order.get_kind_display(), "number": order.document.number, "title": order.title, "due": say.day(order.due)}


def _lock(actor: Actor, order: int) -> ChiefOrder:
    found = restrict(actor, ChiefOrder.objects.select_for_update(of=("self",)).filter(pk=order)).select_related("document").first()
    if found is None:
        raise NotFound("没有找到这份河长令或者督办单。")
    return found
