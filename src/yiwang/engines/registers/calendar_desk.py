"""工作日历: a year at a glance, an edit with its statutory source, a year entered and confirmed, the history, and where a limit would end."""

import calendar as months
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone

from yiwang.base.deadlines import ZONE, Term, due_at
from yiwang.base.errors import CalendarUnknown, Conflict, Invalid, NotFound, YiwangError
from yiwang.engines.registers import days
from yiwang.engines.registers.models import CalendarDay, CalendarEdit, CalendarYear
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of

WEEK = "一二三四五六日"
UNITS = (("working", "个工作日"), ("calendar", "个自然日"))
NEAR = 5  # years that need no opening
MOMENT = forms.DateInput({"type": "date"})
WHY = {"required": "请写明依据。"}


class DayForm(forms.Form):
    """A date and what it becomes."""

    date = forms.DateField(label="日期", widget=MOMENT, error_messages={"required": "请选择日期。", "invalid": "日期不正确。"})
    working = forms.ChoiceField(label="改为", choices=(("1", "上班"), ("0", "放假")))
    name = forms.CharField(label="名称", max_length=40, required=False, help_text="例如：国庆节、调休上班。")
    reason = forms.CharField(label="依据和理由", max_length=200, help_text="写明文件名称和文号，例如：国办发明电〔2025〕7号。", error_messages=WHY)


class YearForm(forms.Form):
    """A year to come."""

    year = forms.IntegerField(label="年份", error_messages={"required": "请填写年份。", "invalid": "请填写四位年份。"})
    reason = forms.CharField(label="理由", max_length=200, error_messages=WHY)


class ConfirmForm(forms.Form):
    """The notice that arranges the year."""

    source = forms.CharField(label="公布文件", max_length=200, help_text="国务院办公厅通知的名称和文号。", error_messages=WHY)


class TrialForm(forms.Form):
    """Where a limit would end."""

    start = forms.DateField(label="起算事由发生日", widget=MOMENT, error_messages={"required": "请选择日期。", "invalid": "日期不正确。"})
    amount = forms.IntegerField(label="期限", min_value=1, max_value=400, error_messages={"required": "请填写天数。"})
    unit = forms.ChoiceField(label="单位", choices=UNITS)


@dataclass(frozen=True)
class Day:
    date: date
    working: bool
    name: str  #: of the holiday or of the shift; "" on ordinary days
    special: bool  #: against its weekday


@dataclass(frozen=True)
class CalendarPage:
    row: CalendarYear | None
    year: int
    near: list[CalendarYear]  #: the last years and the one shown
    far: list[CalendarYear]
    months: list[tuple[int, list[list[Day | None]]]]
    worked: int
    edits: list[CalendarEdit]
    day: DayForm
    opening: YearForm
    confirming: ConfirmForm
    trial: TrialForm
    answer: str
    problem: str
    week: str = WEEK


def calendar(request: HttpRequest) -> HttpResponse:
    """The year; `do` of a POST names the form that was sent."""
    year = _year(request)
    fresh: dict[str, Any] = {
        "day": DayForm(initial={"date": request.GET.get("day", ""), "working": "0"}, auto_id="day-%s"),
        "opening": YearForm(auto_id="opening-%s"), "confirming": ConfirmForm(auto_id="confirming-%s"),
    }  # fmt: skip
    if request.method != "POST":
        return render(request, "registers/calendar.html", {"page": _page(request, year, fresh)})
    kind, form, act = _sent(request, year)
    try:
        if form.is_valid():
            flash.success(request, act(form.cleaned_data))
            return redirect(f"{reverse('registers:calendar')}?year={_after(form, year)}")
    except (Invalid, Conflict) as problem:
        _show(form, problem)
    return render(request, "registers/calendar.html", {"page": _page(request, year, {**fresh, kind: form})}, status=422)


