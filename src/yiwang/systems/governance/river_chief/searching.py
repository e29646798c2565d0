"""排口排查: an office opens a search, a trace is sent in, candidates follow by rule, each is looked at by a named person; the search closes when none waits."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import IO
from uuid import NAMESPACE_URL, uuid5

from django.contrib.gis.geos import Point
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.systems.governance.river_chief import problems, traces, tracing
from yiwang.systems.governance.river_chief.banks import course_of
from yiwang.systems.governance.river_chief.chiefs import office_of
from yiwang.systems.governance.river_chief.course import Course
from yiwang.systems.governance.river_chief.flows import CHIEF, OFFICE
from yiwang.systems.governance.river_chief.models import Candidate, Outfall, OutfallSearch, Reach, River, RiverProblem, Trace

Method, Stage = OutfallSearch.Method, Candidate.Stage
SAME = Decimal("0.05")  # km: candidates of two traces nearer than this are one


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A search as it is to be."""

    river: int
    from_km: Decimal | None
    to_km: Decimal | None
    method: str
    reason: str
    leader: str
    day: date | None
    due: date | None


@transaction.atomic
def begin(actor: Actor, plan: Plan) -> OutfallSearch:
    """Raises NotFound, NotAllowed for whoever is of no river office there, Invalid."""
    river = restrict(actor, River.objects.filter(pk=plan.river)).first()
    if river is None:
        raise NotFound("没有找到这条河流。")
    if not _office(actor, river.division_id):
        raise NotAllowed("排口排查由当地河长办组织。")
    _whole(plan, river)
    assert plan.from_km is not None and plan.to_km is not None and plan.day is not None and plan.due is not None  # `_whole` has seen to it
    made = OutfallSearch.objects.create(
        river=river, division_id=_division(river, plan.from_km), organ=office_of(river.division_id), from_km=plan.from_km, to_km=plan.to_km, method=plan.method,
        reason=plan.reason.strip()[:200], leader=plan.leader.strip()[:60], day=plan.day, due=plan.due, opened_by=actor.name, km=plan.to_km - plan.from_km,
    )  # fmt: skip
    audit.record(actor, "river.search", subject=made, summary=f"{made}：{made.reason[:80]}")
    return made


@transaction.atomic
def take_trace(actor: Actor, search: int, file: IO[bytes], name: str) -> tuple[Trace, int]:
    """Keeps a trace and the candidates that follow from it; returns it and how many are new. Raises NotFound, NotAllowed, Conflict, Invalid, TooLarge."""
    found = _lock(actor, search)
    if found.method == Method.FOOT:
        raise Conflict("徒步排查没有测量轨迹，请直接登记疑似排口。")
    course = _course(found)
    points = traces.read(file, name, course, float(found.from_km), float(found.to_km))
    values = [value for _, value, _ in points]
    limits = registers.policy("river.search-limits", division=found.division_id, on=timezone.localdate())[found.method]
    least = 2 * int(limits["window"])
    if len(points) < least:
        raise Invalid("测点太少，不能判断。", fields={"file": f"至少 {least} 个测点，文件里有 {len(points)} 个"})
    thermal = found.method == Method.THERMAL
    jumps = tracing.spots(values, **limits) if thermal else tracing.steps(values, **limits)
    made = Trace.objects.create(search=found, file=name[:120], sent_by=actor.name, points=points, noise=tracing.noise(values))
    fresh = sum(_candidate(found, course, Decimal(str(points[jump.at][0])), points[jump.at][2], jump) for jump in jumps)
    audit.record(actor, "river.trace", subject=found, summary=f"{made}：疑似排口 {fresh} 处")
    return made, fresh


