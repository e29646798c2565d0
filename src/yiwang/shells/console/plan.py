"""规划任务台账: every entry of the city's plan with its duties, the system that answers it, and how far each duty is. Nothing here is entered by hand."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render

from yiwang.kit import plan
from yiwang.kit.registry import registry

BAR = 300  # width of a bar in its own units
HEADINGS = ("编号", "名称", "篇章", "规划章节", "起始年份", "承担系统", "任务序号", "任务", "状态", "验证用例")


@dataclass(frozen=True)
class Bar:
    """A chapter's duties as lengths of one bar."""

    summary: plan.Summary
    served: int
    begun: int


@dataclass(frozen=True)
class Line:
    """An entry with the words for its parent and what it connects to."""

    standing: plan.Standing
    parent: str
    connects: list[str]


@dataclass(frozen=True)
class PlanPage:
    bars: list[Bar]
    entries: int
    duties: int
    served: int
    begun: int
    open: int
    filters: forms.Form
    lines: list[Line]
    asked: bool
    query: str


def ledger(request: HttpRequest) -> HttpResponse:
    """The page, for every official."""
    standings = plan.ledger(registry())
    filters = filter_form()(request.GET or None)
    chosen = list(_chosen(standings, filters))
    summaries = plan.summarise(standings)
    page = PlanPage(
        bars=[Bar(s, BAR * s.served // s.duties, BAR * s.begun // s.duties) for s in summaries],
        entries=len(standings),
        duties=sum(s.duties for s in summaries),
        served=sum(s.served for s in summaries),
        begun=sum(s.begun for s in summaries),
        open=sum(s.open for s in summaries),
        filters=filters,
        lines=[_line(one) for one in sorted(chosen, key=lambda one: list(plan.LAYERS).index(one.entry.layer))],
        asked=any(request.GET.get(name) for name in filters.fields),
        query=request.GET.urlencode(),
    )
    return render(request, "console/plan.html", {"page": page})


@dataclass(frozen=True)
class Part:
    """A section of the plan with the entries that cite it."""

    section: plan.Section
    entries: list[plan.Entry]


def text(request: HttpRequest) -> HttpResponse:
    """The plan itself, section by section, each with the entries of the ledger that come from it."""
    cited: dict[str, list[plan.Entry]] = {}
    for entry in plan.entries().values():
        for ref in entry.where:
            cited.setdefault(ref, []).append(entry)
    return render(request, "console/plan_text.html", {"page": [Part(section, cited.get(section.ref, [])) for section in plan.sections()]})


def table(request: HttpRequest) -> StreamingHttpResponse:
    """The same entries as CSV, a line for each duty."""
    chosen = _chosen(plan.ledger(registry()), filter_form()(request.GET or None))
    return StreamingHttpResponse(
        _csv(chosen), content_type="text/csv; charset=utf-8", headers={"Content-Disposition": "attachment; filename*=UTF-8''%E8%A7%84%E5%88%92%E4%BB%BB%E5%8A%A1%E5%8F%B0%E8%B4%A6.csv"}
    )


def filter_form() -> type[forms.Form]:
    """Words, chapter, state, system."""
    systems = [(s.code, s.name) for s in registry().systems.values() if s.plan]
    return type("PlanFilters", (forms.Form,), {
        "q": forms.CharField(label="查找", required=False, max_length=60, widget=forms.TextInput({"type": "search"})),
        "layer": forms.ChoiceField(label="篇章", required=False, choices=[("", "全部"), *plan.LAYERS.items()]),
        "state": forms.ChoiceField(label="状态", required=False, choices=[("", "全部"), *plan.STATES.items()]),
        "system": forms.ChoiceField(label="承担系统", required=False, choices=[("", "全部"), *systems]),
    })  # fmt: skip


def _chosen(standings: list[plan.Standing], filters: forms.Form) -> Iterator[plan.Standing]:
    """Those that the filters leave; a filter that cannot be is left out of account."""
    filters.is_valid()
    asked = getattr(filters, "cleaned_data", {})
    words, layer, state, system = (asked.get(name) or "" for name in ("q", "layer", "state", "system"))
    for one in standings:
        entry = one.entry
        found = all(w in f"{entry.id} {entry.name} {' '.join(entry.must)} {' '.join(entry.says)} {' '.join(entry.where)}".lower() for w in words.lower().split())
        if found and layer in ("", entry.layer) and state in ("", one.state) and system in ("", one.system.code if one.system else "-"):
            yield one


def _line(one: plan.Standing) -> Line:
    names = plan.names()
    return Line(one, names[one.entry.parent] if one.entry.parent else "", [names[c] for c in one.entry.connects])


def _csv(standings: Iterator[plan.Standing]) -> Iterator[bytes]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write("\ufeff")  # so that spreadsheets know the encoding
    writer.writerow(HEADINGS)
    for one in standings:
        entry, owner = one.entry, one.system.name if one.system else ""
        for duty in one.duties:
            writer.writerow([entry.id, entry.name, one.chapter, "、".join(entry.where), entry.phase or "", owner, duty.number + 1, duty.text, duty.said, "、".join(duty.journeys)])
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()


