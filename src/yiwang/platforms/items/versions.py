"""Versions of an item: drafted, edited, published on a day, withdrawn. Published ones never change."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import JSONField
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.platforms.items import index
from yiwang.platforms.items.models import Item, ItemVersion

EDITOR = "item-editor"
EDITABLE = (
    "conditions", "basis", "questions", "fields", "materials", "fees", "faq", "special", "visits", "area", "promise_amount", "promise_unit", "limit_amount",
    "limit_unit", "limit_basis", "result_name", "source",
)
COPIED = tuple(f.attname for f in ItemVersion._meta.concrete_fields if f.attname not in {
    "id", "number", "state", "valid_from", "published_at", "published_by", "edited_at", "edited_by",
})  # fmt: skip
TYPES = {"text", "long", "number", "date", "choice", "multi", "citizen", "uscc", "phone"}


def published(item: Item | int, on: date | None = None) -> ItemVersion:
    """The version in force on a day. Raises NotFound."""
    day = on or timezone.localdate()
    pk = item if isinstance(item, int) else item.pk
    found = ItemVersion.objects.select_related("item").filter(item=pk, state=ItemVersion.State.PUBLISHED, valid_from__lte=day).order_by("-valid_from", "-number").first()
    if found is None:
        raise NotFound("这个事项目前没有在办的版本。", hint="可能已经停用，请用搜索查找相近的事项。")
    return found


def published_of(items: Iterable[int], on: date | None = None) -> list[ItemVersion]:
    """The versions in force on a day of several items, one each; items without one are left out."""
    rows = ItemVersion.objects.filter(item__in=list(items), state=ItemVersion.State.PUBLISHED, valid_from__lte=on or timezone.localdate())
    return list(rows.order_by("item", "-valid_from", "-number").distinct("item"))


@transaction.atomic
def draft_from(actor: Actor, item: int) -> ItemVersion:
    """The item's draft, begun as a copy of its newest version if there is none."""
    _editor(actor)
    locked = Item.objects.select_for_update().defer("meaning", "words").get(pk=item)
    found = locked.versions.filter(state=ItemVersion.State.DRAFT).first()
    if found:
        return found
    newest = locked.versions.order_by("-number").first()
    if newest is None:
        raise NotFound("这个事项没有可以修改的版本。")
    copied = {name: getattr(newest, name) for name in COPIED}
    made = ItemVersion.objects.create(**copied, number=newest.number + 1, edited_by=actor.name)
    audit.record(actor, "item.draft", subject=made, summary=str(made))
    return made


@transaction.atomic
def edit(actor: Actor, version: int, changes: Mapping[str, Any], *, seen: str = "") -> ItemVersion:
    """Writes `changes` to a draft. `seen` is the `edited_at` (ISO) the editor began from; Conflict when somebody else has saved since, or when it is
    published; Invalid for what cannot be edited."""
    _editor(actor)
    found = ItemVersion.objects.select_for_update().select_related("item").get(pk=version)
    if found.state != ItemVersion.State.DRAFT:
        raise Conflict("已发布的版本不能修改，请先起草新版本。")
    if seen and seen != found.edited_at.isoformat():
        raise Conflict(f"{found.edited_by}在 {timezone.localtime(found.edited_at):%H:%M} 保存过这份草稿，您的修改没有写入。", hint="请另开一页查看对方的修改，再决定怎样合并。")
    wrong = set(changes) - set(EDITABLE)
    if wrong:
        raise Invalid("有不能修改的内容。", fields=dict.fromkeys(wrong, "不能修改"))
    for name, value in changes.items():
        setattr(found, name, value)
    found.edited_at, found.edited_by = timezone.now(), actor.name
    try:
        found.clean_fields(exclude=[f.name for f in ItemVersion._meta.fields if f.name not in changes or isinstance(f, JSONField)])
    except ValidationError as problem:
        raise Invalid("有内容需要修改。", fields={name: "；".join(words) for name, words in problem.message_dict.items()}) from problem
    found.save()
    return found


@transaction.atomic
def publish(actor: Actor, version: int, *, valid_from: date) -> ItemVersion:
    """Puts a draft in force from a day on. Raises Invalid naming everything that is missing."""
    _editor(actor)
    found = ItemVersion.objects.select_for_update().select_related("item").get(pk=version)
    if found.state != ItemVersion.State.DRAFT:
        raise Conflict("这个版本已经发布。")
    problems = missing(found)
    if valid_from < timezone.localdate():
        problems["valid_from"] = "施行日期不能早于今天"
    if problems:
        raise Invalid("还不能发布。", fields=problems)
    found.state, found.valid_from = ItemVersion.State.PUBLISHED, valid_from
    found.published_at, found.published_by = timezone.now(), actor.name
    found.save()
    index.build([found.item])
    audit.record(actor, "item.publish", subject=found, summary=f"发布 {found}，{valid_from} 起施行")
    return found


@transaction.atomic
def withdraw_item(actor: Actor, item: int, *, reason: str) -> None:
    """Takes an item out of service; open cases go on under their versions."""
    _editor(actor)
    if not reason.strip():
        raise Invalid("请写明停用依据。", fields={"reason": "请写明停用依据"})
    changed = ItemVersion.objects.filter(item=item, state=ItemVersion.State.PUBLISHED).update(state=ItemVersion.State.WITHDRAWN)
    audit.record(actor, "item.withdraw", subject=Item.objects.get(pk=item), summary=f"停用 {changed} 个版本：{reason.strip()}")


def history(item: int) -> list[tuple[ItemVersion, list[str]]]:
    """The item's versions, newest first, each with the names of what differs from the one before."""
    rows = list(ItemVersion.objects.filter(item=item).order_by("-number"))
    names = {f.name: str(f.verbose_name) for f in ItemVersion._meta.fields if f.name in EDITABLE}
    before = [*rows[1:], None]
    return [(new, [label for name, label in names.items() if old and getattr(new, name) != getattr(old, name)]) for new, old in zip(rows, before, strict=True)]


def missing(version: ItemVersion) -> dict[str, str]:
    """What keeps a draft from being published, by field."""
    found = {}
    if not version.basis:
        found["basis"] = "缺少设定依据（行政许可法第十四条至第十七条：许可应当依法设定）"
    if not version.conditions:
        found["conditions"] = "缺少受理条件"
    if not (version.promise_amount or version.limit_amount):
        found["promise_amount"] = "缺少办理时限"
    if version.promise_amount and version.limit_amount and version.promise_unit == version.limit_unit and version.promise_amount > version.limit_amount:
        found["promise_amount"] = "承诺时限不能长于法定时限"
    wrong = [f["name"] for f in version.fields if f.get("type") not in TYPES or (f["type"] in {"choice", "multi"} and not f.get("options"))]
    if wrong:
        found["fields"] = f"字段类型或选项不完整：{'、'.join(wrong)}"
    asked = {q["code"] for q in version.questions}
    if any(set(thing.get("when", {})) - asked - {"_party"} for thing in [*version.fields, *version.materials]):
        found["questions"] = "有字段或材料引用了不存在的情形"
    return found


def _editor(actor: Actor) -> None:
    if not actor.holds(EDITOR):
        raise NotAllowed("事项由政务服务主管部门的事项管理员维护。")
