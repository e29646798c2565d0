"""What the registers say of a person, to that person; and their requests to correct or delete it, answered within a dated limit by whoever keeps the register."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.registers.models import CorrectionRequest, Version
from yiwang.engines.registers.policies import NATION, policy
from yiwang.engines.registers.rows import erase, find, may_edit
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Column, Register
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import elevated

MOST = 50  # rows of one register that the page shows; a person who has more is told so
LIMIT = "registers.answer-days"

Kind = CorrectionRequest.Kind
State = CorrectionRequest.State


@dataclass(frozen=True)
class OfMine:
    """A row that is about the person who asks."""

    register: Register
    row: Any
    title: str
    facts: list[tuple[str, str]]  #: what it says, in clear


def about(actor: Actor) -> Iterator[OfMine]:
    """Every row of every register whose subject is the person signed in, for themself alone: no agent, no principal. Erased rows are gone, frozen ones show.

    A row says its personal fields and its list's columns; whoever else it names stays unnamed.
    """
    if actor.party is None:
        return
    for register in registry().registers.values():
        if register.subject:
            with elevated():  # the person reads what is about them (个人信息保护法第四十五条), also where only officials list the register; filtered by the subject
                found = [OfMine(register, row, str(row), _facts(register, row)) for row in _mine(actor.party, register)[:MOST]]
            yield from found


@transaction.atomic
def ask(actor: Actor, code: str, row: str, *, kind: str, words: str) -> CorrectionRequest:
    """The person asks for a row about them to be corrected or deleted. Raises NotFound for a row that is not about them, Invalid, Conflict while one like it waits."""
    register = registry().registers.get(code)
    if actor.party is None or register is None or not register.subject:
        raise NotFound("没有找到这条关于您的记录。")
    with elevated():  # as in `about`
        mine = _mine(actor.party, register).filter(pk=row).first() if row.isascii() and row.isdecimal() and len(row) <= 18 else None
    if mine is None:
        raise NotFound("没有找到这条关于您的记录。")
    if kind not in Kind.values:
        raise Invalid("请选择更正还是删除。", fields={"kind": "请选择"})
    if not words.strip():
        raise Invalid("请写明需要更正或删除的内容。", fields={"words": "请写明哪里不对、应当是什么，或者为什么要删除"})
    today = timezone.localdate()
    due = today + timedelta(days=policy(LIMIT, division=NATION, on=today))
    try:
        with transaction.atomic():
            made = CorrectionRequest.objects.create(register=register.code, row=str(mine.pk), party_id=actor.party, kind=kind, words=words.strip()[:500], due_on=due)
    except IntegrityError:  # asked_once_at_a_time
        raise Conflict("您对这条记录的申请正在处理。", hint="答复后如仍不满意，可以再次申请，或拨打 12345。") from None
    audit.record(actor, "register.ask", subject=made, summary=f"申请{made.get_kind_display()}{register.name}记录")
    return made


@transaction.atomic
def answer(actor: Actor, asked: int, *, granted: bool, words: str) -> CorrectionRequest:
    """Whoever keeps the register answers, and the person is told. To grant a correction, the row must have been changed since it was asked for: that version
    is linked; to grant a deletion deletes it. Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = restrict(actor, CorrectionRequest.objects.select_for_update().filter(pk=asked)).first()
    if found is None:
        raise NotFound("没有找到这项申请。")
    register = registry().registers[found.register]
    if not may_edit(actor, register) or actor.party is None:
        raise NotAllowed("申请由登记这类记录的人员答复。")
    if found.party_id == actor.party:
        raise NotAllowed("不能答复自己的申请，请交由同事办理。")
    if found.state != State.WAITING:
        raise Conflict(f"这项申请已经答复：{found.get_state_display()}。")
    if not words.strip():
        raise Invalid("请写明答复。", fields={"words": "申请人会看到这段话；不同意的，写明理由和依据"})
    row = find(actor, register, found.row)  # who may not see the row cannot answer for it
    if granted and found.kind == Kind.ERASE:
        erase(actor, register, row.pk, reason=f"本人申请删除：{words.strip()}")
    if granted:
        found.version = _version_since(found, row)
    found.state, found.answer = (State.GRANTED if granted else State.REFUSED), words.strip()[:500]
    found.decided_by_id, found.decided_at = actor.party, timezone.now()
    found.save()
    audit.record(actor, "register.answer", subject=found, summary=f"{found.get_state_display()}：{found.get_kind_display()}{register.name}记录")
    values = {"kind": found.get_kind_display(), "register": register.name, "state": found.get_state_display(), "answer": found.answer}
    messages.send(to=found.party_id, template="register-answered", values=values, key=f"asked:{found.pk}")
    return found


def waiting(actor: Actor) -> list[CorrectionRequest]:
    """Requests that the actor may answer, the soonest due first; only of rows that they may see."""
    found = restrict(actor, CorrectionRequest.objects.filter(state=State.WAITING)).exclude(party=actor.party).order_by("due_on", "pk")[:200]
    return [one for one in found if _seen(actor, one)]


def asked_by(actor: Actor) -> list[CorrectionRequest]:
    """One's own requests, the newest first."""
    return list(CorrectionRequest.objects.filter(party=actor.party).order_by("-asked_at")[:MOST]) if actor.party else []


def row_of(actor: Actor, asked: CorrectionRequest) -> Any:
    """The row that a request is about. Raises NotFound, NotAllowed."""
    return find(actor, registry().registers[asked.register], asked.row)


def _mine(party: int, register: Register) -> Any:
    found = register.model._default_manager.filter(**{register.subject: party})
    return (found.exclude(standing=Kept.Standing.ERASED) if issubclass(register.model, Kept) else found).order_by("-pk")


def _facts(register: Register, row: Any) -> list[tuple[str, str]]:
    listed = [c.code for c in register.shown if c.show is None]
    paths = [*dict.fromkeys([*listed, *(n for n in register.personal if n not in listed)])]
    return [
        (cells.heading(register, column), cells.cell(register, row, column, clear=True))
        for column in (Column(code=path) if path not in listed else register.column(path) for path in paths)
        if not _of_another(register, column.code)
    ]


def _of_another(register: Register, path: str) -> bool:
    """Whether a path leads to somebody other than the subject."""
    if path == register.subject or path.startswith(f"{register.subject}__"):
        return False
    parts = path.split("__")
    keys = (cells.field_at(register.model, "__".join(parts[: n + 1])) for n in range(len(parts)))
    return any(getattr(key.related_model, "personal", ()) for key in keys if key.is_relation)


def _seen(actor: Actor, asked: CorrectionRequest) -> bool:
    try:
        row_of(actor, asked)
    except (NotFound, NotAllowed):
        return False
    return True


def _version_since(asked: CorrectionRequest, row: Any) -> Version:
    made = Version.objects.filter(subject_type=row._meta.label_lower, subject_id=str(row.pk), at__gte=asked.asked_at).order_by("-at", "-id").first()
    if made is None:
        raise Conflict("这条记录在申请之后还没有修改过。", hint="先打开记录按申请修改，再回来答复；不同意修改的，选择“不同意”并写明理由。")
    return made
