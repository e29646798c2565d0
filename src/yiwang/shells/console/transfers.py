"""Bringing files in and taking rows away: preview with errors line by line, progress, a corrected file sent again; exports asked for, approved, taken."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Invalid, NotFound, TooLarge
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import DATA_OFFICER, Export, Import, ImportLine
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.declare import Register
from yiwang.kit.forms import PlaceField, form_of
from yiwang.kit.guards import actor_of
from yiwang.shells.console.lists import declared

SHOWN = 20  # wrong lines that the page names; the file has them all
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "geojson": "application/geo+json"}


@dataclass(frozen=True)
class BringPage:
    register: Register
    columns: list[tuple[str, bool, str]]  #: heading, required, help
    before: list[Import]
    matchings: list[tuple[str, str]]
    errors: dict[str, str]


@dataclass(frozen=True)
class ImportedPage:
    register: Register
    source: Import
    wrong: list[ImportLine]
    sample: list[ImportLine]
    headings: list[str]
    modes: list[tuple[str, str]]


@dataclass(frozen=True)
class TakePage:
    register: Register
    parameters: str
    count: registers.Count
    formats: list[tuple[str, str]]
    errors: dict[str, str]


@dataclass(frozen=True)
class ExportsPage:
    mine: list[Export]
    waiting: list[Export]
    busy: bool  #: a file is being made


def bring(request: HttpRequest, register: str) -> HttpResponse:
    """Choosing a file; a file that cannot be read is said at once."""
    found, actor, errors = _editable(request, register), actor_of(request), {}
    if request.method == "POST":
        upload = request.FILES.get("file")
        try:
            if upload is None or upload.file is None:
                raise Invalid("请选择文件。")
            source = registers.receive(actor, found, upload.file, upload.name or "文件", matching=request.POST.get("matching", Import.Matching.ADD))
            return redirect("register:imported", register=found.code, source=source.pk)
        except (Invalid, TooLarge) as problem:
            errors = {"file": f"{problem.message}{''.join(problem.fields.values())}{problem.hint}"}
    columns = [(str(cells.field_at(found.model, n).verbose_name), f.required, _help(f)) for n, f in form_of(found).base_fields.items()]
    before = list(restrict(actor, Import.objects.filter(register=found.code)).order_by("-at")[:10])
    page = BringPage(found, columns, before, list(Import.Matching.choices), errors)
    return render(request, "console/register_import.html", {"page": page}, status=422 if errors else 200)


def imported(request: HttpRequest, register: str, source: int) -> HttpResponse:
    """How far it is; what is wrong; what to do."""
    found = _editable(request, register)
    one = restrict(actor_of(request), Import.objects.filter(pk=source, register=found.code)).first()
    if one is None:
        raise NotFound("没有找到这次导入。")
    page = ImportedPage(
        register=found,
        source=one,
        wrong=list(one.lines.exclude(error="").order_by("number")[:SHOWN]),
        sample=list(one.lines.filter(error="").order_by("number")[:5]),
        headings=list(one.fields),
        modes=list(Import.Mode.choices),
    )
    return render(request, "console/register_imported.html", {"page": page})


@require_POST
def confirm(request: HttpRequest, register: str, source: int) -> HttpResponse:
    registers.confirm(actor_of(request), source, request.POST.get("mode", ""))
    return redirect("register:imported", register=register, source=source)


@require_POST
def drop(request: HttpRequest, register: str, source: int) -> HttpResponse:
    registers.drop(actor_of(request), source)
    flash.success(request, "已放弃，没有写入任何内容。")
    return redirect("register:import", register=register)


def wrong(request: HttpRequest, register: str, source: int) -> HttpResponseBase:
    """The wrong lines as a file with what is wrong in the last column: corrected, it can be sent again as it is."""
    lines = registers.wrong_lines(actor_of(request), source)
    headings = list(Import.objects.values_list("fields", flat=True).get(pk=source))
    return _csv([[*headings, "问题"]], ([*(line.data.get(h, "") for h in headings), line.error] for line in lines), f"需要改正的行-{source}.csv")


def sample(request: HttpRequest, register: str) -> HttpResponseBase:
    """A file with the headings only."""
    found = declared(register)
    return _csv([[str(cells.field_at(found.model, n).verbose_name) for n in form_of(found).base_fields]], iter(()), f"{found.name}-导入模板.csv")


def take_away(request: HttpRequest, register: str) -> HttpResponse:
    """Asking for the list as it stands in the address."""
    found, actor, errors = declared(register), actor_of(request), {}
    query = registers.parse(found, request.GET.dict(), actor)
    if request.method == "POST":
        try:
            made = registers.ask_export(
                actor, found, query, format=request.POST.get("format", ""), reason=request.POST.get("reason", ""), clear=bool(request.POST.get("clear"))
            )
        except Invalid as problem:
            errors = problem.fields
        else:
            if made.state == Export.State.READY:
                return redirect("exports:file", export=made.pk)
            flash.success(request, "正在生成文件，完成后可以在这里下载。" if made.state == Export.State.MAKING else "已提交申请，批准后可以在这里下载。")
            return redirect("exports:mine")
    formats = [(code, name) for code, name in (("xlsx", "XLSX 表格"), ("csv", "CSV"), ("geojson", "GeoJSON")) if code != "geojson" or found.place]
    page = TakePage(found, request.GET.urlencode(), registers.count(actor, found, query), formats, errors)
    return render(request, "console/register_export.html", {"page": page}, status=422 if errors else 200)


def exports(request: HttpRequest) -> HttpResponse:
    """One's own exports; for a data officer those that wait for a decision."""
    actor = actor_of(request)
    found = registers.exports_of(actor)
    waiting = [e for e in found if e.state == Export.State.WAITING and e.by_id != actor.party] if actor.holds(DATA_OFFICER) else []
    mine = [e for e in found if e.by_id == actor.party]
    return render(request, "console/exports.html", {"page": ExportsPage(mine, waiting, any(e.state == Export.State.MAKING for e in mine))})


