"""Every declared flow: it can be gone through, ends, says Chinese words, lights its stages, and refuses each step to whoever is not its role."""

from typing import Any

import pytest
from django.utils import timezone

from tests.conformance.samples import CITY, browser, office_of, person
from yiwang.base.errors import Conflict, NotAllowed, NotFound
from yiwang.base.ids import new_id
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.actors import NOBODY
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Procedure, State, Step
from yiwang.kit.registry import registry

EVERY = [registry().procedures[key] for key in sorted(registry().procedures)]
STEPS = [(p, s) for p in EVERY for s in p.steps]


def named(procedure: Procedure) -> str:
    return f"{procedure.code}-{procedure.version}"


def is_chinese(text: str) -> bool:
    return any("一" <= letter <= "鿿" for letter in text)


@pytest.mark.parametrize("procedure", EVERY, ids=named)
def test_every_state_is_reached_by_steps_that_somebody_takes_and_leads_to_an_end(procedure: Procedure) -> None:
    reached, ends = _closure({procedure.start}, procedure.steps), {s.code for s in procedure.states if s.final}
    assert not {s.code for s in procedure.states} - reached
    assert all(step.roles for step in procedure.steps)
    assert ends or any(not procedure.steps_from(s.code) for s in procedure.states), "nothing ends it"
    for state in procedure.states:
        if ends and not state.final:
            assert _closure({state.code}, procedure.steps) & ends, f"{state.code} leads to no end"
        if state.final:
            assert not state.awaits, f"{state.code} is final and waits for {state.awaits}"


@pytest.mark.parametrize("procedure", EVERY, ids=named)
def test_who_is_awaited_has_a_step_to_take(procedure: Procedure) -> None:
    for state in procedure.states:
        takers = {role for step in procedure.steps_from(state.code) for role in step.roles}
        assert not state.awaits or state.awaits in takers, f"{state.code} awaits {state.awaits}, who has no step there"


@pytest.mark.parametrize("procedure", EVERY, ids=named)
def test_its_stages_are_lit_in_order_and_its_words_are_chinese(procedure: Procedure) -> None:
    lit = {s.stage for s in procedure.states if s.stage}
    assert not set(procedure.stages) - lit, "a stage that never lights up"
    words = [procedure.name, *procedure.stages, *(s.name for s in procedure.states), *(s.name for s in procedure.steps), *(c.name for c in procedure.clocks)]
    words += [s.task for s in procedure.states if s.task] + [s.public for s in procedure.states if s.public]
    assert not [w for w in words if not is_chinese(w)]
    for clock in procedure.clocks:
        assert callable(clock.basis) or clock.basis, f"{clock.code} rests on nothing"
        assert any(clock.code in step.starts for step in procedure.steps), f"{clock.code} never starts"


@pytest.mark.django_db
@pytest.mark.parametrize(("procedure", "step"), STEPS, ids=[f"{named(p)}-{s.code}" for p, s in STEPS])
def test_a_step_is_refused_to_whoever_is_not_its_role(procedure: Procedure, step: Step) -> None:
    owner = next(s for s in registry().systems.values() if procedure in s.procedures)
    organ = office_of(owner)
    other = next(role for role in registry().roles if role not in step.roles)
    wrong = [person("别的角色", other, organ=organ), person("群众"), NOBODY]
    for source in step.sources:
        case = _case(procedure, procedure.state(source), organ.pk)
        for actor in wrong:
            with pytest.raises((NotAllowed, NotFound, Conflict)) as refused:
                procedures.perform(actor, case.pk, step.code, {})
            assert not isinstance(refused.value, Conflict), f"{step.code} was offered: {refused.value}"
            assert Case.objects.get(pk=case.pk).state == source


def _case(procedure: Procedure, state: State, organ: int) -> Case:
    return Case.objects.create(
        number=f"C{new_id()}", procedure=procedure.code, version=procedure.version, state=state.code, subject="样例", item_key="sample", applicant_id=person("申请人").party,
        organ_id=organ, division_id=CITY, channel=Case.Channel.OFFICE, key=str(new_id()), opened_at=timezone.now(),
    )  # fmt: skip


def _closure(begun: set[str], steps: Any) -> set[str]:
    reached, grown = set(begun), True
    while grown:
        more = {goal for step in steps if reached & set(step.sources) for goal in step.goals}
        grown = not more <= reached
        reached |= more
    return reached


def test_every_role_of_a_step_is_declared() -> None:
    known = {*registry().roles, APPLICANT, SYSTEM_ROLE}
    assert not [(p.code, s.code) for p, s in STEPS if set(s.roles) - known]


@pytest.mark.django_db
def test_the_page_of_a_system_shows_each_flow() -> None:
    client = browser(person("看流程", organ=office_of(registry().systems["acceptance"])))
    for system in registry().systems.values():
        page = client.get(f"/work/systems/{system.code}").content.decode()
        assert not [s.name for p in system.procedures for s in p.steps if s.name not in page]
        assert not [r.name for r in (*system.registers, *system.roles, *system.indicators) if r.name not in page]
