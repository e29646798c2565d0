"""The declarations say what is wrong with them; doors, rows and events keep their promises."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.test.utils import isolate_apps
from procrastinate.contrib.django.models import ProcrastinateJob as Job

from yiwang.base.errors import NotAllowed, SignInNeeded
from yiwang.kit import events, guards, jobs, registry
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor, Seat
from yiwang.kit.declare import Clock, Listen, MessageTemplate, Page, Procedure, Role, State, Step, System
from yiwang.kit.registry import resolve
from yiwang.kit.rowsecurity import acting, elevated

# --- declarations ------------------------------------------------------------------------------------------------------------------------------

STATES = (State(code="filed", name="已提交", stage="提交", awaits="approver"), State(code="granted", name="已批准", stage="办结", final=True))
GRANT = Step(code="grant", name="批准", source="filed", target="granted", by="approver", finishes=("decide",), message="told")
FLOW = Procedure(
    code="permit", name="许可", start="filed", states=STATES, steps=(GRANT,), stages=("提交", "办结"),
    clocks=(Clock(code="decide", name="办理时限", amount=20, extension_by="approver", expiry="deem", deems="grant"),),
)  # fmt: skip


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok")


SOUND = System(
    code="permits", name="许可", owner="market_regulation", plan=("permits",), roles=(Role(code="approver", name="审批人员"),), procedures=(FLOW,),
    messages=(MessageTemplate(code="told", title="结果", body="{subject}"),), pages=(Page(shell="console", route="p", name="p", view=page, guard=("approver",)),),
)  # fmt: skip


def with_step(**changes: Any) -> System:
    return replace(SOUND, procedures=(replace(FLOW, steps=(replace(GRANT, **changes),)),))


def with_flow(**changes: Any) -> System:
    return replace(SOUND, procedures=(replace(FLOW, **changes),))


def test_a_sound_declaration_resolves() -> None:
    built = resolve((SOUND,))
    assert built.procedure("permit") is FLOW and list(built.pages("console")) == [(SOUND, SOUND.pages[0])] and list(built.pages("portal")) == []


@pytest.mark.parametrize(
    "wrong, said",
    [
        (with_step(by="aprover"), "unknown role 'aprover': did you mean 'approver'?"),
        (with_step(source="fild"), "unknown state 'fild': did you mean 'filed'?"),
        (with_step(target="grantd"), "unknown state 'grantd': did you mean 'granted'?"),
        (with_step(target=lambda case, data: "granted", targets=("granted", "refusd")), "unknown state 'refusd'"),
        (with_step(starts=("decid",)), "unknown clock 'decid': did you mean 'decide'?"),
        (with_step(message="tld"), "unknown message 'tld': did you mean 'told'?"),
        (with_flow(start="fled"), "unknown state 'fled': did you mean 'filed'?"),
        (with_flow(states=(replace(STATES[0], awaits="aprover"), STATES[1])), "unknown role 'aprover': did you mean 'approver'?"),
        (with_flow(states=(replace(STATES[0], stage="递交"), STATES[1])), "unknown stage '递交'"),
        (with_flow(clocks=(replace(FLOW.clocks[0], deems="grnt"),)), "unknown step 'grnt': did you mean 'grant'?"),
        (with_flow(clocks=(replace(FLOW.clocks[0], extension_by="aprover"),)), "unknown role 'aprover': did you mean 'approver'?"),
        (with_flow(states=(*STATES, State(code="lost", name="无人到达"))), "state 'lost' is never reached"),
        (replace(SOUND, pages=(replace(SOUND.pages[0], guard=("aprover",)),)), "unknown role 'aprover': did you mean 'approver'?"),
        (replace(SOUND, messages=(replace(SOUND.messages[0], channels=("sns",)),)), "unknown channel 'sns': did you mean 'sms'?"),
        (replace(SOUND, roles=SOUND.roles * 2), "role 'approver' is declared twice"),
        (replace(SOUND, procedures=(FLOW, FLOW)), "procedure ('permit', 1) is declared twice"),
    ],
)
def test_a_wrong_name_is_named_with_what_was_meant(wrong: System, said: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        resolve((wrong,))
    assert said in str(caught.value)


def test_every_mistake_is_named_at_once() -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        resolve((with_step(by="aprover", message="tld"),))
    assert str(caught.value).count("did you mean") == 2


def test_a_plan_id_has_one_owner() -> None:
    other = System(code="others", name="别的", owner="x", plan=("permits",))
    with pytest.raises(ImproperlyConfigured, match="others: plan id 'permits' already belongs to permits"):
        resolve((SOUND, other))


def test_an_open_case_keeps_its_version() -> None:
    built = resolve((replace(SOUND, procedures=(FLOW, replace(FLOW, version=2))),))
    assert built.procedure("permit", 1).version == 1 and built.procedure("permit").version == 2
    with pytest.raises(KeyError, match="did you mean 'permit'"):
        built.procedure("permt")


def test_a_mistake_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a system check: `manage.py` of any kind says it before anything runs."""

    def broken() -> None:
        raise ImproperlyConfigured("declarations do not resolve")

    monkeypatch.setattr("yiwang.kit.checks.registry", broken)
    assert "yiwang.E001" in [problem.id for problem in run_checks()]


# --- doors -------------------------------------------------------------------------------------------------------------------------------------

SEAT = Seat(post=1, title="审批", organ=7, organ_name="局", division="440802", roles=frozenset({"approver"}))
CITIZEN = Actor(account=1, name="甲", party=1, acting_for=1)
APPROVER = Actor(account=2, name="乙", party=2, acting_for=2, seats=(SEAT,))
CLIENT = Actor(client="bank")


