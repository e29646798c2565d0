"""Taking rows away: masked, marked with who took them and why, on the record; many rows or clear personal data only with another's approval.

Rows go from the database through to a file, in constant memory, and the file is given when it is whole: what is small while one waits, what is large (a sheet already
from a few thousand rows) by a job.
Either way the rows are those of one moment, and no more than were allowed.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import IO, cast
from urllib.parse import parse_qsl, urlencode

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import writing
from yiwang.engines.registers.listing import Query, matching, parse
from yiwang.engines.registers.models import DATA_OFFICER, Export
from yiwang.engines.registers.rows import may_read
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import acting

LASTS = timedelta(days=7)  # in which a granted export may be taken
AT_ONCE = {"csv": 50_000, "geojson": 30_000, "xlsx": 3_000}  #: rows that are written while one waits: a second or two of work
MORE = 1.1  # a table that lives grows between the approval and the taking

State = Export.State


@transaction.atomic
def ask_export(actor: Actor, register: Register, query: Query, *, format: str, reason: str, clear: bool = False) -> Export:
    """Asks for the rows of a list. Ready at once below the register's limit and masked; else it waits for a data officer. Raises NotAllowed, Invalid."""
    if not may_read(actor, register) or actor.party is None:
        raise NotAllowed(f"您当前的身份不能导出“{register.name}”。")
    if not reason.strip():
        raise Invalid("请写明用途。", fields={"reason": "请写明用途，导出会记录在案"})
    if format not in {"csv", "xlsx", "geojson"} or (format == "geojson" and not register.place):
        raise Invalid("不支持这种格式。", fields={"format": "请选择格式"})
    rows = matching(actor, register, query).order_by().count()
    clear = clear and bool(register.personal)
    waits = clear or rows > register.open_export
    words = {**query.filters, **({"q": query.search} if query.search else {}), **({"order": query.order} if query.order else {})}
    made = Export.objects.create(
        register=register.code, query=urlencode(words), format=format, clear=clear, reason=reason.strip()[:300], by_id=actor.party, by_name=actor.name, rows=rows,
        state=State.WAITING if waits else State.READY,
    )  # fmt: skip
    _make_later(made)
    audit.record(actor, "register.export.ask", subject=made, summary=f"申请导出{register.name} {rows} 条（{format}）：{reason.strip()}")
    return made


@transaction.atomic
def decide_export(actor: Actor, export: int, *, granted: bool) -> Export:
    """A data officer who did not ask grants or refuses. Raises NotFound, NotAllowed, Conflict."""
    if not actor.holds(DATA_OFFICER) or actor.party is None:
        raise NotAllowed("导出由数据管理人员批准。")
    found = restrict(actor, Export.objects.select_for_update().filter(pk=export)).first()
    if found is None:
        raise NotFound("没有找到这项导出申请。")
    if found.by_id == actor.party:
        raise NotAllowed("申请和批准不能是同一个人。")
    if found.state != State.WAITING:
        raise Conflict(f"这项导出现在是“{found.get_state_display()}”。")
    found.state, found.decided_by_id, found.decided_at = (State.READY if granted else State.REFUSED), actor.party, timezone.now()
    found.save(update_fields=["state", "decided_by", "decided_at"])
    _make_later(found)
    audit.record(actor, "register.export.decide", subject=found, summary=f"{'批准' if granted else '不批准'}导出 {found.rows} 条")
    return found


def take_export(actor: Actor, export: int) -> tuple[Export, IO[bytes]]:
    """One's own ready export as a whole file. Raises NotFound, NotAllowed, Gone, Conflict where more rows would go than were allowed.

    Never a stream: a server ends one that breaks off as if it were whole, and nobody would know that half the rows are missing.
    """
    with transaction.atomic():
        found = Export.objects.select_for_update().filter(pk=export, by=actor.party).first()
        if found is None:
            raise NotFound("没有找到您申请的这项导出。")
        if found.state != State.READY:
            raise NotAllowed(f"这项导出现在是“{found.get_state_display()}”。")
        if (found.decided_at or found.at) < timezone.now() - LASTS:
            raise Gone(f"下载期限（{LASTS.days} 天）已过，请重新申请。")
        register, query = _what(actor, found)
        if found.rights:  # the rows are in the file
            _same_posts(actor, found)
        else:
            _still_allowed(actor, register, query, found)
        found.taken_at = timezone.now()
        found.save(update_fields=["taken_at"])
        audit.record(actor, "register.export.take", subject=found, summary=f"下载导出 {found.rows} 条（{found.format}）")
    if found.rights:
        return found, _opened(found)
    return found, whole(writing.content(actor, register, query, found))


