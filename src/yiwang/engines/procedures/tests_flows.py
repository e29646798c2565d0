"""Drawn flows through the api: drafted, refused, published, followed by new cases in parallel and by timers, tried on the past; each beside what must not be."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry, Withheld
from yiwang.engines.procedures import api, timers
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.bpmn import drawing, reading, versions
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.engines.procedures.models import Case, CaseFlow, Event, FlowTimer, FlowVersion, Task
from yiwang.engines.procedures.tests import TRIAL, applicant, approver, declared, opening, person
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import SYSTEM_ROLE, Fact, Step
from yiwang.kit.registry import registry

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("declared")]
__all__ = ["declared"]
EDITOR, FIRE = "卢沐阳", "谢念慈"
NOTED: list[str] = []


def note(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    NOTED.append(case.number)


@pytest.fixture(autouse=True)
def _fresh(declared: None) -> Iterator[None]:
    """Versions of another test's rolled-back database are forgotten; the trial flow gets a fact and a step of the system."""
    noted = Step(code="note", name="系统登记", source="open", target="open", by=SYSTEM_ROLE, effect=note, public=False)
    registry().procedures["trial", 1] = replace(TRIAL, steps=(*TRIAL.steps, noted), facts=(Fact(code="channel", name="渠道", value=lambda case: case.channel),))
    versions.loaded.cache_clear()
    NOTED.clear()
    yield
    versions.loaded.cache_clear()


def editor() -> Actor:
    return person(EDITOR)


def drawn(**changes: Any) -> Graph:
    """提交 → 审查 ∥ 消防意见（5 个工作日，过期不等）→ 系统登记 → 办结."""
    nodes = [
        Node("start", Kind.START), Node("new", Kind.USER, "提交", role="applicant", steps=("submit",)), Node("split", Kind.PARALLEL, "会审"),
        Node("open", Kind.USER, "审查", role="approver", steps=("finish", "withdraw")),
        Node("fire", Kind.USER, "消防意见", role="approver", steps=("agree", "disagree"), organ="housing_construction"),
        Node("late", Kind.BOUNDARY, "消防意见期限", timer="P5D", unit="working", host="fire"), Node("merge", Kind.EXCLUSIVE), Node("join", Kind.PARALLEL, "汇合"),
        Node("note", Kind.SERVICE, "登记", steps=("note",)), Node("choose", Kind.EXCLUSIVE, "意见", default="fine"),
        Node("done", Kind.END, "办结"), Node("ended", Kind.END, "终止"),
    ]  # fmt: skip
    arrows = [
        ("start", "new"), ("new", "split"), ("split", "open"), ("split", "fire"), ("fire", "merge"), ("late", "merge"), ("merge", "join"), ("open", "join"),
        ("join", "note"), ("note", "choose"),
    ]  # fmt: skip
    flows_ = {f"{a}-{b}": Flow(f"{a}-{b}", a, b) for a, b in arrows}
    flows_ |= {"fine": Flow("fine", "choose", "done"), "bad": Flow("bad", "choose", "ended", "", 'fire == "disagree"')}
    found = {node.id: node for node in nodes}
    return Graph("trial", "试验", {**found, **changes.pop("nodes", {})}, {**flows_, **changes.pop("flows", {})}, ("withdraw",))


def published(graph: Graph | None = None, **more: Any) -> FlowVersion:
    version = flows.draft(editor(), procedure="trial", **more)
    flows.save(editor(), version.pk, bpmn=drawing.write(graph or drawn()), revision=1)
    return flows.publish(editor(), version.pk, on=timezone.localdate())


@transaction.atomic
def submitted(**changes: Any) -> Case:
    case, _ = api.start(applicant(), opening(**changes))
    return api.move(applicant(), case, case.declared.step("submit"), {})


def fresh(case: Case) -> Case:
    return Case.objects.get(pk=case.pk)


def waiting(case: Case) -> dict[str, str]:
    return {task.state: task.organ.key for task in Task.objects.filter(case=case, closed_at=None).select_related("organ")}