@pytest.mark.parametrize(
    "roles, passes",
    [
        ((), {"nobody", "citizen", "approver", "client"}), ((guards.ANYONE,), {"nobody", "citizen", "approver", "client"}), ((guards.SIGNED_IN,), {"citizen", "approver", "client"}),
        ((guards.OFFICIAL,), {"approver"}), (("approver",), {"approver"}), (("reviewer", "approver"), {"approver"}), (("reviewer",), set()),
    ],
)  # fmt: skip
def test_who_passes_a_door(roles: tuple[str, ...], passes: set[str]) -> None:
    everybody = {"nobody": NOBODY, "citizen": CITIZEN, "approver": APPROVER, "client": CLIENT}
    door = guards.guarded(*roles)(page)
    for name, who in everybody.items():
        request = HttpRequest()
        request.actor = who  # type: ignore[attr-defined]  # as the middleware sets it
        if name in passes:
            assert door(request).status_code == 200 and guards.may_pass(who, roles)
        else:
            with pytest.raises(SignInNeeded if name == "nobody" else NotAllowed):
                door(request)
            assert not guards.may_pass(who, roles)
    assert door.guard == (roles or (guards.ANYONE,))  # type: ignore[attr-defined]  # what the architecture test reads


def test_a_role_holds_in_its_office() -> None:
    assert APPROVER.holds("approver") and APPROVER.holds("approver", 7) and not APPROVER.holds("approver", 8) and not CITIZEN.holds("approver")


# --- rows --------------------------------------------------------------------------------------------------------------------------------------


@isolate_apps("yiwang.kit")
def test_a_model_without_a_rule_fails_loudly() -> None:
    class Forgotten(models.Model):
        """Does not say who sees it."""

        class Meta:
            app_label = "kit"

    for who in (NOBODY, CITIZEN, APPROVER):
        with pytest.raises(TypeError, match="Forgotten does not say who may see it"):
            restrict(who, Forgotten._default_manager.all())
    assert restrict(SYSTEM, Forgotten._default_manager.all()) is not None


def mode() -> tuple[str, str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"coalesce(current_setting('yiwang.{name}', true), '')" for name in ("mode", "parties", "organs")))
        found: tuple[str, str, str] = cursor.fetchone()
        return found


@pytest.mark.django_db
@pytest.mark.parametrize(
    "who, wanted",
    [
        (NOBODY, ("", "{}", "{}")), (CITIZEN, ("person", "{1}", "{}")), (replace(CITIZEN, acting_for=9), ("person", "{1,9}", "{}")), (APPROVER, ("official", "{2}", "{7}")),
        (CLIENT, ("official", "{}", "{}")), (SYSTEM, ("system", "{}", "{}")),
    ],
)  # fmt: skip
def test_the_connection_belongs_to_whoever_acts(who: Actor, wanted: tuple[str, str, str]) -> None:
    before = mode()
    with acting(who):
        assert mode() == wanted
        with elevated():
            assert mode()[0] == "system"
        assert mode() == wanted
    assert mode() == before


@pytest.mark.django_db
def test_an_error_gives_the_connection_back() -> None:
    before = mode()
    with pytest.raises(RuntimeError), acting(CITIZEN):
        raise RuntimeError
    assert mode() == before
    with pytest.raises(Exception, match="nowhere"), transaction.atomic(), acting(CITIZEN), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM nowhere")  # the settings go back with the transaction
    assert mode() == before


# --- events ------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Happened:
    what: int


HEARD: list[int] = []


def hear(event: Happened) -> None:
    """Idempotent, as every handler must be."""
    if event.what not in HEARD:
        HEARD.append(event.what)


@pytest.fixture
def listening(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Job]]:
    built = resolve((replace(SOUND, listens=(Listen(event=Happened, handler=hear),)),))
    monkeypatch.setattr(events, "registry", lambda: built)
    HEARD.clear()
    return lambda: list(Job.objects.filter(task_name="events.deliver", args__event=f"{__name__}.Happened"))


@pytest.mark.django_db
def test_an_event_is_delivered_if_and_only_if_its_cause_commits(listening: Callable[[], list[Job]]) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        events.publish(Happened(1))
        raise RuntimeError
    assert listening() == []
    events.publish(Happened(2))
    assert [job.args["values"] for job in listening()] == [{"what": 2}] and HEARD == []  # a worker's, after commit


@pytest.mark.django_db
def test_an_event_may_come_twice_and_is_tried_again_after_an_error(listening: Callable[[], list[Job]], monkeypatch: pytest.MonkeyPatch) -> None:
    events.publish(Happened(3))
    job = listening()[0]
    jobs.deliver(**job.args)
    jobs.deliver(**job.args)
    assert HEARD == [3]
    strategy = jobs.deliver.retry_strategy
    assert strategy is not None and strategy.get_retry_decision(exception=RuntimeError(), job=cast("Any", job)) is not None


@pytest.mark.django_db
def test_an_event_that_nobody_hears_makes_no_job(listening: Callable[[], list[Job]]) -> None:
    @dataclass(frozen=True)
    class Unheard:
        what: int

    before = Job.objects.count()
    events.publish(Unheard(1))
    assert Job.objects.count() == before


def test_the_example_of_the_page_runs() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "engines/kit.md").read_text(encoding="utf-8")
    exec(text.split("```python")[1].split("```")[0], {})
    assert registry.registry()