@transaction.atomic
def add_candidate(actor: Actor, search: int, *, km: Decimal | None, side: str, note: str) -> Candidate:
    """What somebody saw on foot, or beside a trace. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock(actor, search)
    wrong = {}
    if km is None or not found.from_km <= km <= found.to_km:
        wrong["km"] = f"里程应当在 {found.from_km.normalize():f}–{found.to_km.normalize():f} 公里之间"
    if side not in ("", "left", "right"):
        wrong["side"] = "请选择左岸、右岸或者不填"
    if not note.strip():
        wrong["note"] = "请写明看到的情况"
    if wrong or km is None:
        raise Invalid("有内容需要补充或者修改。", fields=wrong)
    made = Candidate.objects.create(search=found, km=km, side=side, place=_place(_course(found), km), note=note.strip()[:200])
    audit.record(actor, "river.candidate", subject=found, summary=f"{made}：{made.note[:80]}")
    return made


@transaction.atomic
def confirm(actor: Actor, candidate: int, *, name: str, kind: str, side: str, words: str, photo: bytes | None) -> Candidate:
    """Somebody stood there and saw it: an outfall is registered and a problem opened, with the photograph. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock_candidate(actor, candidate)
    wrong = {} if name.strip() else {"name": "请填写排口名称"}
    wrong |= {} if kind in Outfall.Kind.values else {"kind": "请选择排口类型"}
    wrong |= {} if side in ("left", "right") else {"side": "请选择在哪一岸"}
    wrong |= {} if words.strip() else {"words": "请写明现场情况"}
    wrong |= {} if photo else {"photo": "请选择现场照片"}
    if wrong or not photo:
        raise Invalid("有内容需要补充。", fields=wrong)
    search, reach = found.search, _reach(found)
    file = documents.store(photo, name="疑似排口.jpg")
    number = Outfall.objects.filter(river=search.river, code__startswith=f"{search.river.code}S").count() + 1
    outfall = registers.keep(
        SYSTEM, registry().registers["outfall"],
        {"river": search.river_id, "code": f"{search.river.code}S{number}", "name": name.strip(), "kind": kind, "permit": "", "km": round(found.km, 2), "place": found.place.geojson},
        reason=f"排口排查查实：{actor.name}",
    )  # fmt: skip
    problem = problems.found_by_device(
        reach, key=uuid5(NAMESPACE_URL, f"river-candidate:{found.pk}"), kind=RiverProblem.Kind.OUTFALL, text=f"{name.strip()}：{words.strip()}"[:500], place=found.place, photo_file=file.pk,
    )  # fmt: skip
    problem.side = problem.side or side  # the trace ran down the middle; whoever stood there knows the bank
    problem.save(update_fields=["side"])
    found.outfall, found.problem, found.photo, found.side = outfall, problem, file, side
    OutfallSearch.objects.filter(pk=search.pk).update(found=F("found") + 1)
    return _settle(actor, found, Stage.CONFIRMED, words)


@transaction.atomic
def dismiss(actor: Actor, candidate: int, words: str) -> Candidate:
    """Somebody stood there and there is none, and says what it was. Raises NotFound, NotAllowed, Conflict, Invalid."""
    found = _lock_candidate(actor, candidate)
    if not words.strip():
        raise Invalid("请写明排除的理由。", fields={"words": "请写明排除的理由"})
    return _settle(actor, found, Stage.DISMISSED, words)


@transaction.atomic
def close(actor: Actor, search: int, words: str) -> OutfallSearch:
    """Raises NotFound, NotAllowed, Conflict while a candidate waits or nothing was done, Invalid."""
    found = _lock(actor, search)
    if not _office(actor, found.division_id):
        raise NotAllowed("由组织排查的河长办办结。")
    waiting = found.candidates.filter(stage=Stage.WAITING).count()
    if waiting:
        raise Conflict(f"还有 {waiting} 处疑似排口没有现场核实，不能办结。")
    if found.method != Method.FOOT and not found.traces.exists():
        raise Conflict("还没有上传测量轨迹，不能办结。")
    if not words.strip():
        raise Invalid("请写明排查结论。", fields={"conclusion": "请写明排查结论"})
    found.closed_at, found.conclusion = timezone.now(), words.strip()[:300]
    found.save(update_fields=["closed_at", "conclusion"])
    audit.record(actor, "river.close-search", subject=found, summary=found.conclusion[:80])
    return found


def find(actor: Actor, search: int) -> OutfallSearch:
    """Raises NotFound."""
    found = restrict(actor, OutfallSearch.objects.filter(pk=search)).select_related("river", "organ").first()
    if found is None:
        raise NotFound("没有找到这次排查。")
    return found


def may_begin(actor: Actor, division: str) -> bool:
    return _office(actor, division)


