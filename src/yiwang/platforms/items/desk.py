"""The bureau's desk: find an item, draft its next version, preview it as people will see it, publish it from a day on."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages as flash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from yiwang.base.errors import Conflict, Invalid, NotFound
from yiwang.kit.guards import actor_of
from yiwang.platforms.items import search as searching
from yiwang.platforms.items import tables, versions
from yiwang.platforms.items.models import Item, ItemVersion

LINES = ("conditions", "basis")  # one sentence a line
NUMBERS = ("promise_amount", "limit_amount", "visits")
UNITS = (("working", "工作日"), ("calendar", "自然日"), ("hour", "小时"), ("month", "月"))
TEXTS = ("promise_unit", "limit_unit", "limit_basis", "area", "result_name", "source")


@dataclass(frozen=True)
class ItemsPage:
    question: str
    rows: list[tuple[Item, ItemVersion | None, bool]]  # item, version in force, has a draft


@dataclass(frozen=True)
class EditPage:
    version: ItemVersion
    seen: str  # the state of the draft that the form began from
    tables: list[tuple[tables.Table, list[tuple[str, list[tables.Cell]]]]]
    units: tuple[tuple[str, str], ...]
    missing: dict[str, str]
    errors: dict[str, str]
    message: str
    history: list[tuple[ItemVersion, list[str]]]  # with what changed against the one before


def items(request: HttpRequest) -> HttpResponse:
    """事项管理."""
    question = request.GET.get("q", "").strip()
    found = [hit.item for hit in searching.search(question, limit=50)]
    drafts = set(ItemVersion.objects.filter(item__in=found, state="draft").values_list("item", flat=True))
    rows = [(item, item.versions.filter(state="published").order_by("-number").first(), item.pk in drafts) for item in found]
    return render(request, "items/items.html", {"page": ItemsPage(question, rows)})


@require_POST
def draft(request: HttpRequest, item: int) -> HttpResponse:
    """起草新版本."""
    return redirect("items:edit", version=versions.draft_from(actor_of(request), item).pk)


def edit(request: HttpRequest, version: int) -> HttpResponse:
    """Edit a draft section by section; publish it when nothing is missing."""
    actor, found = actor_of(request), _version(version)
    errors: dict[str, str] = {}
    message = ""
    seen = request.POST.get("seen", "") or found.edited_at.isoformat()
    if request.method == "POST":
        changes, problems = _changes(request, found)
        try:
            if problems:
                raise Invalid("有内容需要修改，还没有保存。", fields=problems)
            found = versions.edit(actor, version, changes, seen=seen)
            seen = found.edited_at.isoformat()
            if request.POST.get("do") == "publish":
                day = request.POST.get("valid_from", "")
                if not day:
                    raise Invalid("还不能发布。", fields={"valid_from": "请选择施行日期"})
                versions.publish(actor, version, valid_from=date.fromisoformat(day))
                flash.success(request, "已发布，从施行日期起按新版本办理；在办的办件不变。")
                return redirect("items:items")
            flash.success(request, "草稿已保存。")
            return redirect("items:edit", version=version)
        except (Invalid, Conflict) as problem:
            errors, message = problem.fields, problem.message
            for name, value in changes.items():  # shown again as typed, not saved
                setattr(found, name, value)
    shown = [(table, tables.shown(found, table)) for table in tables.TABLES]
    page = EditPage(found, seen, shown, UNITS, versions.missing(found), errors, message, versions.history(found.item_id))
    return render(request, "items/edit.html", {"page": page}, status=422 if message else 200)


def _version(version: int) -> ItemVersion:
    found = ItemVersion.objects.select_related("item").filter(pk=version).first()
    if found is None:
        raise NotFound("没有这个版本。")
    return found


def _changes(request: HttpRequest, version: ItemVersion) -> tuple[dict[str, Any], dict[str, str]]:
    """What the form holds, by the version's own fields, and what is wrong with it in words."""
    data = request.POST
    changes: dict[str, Any] = {name: [line.strip() for line in data[name].splitlines() if line.strip()] for name in LINES if name in data}
    changes |= {name: int(data[name]) if data[name].isdecimal() else None for name in NUMBERS if name in data}
    changes |= {name: data[name].strip() for name in TEXTS if name in data}
    if changes.get("visits", 0) is None:
        changes["visits"] = 0
    lists, problems = tables.read(data, version)
    return changes | lists, problems
