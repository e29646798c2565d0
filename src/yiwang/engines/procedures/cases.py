"""Opening a case: exactly once for one submission key, with its first task, clocks, audit entry and message in one commit."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.base.errors import Conflict, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.audit.models import Withheld
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures.bpmn import travel, versions
from yiwang.engines.procedures.models import Case, Event, Paper, Task
from yiwang.kit import live
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, State, Step
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import elevated
from yiwang.kit.statements import Statement


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What a new case is about."""

    procedure: str
    item_key: str
    subject: str
    applicant: int  #: parties.Party
    organ: int  #: parties.Organisation that decides
    division: str  #: 12-digit code
    channel: str = Case.Channel.INTERNET
    agent: int | None = None
    parent: int | None = None
    key: str  #: submission key made by the page or the calling system: at most one case per applicant, system and key


def start(actor: Actor, opening: Opening) -> tuple[Case, bool]:
    """The case of this submission and whether it is new, in the caller's transaction, in which it writes its own part if it is.

    Two submissions of one key that arrive together: the second waits for the first and gets its case. Raises Conflict for a key used for another item.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a case is opened inside the transaction that writes what it is about")
    procedure = registry().procedure(opening.procedure)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", [opening.key, opening.applicant])
    known = Case.objects.filter(applicant=opening.applicant, client=actor.client, key=opening.key).first()
    if known:
        if known.item_key != opening.item_key:
            raise Conflict("这个提交标识已经用于另一事项的申请。", hint="每一件新的申请请使用新的提交标识。")
        return known, False
    now = timezone.now()
    version = versions.in_effect(procedure.code, opening.item_key, on=timezone.localdate(now))
    if version:
        procedure = versions.loaded(procedure.code, version.number).procedure
    case = Case.objects.create(
        number=_number(opening.division, now),
        procedure=procedure.code,
        version=procedure.version,
        state=procedure.start,
        subject=opening.subject,
        item_key=opening.item_key,
        applicant_id=opening.applicant,
        agent_id=opening.agent,
        organ_id=opening.organ,
        division_id=opening.division,
        channel=opening.channel,
        client=actor.client,
        parent_id=opening.parent,
        key=opening.key,
        opened_at=now,
    )
    if version:
        travel.begin(case)
    return case, True


def cases_of(actor: Actor) -> "QuerySet[Case]":
    """The cases that the actor may see."""
    return restrict(actor, Case.objects.all())


def find(actor: Actor, case: int) -> Case:
    """Raises NotFound unless the actor may see it."""
    found = _found.first(actor, case=case)
    if found is None:
        raise NotFound("没有找到这件办件。", hint="请核对办件编号；只能查看自己、所代办或本单位承办的办件。")
    return found


@Statement
def _found(actor: Actor, *, case: int) -> "QuerySet[Case]":
    return cases_of(actor).select_related("applicant", "agent", "organ", "division").filter(pk=case)


def lock(actor: Actor, case: int) -> Case:
    """The case, locked until the transaction ends; its main case first, so that two child cases never wait for each other. Raises NotFound."""
    parent = restrict(actor, Case.objects.filter(pk=case)).values_list("parent", flat=True).first()
    if parent is not None:
        Case.objects.select_for_update(no_key=True).get(pk=parent)
    locked = restrict(actor, Case.objects.select_for_update(of=("self",), no_key=True).filter(pk=case)).select_related("organ").first()
    if locked is None:
        raise NotFound("没有找到这件办件。", hint="请核对办件编号；只能查看自己、所代办或本单位承办的办件。")
    return locked


def holders(case: Case, role: str | Collection[str], *, organ: int | None = None, covering: str | None = None) -> list[int]:
    """Who holds the role, or one of them, there and may know of the case."""
    held = parties.holders_of(role, organ=organ, covering=covering)
    if not Withheld.objects.filter(case=case.pk).exists():
        return held
    return [party for party in held if cases_of(parties.actor_for(0, party)).filter(pk=case.pk).exists()]


def open_tasks(case: Case) -> dict[str, Task]:
    """The tasks that wait now, by state, locked, so that nobody hands one over while it is being done."""
    return {task.state: task for task in case.tasks.select_for_update(of=("self",), no_key=True).select_related("assignee").filter(closed_at=None).order_by("pk")}


def enter(case: Case, state: State, *, at: datetime) -> Task | None:
    """Opens the task of a state that the case has come to."""
    if not state.awaits:
        return None
    organ = state.organ(case) if state.organ else case.organ_id
    for address in sorted(_officials(case, organ)):
        live.tell(address, "tasks")
    return Task.objects.create(
        case=case,
        state=state.code,
        title=state.task or state.name,
        role=state.awaits,
        organ_id=organ,
        opened_at=at,
        due_at=case.due_at,
        warn_at=case.warn_at,
    )


def record(case: Case, actor: Actor, step: Step, *, source: str, at: datetime, opinion: str = "", data: dict[str, object] | None = None, key: str = "") -> Event:
    """The immutable event of a move, its audit entry, and the paper it owes."""
    case.revision += 1
    organ = next((seat.organ for seat in actor.seats if seat.roles & set(step.roles)), None)
    event = Event.objects.create(
        case=case,
        sequence=case.revision,
        step=step.code,
        name=step.name,
        source=source,
        target=case.state,
        at=at,
        actor=actor.name or actor.client,
        party=actor.party,
        organ_id=organ,
        opinion=opinion,
        public=step.public,
        key=key or None,
        data=data or {},
    )
    audit.record(actor, f"case.{step.code}", subject=case, summary=f"{step.name}：{case.number}", case=case.pk, organ=organ)
    if step.document:
        Paper.objects.create(event=event, template=step.document)
    _tell(case, public=step.public)
    return event


def _tell(case: Case, *, public: bool) -> None:
    """Open pages of the case learn that it moved: the offices' always, the applicant's and agent's where the step is theirs to see."""
    organs = {case.organ_id, *case.tasks.filter(closed_at=None).values_list("organ", flat=True)}
    addresses = {address for organ in organs for address in _officials(case, organ)}
    addresses |= {f"party:{party}" for party in (case.applicant_id, case.agent_id) if party and public}
    for address in sorted(addresses):
        live.tell(address, f"case:{case.pk}")


def _officials(case: Case, organ: int) -> set[str]:
    """Whom to tell in an office: the office, or one by one who may know of a case that is not for everybody there. A bare number tells too much already."""
    declared = case.declared
    with elevated():  # who holds which post is not for an applicant to read, whose step this may be
        if not declared.seen_by and not Withheld.objects.filter(case=case.pk).exists():
            return {f"organ:{organ}"}
        roles = declared.seen_by or {role for step in declared.steps for role in step.roles} - {APPLICANT, SYSTEM_ROLE}
        return {f"official:{party}" for party in holders(case, roles, organ=organ)}


def _number(division: str, now: datetime) -> str:
    """办件编号 of this node: county code, local date, serial of the day's stream. Outside systems' numbers are kept beside it, never instead."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('procedures_case_serial')")
        serial = cursor.fetchone()[0]
    return f"{division[:6]}{timezone.localtime(now):%Y%m%d}{serial % 10_000_000:07d}"