def overdue(case: Case) -> None:
    """The time of its timer is over: it began a fortnight ago, and the job looks."""
    now = timezone.now()
    FlowTimer.objects.filter(case=case).update(started_at=now - timedelta(days=14), due_at=now - timedelta(minutes=1))


def words(version: FlowVersion) -> str:
    return " ".join(w for _, w, hint in FlowVersion.objects.get(pk=version.pk).report if not hint)


# --- following a drawing -------------------------------------------------------------------------------------------------------------------------------


def test_two_offices_work_at_the_same_time_and_the_case_ends_when_both_have() -> None:
    published()
    case = submitted()
    assert flows.standing(case) == ("open", "fire") and case.state == "open"
    assert waiting(case) == {"open": "market_regulation@440802", "fire": "housing_construction@440802"}
    assert {o.step.code for o in api.offers(approver(), case)} == {"finish"}  # withdrawing is the applicant's
    assert {o.step.code for o in api.offers(person(FIRE), case)} == {"agree-fire", "disagree-fire"}
    api.perform(approver(), case.pk, "finish")
    assert fresh(case).closed_at is None and waiting(case) == {"fire": "housing_construction@440802"}
    done = api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合消防要求"})
    assert done.state == "done" and done.closed_at and [case.number] == NOTED
    assert [e.step for e in case.events.order_by("sequence")] == ["submit", "finish", "agree-fire", "note"]
    assert Task.objects.filter(case=case, closed_at=None).count() == 0


def test_only_the_role_in_the_office_of_the_task_acts() -> None:
    published()
    case = submitted()
    with pytest.raises(NotAllowed):
        api.perform(approver(), case.pk, "agree-fire", {"opinion": "x"})
    with pytest.raises(NotFound):
        api.perform(person("罗景行"), case.pk, "agree-fire", {"opinion": "x"})
    with pytest.raises(Conflict):
        api.perform(approver(), case.pk, "stop", {"reason": "不在图上的动作"})


def test_what_was_decided_on_one_branch_is_known_after_the_join() -> None:
    published()
    case = submitted()
    api.perform(person(FIRE), case.pk, "disagree-fire", {"reason": "疏散通道不足"})
    ended = api.perform(approver(), case.pk, "finish")
    assert ended.state == "ended" and ended.declared.state("ended").name == "终止"


def test_a_step_that_ends_the_case_takes_all_branches_with_it() -> None:
    published()
    case = submitted()
    ended = api.perform(applicant(), case.pk, "withdraw", {"reason": "不办了"})
    assert ended.state == "ended" and ended.closed_at and waiting(case) == {}
    assert not FlowTimer.objects.filter(case=case, stopped_at=None).exists()


def test_a_timer_is_a_row_of_ours_and_fires_once() -> None:
    published()
    case = submitted()
    timer = FlowTimer.objects.get(case=case)
    assert timer.due_at - timezone.now() >= timedelta(days=4)  # five working days, to midnight
    assert timers.expire_due() == 0
    overdue(case)
    assert timers.expire_due() == 1 and timers.expire_due() == 0
    assert waiting(case) == {"open": "market_regulation@440802"}
    assert Event.objects.get(case=case, step="timer").name == "消防意见期限届满"
    assert api.perform(approver(), case.pk, "finish").state == "done"


def test_a_clock_of_the_law_still_takes_its_step() -> None:
    """Silence after a request for correction: the declared step is found where the case stands, with another task open beside it."""
    asked = Node("asked", Kind.USER, "补正", role="applicant", steps=("answer", "lapse"))
    opened = Node("open", Kind.USER, "审查", role="approver", steps=("finish", "ask"))
    graph = drawn(
        nodes={"asked": asked, "open": opened, "fix": Node("fix", Kind.EXCLUSIVE, "审完", default="fix-join"), "fixed": Node("fixed", Kind.EXCLUSIVE, "补正后", default="fixed-open"),
               "out": Node("out", Kind.END, "逾期终止", terminate=True)},
        flows={"open-join": Flow("open-join", "open", "fix"), "fix-join": Flow("fix-join", "fix", "join"), "fix-asked": Flow("fix-asked", "fix", "asked", "", 'step == "ask"'),
               "asked-fixed": Flow("asked-fixed", "asked", "fixed"), "fixed-open": Flow("fixed-open", "fixed", "open"), "lapsed": Flow("lapsed", "fixed", "out", "", 'asked == "lapse"')},
    )  # fmt: skip
    published(replace(graph, anytime=()))
    case = submitted()
    api.perform(approver(), case.pk, "ask", {"opinion": "补一份图纸"})
    assert set(waiting(case)) == {"asked", "fire"}
    case.deadlines.filter(code="answer").update(due_at=timezone.now() - timedelta(minutes=1))
    assert timers.expire_due() == 1
    assert fresh(case).state == "out" and waiting(case) == {}


