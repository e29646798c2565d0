"""Decision tables of a drawn flow: opened, changed row by row without a script, reported on as they are changed, asked about a past case, saved with the flow's draft."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Invalid, YiwangError
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.models import FlowVersion
from yiwang.kit.guards import actor_of
from yiwang.shells.console.flows import show as show_flow
from yiwang.shells.console.flows import whole

LARGEST = 2_000_000
MOST_CELLS = 800  # fields of one form; a larger table is changed in its file


@dataclass(frozen=True)
class Heading:
    """A column with what may stand in it."""

    at: int
    column: flows.Column
    title: str
    help: str
    values: list[str]  #: offered while typing


@dataclass(frozen=True)
class Cell:
    heading: Heading
    text: str
    wrong: list[str]
    held: bool | None = None  #: of the case that was asked about


@dataclass(frozen=True)
class Line:
    """A rule as it is shown."""

    at: int
    tests: list[Cell]
    answers: list[Cell]
    note: str
    wrong: bool
    fired: bool

    @property
    def number(self) -> int:
        return self.at + 1


@dataclass(frozen=True)
class TablePage:
    version: FlowVersion
    table: flows.Table
    known: Mapping[str, flows.Domain]
    inputs: list[Heading]
    outputs: list[Heading]
    lines: list[Line]
    remarks: list[flows.Remark]
    cases: list[Any]
    changed: bool = False  #: shown as changed, not yet kept
    weighed: flows.Weighed | None = None
    number: str = ""
    error: str = ""

    @property
    def editable(self) -> bool:
        return self.version.state == FlowVersion.State.DRAFT and _size(self.table) <= MOST_CELLS

    @property
    def sound(self) -> bool:
        return all(r.hint for r in self.remarks)

    @property
    def policies(self) -> list[tuple[str, str]]:
        return list(flows.POLICIES.items())

    @property
    def groups(self) -> list[tuple[str, list[tuple[str, str]]]]:
        """What can be compared, by where it comes from."""
        found: dict[str, list[tuple[str, str]]] = {}
        for word, domain in self.known.items():
            found.setdefault(domain.where, []).append((word, domain.label))
        return list(found.items())


def table(request: HttpRequest, version: int, table: str) -> HttpResponse:
    """The table; posted, as it was changed: every button sends the whole form, only saving keeps it."""
    found = flows.find(actor_of(request), version)
    kept = flows.table_of(found, table)
    if request.method != "POST":
        return _show(request, found, kept)
    page = _page(request, found, kept)
    shown = _read(request, kept, page.known) if page.editable else kept
    act, _, place = request.POST.get("act", "save").partition(":")
    if act == "save":
        return _save(request, found, shown)
    if act == "weigh":
        return _weigh(request, found, shown, changed=shown != kept)
    at = whole(place)
    changed = CHANGES[act](shown, at) if act in CHANGES else shown
    if _size(changed) > MOST_CELLS:
        return _show(request, found, shown, changed=True, error="这张表已经很大，不能再加。请分成几张表，或者导出后用表格工具修改再导入。")
    return _show(request, found, changed, changed=True)


def _size(table: flows.Table) -> int:
    return len(table.rows) * (len(table.inputs) + len(table.outputs) + 1)


def _save(request: HttpRequest, version: FlowVersion, table: flows.Table) -> HttpResponse:
    try:
        kept = flows.save_table(actor_of(request), version.pk, table=table, revision=whole(request.POST.get("revision")))
    except (Invalid, Conflict) as problem:
        return _show(request, version, table, status=problem.status, changed=True, error=f"没有保存：{problem.message}{problem.hint}")
    against = sum(not r.hint for r in flows.table_remarks(kept, table))
    flash.success(request, f"已保存，检查发现 {against} 个问题。" if against else "已保存，这张表检查通过。")
    return redirect("flows:table", version=kept.pk, table=table.id)


def _weigh(request: HttpRequest, version: FlowVersion, table: flows.Table, *, changed: bool) -> HttpResponse:
    number = request.POST.get("number", "")
    try:
        weighed = flows.weigh(actor_of(request), version, table, number)
    except YiwangError as problem:
        return _show(request, version, table, status=problem.status, changed=changed, number=number, error=problem.message + problem.hint)
    return _show(request, version, table, changed=changed, weighed=weighed, number=number)


def _show(request: HttpRequest, version: FlowVersion, table: flows.Table, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, "console/flow_table.html", {"page": _page(request, version, table, **more)}, status=status)


def _page(request: HttpRequest, version: FlowVersion, table: flows.Table, *, weighed: flows.Weighed | None = None, **more: Any) -> TablePage:
    known = flows.domains(version, besides=table.id)
    remarks = flows.table_remarks(version, table)
    inputs = [_asked(i, column, known.get(column.word)) for i, column in enumerate(table.inputs)]
    outputs = [Heading(len(inputs) + i, column, column.title, "", []) for i, column in enumerate(table.outputs)]
    lines = [_line(i, row, inputs, outputs, remarks, known, weighed) for i, row in enumerate(table.rows)]
    return TablePage(version, table, known, inputs, outputs, lines, remarks, flows.past_cases(actor_of(request), version), weighed=weighed, **more)


def _asked(at: int, column: flows.Column, domain: flows.Domain | None) -> Heading:
    if domain is None:
        return Heading(at, column, column.title, "", [])
    names = [name for name in _names(domain) if name != "空" or domain.empty]
    free = {"number": "数字，如 5、不小于 3、[1..5]", "count": "件数，如 0、不小于 3、[1..5]", "text": "文字，几个用顿号隔开"}
    return Heading(at, column, domain.label, "、".join(names) if domain.values or domain.kind == "yes" else free.get(domain.kind, ""), names)


def _names(domain: flows.Domain) -> dict[str, str]:
    """People's words for values → FEEL."""
    named = {"是": "true", "否": "false"} if domain.kind == "yes" else {name: f'"{value}"' for value, name in domain.values.items()}
    return {**named, "空": "null"}


