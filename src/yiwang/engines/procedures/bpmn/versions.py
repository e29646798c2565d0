"""Versions of drawn flows: drafted, checked, published for a day, chosen for new cases. Loaded once per process: what is published never changes."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from lxml import etree

from yiwang.base.crypto import sm3
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Organisation
from yiwang.engines.procedures.bpmn import bindings, decisions, drawing, drawn, engine, reading, soundness, table_report, tables
from yiwang.engines.procedures.bpmn.coverage import Domain
from yiwang.engines.procedures.bpmn.decisions import Decision
from yiwang.engines.procedures.bpmn.graph import Finding, Graph
from yiwang.engines.procedures.bpmn.names import names_of
from yiwang.engines.procedures.bpmn.table_report import Remark
from yiwang.engines.procedures.bpmn.tables import Table
from yiwang.engines.procedures.models import DRAWN, FlowVersion
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Procedure
from yiwang.kit.registry import registry

EDITOR = "flow-editor"
State = FlowVersion.State


@dataclass(frozen=True)
class Loaded:
    """A published version, ready for cases."""

    pk: int
    procedure: Procedure
    program: engine.Program


@lru_cache(maxsize=256)
def loaded(procedure: str, number: int) -> Loaded:
    """The version that a case began under."""
    version = FlowVersion.objects.only("bpmn", "dmn", "procedure", "number").get(procedure=procedure, number=number)
    return load(version)


def load(version: FlowVersion) -> Loaded:
    """A checked version, ready to run."""
    graph, base = reading.read(version.bpmn), registry().procedure(version.procedure)
    ready = {code: decisions.compiled(table) for code, table in tables_of(version).items()}
    program = engine.program(graph, ready, facts=tuple(f.code for f in base.facts))
    return Loaded(version.pk, drawn.procedure(graph, base, version.number), program)


def in_effect(procedure: str, item: str, *, on: date) -> FlowVersion | None:
    """The version for a new case: the item's own before that of all items, the latest in effect; None where the declared flow is followed."""
    found = FlowVersion.objects.filter(procedure=procedure, item__in=(item, ""), state=State.PUBLISHED, valid_from__lte=on)
    return found.order_by("-item", "-valid_from").only("number", "procedure").first()


def tables_of(version: FlowVersion) -> dict[str, Table]:
    """Its decision tables by id. Raises Unreadable."""
    return {table.id: table for xml in version.dmn for table in tables.read(xml)}


def decisions_of(found: Mapping[str, Table]) -> dict[str, Decision]:
    """Those that can be run; what stands against the others is in the report."""
    out = {}
    for table in found.values():
        with suppress(reading.Unreadable):
            out[table.id] = decisions.compiled(table)
    return out


def check(version: FlowVersion) -> list[Finding]:
    """The soundness report: everything that stands against publishing, then hints. Never raises, never hangs."""
    try:
        graph, found = reading.read(version.bpmn), tables_of(version)
    except reading.Unreadable as problem:
        return [Finding(element, words) for element, words in problem.problems]
    bound = list(bindings.findings(graph, _known(version.procedure, found)))
    return sorted(dict.fromkeys([*soundness.findings(graph), *bound]), key=lambda f: f.hint)


def domains(version: FlowVersion, *, besides: str = "") -> dict[str, Domain]:
    """What a decision table of the version may compare, by name; of a drawing that cannot be read only the facts of the case."""
    graph, ready = _readable(version)
    return table_report.domains(registry().procedure(version.procedure), graph, ready, besides=besides)


def table_remarks(version: FlowVersion, table: Table) -> list[Remark]:
    """The report on one table of the version, as it stands or as somebody is changing it."""
    graph, ready = _readable(version)
    facts = tuple(f.code for f in registry().procedure(version.procedure).facts)
    names = names_of(graph, {**{d.id: d.outputs for d in ready.values()}, table.id: [c.word for c in table.outputs]}, facts=facts) if graph else set()
    return table_report.remarks(table, domains(version, besides=table.id), table_report.uses(graph, ready, frozenset(names)))


def _readable(version: FlowVersion) -> tuple[Graph | None, dict[str, Decision]]:
    try:
        return reading.read(version.bpmn), decisions_of(tables_of(version))
    except reading.Unreadable:
        return None, {}


def graph_of(version: FlowVersion) -> Graph:
    """Raises Unreadable."""
    return reading.read(version.bpmn)


def _known(procedure: str, found: Mapping[str, Table]) -> bindings.Known:
    return bindings.Known(
        base=registry().procedure(procedure),
        roles=role_names(),
        offices=frozenset(Organisation.objects.values_list("function", flat=True).distinct()),
        tables=found,
        decisions=decisions_of(found),
    )


def role_names() -> dict[str, str]:
    """Everybody who can be given a task."""
    return {**{code: role.name for code, role in registry().roles.items()}, APPLICANT: "申请人", SYSTEM_ROLE: "系统"}


