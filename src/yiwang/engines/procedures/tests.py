"""A case and its moves, through the api, by a small procedure of their own: each step beside who must not take it, alone and at the same moment."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from django import forms
from django.db import DatabaseError, IntegrityError, connection, connections, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany, YiwangError
from yiwang.engines.audit.models import Entry
from yiwang.engines.documents.models import Document
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation, Membership, Organisation, Party
from yiwang.engines.procedures import api, papers
from yiwang.engines.procedures.models import Case, Deadline, Event, Extension, Paper, Task
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.kit.registry import registry

pytestmark = pytest.mark.django_db
T = TypeVar("T")
CHIKAN = "440802000000"


class OpinionForm(forms.Form):
    opinion = forms.CharField(max_length=2000)


def split(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    for name in ("a", "b"):
        part = api.Opening(
            procedure="trial-part", item_key=case.item_key, subject=name, applicant=case.applicant_id, organ=case.organ_id, division=CHIKAN, parent=case.pk,
            key=f"{case.pk}:{name}",
        )  # fmt: skip
        child, _ = api.start(SYSTEM, part)
        api.move(SYSTEM, child, child.declared.step("ask"), {})


def end_children(case: Any, actor: Actor, data: dict[str, Any]) -> None:
    case.outcome = case.Outcome.WITHDRAWN
    case.save(update_fields=["state"])
    for child in case.children.filter(closed_at=None):
        api.perform(SYSTEM, child.pk, "end")


def not_on_sundays(case: Any, actor: Actor) -> str | None:
    return "还没有查看现场。" if case.subject == "未查看" else None


def receipt(case: Any, event: Any) -> dict[str, Any]:
    return {"materials": [], "channel": case.get_channel_display(), "received_at": event.at.isoformat()}


OPEN, PAUSED, ASKED, PARTED = (State(code=code, name=code, awaits=role, task=code) for code, role in (("open", "approver"), ("paused", "approver"), ("asked", APPLICANT), ("parted", "")))
TRIAL = Procedure(
    code="trial", name="试验", start="new",
    states=(State(code="new", name="新"), OPEN, PAUSED, ASKED, PARTED, State(code="done", name="办结", final=True), State(code="ended", name="终止", final=True)),
    steps=(
        Step(code="submit", name="提交", source="new", target="open", by=APPLICANT, starts=("limit",), document="receipt", paper=receipt, message="case-submitted"),
        Step(code="stop", name="暂停", source="open", target="paused", by="approver", suspends=("limit",), needs_reason=True),
        Step(code="go", name="恢复", source="paused", target="open", by="approver", resumes=("limit",)),
        Step(code="ask", name="补正", source="open", target="asked", by="approver", form=OpinionForm, starts=("answer",)),
        Step(code="answer", name="补交", source="asked", target="open", by=APPLICANT, finishes=("answer",)),
        Step(code="lapse", name="逾期", source="asked", target="ended", by=SYSTEM_ROLE),
        Step(code="split", name="会审", source="open", target="parted", by="approver", effect=split),
        Step(code="gather", name="收齐", source="parted", target="open", by=SYSTEM_ROLE, after_children=True),
        Step(code="finish", name="办结", source="open", target="done", by="approver", when=not_on_sundays, finishes=("limit",), message="case-done"),
        Step(code="withdraw", name="撤回", source=("open", "paused", "parted"), target="ended", by=APPLICANT, effect=end_children, needs_reason=True),
    ),
    clocks=(
        Clock(code="limit", name="办理时限", amount=10, basis="试验", extendable=5, extension_by="reviewer"),
        Clock(code="answer", name="补正期限", amount=3, unit="hour", expiry="deem", deems="lapse"),
    ),
)  # fmt: skip
PART = Procedure(
    code="trial-part", name="部分", start="asked",
    states=(State(code="asked", name="待办", awaits="approver", task="会审"), State(code="agreed", name="同意", final=True), State(code="over", name="终止", final=True)),
    steps=(
        Step(code="ask", name="发起", source="asked", target="asked", by=SYSTEM_ROLE),
        Step(code="agree", name="同意", source="asked", target="agreed", by="approver"),
        Step(code="end", name="终止", source="asked", target="over", by=SYSTEM_ROLE),
    ),
)  # fmt: skip


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    """The trial procedures, beside those of the installation."""
    known = registry().procedures
    known |= {("trial", 1): TRIAL, ("trial-part", 1): PART}
    yield
    for code in ("trial", "trial-part"):
        del known[code, 1]


@pytest.fixture(scope="module", autouse=True)
def nothing_stays(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """What other connections committed here is taken away again, although events are for ever: no test after these meets a case of a procedure that is gone."""
    yield
    gone = "SELECT id FROM procedures_case WHERE procedure IN ('trial', 'trial-part')"
    clocks = f"SELECT id FROM procedures_deadline WHERE case_id IN ({gone})"
    with django_db_blocker.unblock(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('yiwang.mode', 'system', true)")
        for table in ("procedures_event", "procedures_deadlinemove"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        cursor.execute(f"DELETE FROM procedures_paper WHERE event_id IN (SELECT id FROM procedures_event WHERE case_id IN ({gone}))")
        for table, key in (("deadlinemove", clocks), ("extension", clocks)):
            cursor.execute(f"DELETE FROM procedures_{table} WHERE deadline_id IN ({key})")
        for table in ("event", "deadline", "task"):
            cursor.execute(f"DELETE FROM procedures_{table} WHERE case_id IN ({gone})")
        cursor.execute("DELETE FROM procedures_case WHERE procedure IN ('trial', 'trial-part')")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("procedures_event", "procedures_deadlinemove"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def person(name: str, acting_for: int | None = None) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, party.name, acting_for=acting_for)


def applicant() -> Actor:
    return person("刘若溪")


def approver() -> Actor:
    return person("郑明远")


def opening(**changes: Any) -> api.Opening:
    office = Organisation.objects.get(key="market_regulation@440802")
    given: dict[str, Any] = {"procedure": "trial", "item_key": "trial", "subject": "试验", "applicant": applicant().party, "organ": office.pk, "division": CHIKAN}
    return api.Opening(**{"key": uuid4().hex, **given, **changes})


@transaction.atomic
def submitted(actor: Actor | None = None, **changes: Any) -> Case:
    """As a system submits: start, and the first step only if it is new."""
    case, fresh = api.start(actor or applicant(), opening(**changes))
    return api.move(actor or applicant(), case, case.declared.step("submit"), {}) if fresh else case


def now_is(case: Case) -> str:
    return Case.objects.values_list("state", flat=True).get(pk=case.pk)


def elsewhere(work: Callable[[], T]) -> T:
    """Runs with a connection of its own that commits, as another process would."""
    try:
        return work()
    finally:
        connections.close_all()


def together(*works: Callable[[], Any]) -> list[Any]:
    """All at the same moment, each on its own connection; what each returned, or the refusal it met."""
    start = Barrier(len(works))

    def one(work: Callable[[], Any]) -> Any:
        start.wait()
        try:
            return work()
        except YiwangError as refusal:
            return refusal

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(lambda work: elsewhere(lambda: one(work)), works))


def committed(work: Callable[[], T]) -> T:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(elsewhere, work).result()


# --- one transaction ---------------------------------------------------------------------------------------------------------------------------


def test_a_submission_writes_everything_at_once() -> None:
    case = submitted()
    event, task, deadline = case.events.get(), case.tasks.get(), case.deadlines.get()
    assert (case.state, case.revision, event.sequence, event.step) == ("open", 1, 1, "submit")
    assert (task.role, task.organ_id, task.closed_at, task.due_at) == ("approver", case.organ_id, None, deadline.due_at)
    assert [m.kind for m in deadline.moves.all()] == ["start"] and case.due_at == deadline.due_at is not None
    assert Entry.objects.filter(case=case.pk, action="case.submit").count() == 1
    assert Message.objects.filter(case=case.pk, template="case-submitted", to=case.applicant).count() == 1
    assert Paper.objects.filter(event=event, document=None).count() == 1


def test_a_failing_effect_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    case = submitted()
    monkeypatch.setattr("yiwang.engines.procedures.moves._tell", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        api.perform(approver(), case.pk, "finish")
    assert now_is(case) == "open" and case.events.count() == 1 and case.tasks.get().closed_at is None
    assert Deadline.objects.get(case=case).finished_at is None and not Entry.objects.filter(case=case.pk, action="case.finish").exists()


def test_what_happened_cannot_be_changed() -> None:
    case = submitted()
    for change in (lambda: case.events.update(opinion="x"), lambda: case.events.get().delete(), lambda: Deadline.objects.get(case=case).moves.update(by="x")):
        with pytest.raises((IntegrityError, DatabaseError)), transaction.atomic():
            change()


# --- who may -----------------------------------------------------------------------------------------------------------------------------------


def test_the_role_in_the_office_takes_the_step_and_no_other() -> None:
    case = submitted()
    with pytest.raises(NotAllowed, match="审批人员"):
        api.perform(person("周怀瑾"), case.pk, "finish")  # the reviewer of the same office
    for other in ("罗景行", "谢念慈", "林海棠"):  # approvers of other offices; somebody else
        with pytest.raises(NotFound):
            api.perform(person(other), case.pk, "finish")
    with pytest.raises(NotAllowed):
        api.perform(applicant(), case.pk, "finish")
    with pytest.raises(NotAllowed, match="申请人"):
        api.perform(approver(), case.pk, "withdraw", {"reason": "x"})
    assert now_is(case) == "open"
    done = api.perform(approver(), case.pk, "finish")
    assert done.state == "done" and done.closed_at and Task.objects.get(case=case).assignee_id == approver().party


def test_nobody_finds_somebody_elses_case() -> None:
    case = submitted()
    assert api.find(applicant(), case.pk) == api.find(approver(), case.pk) == api.find(person("庄书言"), case.pk) == case
    for other in ("林海棠", "罗景行"):
        with pytest.raises(NotFound):
            api.find(person(other), case.pk)
        with pytest.raises(NotFound):
            api.urge(person(other), case.pk)


def test_steps_of_the_system_are_nobodys() -> None:
    case = submitted()
    api.perform(approver(), case.pk, "ask", {"opinion": "请补"})
    for actor in (approver(), applicant()):
        with pytest.raises(NotAllowed):
            api.perform(actor, case.pk, "lapse")


def test_an_agent_acts_while_the_delegation_lives() -> None:
    owner, agent = applicant(), person("林海棠")
    given = Delegation.objects.create(principal_id=owner.party or 0, agent_id=agent.party or 0, scope=["trial"], valid_from=timezone.now(), valid_to=timezone.now() + timedelta(days=1))
    acting = person("林海棠", owner.party)
    case = submitted(acting, agent=agent.party)
    api.perform(approver(), case.pk, "ask", {"opinion": "请补"})
    with pytest.raises(NotAllowed):
        api.perform(agent, case.pk, "answer")  # as oneself, the agent has no right to it
    api.perform(acting, case.pk, "answer")
    other = submitted(acting, agent=agent.party, item_key="another")
    with pytest.raises(NotAllowed):
        api.perform(acting, other.pk, "withdraw", {"reason": "超出委托范围"})
    Delegation.objects.filter(pk=given.pk).update(withdrawn_at=timezone.now())
    with pytest.raises(NotAllowed):
        person("林海棠", owner.party)
    with pytest.raises(NotAllowed):
        api.perform(agent, case.pk, "withdraw", {"reason": "委托已经结束"})
    assert api.find(agent, case.pk).state == "open"  # what one handled can still be read


def test_conditions_forms_and_reasons_are_named_and_nothing_moves() -> None:
    case = submitted(subject="未查看")
    with pytest.raises(Invalid, match="查看现场"):
        api.perform(approver(), case.pk, "finish")
    with pytest.raises(Invalid) as problem:
        api.perform(approver(), case.pk, "ask", {"opinion": ""})
    assert "opinion" in problem.value.fields
    with pytest.raises(Invalid) as problem:
        api.perform(approver(), case.pk, "stop", {"reason": "  "})
    assert "reason" in problem.value.fields
    assert now_is(case) == "open" and case.events.count() == 1
    offered = {o.step.code: o.blocked for o in api.offers(approver(), case)}
    assert offered == {"stop": "", "ask": "", "split": "", "finish": "还没有查看现场。"}
    assert {o.step.code for o in api.offers(applicant(), case)} == {"withdraw"} and api.offers(person("周怀瑾"), case) == []


def test_return_for_correction_and_back() -> None:
    case = submitted()
    api.perform(approver(), case.pk, "ask", {"opinion": "请补充图纸"})
    waiting = case.tasks.get(closed_at=None)
    assert (now_is(case), waiting.role) == ("asked", APPLICANT)
    with pytest.raises(NotAllowed):
        api.perform(approver(), case.pk, "answer")
    api.perform(applicant(), case.pk, "answer")
    assert now_is(case) == "open" and case.tasks.filter(closed_at=None).get().role == "approver"
    assert [e.sequence for e in case.events.order_by("sequence")] == [1, 2, 3]


# --- once, and first come first served ---------------------------------------------------------------------------------------------------------


def test_a_stale_page_is_told_who_was_first() -> None:
    case = submitted()
    api.perform(approver(), case.pk, "stop", {"reason": "检验"})
    with pytest.raises(Conflict, match=r"郑明远已于 .*办理“暂停”"):
        api.perform(approver(), case.pk, "go", revision=1)
    with pytest.raises(Conflict, match="郑明远"):
        api.perform(applicant(), case.pk, "withdraw", {"reason": "不办了"}, revision=1)
    assert now_is(case) == "paused" and case.events.count() == 2


def test_an_urge_takes_nobodys_work_away() -> None:
    case = submitted()
    api.urge(applicant(), case.pk)
    assert api.perform(approver(), case.pk, "finish", revision=1).state == "done"


def test_the_same_request_twice_is_one_move() -> None:
    case = submitted()
    for _ in range(2):
        api.perform(approver(), case.pk, "stop", {"reason": "检验"}, key="k1")
    assert case.events.filter(step="stop").count() == 1
    with pytest.raises(Conflict):
        api.perform(approver(), case.pk, "stop", {"reason": "检验"}, key="k2")


def test_the_same_submission_twice_is_one_case_and_keys_of_two_systems_are_apart() -> None:
    assert submitted(key="one").pk == submitted(key="one").pk
    with pytest.raises(Conflict, match="另一事项"):
        submitted(key="one", item_key="another")
    first, second = (submitted(Actor(name=code, client=code), key="one") for code in ("pos", "till"))
    assert len({first.pk, second.pk, submitted(key="one").pk}) == 3
    assert submitted(Actor(name="pos", client="pos"), key="one").pk == first.pk


def test_one_key_by_four_at_once_is_one_case() -> None:
    key = uuid4().hex
    made = together(*[lambda: submitted(key=key).pk] * 4)
    assert len(set(made)) == 1
    assert Event.objects.filter(case=made[0]).count() == Task.objects.filter(case=made[0]).count() == Message.objects.filter(case=made[0]).count() == 1


def test_two_clicks_on_one_task_one_wins_and_the_other_is_told() -> None:
    case = committed(submitted)
    one = together(*[lambda: api.perform(approver(), case.pk, "finish", revision=1)] * 2)
    won, told = [r for r in one if isinstance(r, Case)], [r for r in one if isinstance(r, Conflict)]
    assert len(won) == len(told) == 1 and "郑明远已于" in told[0].message
    assert Event.objects.filter(case=case, step="finish").count() == Entry.objects.filter(case=case.pk, action="case.finish").count() == 1
    assert Message.objects.filter(case=case.pk, template="case-done").count() == 1


def test_withdrawing_and_deciding_at_once_leave_one_ending() -> None:
    case = committed(submitted)
    both = together(lambda: api.perform(approver(), case.pk, "finish"), lambda: api.perform(applicant(), case.pk, "withdraw", {"reason": "不办了"}))
    assert sorted(type(r).__name__ for r in both) == ["Case", "Conflict"]
    assert list(Event.objects.filter(case=case).order_by("sequence").values_list("sequence", flat=True)) == [1, 2]
    assert not Task.objects.filter(case=case, closed_at=None).exists() and not Deadline.objects.filter(case=case, finished_at=None).exists()


# --- several departments -----------------------------------------------------------------------------------------------------------------------


def parted() -> tuple[Case, list[int]]:
    case = submitted()
    api.perform(approver(), case.pk, "split")
    return case, list(case.children.values_list("pk", flat=True))


def agree(part: int) -> Case:
    return api.perform(approver(), part, "agree")


def withdraw(case: Case) -> Case:
    return api.perform(applicant(), case.pk, "withdraw", {"reason": "不办了"})


def test_the_main_case_waits_for_the_last_part() -> None:
    case, (first, second) = parted()
    assert not case.tasks.filter(closed_at=None).exists()
    api.perform(approver(), first, "agree")
    assert now_is(case) == "parted"
    api.perform(approver(), second, "agree")
    assert now_is(case) == "open" and case.events.filter(step="gather").count() == 1


def test_the_last_two_at_the_same_moment_gather_once() -> None:
    for _ in range(3):
        case, parts = committed(parted)
        assert all(isinstance(r, Case) for r in together(*[partial(agree, part) for part in parts]))
        assert now_is(case) == "open"
        assert Event.objects.filter(case=case, step="gather").count() == 1
        assert Task.objects.filter(case=case, closed_at=None).count() == 1


def test_withdrawing_while_a_part_agrees_never_waits_in_a_circle() -> None:
    for _ in range(3):
        case, parts = committed(parted)
        agreeing = [partial(agree, part) for part in parts]
        together(partial(withdraw, case), *agreeing)
        assert now_is(case) in ("ended", "open")
        assert not Case.objects.filter(parent=case, closed_at=None).exists()
        assert Task.objects.filter(case=case, closed_at=None).count() == (now_is(case) == "open")


def test_withdrawing_ends_the_parts() -> None:
    case, parts = parted()
    api.perform(applicant(), case.pk, "withdraw", {"reason": "不办了"})
    assert set(Case.objects.filter(pk__in=parts).values_list("state", flat=True)) == {"over"}
    assert now_is(case) == "ended" and not Task.objects.filter(case__in=[case.pk, *parts], closed_at=None).exists()
    with pytest.raises(Conflict, match="终止"):
        api.perform(approver(), parts[0], "agree")


# --- beside the steps --------------------------------------------------------------------------------------------------------------------------


def test_urging_once_a_day_tells_who_holds_the_task() -> None:
    case = submitted()
    api.urge(applicant(), case.pk, "请尽快")
    told = Message.objects.filter(case=case.pk, template="case-urged")
    assert [m.to_id for m in told] == [approver().party] and "请尽快" in told[0].body
    with pytest.raises(TooMany):
        api.urge(applicant(), case.pk)
    with pytest.raises(NotAllowed):
        api.urge(approver(), case.pk)
    Case.objects.filter(pk=case.pk).update(urged_at=timezone.now() - timedelta(hours=25))
    api.urge(applicant(), case.pk)
    api.perform(approver(), case.pk, "finish")
    with pytest.raises(Conflict):
        api.urge(applicant(), case.pk)


def test_two_urges_at_once_are_one() -> None:
    case = committed(submitted)
    assert sorted(type(r).__name__ for r in together(*[lambda: api.urge(applicant(), case.pk)] * 2)) == ["Case", "TooMany"]
    assert Message.objects.filter(case=case.pk, template="case-urged").count() == 1


def test_handing_over_only_to_a_colleague_of_the_same_role() -> None:
    case = submitted()
    task = case.tasks.get()
    colleague = Party.objects.get(name="卢沐阳")
    post = Membership.objects.get(party=approver().party).post
    Membership.objects.create(party=colleague, post=post, valid_from=timezone.localdate())
    for other in ("周怀瑾", "罗景行", "刘若溪"):  # same office but another role; same role but another office; nobody
        with pytest.raises(Invalid) as problem:
            api.hand_over(approver(), task.pk, to=Party.objects.get(name=other).pk)
        assert "to" in problem.value.fields
    for stranger in ("周怀瑾", "罗景行", "刘若溪"):
        with pytest.raises(NotFound):
            api.hand_over(person(stranger), task.pk, to=colleague.pk)
    api.hand_over(approver(), task.pk, to=colleague.pk, reason="出差")
    assert Entry.objects.filter(case=case.pk, action="task.hand-over", summary__contains="出差").exists()
    with pytest.raises(NotAllowed, match="卢沐阳"):
        api.perform(approver(), case.pk, "finish")
    assert api.perform(person("卢沐阳"), case.pk, "finish").state == "done"
    with pytest.raises(NotFound):
        api.hand_over(approver(), task.pk, to=colleague.pk)


def test_a_paper_is_made_once_although_the_job_runs_twice_at_once() -> None:
    case = committed(submitted)
    event = Event.objects.get(case=case)
    made = together(*[lambda: papers.make(event.pk).document_id] * 2)
    assert len(set(made)) == 1 and made[0] is not None
    assert Document.objects.filter(case=case.pk).count() == 1
    assert papers.make(event.pk).document_id == made[0]


def test_making_a_paper_does_not_hold_up_the_office() -> None:
    """A submission to the same office by the same person passes while a paper of theirs is being typeset."""
    case = committed(submitted)
    with transaction.atomic():
        papers.make(Event.objects.get(case=case).pk)
        second = committed(submitted)
    assert second.pk != case.pk


# --- more time ---------------------------------------------------------------------------------------------------------------------------------


def asked(case: Case, actor: Actor | None = None, **changes: Any) -> Extension:
    return api.ask_extension(actor or approver(), case.pk, **{"clock": "limit", "amount": 3, "reason": "需要检验", **changes})


def test_more_time_is_asked_by_one_and_given_by_another() -> None:
    case = submitted()
    before = Deadline.objects.get(case=case).due_at
    wish = asked(case)
    with pytest.raises(Conflict, match="已有一份"):
        asked(case)
    with pytest.raises(NotAllowed, match="负责人"):
        api.decide_extension(approver(), wish.pk, granted=True)
    with pytest.raises(NotFound):
        api.decide_extension(person("许素心"), wish.pk, granted=True)  # the head of another office
    assert api.extension_waiting(person("周怀瑾"), case) == wish and api.extension_waiting(approver(), case) is None
    for _ in range(2):
        api.decide_extension(person("周怀瑾"), wish.pk, granted=True, key="d1")
    with pytest.raises(Conflict):
        api.decide_extension(person("周怀瑾"), wish.pk, granted=False)
    deadline = Deadline.objects.get(case=case)
    assert deadline.extended == 3 and before and deadline.due_at and deadline.due_at > before
    assert Case.objects.get(pk=case.pk).due_at == deadline.due_at == case.tasks.get().due_at
    assert "延长 3 个工作日：需要检验" in Message.objects.get(case=case.pk, template="case-extended").body


def test_the_same_person_never_asks_and_decides() -> None:
    case = submitted()
    wish = asked(case)
    both = Membership.objects.get(party=approver().party).post
    both.roles = ["approver", "reviewer"]
    both.save()
    with pytest.raises(NotAllowed, match="同一个人"):
        api.decide_extension(approver(), wish.pk, granted=True)
    with pytest.raises(IntegrityError), transaction.atomic():
        Extension.objects.filter(pk=wish.pk).update(decided_by=approver().party, decided_at=timezone.now())
    assert Deadline.objects.get(case=case).extended == 0


@pytest.mark.parametrize("changes, field", [({"amount": 6}, "amount"), ({"amount": 0}, "amount"), ({"reason": " "}, "reason"), ({"reason": "长" * 301}, "reason")])
def test_beyond_the_law_is_refused(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as problem:
        asked(submitted(), **changes)
    assert field in problem.value.fields


def test_extensions_together_never_pass_the_law_and_a_refusal_adds_nothing() -> None:
    case = submitted()
    api.decide_extension(person("周怀瑾"), asked(case, amount=4).pk, granted=True)
    api.decide_extension(person("周怀瑾"), asked(case, amount=1).pk, granted=False)
    with pytest.raises(Invalid, match="修改"):
        asked(case, amount=2)
    assert Deadline.objects.get(case=case).extended == 4


def test_more_time_is_neither_asked_nor_given_after_the_limit() -> None:
    case = submitted()
    wish = asked(case)
    Deadline.objects.filter(case=case).update(due_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="届满"):
        api.decide_extension(person("周怀瑾"), wish.pk, granted=True)
    Extension.objects.filter(pk=wish.pk).delete()
    with pytest.raises(Conflict, match="届满"):
        asked(case)
    for other in ("周怀瑾",):
        with pytest.raises(NotAllowed):
            asked(case, person(other))


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/procedures.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