@require_POST
def decide(request: HttpRequest, export: int) -> HttpResponse:
    made = registers.decide_export(actor_of(request), export, granted=request.POST.get("granted") == "1")
    flash.success(request, f"这项导出现在是“{made.get_state_display()}”。")
    return redirect("exports:mine")


def download(request: HttpRequest, export: int) -> HttpResponseBase:
    """The file, with its length: whoever gets less knows it."""
    made, content = registers.take_export(actor_of(request), export)
    name = f"{declared(made.register).name}-{made.pk}.{made.format}"
    return FileResponse(content, content_type=TYPES[made.format], as_attachment=True, filename=name)


def _editable(request: HttpRequest, code: str) -> Register:
    found = declared(code)
    if not registers.may_edit(actor_of(request), found) or not found.fields:
        raise NotFound(f"“{found.name}”不能由您导入。")
    return found


def _help(field: forms.Field) -> str:
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return "、".join(str(label) for code, label in field.choices if code)  # type: ignore[union-attr,misc]  # plain pairs of a model's field
    if isinstance(field, forms.DateField):
        return "例如 2026-03-01"
    if isinstance(field, PlaceField):
        return "GeoJSON" if field.kind != "Point" else "“经度,纬度”，例如 110.36,21.27；也可以分成“经度”“纬度”两列，或者 GeoJSON"
    return str(field.help_text)


def _csv(head: list[list[str]], rows: Iterator[list[Any]], name: str) -> FileResponse:
    def content() -> Iterator[bytes]:
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        buffer.write("\ufeff")
        writer.writerows(head)
        for number, row in enumerate(rows, start=1):
            writer.writerow(row)
            if number % 500 == 0:
                yield buffer.getvalue().encode()
                buffer.seek(0)
                buffer.truncate()
        yield buffer.getvalue().encode()

    return FileResponse(registers.whole(content()), content_type=TYPES["csv"], as_attachment=True, filename=name)
