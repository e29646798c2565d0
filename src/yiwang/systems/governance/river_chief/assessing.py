"""The score board of chiefs: computed from rows, never typed; objections within the time allowed are decided by the office."""

from datetime import date

from django.db import transaction
from django.utils import timezone

from yiwang.base import deadlines
from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Post
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.platforms.patrols.api import window
from yiwang.platforms.patrols.models import Duty
from yiwang.systems.governance.river_chief import rules
from yiwang.systems.governance.river_chief.chiefs import problems_on
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import Assessment, Reach, Sample
from yiwang.systems.governance.river_chief.monthly import COMPLETE

PARTS = {"patrol": "巡河完成", "on_time": "按期整改", "water": "断面达标", "recurrence": "问题不反复"}


@transaction.atomic
def assess(month: date) -> int:
    """Scores every chief's post for the month of that day; one whose objection is open or decided stays as it was. Returns how many were new or different.

    Computed again while the next month lasts, because a round may be sent a month after it was walked; a score that changed is published anew, and may be objected to anew.
    """
    first, last = window("month", month)
    posts = Post.objects.filter(pk__in=Reach.objects.exclude(chief=None).values("chief"))
    computed = 0
    for post in posts.order_by("pk"):
        known = Assessment.objects.select_for_update().filter(post=post, month=first).first()
        if known and known.objected_at:
            continue
        weights = registers.policy("river.score-weights", division=post.division_id, on=last)
        counts = counts_of(post, first, last)
        total, points = rules.score(counts, weights)
        values = {"division_id": post.division_id, "counts": {k: list(v) for k, v in counts.items()}, "points": points, "weights": weights, "score": total, "computed_at": timezone.now()}
        if known and (known.counts, known.weights) == (values["counts"], weights):
            continue
        Assessment.objects.update_or_create(post=post, month=first, defaults=values)
        computed += 1
    return computed


def counts_of(post: Post, first: date, last: date) -> dict[str, tuple[int, int]]:
    """What was reached of how many, by part, on the reaches of the post."""
    reaches = list(Reach.objects.filter(chief=post))
    duties = Duty.objects.filter(plan__post=post, plan__subject="reach", last__range=(first, last))
    problems = problems_on(*reaches)
    fixed = problems.filter(incident__closed_at__date__range=(first, last), incident__on_time__isnull=False)
    found = problems.filter(found_at__date__range=(first, last))
    samples = [s for s in Sample.objects.filter(COMPLETE, month=first, section__river__in={r.river_id for r in reaches}).select_related("section") if _along(s, reaches)]
    return {
        "patrol": (duties.filter(met=True).count(), duties.count()),
        "on_time": (fixed.filter(incident__on_time=True).count(), fixed.count()),
        "water": (sum(s.met for s in samples), len(samples)),
        "recurrence": (found.filter(again=None).count(), found.count()),
    }


@transaction.atomic
def object_to(actor: Actor, assessment: int, words: str) -> Assessment:
    """The chief objects to a score, once, within the working days allowed. Raises NotFound, NotAllowed, Conflict, Gone, Invalid."""
    found = _lock(actor, assessment)
    if found.post_id not in {seat.post for seat in actor.seats}:
        raise NotAllowed("异议由被考核的河长本人提出。")
    if found.objected_at:
        raise Conflict("已经提出过异议。")
    days = int(registers.policy("river.objection-days", division=found.division_id, on=timezone.localdate()))
    if timezone.now() >= deadlines.due_at(deadlines.Term(days, "working"), found.computed_at, calendar=registers.working_calendar()):
        raise Gone(f"考核结果公布已超过 {days} 个工作日，不能再提出异议。")
    if not words.strip():
        raise Invalid("请写明异议。", fields={"words": "请写明哪一项与事实不符"})
    found.objection, found.objected_at = words.strip()[:300], timezone.now()
    found.save(update_fields=["objection", "objected_at"])
    audit.record(actor, "river.object", subject=found, summary=found.objection[:80])
    return found


@transaction.atomic
def decide(actor: Actor, assessment: int, words: str) -> Assessment:
    """The office answers an objection and computes the score anew from the rows as they now are. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock(actor, assessment)
    if not any(OFFICE in seat.roles and found.division_id.startswith(seat.division) for seat in actor.seats):
        raise NotAllowed("异议由当地河长办处理。")
    if found.post_id in {seat.post for seat in actor.seats}:
        raise NotAllowed("不能处理对自己考核的异议，请由河长办其他人员处理。")
    if not found.objected_at or found.decided_at:
        raise Conflict("没有等待处理的异议。")
    if not words.strip():
        raise Invalid("请写明处理意见。", fields={"words": "请写明处理意见"})
    counts = counts_of(found.post, *window("month", found.month))
    total, points = rules.score(counts, found.weights)
    found.counts, found.points, found.score = {k: list(v) for k, v in counts.items()}, points, total
    found.decision, found.decided_at = words.strip()[:300], timezone.now()
    found.save()
    audit.record(actor, "river.decide", subject=found, summary=found.decision[:80])
    return found


def _lock(actor: Actor, assessment: int) -> Assessment:
    found = restrict(actor, Assessment.objects.select_for_update(of=("self",)).filter(pk=assessment)).select_related("post").first()
    if found is None:
        raise NotFound("没有找到这份考核。")
    return found


def _along(sample: Sample, reaches: list[Reach]) -> bool:
    return any(r.river_id == sample.section.river_id and r.from_km <= sample.section.km <= r.to_km for r in reaches)
