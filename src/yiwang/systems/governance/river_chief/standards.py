"""The standards system at work: each clause is a check that runs on all data; a standard is adopted when its trial passes."""

import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator

from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.platforms.incidents.models import Verification
from yiwang.platforms.patrols.models import PatrolPlan
from yiwang.systems.governance.river_chief.chiefs import chief_of, frequency
from yiwang.systems.governance.river_chief.flows import OFFICE
from yiwang.systems.governance.river_chief.models import ITEMS, Clause, ClauseRun, Reach, River, RiverProblem, Sample, StandardDoc

CITY = "440800000000"
CODE = re.compile(r"[A-Z0-9]{8,20}")
EXAMPLES = 10
Checked = Iterator[tuple[str, bool]]  # each row by name, and whether it is right


@transaction.atomic
def run(actor: Actor, doc: int) -> list[ClauseRun]:
    """Runs every clause of a standard on the data as they are. Raises NotFound, NotAllowed, Conflict for one without clauses."""
    found = _lock(actor, doc)
    clauses = list(found.clauses.filter(standing="live").order_by("number"))
    if not clauses:
        raise Conflict("这份标准还没有可以检查的条款。", hint="请先登记条款和对应的检查。")
    made = [_run(clause) for clause in clauses]
    audit.record(actor, "standard.run", subject=found, summary=f"{found}：{sum(r.passed for r in made)}/{len(made)} 条通过")
    return made


@transaction.atomic
def advance(actor: Actor, doc: int) -> StandardDoc:
    """Draft to trial; trial to adopted when the last run of each clause passed; an adopted one replaces its earlier version. Raises NotFound, NotAllowed, Conflict."""
    found, today = _lock(actor, doc), timezone.localdate()
    if found.state == StandardDoc.State.DRAFT:
        if not found.clauses.filter(standing="live").exists():
            raise Conflict("没有条款的草案不能试行。")
        found.state, found.trial_on = StandardDoc.State.TRIAL, today
    elif found.state == StandardDoc.State.TRIAL:
        failing = [c.number for c in found.clauses.filter(standing="live").order_by("number") if not _holds(c)]
        if failing:
            raise Conflict(f"条款 {'、'.join(failing)} 还没有检查通过，不能施行。", hint="运行检查，改正数据或者修改条款后再施行。")
        StandardDoc.objects.filter(number=found.number, state=StandardDoc.State.ADOPTED).update(state=StandardDoc.State.REPEALED)
        found.state, found.adopted_on = StandardDoc.State.ADOPTED, today
    else:
        raise Conflict("这份标准已经施行或者废止。")
    found.save(update_fields=["state", "trial_on", "adopted_on"])
    audit.record(actor, "standard.advance", subject=found, summary=f"{found}：{found.get_state_display()}")
    return found


def _lock(actor: Actor, doc: int) -> StandardDoc:
    if not actor.system and not actor.holds(OFFICE):
        raise NotAllowed("标准规范由河长办管理。")
    found = StandardDoc.objects.select_for_update().filter(pk=doc).first()
    if found is None:
        raise NotFound("没有这份标准。")
    return found


def _holds(clause: Clause) -> bool:
    """Whether its last run passed, of the clause as it now is."""
    last = clause.runs.order_by("-at").first()
    return last is not None and last.passed and last.at >= clause.changed_at


def _run(clause: Clause) -> ClauseRun:
    checked = list(CHECKS[clause.rule]())
    wrong = [name for name, right in checked if not right]
    return ClauseRun.objects.create(clause=clause, division_id=CITY, total=len(checked), wrong=len(wrong), examples=wrong[:EXAMPLES], passed=bool(checked) and not wrong)


def _river_code() -> Checked:
    return ((river.name, bool(CODE.fullmatch(river.code))) for river in River.objects.all())


def _reach_code() -> Checked:
    return ((reach.name, reach.code.startswith(reach.river.code)) for reach in Reach.objects.select_related("river"))


def _reach_chief() -> Checked:
    for reach in Reach.objects.select_related("chief__organisation"):
        chief = chief_of(reach)
        yield reach.name, chief is not None and chief.name != "（空缺）"


def _reach_cover() -> Checked:
    """Reaches of one level of one river, in order: each begins where the one before ends."""
    levels: dict[tuple[int, str], list[Reach]] = defaultdict(list)
    for reach in Reach.objects.order_by("from_km"):
        levels[reach.river_id, reach.level].append(reach)
    for row in levels.values():
        yield from ((after.name, after.from_km == before.to_km) for before, after in itertools.pairwise(row))


def _reach_board() -> Checked:
    return ((reach.name, reach.board is not None) for reach in Reach.objects.all())


def _patrol_plan() -> Checked:
    plans = {p.subject_row: p for p in PatrolPlan.objects.filter(subject="reach", standing="live")}
    for reach in Reach.objects.all():
        plan = plans.get(reach.pk)
        yield reach.name, plan is not None and (plan.times, plan.period) == frequency(reach.level, reach.division_id, timezone.localdate())


def _sample_complete() -> Checked:
    return ((str(sample), all(getattr(sample, item) is not None for item in ITEMS)) for sample in Sample.objects.select_related("section"))


def _problem_chain() -> Checked:
    closed = RiverProblem.objects.filter(incident__stage="closed").select_related("river", "incident")
    checked = set(Verification.objects.filter(passed=True).values_list("incident", flat=True))
    return ((str(problem), problem.incident_id in checked) for problem in closed)


CHECKS: dict[str, Callable[[], Checked]] = {
    "river-code": _river_code, "reach-code": _reach_code, "reach-chief": _reach_chief, "reach-cover": _reach_cover, "reach-board": _reach_board,
    "patrol-plan": _patrol_plan, "sample-complete": _sample_complete, "problem-chain": _problem_chain,
}
