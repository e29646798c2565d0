"""Bringing a file into a register: every line read, checked against fields, keys and constraints, corrected and sent again, written whole or as far as it is good.

Checking is writing and taking back: lines are written in a transaction that is rolled back, so that whatever the database would refuse is known beforehand.
Both go on where they were cut off.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.base.ids import new_id
from yiwang.engines.audit import api as audit
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import bulk, reading
from yiwang.engines.registers.models import Import, ImportLine, Version
from yiwang.engines.registers.rows import derived, may_edit, rows, snapshot, terms_of
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Column, Register
from yiwang.kit.forms import form_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry

CHUNK, BATCH = 1_000, 2_000
HEAVY = 4_000_000  # characters of lines that are held at once, more or less
KEYS = 50_000  # of other tables, remembered at most
State = Import.State


@transaction.atomic
def receive(actor: Actor, register: Register, file: IO[bytes], name: str, *, matching: str = Import.Matching.ADD) -> Import:
    """Reads the file into lines and has them checked. Raises NotAllowed, Invalid (headings, format), TooLarge."""
    if not may_edit(actor, register) or actor.party is None:
        raise NotAllowed(f"您当前的身份不能向“{register.name}”导入。")
    if matching not in Import.Matching.values:
        raise Invalid("请选择编码已有的记录怎样处理。")
    given, lines = reading.pointed(register, *reading.lines_of(file, name))
    fields = {**reading.fields_of(register, [*given, *reading.place_heading(register, given).values()]), **reading.place_heading(register, given)}
    source = Import.objects.create(register=register.code, name=name[:200], by_id=actor.party, by_name=actor.name, fields=fields, matching=matching)
    for batch in _batches(reading.told(lines)):
        numbered = enumerate(batch, start=source.total + 1)
        bulk.insert(ImportLine, [{"source_id": source.pk, "number": number, "data": line, "error": ""} for number, line in numbered])
        source.total += len(batch)
    if not source.total:
        raise Invalid("文件里没有数据。", fields={"file": "第一行是列名，从第二行起是数据"})
    source.save(update_fields=["total"])
    audit.record(actor, "register.import", subject=source, summary=f"{register.name}：读取“{name[:80]}”，{source.total} 行")
    _later(source)
    return source


@transaction.atomic
def confirm(actor: Actor, source: int, mode: str) -> Import:
    """Has the lines written: all (refused while one is wrong) or the good ones. Raises NotFound, Invalid, Conflict."""
    found = _mine(actor, source)
    if not may_edit(actor, registry().registers[found.register]):
        raise NotAllowed("您当前的身份不能写入这次导入。")
    if found.state != State.CHECKED:
        raise Conflict(f"这次导入现在是“{found.get_state_display()}”。")
    if mode == Import.Mode.ALL and found.wrong:
        raise Invalid(f"还有 {found.wrong} 行有错误，选择了“全部正确才写入”，没有写入任何一行。", hint="请下载有错误的行，改正后重新导入；或选择只写入正确的。")
    if mode not in Import.Mode.values:
        raise Invalid("请选择写入方式。")
    found.mode, found.state, found.done = mode, State.WRITING, 0
    found.save(update_fields=["mode", "state", "done"])
    _later(found)
    return found


@transaction.atomic
def drop(actor: Actor, source: int) -> None:
    """Gives an import up before anything was written. Raises NotFound, Conflict."""
    found = _mine(actor, source)
    if found.state not in {State.CHECKED, State.CHECKING}:
        raise Conflict(f"这次导入现在是“{found.get_state_display()}”，不能放弃。")
    found.state, found.finished_at = State.DROPPED, timezone.now()
    found.save(update_fields=["state", "finished_at"])


def run(source: int) -> None:
    """Checks or writes on from where the import stands; harmless when repeated, two at once work one after the other."""
    try:
        while step(source):
            continue
    except Conflict:  # the register changed between check and writing, and nothing was written: its owner sees the new check
        Import.objects.filter(pk=source, state=State.WRITING).update(state=State.CHECKING, done=0, wrong=0, mode="")
        ImportLine.objects.filter(source=source).exclude(error="").update(error="")
        run(source)


def step(source: int) -> bool:
    """One chunk in one transaction (with mode "all", everything in one); False when nothing is left to do."""
    with transaction.atomic():
        found = Import.objects.select_for_update().get(pk=source)
        work = {State.CHECKING: _check, State.WRITING: _write}.get(State(found.state))
        if work is None:
            return False
        owner = parties.actor_for(0, found.by_id, found.by_name)
        if not may_edit(owner, registry().registers[found.register]):
            return _refused(found)
        bench = Bench(registry().registers[found.register], found, owner)
        if found.state == State.CHECKING and not found.done:
            _mark_repeated(bench)
        while chunk := _chunk(found):
            work(bench, chunk)
            found.done = chunk[-1].number
            if not (found.state == State.WRITING and found.mode == Import.Mode.ALL):
                break
        if not chunk or found.done >= found.total:
            found.state = State.CHECKED if found.state == State.CHECKING else State.DONE
            found.finished_at = timezone.now() if found.state == State.DONE else None
            found.done = found.total
        found.save()
        return found.state in {State.CHECKING, State.WRITING}


def _refused(source: Import) -> bool:
    """Whose post has ended writes nothing any more; what was read stays with them as it was checked."""
    source.state, source.mode, source.finished_at = (State.CHECKED, "", None) if source.state == State.WRITING else (State.DROPPED, "", timezone.now())
    source.save()
    return False


def wrong_lines(actor: Actor, source: int) -> Iterator[ImportLine]:
    """The lines with something wrong, in order, for a file that can be corrected and sent again."""
    found = restrict(actor, Import.objects.filter(pk=source)).first()
    if found is None:
        raise NotFound("没有找到这次导入。")
    return found.lines.exclude(error="").order_by("number").iterator(chunk_size=CHUNK)


@dataclass(slots=True)
class Line:
    """An ImportLine on the bench."""

    pk: int
    number: int
    data: dict[str, Any]
    error: str


LINE = ("pk", "number", "data", "error")
NEXT = """
SELECT count(*) FROM (
    SELECT sum(pg_column_size(data)) OVER (ORDER BY number) - pg_column_size(data) AS before
    FROM (SELECT number, data FROM registers_importline WHERE source_id = %s AND number > %s ORDER BY number LIMIT %s) AS next
) AS held WHERE before < %s
"""
Made = list[tuple[Line, Any, dict[str, Any] | None]]  # line, row with its values in it (unsaved), what it said before (None: it is new)


@dataclass
class Bench:
    """What checking needs once for many lines: how each column is read, keys already looked up, rows already known by their code."""

    register: Register
    source: Import
    owner: Actor
    code: str = field(init=False)
    heading: str = field(init=False)
    columns: list[tuple[str, str, str, Callable[[Any], Any]]] = field(init=False)  # heading, field, its Chinese name, how its text is read
    secret: frozenset[str] = field(init=False)  # fields that an export masks
    reached: set[Any] = field(init=False, default_factory=set)  # of the rows that are there, those that the owner may see

    def __post_init__(self) -> None:
        fields = self.form().fields
        unique = [f.name for f in self.register.model._meta.concrete_fields if f.unique and not f.primary_key and f.name in fields]
        self.code = unique[0] if unique else ""
        self.heading = next((heading for heading, name in self.source.fields.items() if name == self.code), "")
        self.secret = frozenset(name for name in self.source.fields.values() if cells.is_personal(self.register.model, name))
        self.columns = [(heading, name, self.name_of(name), _reader(fields[name])) for heading, name in self.source.fields.items()]

    def rows_of(self, chunk: list[Line]) -> Made:
        """The rows of the lines. Lines with a wrong value get their error and are left out."""
        known = self._known(chunk)
        made: Made = []
        for line in chunk:
            row: Any = known.get(self._code_of(line))
            if line.error or (values := self._cleaned(line, row)) is None:
                continue
            if row is not None and (refusal := self._refusal(row)):
                line.error = f"{self.name_of(self.code)}“{self._code_of(line)}”{refusal}"
                continue
            before = snapshot(row) if row is not None else None
            if (filled := self._filled(line, row or self.register.model(), values)) is not None:
                made.append((line, filled, before))
        return made

    def _filled(self, line: Line, row: Any, values: dict[str, Any]) -> Any:
        for name, value in values.items():
            setattr(row, name, value)
        try:
            derived(self.register, row)
        except Invalid as refused:
            line.error = "；".join(refused.fields.values()) or refused.message
            return None
        row.words = terms_of(self.register, row)
        return row

    def form(self, data: dict[str, Any] | None = None) -> Any:
        """The register's form, its keys only those that the owner of the file may see."""
        form: Any = form_of(self.register)(data)
        if hasattr(form, "restrict_to"):
            form.restrict_to(self.owner)
        return form

    def _refusal(self, row: Any) -> str:
        """Why a row that is there may not be written over; "" where it may."""
        if self.source.matching == Import.Matching.ADD:
            return "已经登记过"
        if row.pk not in self.reached:
            return "不在您的管辖范围内，不能更新"
        return "" if row.standing == Kept.Standing.LIVE else f"现在是“{row.get_standing_display()}”，不能更新"

    def _is_hidden(self, line: Line, heading: str, name: str, row: Any) -> bool:
        """Whether a column holds only the mask of what the row says (of a shape: nothing), as a masked export wrote it: it stays. Raises ValidationError for any other mask."""
        text = str(line.data.get(heading, ""))
        if not text and cells.is_geometry(self.register.model, name):
            return row is not None
        if "*" not in text:
            return False
        if row is not None and text == cells.cell(self.register, row, Column(code=name)):
            return True
        raise ValidationError("是遮盖以后的内容，请填写完整的内容。")

    def _cleaned(self, line: Line, row: Any) -> dict[str, Any] | None:
        """The values of a line; None when it has got its errors."""
        values: dict[str, Any] = {}
        problems: list[str] = []
        for heading, name, called, read in self.columns:
            try:
                if name not in self.secret or not self._is_hidden(line, heading, name, row):
                    values[name] = read(line.data.get(heading, ""))
            except ValidationError as problem:
                problems.append(f"{called}：{''.join(problem.messages)}")
        if not problems and self.register.form is not None:  # a form of its own may compare fields with each other
            form = self.form({name: line.data.get(heading, "") for heading, name, _, _ in self.columns})
            problems = [f"{self.name_of(n) if n in form.fields else ''}：{''.join(map(str, e))}" for n, e in form.errors.items()]
        line.error = "；".join(problems)
        return None if problems else values

    def _known(self, chunk: list[Line]) -> dict[str, Any]:
        if not self.code:
            return {}
        told = {f"{self.code}__in": {self._code_of(line) for line in chunk}}
        found = {str(getattr(row, self.code)): row for row in self.register.model._default_manager.filter(**told)}
        update = found and self.source.matching == Import.Matching.UPDATE
        self.reached = set(rows(self.owner, self.register).filter(**told).values_list("pk", flat=True)) if update else set()
        return found

    def _code_of(self, line: Line) -> str:
        return str(line.data.get(self.heading, "")).strip() if self.heading else ""

    def name_of(self, name: str) -> str:
        return str(cells.field_at(self.register.model, name).verbose_name)