def _line(
    at: int, row: flows.Row, inputs: list[Heading], outputs: list[Heading], remarks: list[flows.Remark], known: Mapping[str, flows.Domain], weighed: flows.Weighed | None
) -> Line:
    wrong: dict[int, list[str]] = {}
    for number, remark in enumerate(remarks):
        if remark.row == at + 1 and not remark.hint:
            wrong.setdefault(remark.column - 1, []).append(f"remark-{number}")
    tests = [
        Cell(h, _words(text, known.get(h.column.word)), wrong.get(h.at, []), weighed.rows[at][h.at] if weighed else None)
        for h, text in zip(inputs, row.tests, strict=True)
    ]  # fmt: skip
    answers = [Cell(h, flows.tables.shown(text, {"是": "true", "否": "false"}, text=True), wrong.get(h.at, [])) for h, text in zip(outputs, row.answers, strict=True)]
    return Line(at, tests, answers, row.note, bool(wrong), bool(weighed and weighed.fired == at))


def _words(text: str, domain: flows.Domain | None) -> str:
    return flows.tables.shown(text, _names(domain), text=domain.kind == "text") if domain else text


# --- reading the form ---------------------------------------------------------------------------------------------------------------------------------


def _read(request: HttpRequest, kept: flows.Table, known: Mapping[str, flows.Domain]) -> flows.Table:
    """The table as it stands in the form: what officials type becomes FEEL."""
    asked = request.POST
    words = asked.getlist("in")[: flows.tables.MOST_COLUMNS]
    inputs = tuple(flows.Column(w, known[w].label if w in known else w, flows.tables.KINDS.get(known[w].kind, "") if w in known else "") for w in words)
    outputs = tuple(flows.Column(w.strip()[:40], label.strip()[:60]) for w, label in zip(asked.getlist("out"), asked.getlist("out-label"), strict=False))[: flows.tables.MOST_COLUMNS]
    rows = min(whole(asked.get("rows")), flows.tables.MOST_RULES)
    return replace(
        kept,
        name=asked.get("name", "").strip()[:100] or kept.name,
        policy=asked.get("policy", kept.policy),
        inputs=inputs,
        outputs=outputs,
        rows=tuple(_row(asked, r, [known.get(w) for w in words], len(outputs)) for r in range(rows)),
    )