# --- verbs of the editor ----------------------------------------------------------------------------------------------------------------------------


def listed(actor: Actor) -> list[FlowVersion]:
    """All versions, the newest first."""
    rows = restrict(actor, FlowVersion.objects.exclude(state=State.WITHDRAWN, published_at=None)).defer("bpmn", "dmn", "report")
    return list(rows.select_related("published_by", "changed_by").order_by("procedure", "item", "-number")[:500])


def find(actor: Actor, pk: int) -> FlowVersion:
    """Raises NotFound."""
    found = restrict(actor, FlowVersion.objects.filter(pk=pk)).first()
    if found is None:
        raise NotFound("没有找到这张流程图。")
    return found


@transaction.atomic
def draft(actor: Actor, *, procedure: str, item: str = "", name: str = "") -> FlowVersion:
    """A new draft that begins from the version in effect, or from the declared flow, which draws itself. Raises NotAllowed, NotFound."""
    _must_edit(actor)
    if procedure not in {code for code, _ in registry().procedures}:
        raise NotFound("没有这个流程。")
    base = registry().procedure(procedure)
    last = FlowVersion.objects.filter(procedure=procedure, item__in=(item, ""), state=State.PUBLISHED).order_by("-item", "-valid_from").first()
    xml, dmn = (last.bpmn, last.dmn) if last else (drawing.draw(base), [])
    return _add(actor, base, item=item, name=name or (last.name if last else base.name), bpmn=xml, dmn=dmn)


@transaction.atomic
def bring(actor: Actor, *, procedure: str, item: str = "", name: str, bpmn: bytes, dmn: list[bytes] | None = None) -> FlowVersion:
    """A draft from files drawn elsewhere. Raises Unreadable naming every element that is not supported, NotAllowed, NotFound."""
    _must_edit(actor)
    if procedure not in {code for code, _ in registry().procedures}:
        raise NotFound("没有这个流程。")
    text = drawing.with_layout(_text(bpmn), reading.read(bpmn))
    return _add(actor, registry().procedure(procedure), item=item, name=name, bpmn=text, dmn=_brought(dmn or []))


def _brought(files: list[bytes]) -> list[str]:
    """The tables of DMN files, each a document of its own; one with a program in a cell is refused. Raises Unreadable."""
    found: dict[str, Table] = {}
    for table in (table for content in files for table in tables.read(_text(content))):
        if table.id in found:
            raise reading.Unreadable((table.id, f"有两张标识为“{table.id}”的决策表，请只留一张。"))
        decisions.compiled(table)
        found[table.id] = table
    return [tables.write(table) for table in found.values()]


def _text(content: bytes) -> str:
    return str(etree.tostring(reading.tree_of(content), encoding="unicode"))


def _add(actor: Actor, base: Procedure, *, item: str, name: str, bpmn: str, dmn: list[str]) -> FlowVersion:
    highest = FlowVersion.objects.filter(procedure=base.code).aggregate(n=Max("number"))["n"] or DRAWN
    version = FlowVersion(procedure=base.code, item=item, number=highest + 1, name=name[:100], bpmn=bpmn, dmn=dmn, changed_by_id=actor.party)
    _weigh(version)
    try:
        with transaction.atomic():
            version.save(force_insert=True)
    except IntegrityError as problem:
        raise Conflict("另一位同事刚刚新建了这个流程的草稿，请刷新后再试。") from problem
    audit.record(actor, "flow.draft", subject=version, summary=f"新建流程图草稿：{version}")
    return version


@transaction.atomic
def save(actor: Actor, pk: int, *, bpmn: str, revision: int, name: str = "", note: str = "") -> FlowVersion:
    """Keeps a drawing as it is, sound or not, with its report. Raises Conflict if another saved meanwhile, Unreadable only for what is no XML."""
    version = _opened(actor, pk, revision)
    reading.tree_of(bpmn)
    version.bpmn, version.name, version.note = bpmn, name.strip()[:100] or version.name, note.strip()[:300] or version.note
    return _kept(actor, version, f"修改流程图草稿：{version}")


@transaction.atomic
def save_table(actor: Actor, pk: int, *, table: Table, revision: int) -> FlowVersion:
    """Keeps a decision table of a draft, a new one or one that it had, sound or not, with the report. Raises Conflict, Unreadable for what is no table."""
    version = _opened(actor, pk, revision)
    try:
        text = tables.write(table)
    except ValueError as problem:  # a sign that XML cannot hold
        raise reading.Unreadable((table.id, f"决策表“{table.name}”里有不能保存的字符。")) from problem
    tables.read(text)
    others = {code: tables.write(other) for code, other in tables_of(version).items()}
    version.dmn = list({**others, table.id: text}.values())
    return _kept(actor, version, f"修改决策表“{table.name}”：{version}")