def make(export: int) -> None:
    """Writes the file of an export that is being made; whoever takes it sees the whole or nothing. Harmless when repeated: a job of a worker that died begins anew."""
    found = Export.objects.filter(pk=export, state=State.MAKING).first()
    if found is None:
        return
    actor = parties.actor_for(0, found.by_id, found.by_name)
    try:
        with acting(actor):
            register, query = _what(actor, found)
            _still_allowed(actor, register, query, found)
            _into_place(found, writing.content(actor, register, query, found, _progress(found)))
    except Exception:
        Export.objects.filter(pk=export, state=State.MAKING).update(state=State.FAILED)
        raise  # the job is shown as failed
    Export.objects.filter(pk=export, state=State.MAKING).update(state=State.READY, rights=_rights(actor), rows=found.done, made_at=timezone.now())


def exports_of(actor: Actor) -> list[Export]:
    """One's own, and for a data officer those that wait."""
    return list(restrict(actor, Export.objects.all()).order_by("-at")[:100])


def sweep() -> int:
    """Removes files that nobody may take any more, and what dead workers left; returns how many."""
    now = timezone.now().timestamp()
    old = [path for path in _folder().glob("*") if now - path.stat().st_mtime > LASTS.total_seconds()]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _what(actor: Actor, export: Export) -> tuple[Register, Query]:
    register = registry().registers[export.register]
    return register, parse(register, dict(parse_qsl(export.query)), actor)


def _still_allowed(actor: Actor, register: Register, query: Query, export: Export) -> None:
    """Raises NotAllowed for rights that went since, Conflict for a list that has grown beyond what was allowed."""
    if not may_read(actor, register):
        raise NotAllowed(f"您现在的身份不能导出“{register.name}”。")
    most = max(register.open_export, int(export.rows * MORE) if export.decided_by_id else 0)
    rows = matching(actor, register, query).order_by().count()
    if rows > most:
        raise Conflict(f"现在有 {rows} 条，超过了允许的 {most} 条。", hint="请重新申请导出。")


def _same_posts(actor: Actor, export: Export) -> None:
    if export.rights != _rights(actor):
        raise Conflict("文件生成以后您的岗位有了变化。", hint="请重新申请导出。")


def _make_later(export: Export) -> None:
    """Hands what is large to a job."""
    from yiwang.engines.registers.jobs import make_export

    if export.state == State.READY and export.rows > AT_ONCE[export.format]:
        export.state = State.MAKING
        export.save(update_fields=["state"])
        make_export.defer(export=export.pk)


def _progress(export: Export) -> Callable[[int], None]:
    def tell(number: int) -> None:
        export.done = number
        Export.objects.filter(pk=export.pk).update(done=number)

    return tell


def _rights(actor: Actor) -> str:
    """For which posts a file was made: it is not for who holds others by now."""
    seats = sorted((seat.organ, seat.division, sorted(seat.roles)) for seat in actor.seats)
    return hashlib.sha256(repr(seats).encode()).hexdigest()


def _folder() -> Path:
    folder = Path(settings.EXPORTS)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def whole(content: Iterable[bytes] | IO[bytes]) -> IO[bytes]:
    """What was to be streamed, as a file of this process alone; what is one already as it is."""
    if hasattr(content, "read"):
        return cast("IO[bytes]", content)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the response closes it
    file.writelines(content)
    file.seek(0)
    return file


def _into_place(export: Export, content: Iterator[bytes] | IO[bytes]) -> None:
    """Beside, flushed, then renamed: a name always has its whole content."""
    descriptor, beside = tempfile.mkstemp(dir=_folder())
    try:
        with os.fdopen(descriptor, "wb") as out:
            shutil.copyfileobj(whole(content), out)
            out.flush()
            os.fsync(out.fileno())
        Path(beside).replace(_folder() / str(export.pk))
    finally:
        with suppress(FileNotFoundError):
            Path(beside).unlink()


def _opened(export: Export) -> IO[bytes]:
    try:
        return (_folder() / str(export.pk)).open("rb")
    except FileNotFoundError:
        raise Gone("文件已经清理，请重新申请导出。") from None