def _reader(asked: forms.Field) -> Callable[[Any], Any]:
    """How the text of a column becomes its value; choices (by label or code) and keys are looked up once. Raises ValidationError."""
    if isinstance(asked, forms.BooleanField):
        return _yes_or_no
    if isinstance(asked, forms.ModelChoiceField):  # a KeyField is one
        return _remembered(asked.clean)
    if isinstance(asked, forms.ChoiceField):
        labels = {str(label): code for code, label in asked.choices}  # type: ignore[union-attr,misc]  # plain pairs of a model's field
        return _remembered(lambda given: asked.clean(labels.get(str(given).strip(), given)))
    return asked.clean


def _remembered(clean: Callable[[Any], Any]) -> Callable[[Any], Any]:
    known: dict[str, Any] = {}

    def read(given: Any) -> Any:
        key = str(given)
        if key not in known:
            if len(known) > KEYS:
                known.clear()
            known[key] = clean(given)
        return known[key]

    return read


def _yes_or_no(given: Any) -> bool:
    said = {"是": True, "true": True, "1": True, "否": False, "false": False, "0": False, "": False}.get(str(given).strip().lower())
    if said is None:
        raise ValidationError("请填写“是”或“否”。")
    return said


def _mark_repeated(bench: Bench) -> None:
    """Of several lines with one code all but the first are wrong: found by one look at the lines, however many."""
    if not bench.heading:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (array_agg(number ORDER BY number))[2:] FROM registers_importline WHERE source_id = %s AND btrim(data ->> %s) <> '' GROUP BY btrim(data ->> %s) HAVING count(*) > 1",
            [bench.source.pk, bench.heading, bench.heading],
        )
        again = [number for (numbers,) in cursor for number in numbers]
    for first in range(0, len(again), BATCH):
        bench.source.lines.filter(number__in=again[first : first + BATCH]).update(error=f"{bench.name_of(bench.code)}在文件里出现了不止一次")