def _sent(request: HttpRequest, year: int) -> tuple[str, forms.Form, Callable[[dict[str, Any]], str]]:
    """Which form, bound, and the verb that it calls; the verb returns what happened, in words."""
    actor, kind = actor_of(request), request.POST.get("do", "")

    def day(data: dict[str, Any]) -> str:
        days.set_day(actor, data["date"], working=data["working"] == "1", name=data["name"], reason=data["reason"])
        return f"{data['date']} 已改为{'上班' if data['working'] == '1' else '放假'}，以后计算的期限按新的安排。"

    def opening(data: dict[str, Any]) -> str:
        days.open_year(actor, data["year"], reason=data["reason"])
        return f"{data['year']} 年已按周末录入。国务院公布后，请逐日录入节假日并确认；确认以前不用于计算期限。"

    def confirming(data: dict[str, Any]) -> str:
        days.confirm_year(actor, year, source=data["source"])
        return f"{year} 年已确认，开始用于计算期限。"

    known: dict[str, tuple[type[forms.Form], Callable[[dict[str, Any]], str]]] = {
        "day": (DayForm, day), "opening": (YearForm, opening), "confirming": (ConfirmForm, confirming),
    }  # fmt: skip
    if kind not in known:
        raise NotFound("没有这项操作。")
    form, act = known[kind]
    return kind, form(request.POST, auto_id=f"{kind}-%s"), act


def _after(form: forms.Form, year: int) -> int:
    data = form.cleaned_data
    return int(data["date"].year if "date" in data else data.get("year", year))


def _show(form: forms.Form, problem: YiwangError) -> None:
    for field, words in problem.fields.items():
        form.add_error(field if field in form.fields else None, words)
    if not problem.fields:
        form.add_error(None, problem.message)


def _year(request: HttpRequest) -> int:
    asked = request.GET.get("year", "")
    return int(asked) if asked.isdecimal() and days.FIRST <= int(asked) <= days.LAST else timezone.localdate().year


def _page(request: HttpRequest, year: int, made: dict[str, Any]) -> CalendarPage:
    actor = actor_of(request)
    years = list(restrict(actor, CalendarYear.objects.order_by("year")))
    special = {d.date: d for d in restrict(actor, CalendarDay.objects.filter(date__year=year))}
    grid = [(month, [[_day(d, special) if d.month == month else None for d in week] for week in months.Calendar().monthdatescalendar(year, month)]) for month in range(1, 13)]
    worked = sum(d.working for _, weeks in grid for week in weeks for d in week if d)
    trial = TrialForm(request.GET if "amount" in request.GET else None, auto_id="trial-%s")
    answer, problem = _try(trial)
    return CalendarPage(
        row=next((y for y in years if y.year == year), None), year=year, near=[y for y in years if y in years[-NEAR:] or y.year == year], far=[y for y in years[:-NEAR] if y.year != year], months=grid, worked=worked,
        edits=list(restrict(actor, CalendarEdit.objects.filter(year=year)).order_by("-at")[:200]), trial=trial, answer=answer, problem=problem, **made,
    )  # fmt: skip


def _day(day: date, special: dict[date, CalendarDay]) -> Day:
    row = special.get(day)
    return Day(day, row.working if row else day.weekday() < 5, row.name if row else "", row is not None)


def _try(form: TrialForm) -> tuple[str, str]:
    """The last day in words, or why there is none."""
    if not form.is_bound or not form.is_valid():
        return "", ""
    data = form.cleaned_data
    start = datetime.combine(data["start"], time(12), ZONE)
    try:
        last = timezone.localdate(due_at(Term(data["amount"], data["unit"]), start, calendar=days.working_calendar())) - timedelta(days=1)
    except CalendarUnknown as unknown:
        return "", f"{unknown.message}{unknown.hint}"
    unit = dict(UNITS)[data["unit"]]
    return f"自 {data['start']} 的次日起算，{data['amount']} {unit}的最后一天是 {last.year}年{last.month}月{last.day}日（星期{WEEK[last.weekday()]}）。", ""
