"""Bringing a file into a register: every line read, checked against fields, keys and constraints, corrected and sent again, written whole or as far as it is good.

Checking is writing and taking back: lines are written in a transaction that is rolled back, so that whatever the database would refuse is known beforehand.
Both go on where they were cut off.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import IO, Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Model
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.registers import reading
from yiwang.engines.registers.models import Import, ImportLine, Version
from yiwang.engines.registers.rows import derived, may_edit, snapshot, terms_of
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import KeyField, form_of
from yiwang.kit.registry import registry

CHUNK, BATCH = 500, 2_000
State = Import.State


@transaction.atomic
def receive(actor: Actor, register: Register, file: IO[bytes], name: str, *, matching: str = Import.Matching.ADD) -> Import:
    """Reads the file into lines and has them checked. Raises NotAllowed, Invalid (headings, format), TooLarge."""
    if not may_edit(actor, register) or actor.party is None:
        raise NotAllowed(f"您当前的身份不能向“{register.name}”导入。")
    given, lines = reading.pointed(register, *reading.lines_of(file, name))
    fields = {**reading.fields_of(register, [*given, *reading.place_heading(register, given).values()]), **reading.place_heading(register, given)}
    source = Import.objects.create(register=register.code, name=name[:200], by_id=actor.party, by_name=actor.name, fields=fields, matching=matching)
    numbered = (ImportLine(source=source, number=number, data=line) for number, line in enumerate(_read(lines), start=1))
    while batch := list(islice(numbered, BATCH)):  # not by COPY: it does not pass row security
        ImportLine.objects.bulk_create(batch)
        source.total = batch[-1].number
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
        bench = Bench(registry().registers[found.register], found)
        if found.state == State.CHECKING and not found.done:
            _mark_repeated(bench)
        while chunk := list(found.lines.filter(number__gt=found.done).order_by("number")[:CHUNK]):
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


def wrong_lines(actor: Actor, source: int) -> Iterator[ImportLine]:
    """The lines with something wrong, in order, for a file that can be corrected and sent again."""
    found = restrict(actor, Import.objects.filter(pk=source)).first()
    if found is None:
        raise NotFound("没有找到这次导入。")
    return found.lines.exclude(error="").order_by("number").iterator(chunk_size=CHUNK)


Made = list[tuple[ImportLine, Any, dict[str, Any] | None]]


@dataclass
class Bench:
    """What checking needs once for many lines: the form's fields, keys already looked up, rows already known by their code."""

    register: Register
    source: Import
    fields: dict[str, forms.Field] = field(init=False)
    code: str = field(init=False)
    heading: str = field(init=False)
    keys: dict[tuple[str, str], Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fields = dict(form_of(self.register).base_fields)
        unique = [f.name for f in self.register.model._meta.concrete_fields if f.unique and not f.primary_key and f.name in self.fields]
        self.code = unique[0] if unique else ""
        self.heading = next((heading for heading, name in self.source.fields.items() if name == self.code), "")

    def rows_of(self, chunk: list[ImportLine]) -> Made:
        """Line, row with its values in it (unsaved), what it said before (None: it is new). Lines with a wrong value get their error and are left out."""
        known = self._known(chunk)
        made: Made = []
        for line in chunk:
            if line.error:
                continue
            values, problems = self._cleaned(line)
            if problems:
                line.error = "；".join(problems)
                continue
            row: Any = known.get(str(values.get(self.code, "")))
            if row is not None and self.source.matching == Import.Matching.ADD:
                line.error = f"{self.name_of(self.code)}“{values[self.code]}”已经登记过"
                continue
            before = snapshot(row) if row is not None else None
            row = row or self.register.model()
            for name, value in values.items():
                setattr(row, name, value)
            try:
                derived(self.register, row)
            except Invalid as refused:
                line.error = "；".join(refused.fields.values()) or refused.message
                continue
            row.words = terms_of(self.register, row)
            made.append((line, row, before))
        return made

    def _cleaned(self, line: ImportLine) -> tuple[dict[str, Any], list[str]]:
        values: dict[str, Any] = {}
        problems: list[str] = []
        for heading, name in self.source.fields.items():
            try:
                values[name] = self._clean(name, line.data.get(heading, ""))
            except ValidationError as problem:
                problems.append(f"{self.name_of(name)}：{''.join(problem.messages)}")
        if not problems and self.register.form is not None:  # a form of its own may compare fields with each other
            form = form_of(self.register)({n: line.data.get(h, "") for h, n in self.source.fields.items()})
            problems = [f"{self.name_of(n) if n in self.fields else ''}：{''.join(map(str, e))}" for n, e in form.errors.items()]
        return values, problems

    def _clean(self, name: str, given: Any) -> Any:
        asked = self.fields[name]
        if isinstance(asked, forms.ChoiceField) and not isinstance(asked, forms.ModelChoiceField):
            labels = {str(label): code for code, label in asked.choices}  # type: ignore[union-attr,misc]  # plain pairs of a model's field
            given = labels.get(str(given).strip(), given)
        if not isinstance(asked, KeyField | forms.ModelChoiceField) and not isinstance(asked, forms.BooleanField):
            return asked.clean(given)
        if isinstance(asked, forms.BooleanField):
            return _yes_or_no(given)
        key = (name, str(given))
        if key not in self.keys:
            if len(self.keys) > 50_000:
                self.keys.clear()
            self.keys[key] = asked.clean(given)
        return self.keys[key]

    def _known(self, chunk: list[ImportLine]) -> dict[str, Any]:
        if not self.code:
            return {}
        codes = {str(line.data.get(self.heading, "")).strip() for line in chunk}
        return {str(getattr(row, self.code)): row for row in self.register.model._default_manager.filter(**{f"{self.code}__in": codes})}

    def name_of(self, name: str) -> str:
        return str(cells.field_at(self.register.model, name).verbose_name)


def _yes_or_no(given: Any) -> bool:
    said = {"是": True, "true": True, "1": True, "否": False, "false": False, "0": False, "": False}.get(str(given).strip().lower())
    if said is None:
        raise ValidationError("请填写“是”或“否”。")
    return said


def _mark_repeated(bench: Bench) -> None:
    """Of several lines with one code all but the first are wrong: found in one statement, however large the file."""
    if not bench.heading:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE registers_importline SET error = %s FROM (SELECT id, row_number() OVER (PARTITION BY btrim(data ->> %s) ORDER BY number) AS place"
            " FROM registers_importline WHERE source_id = %s AND btrim(data ->> %s) <> '') AS told WHERE told.id = registers_importline.id AND told.place > 1",
            [f"{bench.name_of(bench.code)}在文件里出现了不止一次", bench.heading, bench.source.pk, bench.heading],
        )


def _check(bench: Bench, chunk: list[ImportLine]) -> None:
    """Writes the chunk and takes it back; what was refused has its error."""
    made = bench.rows_of(chunk)
    with _taken_back():
        _save(bench, made)
    wrong = [line for line in chunk if line.error]
    ImportLine.objects.bulk_update(wrong, ["error"])
    bench.source.wrong += len(wrong)


def _write(bench: Bench, chunk: list[ImportLine]) -> None:
    """Writes the good lines of a chunk with their versions and one audit entry."""
    good = [line for line in chunk if not line.error]
    written = _save(bench, bench.rows_of(good))
    spoilt = [line for line in good if line.error]  # something changed since the check
    if spoilt and bench.source.mode == Import.Mode.ALL:
        raise Conflict(f"检查以后情况有了变化：第 {spoilt[0].number} 行{spoilt[0].error}。没有写入任何一行，请重新导入。")
    ImportLine.objects.bulk_update(spoilt, ["error"])
    bench.source.wrong += len(spoilt)
    bench.source.written += len(written)
    now, today = timezone.now(), timezone.localdate()
    Version.objects.bulk_create(
        [
            Version(
                subject_type=row._meta.label_lower, subject_id=str(row.pk), before=_changed(before, after)[0], after=_changed(before, after)[1], valid_from=today, at=now,
                by=bench.source.by_name, reason=f"导入“{bench.source.name[:80]}”第 {line.number} 行",
            )
            for line, row, before in written
            if (after := snapshot(row)) is not None
        ]
    )  # fmt: skip
    if written:
        actor = Actor(name=bench.source.by_name, party=bench.source.by_id)
        summary = f"{bench.register.name}：导入第 {written[0][0].number} 至 {written[-1][0].number} 行，写入 {len(written)} 条"
        audit.record(actor, "register.import.write", subject=bench.source, summary=summary)


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
    fresh = [row for _, row, before in made if before is None]
    model._default_manager.bulk_create(fresh)
    names = [f.name for f in model._meta.concrete_fields if not f.primary_key]
    old = [row for _, row, before in made if before is not None and snapshot(row) != before]
    for row in old:
        row.revision, row.changed_at = row.revision + 1, timezone.now()
    if old:
        model._default_manager.bulk_update(old, names, batch_size=CHUNK)


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


def _read(lines: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    try:
        yield from lines
    except (UnicodeDecodeError, ValueError, OSError) as problem:
        raise Invalid("文件中途无法读取，没有导入任何内容。", fields={"file": str(problem)[:120]}) from None


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