def _check(bench: Bench, chunk: list[Line]) -> None:
    """Writes the chunk and takes it back; what was refused has its error."""
    made = bench.rows_of(chunk)
    with _taken_back():
        _save(bench, made)
    bench.source.wrong += _told([line for line in chunk if line.error])


def _write(bench: Bench, chunk: list[Line]) -> None:
    """Writes the good lines of a chunk with their versions and one audit entry."""
    good = [line for line in chunk if not line.error]
    written = _save(bench, bench.rows_of(good))
    spoilt = [line for line in good if line.error]  # something changed since the check
    if spoilt and bench.source.mode == Import.Mode.ALL:
        raise Conflict(f"检查以后情况有了变化：第 {spoilt[0].number} 行{spoilt[0].error}。没有写入任何一行，请重新导入。")
    bench.source.wrong += _told(spoilt)
    bench.source.written += len(written)
    bulk.insert(Version, _versions(bench, written))
    if written:
        actor = Actor(name=bench.source.by_name, party=bench.source.by_id)
        summary = f"{bench.register.name}：导入第 {written[0][0].number} 至 {written[-1][0].number} 行，写入 {len(written)} 条"
        audit.record(actor, "register.import.write", subject=bench.source, summary=summary)


def _told(wrong: list[Line]) -> int:
    """Writes the errors of lines; returns how many."""
    bulk.update(ImportLine, [{"id": line.pk, "error": line.error} for line in wrong])
    return len(wrong)