def test_a_step_of_the_system_that_ends_everything_leaves_the_others_undone() -> None:
    also, split = Node("also", Kind.SERVICE, "另记", steps=("note",)), Node("choose", Kind.PARALLEL, "同时")
    ways = [Flow("join-note", "join", "choose"), Flow("fine", "choose", "note"), Flow("bad", "choose", "also"), Flow("note-choose", "note", "done"), Flow("also-ended", "also", "ended")]
    ends = {end: Node(end, Kind.END, end, terminate=True) for end in ("done", "ended")}
    published(drawn(nodes={"also": also, "choose": split, **ends}, flows={f.id: f for f in ways}))
    case = submitted()
    api.perform(person(FIRE), case.pk, "agree-fire", {"opinion": "符合"})
    assert api.perform(approver(), case.pk, "finish").state == "done" and [case.number] == NOTED


def test_a_failing_effect_leaves_the_marks_where_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    published()
    case = submitted()
    before = CaseFlow.objects.values("standing", "data", "revision").get(case=case)
    monkeypatch.setattr("yiwang.engines.procedures.cases.record", lambda *a, **k: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        api.perform(approver(), case.pk, "finish")
    assert CaseFlow.objects.values("standing", "data", "revision").get(case=case) == before


def test_a_case_keeps_no_copy_of_the_drawing() -> None:
    published()
    case = submitted()
    assert "spec" not in CaseFlow.objects.get(case=case).data["tree"] and "submit" not in str(CaseFlow.objects.get(case=case).data)


# --- versions --------------------------------------------------------------------------------------------------------------------------------------------


def test_cases_under_way_stay_on_theirs() -> None:
    first = submitted()
    version = published()
    second = submitted()
    later = flows.draft(editor(), procedure="trial")
    third = flows.publish(editor(), later.pk, on=timezone.localdate() + timedelta(days=1))
    assert (first.version, second.version, third.number) == (1, version.number, version.number + 1)
    assert flows.standing(first) == ("open",) and api.perform(approver(), first.pk, "finish").state == "done"
    flows.withdraw(editor(), version.pk)
    assert submitted().version == 1  # tomorrow's version is not chosen today
    api.perform(approver(), second.pk, "finish")
    assert api.perform(person(FIRE), second.pk, "agree-fire", {"opinion": "同意"}).state == "done"


def test_a_version_of_one_item_is_before_that_of_all() -> None:
    everything = published()
    one = flows.draft(editor(), procedure="trial", item="food")
    one = flows.publish(editor(), one.pk, on=timezone.localdate())
    assert submitted(item_key="food").version == one.number and submitted(item_key="other").version == everything.number


def test_an_unsound_drawing_is_kept_but_never_published() -> None:
    nodes = drawn().nodes | {"late": replace(drawn().nodes["late"], interrupting=True), "merge": Node("merge", Kind.END)}
    version = flows.draft(editor(), procedure="trial")
    kept = flows.save(editor(), version.pk, bpmn=drawing.write(replace(drawn(), nodes=nodes, flows={k: f for k, f in drawn().flows.items() if k != "merge-join"})), revision=1)
    assert kept.report and kept.revision == 2
    with pytest.raises(Invalid, match="不能发布"):
        flows.publish(editor(), version.pk, on=timezone.localdate())
    assert FlowVersion.objects.get(pk=version.pk).state == "draft"
    assert submitted().version == 1


def test_what_became_unsound_since_it_was_saved_is_in_the_report_after_publishing_was_refused() -> None:
    """A release may take away a step that a draft uses."""
    version = flows.draft(editor(), procedure="trial")
    assert not words(flows.save(editor(), version.pk, bpmn=drawing.write(drawn()), revision=1))
    trial = registry().procedures["trial", 1]
    registry().procedures["trial", 1] = replace(trial, steps=tuple(s for s in trial.steps if s.code != "note"))
    with pytest.raises(Invalid, match="登记"):
        flows.publish(editor(), version.pk, on=timezone.localdate())
    assert "登记" in words(version)


@pytest.mark.parametrize(
    ("node", "said"),
    [
        (Node("fire", Kind.USER, "消防意见", role="aprover", steps=("agree",)), "角色“aprover”不存在"),
        (Node("fire", Kind.USER, "消防意见", role="approver", steps=("approve",)), "动作“approve”不存在"),
        (Node("fire", Kind.USER, "消防意见", role="approver"), "没有绑定办理动作"),
        (Node("fire", Kind.USER, "消防意见", role="window-clerk", steps=("finish",)), "不能放在"),
        (Node("fire", Kind.USER, "消防意见", role="approver", steps=("agree",), organ="fire_station"), "部门职能“fire_station”不存在"),
        (Node("late", Kind.BOUNDARY, "期限", timer="5天", host="fire"), "看不懂期限"),
        (Node("late", Kind.BOUNDARY, "期" * 51, timer="P5D", host="fire"), "名称超过 50 个字"),
        (Node("fire", Kind.USER, "消" * 51, role="approver", steps=("agree",)), "名称超过 50 个字"),
        (Node("note", Kind.SERVICE, "登记", steps=("stop",)), "要由人办理"),
        (Node("choose", Kind.DECISION, "意见", decision="none"), "没有绑定决策表"),
        (Node("open", Kind.USER, "审查", role="approver", steps=("ask",)), "届满时依法要办理“逾期”"),
    ],
)
def test_everything_a_drawing_names_must_be_known(node: Node, said: str) -> None:
    version = flows.draft(editor(), procedure="trial")
    flows.save(editor(), version.pk, bpmn=drawing.write(drawn(nodes={node.id: node})), revision=1)
    assert said in words(version)


@pytest.mark.parametrize("text", ["__import__('os').system('x')", "case.state == 'x'", "step.upper() == 'X'", "1 + 1 == 2", "nobody == 'x'", "step ==", "fire == 'grant'", "[x for x in step]"])
def test_conditions_only_compare(text: str) -> None:
    version = flows.draft(editor(), procedure="trial")
    flows.save(editor(), version.pk, bpmn=drawing.write(drawn(flows={"bad": Flow("bad", "choose", "ended", "", text)})), revision=1)
    assert "的条件" in words(version)
    with pytest.raises(Invalid):
        flows.publish(editor(), version.pk, on=timezone.localdate())


def test_only_the_flow_editor_edits() -> None:
    with pytest.raises(NotAllowed):
        flows.draft(approver(), procedure="trial")
    version = flows.draft(editor(), procedure="trial")
    with pytest.raises(NotAllowed):
        flows.save(approver(), version.pk, bpmn=version.bpmn, revision=1)
    with pytest.raises(NotAllowed):
        flows.publish(approver(), version.pk, on=timezone.localdate())
    with pytest.raises(NotFound):
        flows.find(applicant(), version.pk)


def test_nobody_overwrites_another_unseen() -> None:
    version = flows.draft(editor(), procedure="trial")
    flows.save(editor(), version.pk, bpmn=version.bpmn, revision=1)
    with pytest.raises(Conflict):
        flows.save(editor(), version.pk, bpmn=version.bpmn, revision=1)


def test_what_is_published_never_changes_and_two_never_begin_on_one_day() -> None:
    version = published()
    with pytest.raises(Conflict):
        flows.save(editor(), version.pk, bpmn=version.bpmn, revision=2)
    with pytest.raises(IntegrityError), transaction.atomic():
        FlowVersion.objects.filter(pk=version.pk).update(bpmn="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        FlowVersion.objects.filter(pk=version.pk).delete()
    other = flows.draft(editor(), procedure="trial")
    with pytest.raises(Conflict, match="这一天"):
        flows.publish(editor(), other.pk, on=timezone.localdate())
    with pytest.raises(Invalid, match="早于今天"):
        flows.publish(editor(), other.pk, on=timezone.localdate() - timedelta(days=1))


# --- drawing itself, trying --------------------------------------------------------------------------------------------------------------------------------


def test_declared_flows_draw_themselves_soundly() -> None:
    """Every procedure of the installation is a drawing that an official can begin from and publish unchanged."""
    for code, _ in list(registry().procedures):
        if not code.startswith("trial"):
            version = flows.draft(editor(), procedure=code)
            assert words(version) == "", code
            versions.load(version)


def test_a_diagram_shows_where_the_case_is() -> None:
    before = submitted()
    assert flows.diagram_of(before).lit == "open" and ("open", True) in flows.diagram_of(before).states
    published()
    case = submitted()
    assert flows.diagram_of(case).lit == "fire open"
    assert ("消防意见", True) in flows.diagram_of(case).states and reading.read(flows.diagram_of(case).xml).nodes["fire"].name == "消防意见"


def test_a_draft_is_tried_on_a_past_case_without_writing() -> None:
    past = submitted()
    api.perform(approver(), past.pk, "finish")
    version = flows.draft(editor(), procedure="trial")
    assert flows.try_on(SYSTEM, version, past.number).same
    flows.save(editor(), version.pk, bpmn=drawing.write(drawn()), revision=1)
    counted = Event.objects.count(), Task.objects.count(), CaseFlow.objects.count()
    tried = flows.try_on(SYSTEM, flows.find(editor(), version.pk), past.number)
    assert tried.verdict == "结果相同（办结），途中有不同。" and any("多出“消防意见”" in line.words for line in tried.lines)
    assert (Event.objects.count(), Task.objects.count(), CaseFlow.objects.count()) == counted and NOTED == []


def test_a_trial_says_what_the_draft_could_not_do() -> None:
    past = submitted()
    api.perform(approver(), past.pk, "stop", {"reason": "等材料"})
    api.perform(approver(), past.pk, "go")
    api.perform(approver(), past.pk, "finish")
    version = flows.draft(editor(), procedure="trial")
    flows.save(editor(), version.pk, bpmn=drawing.write(drawn()), revision=1)
    tried = flows.try_on(SYSTEM, flows.find(editor(), version.pk), past.number)
    assert "无法按新流程继续比较" in tried.verdict and tried.lines[-1].step == "暂停"


def test_a_trial_needs_a_case_that_is_over_and_that_one_may_see() -> None:
    version, case = flows.draft(editor(), procedure="trial"), submitted()
    with pytest.raises(Conflict):
        flows.try_on(SYSTEM, version, case.number)
    with pytest.raises(NotFound):
        flows.try_on(person("罗景行"), version, case.number)


def test_the_editor_tries_on_what_is_closed_in_their_division_and_it_is_kept_who_looked() -> None:
    version, past = flows.draft(editor(), procedure="trial"), submitted()
    with pytest.raises(NotFound):  # open, and not of their office
        flows.try_on(editor(), version, past.number)
    api.perform(approver(), past.pk, "finish")
    assert [c.number for c in flows.past_cases(editor(), version)] == [past.number]
    assert flows.try_on(editor(), version, past.number).same
    assert Entry.objects.filter(action="flow.trial", summary__contains=version.name).count() == 1
    assert flows.past_cases(person("罗景行"), version) == []
    Withheld.objects.create(case=past.pk, party=editor().party)
    with pytest.raises(NotFound):
        flows.try_on(editor(), version, past.number)
    Withheld.objects.all().delete()
    registry().procedures["trial", 1] = replace(registry().procedures["trial", 1], seen_by=("approver",))
    with pytest.raises(NotFound):
        flows.try_on(editor(), version, past.number)
