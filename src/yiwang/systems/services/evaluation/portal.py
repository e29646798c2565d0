"""Rating a finished case; the office's view of what people said."""

from dataclasses import dataclass

from django.contrib import messages as flash
from django.db.models import Avg, Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from yiwang.base.errors import Invalid
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.access import restrict
from yiwang.kit.guards import actor_of
from yiwang.systems.services.evaluation import rules
from yiwang.systems.services.evaluation.models import Rating


@dataclass(frozen=True)
class RatePage:
    case: Case
    grades: list[tuple[int, str]]
    given: Rating | None
    error: str = ""


@dataclass(frozen=True)
class RatingsPage:
    rows: list[tuple[Rating, bool]]  # whether the reader may open the case that answers it
    mean: float | None
    count: int
    bad: int


def rate(request: HttpRequest, case: int) -> HttpResponse:
    """五级评价."""
    actor = actor_of(request)
    found = procedures.find(actor, case)
    error = ""
    if request.method == "POST":
        grade = request.POST.get("grade", "")
        try:
            rules.rate(actor, case, grade=int(grade) if grade.isdecimal() else 0, words=request.POST.get("words", ""))
        except Invalid as problem:
            error = next(iter(problem.fields.values()), problem.message)
        else:
            flash.success(request, "感谢您的评价。")
            return redirect("acceptance:case", case=case)
    grades = [(int(value), str(label)) for value, label in Rating.Grade.choices]
    page = RatePage(found, grades, rules.rating_of(actor, case), error)
    return render(request, "evaluation/rate.html", {"page": page}, status=422 if error else 200)


def ratings(request: HttpRequest) -> HttpResponse:
    """What people said, newest first."""
    actor = actor_of(request)
    rows = restrict(actor, Rating.objects.select_related("organ", "case", "reply")).order_by("-given_at")
    counted = rows.filter(counted=True)
    figures = counted.aggregate(mean=Avg("grade"), count=Count("pk"), bad=Count("pk", filter=Q(grade__lte=2)))
    shown = list(rows[:100])
    openable = set(procedures.cases_of(actor).filter(pk__in=[r.reply_id for r in shown if r.reply_id]).values_list("pk", flat=True))
    page = RatingsPage([(r, r.reply_id in openable) for r in shown], figures["mean"], figures["count"], figures["bad"])
    return render(request, "evaluation/ratings.html", {"page": page})