def _versions(bench: Bench, written: Made) -> list[dict[str, Any]]:
    source, kind = bench.source, bench.register.model._meta.label_lower
    same = {"subject_type": kind, "valid_from": timezone.localdate(), "at": timezone.now(), "by": source.by_name}
    changes = ((line, row, _changed(before, snapshot(row))) for line, row, before in written)
    return [
        {**same, "id": new_id(), "subject_id": str(row.pk), "before": was, "after": now, "reason": f"导入“{source.name[:80]}”第 {line.number} 行"}
        for line, row, (was, now) in changes
    ]


def _save(bench: Bench, made: Made) -> Made:
    """Writes rows in as few statements as the database accepts: a refused half is halved until the refused line stands alone, with its error."""
    if not made:
        return []
    try:
        with transaction.atomic():
            _put(bench.register.model, made)
        return made
    except (IntegrityError, DatabaseError) as problem:
        if len(made) == 1:
            made[0][0].error = _said(bench.register, problem)
            return []
        middle = len(made) // 2
        return [*_save(bench, made[:middle]), *_save(bench, made[middle:])]


def _put(model: type[Model], made: Made) -> None:
    bulk.insert(model, [bulk.values(row, fresh=True) for _, row, before in made if before is None])
    old = [row for _, row, before in made if before is not None and snapshot(row) != before]
    for row in old:
        row.revision, row.changed_at = row.revision + 1, timezone.now()
    bulk.update(model, [bulk.values(row, fresh=False) for row in old])


def _said(register: Register, problem: Exception) -> str:
    """A refusal of the database in people's words: the constraint's own message."""
    text = str(problem)
    for constraint in register.model._meta.constraints:
        if constraint.name in text:
            return str(constraint.get_violation_error_message())
    return "编码重复" if "unique" in text else f"不能保存：{text.splitlines()[0][:120]}"


def _changed(before: dict[str, Any] | None, after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    if before is None:
        return {}, after
    different = [name for name, value in after.items() if before.get(name) != value]
    return {name: before.get(name) for name in different}, {name: after[name] for name in different}


class _Back(Exception):
    """Rolls the block back."""


@contextmanager
def _taken_back() -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            raise _Back
    except _Back:
        return


def _batches(lines: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """As many lines as are written at once: few where they are long."""
    batch: list[dict[str, Any]] = []
    held = 0
    for line in lines:
        batch.append(line)
        held += sum(len(text) for text in line.values() if isinstance(text, str))
        if len(batch) == BATCH or held > HEAVY:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch


def _chunk(source: Import) -> list["Line"]:
    """The next lines: as many as are worked on at once, fewer where they are long (as they lie in the table, compressed)."""
    with connection.cursor() as cursor:
        cursor.execute(NEXT, [source.pk, source.done, CHUNK, HEAVY])
        (most,) = cursor.fetchone() or (0,)
    return [Line(*said) for said in source.lines.filter(number__gt=source.done).order_by("number").values_list(*LINE)[:most]] if most else []


def _mine(actor: Actor, source: int) -> Import:
    found = restrict(actor, Import.objects.select_for_update().filter(pk=source)).first()
    if found is None:
        raise NotFound("没有找到这次导入。")
    return found


def _later(source: Import) -> None:
    from yiwang.engines.registers.jobs import run_import

    run_import.defer(source=source.pk)


def sweep() -> int:
    """Removes the lines of imports that ended a month ago; returns how many."""
    old = Import.objects.filter(finished_at__lt=timezone.now() - timedelta(days=30))
    return ImportLine.objects.filter(source__in=old).delete()[0]