@transaction.atomic
def bring_tables(actor: Actor, pk: int, *, files: list[bytes], revision: int) -> FlowVersion:
    """Decision tables drawn elsewhere into a draft; one of the same id is replaced. Raises Conflict, Unreadable naming what is not supported."""
    version = _opened(actor, pk, revision)
    brought = {table.id: tables.write(table) for text in _brought(files) for table in tables.read(text)}
    if not brought:
        raise Invalid("文件里没有决策表。")
    version.dmn = list(({code: tables.write(other) for code, other in tables_of(version).items()} | brought).values())
    return _kept(actor, version, f"导入决策表（{len(brought)}张）：{version}")


@transaction.atomic
def drop_table(actor: Actor, pk: int, *, table: str, revision: int) -> FlowVersion:
    """Takes a decision table out of a draft. Raises Conflict, NotFound."""
    version = _opened(actor, pk, revision)
    found = tables_of(version)
    if table not in found:
        raise NotFound("没有找到这张决策表。")
    version.dmn = [tables.write(other) for code, other in found.items() if code != table]
    return _kept(actor, version, f"删除决策表“{found[table].name}”：{version}")


def _opened(actor: Actor, pk: int, revision: int) -> FlowVersion:
    version = _locked_draft(actor, pk)
    if version.revision != revision:
        raise Conflict("这张草稿已被他人保存过。", hint="请另存您画的内容（导出），刷新后再改。")
    return version


def _kept(actor: Actor, version: FlowVersion, summary: str) -> FlowVersion:
    version.revision += 1
    version.changed_at, version.changed_by_id = timezone.now(), actor.party
    _weigh(version)
    version.save()
    audit.record(actor, "flow.save", subject=version, summary=summary)
    return version


def publish(actor: Actor, pk: int, *, on: date, revision: int | None = None) -> FlowVersion:
    """New cases from `on` follow it; cases under way stay on theirs. Raises Invalid for an unsound drawing, whose report is kept, Conflict for a day that is taken."""
    version = _published(actor, pk, on, revision)
    against = [words for _, words, hint in version.report if not hint]
    if against:
        raise Invalid(f"这张流程图还不能发布：{against[0]}", hint="请按检查报告修改。", fields={"bpmn": " ".join(against)})
    return version


@transaction.atomic
def _published(actor: Actor, pk: int, on: date, revision: int | None) -> FlowVersion:
    """As it is published, or with the report that stands against it."""
    version = _locked_draft(actor, pk)
    if revision is not None and version.revision != revision:
        raise Conflict("这张草稿在您打开后被修改过，请先看最新的检查报告。")
    if on < timezone.localdate():
        raise Invalid("施行日期不能早于今天。", fields={"on": "施行日期不能早于今天"})
    _weigh(version)
    if any(not hint for _, _, hint in version.report):
        version.save(update_fields=["report"])
        return version
    load(version)  # what the engine cannot build is found here, not at the first case
    version.state, version.valid_from = State.PUBLISHED, on
    version.published_at, version.published_by_id = timezone.now(), actor.party
    try:
        with transaction.atomic():
            version.save()
    except IntegrityError as problem:
        raise Conflict("这一天已经有一个版本施行，请换一个日期。") from problem
    audit.record(actor, "flow.publish", subject=version, summary=f"发布流程图：{version}，{on:%Y-%m-%d}起施行")
    return version


@transaction.atomic
def withdraw(actor: Actor, pk: int) -> FlowVersion:
    """A draft is dropped; a published version is no longer chosen for new cases, while open cases run on. Raises NotAllowed, NotFound, Conflict."""
    _must_edit(actor)
    version = restrict(actor, FlowVersion.objects.select_for_update().filter(pk=pk)).first()
    if version is None:
        raise NotFound("没有找到这张流程图。")
    if version.state == State.WITHDRAWN:
        raise Conflict("这个版本已经停用。")
    version.state = State.WITHDRAWN
    version.save(update_fields=["state"])
    audit.record(actor, "flow.withdraw", subject=version, summary=f"停用流程图：{version}")
    return version


def _locked_draft(actor: Actor, pk: int) -> FlowVersion:
    _must_edit(actor)
    version = restrict(actor, FlowVersion.objects.select_for_update(of=("self",)).filter(pk=pk)).first()
    if version is None:
        raise NotFound("没有找到这张流程图。")
    if version.state != State.DRAFT:
        raise Conflict("已发布的版本不能修改，请新建一个草稿。")
    return version


def _must_edit(actor: Actor) -> None:
    if not actor.holds(EDITOR):
        raise NotAllowed("流程图由流程管理员修改和发布。")


def _weigh(version: FlowVersion) -> None:
    version.report = [[f.element, f.words, f.hint] for f in check(version)]
    version.digest = sm3("\x00".join((version.bpmn, *version.dmn)).encode()).hex()


def facts_of(case: Any, base: Procedure) -> dict[str, Any]:
    """What conditions may ask of the case, as it is now."""
    return {fact.code: fact.value(case) for fact in base.facts}