def may_work(actor: Actor, search: OutfallSearch) -> bool:
    """The river office of the place and the chiefs of the stretch: they send traces in and look at candidates."""
    posts = set(Reach.objects.filter(river=search.river_id, from_km__lt=search.to_km, to_km__gt=search.from_km).values_list("chief", flat=True))
    return _office(actor, search.division_id) or any(seat.post in posts and CHIEF in seat.roles for seat in actor.seats)


def _settle(actor: Actor, found: Candidate, stage: str, words: str) -> Candidate:
    found.stage, found.words, found.verified_by, found.verified_at = stage, words.strip()[:300], actor.name, timezone.now()
    found.save()
    audit.record(actor, "river.verify-candidate", subject=found.search, summary=f"{found}：{found.get_stage_display()}，{found.words[:80]}")
    return found


def _candidate(search: OutfallSearch, course: Course, km: Decimal, side: str, jump: tracing.Jump) -> bool:
    """One more candidate, unless one is known there."""
    if search.candidates.filter(km__range=(km - SAME, km + SAME)).exists():
        return False
    Candidate.objects.create(search=search, km=km, side=side, place=_place(course, km), step=round(jump.step, 3), score=round(jump.score, 1))
    return True


def _place(course: Course, km: Decimal) -> Point:
    return Point(course.at(float(km)), srid=4490)


def _course(search: OutfallSearch) -> Course:
    found = course_of(search.river)
    if found is None:
        raise Invalid("这条河流还没有登记走向，不能定位。", fields={"file": "请先在“河湖”登记走向"})
    return found


def _reach(candidate: Candidate) -> Reach:
    """The lowest level's at the kilometre. Raises Invalid."""
    rows = list(Reach.objects.filter(river=candidate.search.river_id, from_km__lte=candidate.km, to_km__gte=candidate.km, standing=Reach.Standing.LIVE).select_related("river"))
    if not rows:
        raise Invalid("这里还没有登记河段，不能立为问题。")
    return max(rows, key=lambda r: Reach.Level.values.index(r.level))


def _division(river: River, km: Decimal) -> str:
    """Of the stretch's county, where its reaches say; else the river's own."""
    rows = Reach.objects.filter(river=river, level=Reach.Level.COUNTY, from_km__lte=km, to_km__gt=km).values_list("division", flat=True)
    return str(rows.first() or river.division_id)


def _office(actor: Actor, division: str) -> bool:
    return any(OFFICE in seat.roles and division.startswith(seat.division) for seat in actor.seats)


def _whole(plan: Plan, river: River) -> None:
    wrong = {}
    if plan.from_km is None or plan.to_km is None or not 0 <= plan.from_km < plan.to_km <= river.length_km:
        wrong["from_km"] = f"起止里程应当在 0–{river.length_km.normalize():f} 公里之间，止点在下游"
    if plan.method not in Method.values:
        wrong["method"] = "请选择排查方法"
    if not plan.reason.strip():
        wrong["reason"] = "请写明排查缘由"
    if not plan.leader.strip():
        wrong["leader"] = "请填写负责人"
    if plan.day is None:
        wrong["day"] = "请选择排查日期"
    if plan.due is None or (plan.day and plan.due < plan.day):
        wrong["due"] = "完成期限不能早于排查日期"
    if wrong:
        raise Invalid("有内容需要补充或者修改。", fields=wrong)


def _lock(actor: Actor, search: int) -> OutfallSearch:
    found = restrict(actor, OutfallSearch.objects.select_for_update(of=("self",)).filter(pk=search)).select_related("river").first()
    if found is None:
        raise NotFound("没有找到这次排查。")
    if not may_work(actor, found):
        raise NotAllowed("由当地河长办或者河段的河长办理。")
    if found.closed_at:
        raise Conflict("这次排查已经办结。")
    return found


def _lock_candidate(actor: Actor, candidate: int) -> Candidate:
    found = restrict(actor, Candidate.objects.filter(pk=candidate)).first()
    if found is None:
        raise NotFound("没有找到这处疑似排口。")
    _lock(actor, found.search_id)  # one at a time on a search: its count of outfalls and their numbers
    found = Candidate.objects.select_related("search__river").get(pk=candidate)
    if found.stage != Stage.WAITING:
        raise Conflict(f"这一处已经核实为“{found.get_stage_display()}”。")
    return found
