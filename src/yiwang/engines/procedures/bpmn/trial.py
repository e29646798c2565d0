"""A draft tried on a past case: what happened then is taken again, step by step, along the new drawing. Nothing is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.audit.models import Withheld
from yiwang.engines.procedures.bpmn import coverage, decisions, expressions, versions
from yiwang.engines.procedures.bpmn.drawn import COMMON, meaning
from yiwang.engines.procedures.bpmn.engine import Run
from yiwang.engines.procedures.bpmn.graph import Kind
from yiwang.engines.procedures.bpmn.names import STEP, TARGET, variable
from yiwang.engines.procedures.bpmn.tables import Table
from yiwang.engines.procedures.models import ASIDE, Case, Event, below
from yiwang.engines.procedures.models_flows import FlowVersion
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry

if TYPE_CHECKING:
    from django.db.models import QuerySet

NO_STEPS = (*ASIDE, "timer")  # events that nobody takes in a flow
MOST = 50  # tasks that the drawing has and the past had not, before the trial gives up


@dataclass(frozen=True)
class Line:
    """One move of the past, or one that the drawing adds."""

    at: datetime | None
    step: str
    where: str  #: where the new drawing stands afterwards
    words: str = ""  #: what is different; "" where it went as it did
    ruled: tuple[str, ...] = ()  #: decision tables that were asked on the way, and which rule held

    @property
    def differs(self) -> bool:
        return bool(self.words)


@dataclass(frozen=True)
class Trial:
    """The whole comparison and its last sentence."""

    case: Case
    lines: list[Line]
    verdict: str

    @property
    def same(self) -> bool:
        return not any(line.differs for line in self.lines)


def try_on(actor: Actor, version: FlowVersion, number: str) -> Trial:
    """Raises NotFound for a case that the actor may not see, Conflict for one that is still open, Invalid for a drawing that is not sound."""
    case = _past(actor, version, number)
    if any(not f.hint for f in versions.check(version)):
        raise Invalid("流程图还有不能发布的问题，改好后才能试走。")
    return _Replay(case, version).trial()


def _past(actor: Actor, version: FlowVersion, number: str) -> Case:
    """A closed case of the procedure that the actor may try on; that it was looked at is kept. Raises NotFound, Conflict."""
    case = _triable(actor, version).filter(number=number.strip()).first()
    if case is None:
        raise NotFound("没有找到这件办件。", hint="请填写本流程已办结办件的编号；只能用您有权查看的办件，或者您所辖区划里已办结的办件。")
    if case.closed_at is None:
        raise Conflict("这件办件还没有办结，请选一件已经办结的。")
    if not actor.system:
        audit.record(actor, "flow.trial", subject=case, summary=f"用办件试走流程图：{version}")
    return case


def _triable(actor: Actor, version: FlowVersion) -> "QuerySet[Case]":
    """What the actor may see, and for the editor of flows also what is closed in their division: of it a trial tells steps and facts, nothing of persons.
    Not what is confidential (`Procedure.seen_by`) and not what they must learn nothing of.
    """
    cases = Case.objects.filter(procedure=version.procedure)
    found = restrict(actor, cases)
    if actor.system or registry().procedure(version.procedure).seen_by:
        return found
    for seat in actor.seats:
        if versions.EDITOR in seat.roles:
            found |= cases.filter(below(seat.division), closed_at__isnull=False).exclude(pk__in=Withheld.cases_from(actor))
    return found


@dataclass(frozen=True)
class Weighed:
    """A decision table asked about a past case: what it knew, and of every rule which cells held."""

    case: Case
    values: list[tuple[str, str]]  #: (what, how it was) of every input
    rows: list[list[bool]]  #: for every rule, whether each of its cells held
    fired: int | None  #: the rule that gives the answer, from 0

    @property
    def verdict(self) -> str:
        return "没有一行符合，得不出结果。" if self.fired is None else f"按第 {self.fired + 1} 行得出结果。"


def weigh(actor: Actor, version: FlowVersion, table: Table, number: str) -> Weighed:
    """Which rule of a table would hold for a closed case as it was at its end, and why. Raises NotFound, Conflict, Unreadable for a table that cannot be run."""
    case = _past(actor, version, number)
    decision, values = decisions.compiled(table), _known_of(case, version)
    known = versions.domains(version, besides=table.id)
    told = [(known[w].label if w in known else w, coverage.told(known.get(w, coverage.Domain(w)), values.get(w))) for w in decision.inputs]
    rows = [[expressions.holds(test, values.get(word)) for word, test in zip(decision.inputs, tests, strict=True)] for tests, _ in decision.rules]
    return Weighed(case, told, rows, decisions.fired(decision, values))


def _known_of(case: Case, version: FlowVersion) -> dict[str, Any]:
    """What conditions and tables could read when the case ended: its facts, and the last step at every task."""
    values = versions.facts_of(case, registry().procedure(version.procedure))
    for event in case.events.exclude(step__in=NO_STEPS).order_by("sequence"):
        step = meaning(event.step)
        values |= {variable(event.source): step, STEP: step, TARGET: event.target}
    return values


def past_cases(actor: Actor, version: FlowVersion, *, limit: int = 10) -> list[Case]:
    """Closed cases that a draft can be tried on, the last first."""
    found = _triable(actor, version).filter(closed_at__isnull=False, parent=None)
    if version.item:
        found = found.filter(item_key=version.item)
    return list(found.only("number", "closed_at").order_by("-closed_at")[:limit])


class _Replay:
    """The draft's engine in memory, fed with the events of the case."""

    def __init__(self, case: Case, version: FlowVersion) -> None:
        self.case = case
        self.loaded = versions.load(version)
        self.graph, self.procedure = self.loaded.program.graph, self.loaded.procedure
        self.base = registry().procedure(version.procedure)
        self.facts = versions.facts_of(case, self.base)
        self.run = Run(self.loaded.program, facts=self.facts)
        self.lines: list[Line] = []
        self.ruled: list[str] = []
        self.added = 0
        self.ended = ""

    def trial(self) -> Trial:
        events = list(self.case.events.exclude(step__in=NO_STEPS).order_by("sequence"))
        for event in events:
            if not self._take(event):
                return self._told(f"在“{event.name}”之后无法按新流程继续比较：新流程此时在{self._where()}。")
        while not self._over and self._add():
            pass
        if not self._over:
            return self._told(f"按新流程，这件办件还停在{self._where()}，没有办结。")
        ending, before = self.procedure.state(self.ended), self.case.declared.state(self.case.state)
        if ending.name != before.name:
            return self._told(f"结果不同：原来是“{before.name}”，按新流程是“{ending.name}”。")
        return self._told("走法相同，结果相同。" if not any(x.differs for x in self.lines) else f"结果相同（{ending.name}），途中有不同。")

    @property
    def _over(self) -> bool:
        return bool(self.ended)

    def _take(self, event: Event) -> bool:
        while not self._over:
            place = next((p for p in self._places(event.source) if meaning(event.step) in self.graph.nodes[p].steps), None)
            if place is not None:
                self._complete(place, event.step, event.target)
                self._tell(event.at, event.name)
                return True
            if not self._add():
                break
        self._tell(event.at, event.name, "新流程此时不能办理这一步。" if not self._over else "新流程此前已经办结。")
        return False

    def _add(self) -> bool:
        """Does a task that the past had not, by its first verb; a time to wait passes."""
        if self.added >= MOST:
            return False
        for place in self.run.standing:
            node = self.graph.nodes[place]
            if node.timer:
                self.run.fire(place)
                self._ruled()
                done = "等待期满。"
            elif node.kind is Kind.SERVICE or (node.steps and node.steps[0] in COMMON):
                self._complete(place, node.steps[0], "")
                done = f"假定“{COMMON[node.steps[0]].name}”。" if node.steps[0] in COMMON else "由系统办理。"
            else:
                continue
            self.added += 1
            name = self.procedure.state(place).name
            self._tell(None, name, f"新流程多出“{name}”，{done}")
            return True
        return False

    def _places(self, first: str) -> list[str]:
        return sorted(self.run.standing, key=lambda place: place != first)

    def _complete(self, place: str, step: str, target: str) -> None:
        if step in self.graph.anytime:
            self.ended = str(self.base.step(step).target)
            return
        self.run.complete(place, step=meaning(step), facts={**self.facts, TARGET: target})
        self._ruled()
        if self.run.over:
            self.ended = [e for e in self.run.ended_at if self.graph.nodes[e].name][-1]

    def _ruled(self) -> None:
        for code, rule in self.run.decided:
            name = self.loaded.program.tables[code].name
            self.ruled.append(f"决策表“{name}”按第 {rule + 1} 行" if rule is not None else f"决策表“{name}”没有一行符合")

    def _tell(self, at: datetime | None, step: str, words: str = "") -> None:
        self.lines.append(Line(at, step, self._where(), words, tuple(self.ruled)))
        self.ruled.clear()

    def _where(self) -> str:
        places = (self.ended,) if self.ended else self.run.standing
        return "、".join(f"“{self.procedure.state(place).name}”" for place in places)

    def _told(self, verdict: str) -> Trial:
        return Trial(self.case, self.lines, verdict)