def _row(asked: Mapping[str, Any], at: int, domains: list[flows.Domain | None], answers: int) -> flows.Row:
    typed = (str(asked.get(f"c-{at}-{i}", ""))[:300] for i in range(len(domains)))
    tests = tuple(flows.tables.tidy(text, _names(domain), text=domain.kind == "text") if domain else text.strip() for text, domain in zip(typed, domains, strict=True))
    given = tuple(flows.tables.tidy_answer(str(asked.get(f"a-{at}-{i}", ""))[:300]) for i in range(answers))
    return flows.Row(tests, given, str(asked.get(f"n-{at}", "")).strip()[:200])


def _fresh_output(table: flows.Table) -> flows.Column:
    taken = {c.word for c in table.outputs}
    return flows.Column(next(_numbered("result", taken)), "结果")


def _numbered(stem: str, taken: set[str]) -> Iterator[str]:
    return (name for n in range(1, 1000) if (name := f"{stem}_{n}") not in taken)


CHANGES: dict[str, Callable[[flows.Table, int], flows.Table]] = {
    "row": lambda table, at: flows.tables.with_row(table, at),
    "copy": lambda table, at: flows.tables.with_row(table, at + 1, table.rows[at]) if at < len(table.rows) else table,
    "up": lambda table, at: flows.tables.with_moved(table, at, at - 1),
    "down": lambda table, at: flows.tables.with_moved(table, at, at + 1),
    "drop": lambda table, at: flows.tables.without_row(table, at),
    "in": lambda table, at: flows.tables.with_input(table, flows.Column("")),
    "in-drop": lambda table, at: flows.tables.without_input(table, at),
    "out": lambda table, at: flows.tables.with_output(table, _fresh_output(table)),
    "out-drop": lambda table, at: flows.tables.without_output(table, at),
}


# --- beside one table -----------------------------------------------------------------------------------------------------------------------------------


@require_POST
def begin(request: HttpRequest, version: int) -> HttpResponse:
    """A new table in a draft, with one row for everything."""
    found = flows.find(actor_of(request), version)
    others = flows.tables_in(found)
    code = next(_numbered("table", {t.id for t in others}))
    output = flows.Column(next(_numbered("result", {c.word for t in others for c in t.outputs})), "结果")
    first = next(iter(flows.domains(found)))
    fresh = flows.Table(code, request.POST.get("name", "").strip()[:100] or "新决策表", "FIRST", (flows.Column(first),), (output,), (flows.Row(("",), ("",)),))
    flows.save_table(actor_of(request), version, table=fresh, revision=whole(request.POST.get("revision")))
    return redirect("flows:table", version=version, table=code)


@require_POST
def bring(request: HttpRequest, version: int) -> HttpResponse:
    """Tables drawn elsewhere; what is not supported is said by name."""
    files = request.FILES.getlist("dmn")
    try:
        if not files or any((f.size or 0) > LARGEST for f in files):
            raise Invalid("请选择不超过 2 MB 的 DMN 文件。")
        flows.bring_tables(actor_of(request), version, files=[f.read() for f in files], revision=whole(request.POST.get("revision")))
    except (Invalid, Conflict) as problem:
        return show_flow(request, flows.find(actor_of(request), version), status=problem.status, error=f"没有导入：{problem.message}{problem.hint}")
    flash.success(request, "决策表已导入。")
    return redirect("flows:flow", version=version)


@require_POST
def drop(request: HttpRequest, version: int, table: str) -> HttpResponse:
    """Takes the table out of the draft."""
    flows.drop_table(actor_of(request), version, table=table, revision=whole(request.POST.get("revision")))
    flash.success(request, "决策表已删除。")
    return redirect("flows:flow", version=version)


def export(request: HttpRequest, version: int, table: str) -> HttpResponse:
    """The file as other DMN tools open it."""
    found = flows.table_of(flows.find(actor_of(request), version), table)
    answer = HttpResponse(flows.tables.write(found), content_type="application/xml; charset=utf-8")
    answer["Content-Disposition"] = content_disposition_header(True, f"{found.name}.dmn") or "attachment"
    return answer


ROUTES = (
    ("<int:version>/new-table", "table_new", begin),
    ("<int:version>/import-tables", "table_bring", bring),
    ("<int:version>/tables/<str:table>", "table", table),
    ("<int:version>/tables/<str:table>/drop", "table_drop", drop),
    ("<int:version>/tables/<str:table>/file.dmn", "table_file", export),
)
