"""The catalogue and its versions: what the loader refuses, what a form takes, which version holds on which day, who may change it."""

import copy
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.http import QueryDict
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.platforms.identity import api as identity
from yiwang.platforms.items import api, catalogue, tables, versions
from yiwang.platforms.items.models import Bundle, Implementation, Item, ItemVersion, Synonym

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
ROOT = Path(__file__).parents[4]


@pytest.fixture
def editor() -> Actor:
    return identity.actor_of_account("editor")


@pytest.fixture
def food() -> ItemVersion:
    return api.published(Item.objects.get(key="food_operation"))


# --- loading ------------------------------------------------------------------------------------------------------------------------------------


def test_the_whole_catalogue_is_there_with_its_marks() -> None:
    assert Item.objects.count() == 445 and Bundle.objects.count() == 49
    assert set(ItemVersion.objects.values_list("mark", flat=True)) == {"V", "K"}
    for key, procedure in (("food_operation", "promise"), ("elderly_card_apply", "instant"), ("road_dig", "joint")):
        found = api.published(Item.objects.get(key=key))
        assert found.procedure == procedure and found.basis and found.materials and found.questions
    assert not ItemVersion.objects.exclude(procedure__in=["promise", "instant", "joint"]).exists()


def test_loading_twice_changes_nothing() -> None:
    def rows() -> tuple[Any, ...]:
        return tuple(model.objects.count() for model in (Item, ItemVersion, Implementation, Bundle, Synonym))

    before = rows()
    catalogue.load_catalogue()
    assert rows() == before


def test_an_interrupted_load_goes_on() -> None:
    gone = Item.objects.get(key="tv_install")
    Implementation.objects.filter(item=gone).delete()
    gone.versions.all().delete()
    gone.delete()
    Item.objects.filter(key="guide").update(meaning=None)
    catalogue.load_catalogue()
    assert Item.objects.filter(key="tv_install", meaning__isnull=False).exists()
    assert not Item.objects.filter(meaning=None).exists()


def spoil(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    data = catalogue._read("items.yaml")
    some = {**data, "items": copy.deepcopy(data["items"][:3])}
    change(some["items"][1])
    return some


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda row: row.update(key="birth_hukou"), "birth_hukou: 重复"),
        (lambda row: row.update(limit={"days": 3, "unit": "礼拜"}), "death_hukou.limit: 未知单位 礼拜"),
        (lambda row: row.update(promise={"days": 3, "unit": "天"}), "death_hukou.promise: 未知单位 天"),
        (lambda row: row.update(topics={"persons": ["养猫"]}), "death_hukou: 未知主题 养猫"),
        (lambda row: row.update(materials=[{"name": "x", "necessity": "必要", "source": "政府部门", "register": "猫库"}]), "death_hukou: 未知来源库 猫库"),
        (lambda row: row.update(field_sets=["cat"]), "death_hukou: 未知字段组"),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_is_loaded(change: Callable[[dict[str, Any]], None], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data, read = spoil(change), catalogue._read
    monkeypatch.setattr(catalogue, "_read", lambda name: data if name == "items.yaml" else read(name))
    with pytest.raises(Invalid) as refused:
        catalogue.load_catalogue()
    assert words in refused.value.message


def test_a_bundle_of_an_unknown_item_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    read = catalogue._read
    wrong = {"bundles": [{"key": "cats", "name": "养猫一件事", "lead": "tax", "who": ["自然人"], "steps": [{"item": "cat", "stage": 1}]}]}
    monkeypatch.setattr(catalogue, "_read", lambda name: wrong if name == "bundles.yaml" else read(name))
    with pytest.raises(Invalid, match=r"cats.*cat"):
        catalogue.load_catalogue()


# --- forms --------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("text", "店", ""), ("text", "店", "店" * 301), ("long", "说明", "说" * 2001), ("number", "12.5", "十二"), ("number", "1", "-1"), ("date", "2026-03-01", "2026-02-30"),
        ("choice", "甲", "丙"), ("multi", ["甲", "乙"], ["丙"]), ("citizen", "11010519491231002X", "110105194912310021"), ("uscc", "91350100M000100Y43", "91350100M000100Y44"),
        ("phone", "13800000000", "1380000"), ("phone", "0759-3333333", "电话"),
    ],
)  # fmt: skip
def test_each_type_takes_what_is_right_and_refuses_what_is_wrong(kind: str, good: Any, bad: Any) -> None:
    version = ItemVersion(fields=[{"code": "f", "name": "内容", "type": kind, "options": ["甲", "乙"]}])
    assert "f" in api.validate(version, {}, {"f": good})
    with pytest.raises(Invalid) as refused:
        api.validate(version, {}, {"f": bad})
    assert set(refused.value.fields) == {"f"} and refused.value.fields["f"]
    assert "f" in api.schema(version)["properties"]


def test_an_unknown_field_is_not_kept() -> None:
    assert api.validate(ItemVersion(fields=[{"code": "f", "name": "内容", "type": "text"}]), {}, {"f": "a", "g": "b"}) == {"f": "a"}


def test_the_situation_prunes_materials_and_fields(food: ItemVersion) -> None:
    own = {m["code"] for m in api.materials_for(food, {"form": "sales", "agent": "self", "place": "own"})}
    rented = {m["code"] for m in api.materials_for(food, {"form": "catering", "agent": "agent", "place": "rent"})}
    assert rented - own == {"health", "rent", "mandate"} and own < rented
    fields = {f["code"] for f in api.fields_for(food, {"form": "sales", "agent": "self", "place": "own"})}
    assert "seats" not in fields and "agent_name" not in fields


def test_a_situation_that_no_question_has_is_refused(food: ItemVersion) -> None:
    with pytest.raises(Invalid) as refused:
        api.validate(food, {"form": "circus", "agent": "self", "place": "own"}, {})
    assert "form" in refused.value.fields


@pytest.mark.parametrize(("rule", "answers", "until"), [
    ({"years": 5}, {}, date(2031, 2, 28)), ({"field": "end"}, {"end": "2026-09-01"}, date(2026, 9, 1)), ({}, {}, None),
])  # fmt: skip
def test_until_when_a_licence_holds(rule: dict[str, Any], answers: dict[str, Any], until: date | None) -> None:
    assert api.licence_until(ItemVersion(result_until=rule), answers, start=date(2026, 3, 1)) == until


def test_a_licence_from_a_leap_day_ends_in_february() -> None:
    assert api.licence_until(ItemVersion(result_until={"years": 5}), {}, start=date(2028, 2, 29)) == date(2033, 2, 28)


def test_facts_decide_only_what_a_register_confirms() -> None:
    card = api.published(Item.objects.get(key="elderly_card_apply"))
    old, young = identity.actor_of_account("haitang"), api.published(Item.objects.get(key="tv_install"))
    assert old.party is not None
    verdict = api.facts_decide(card, applicant=old.party, division="440802000000", on=TODAY)
    assert isinstance(verdict.holds, bool) and bool(verdict.words) == verdict.holds
    assert not api.facts_decide(young, applicant=old.party, division="440802000000", on=TODAY).holds  # no facts: a person decides


# --- versions -----------------------------------------------------------------------------------------------------------------------------------


def test_a_version_takes_effect_on_its_day(editor: Actor, food: ItemVersion) -> None:
    draft = api.draft_from(editor, food.item_id)
    api.edit(editor, draft.pk, {"promise_amount": 5})
    day = TODAY + timedelta(days=30)
    api.publish(editor, draft.pk, valid_from=day)
    assert api.published(food.item).pk == food.pk
    assert api.published(food.item, day - timedelta(days=1)).pk == food.pk
    assert api.published(food.item, day).promise_amount == 5
    assert [v.pk for v in api.published_of([food.item_id])] == [food.pk]
    food.refresh_from_db()
    assert food.promise_amount == 7  # whoever began under it stays under it


def test_a_published_version_never_changes(editor: Actor, food: ItemVersion) -> None:
    with pytest.raises(Conflict):
        api.edit(editor, food.pk, {"promise_amount": 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        ItemVersion.objects.filter(pk=food.pk).update(promise_amount=1)
    with pytest.raises(Conflict):
        api.publish(editor, food.pk, valid_from=TODAY)


def test_joint_approval_asks_somebody(food: ItemVersion) -> None:
    road = ItemVersion.objects.filter(item__key="road_dig")
    assert road and all(len(version.joint) == 3 for version in road)
    row = {name: getattr(food, name) for name in versions.COPIED} | {"procedure": "joint"}
    with pytest.raises(IntegrityError, match="version_joint_asks_somebody"), transaction.atomic():
        ItemVersion.objects.create(**row, number=99)


def test_the_second_editor_is_told(editor: Actor, food: ItemVersion) -> None:
    draft = api.draft_from(editor, food.item_id)
    seen = draft.edited_at.isoformat()
    api.edit(editor, draft.pk, {"area": "全省"}, seen=seen)
    with pytest.raises(Conflict, match="保存过这份草稿"):
        api.edit(editor, draft.pk, {"area": "县域"}, seen=seen)
    draft.refresh_from_db()
    assert draft.area == "全省"


def test_one_draft_at_a_time(editor: Actor, food: ItemVersion) -> None:
    assert api.draft_from(editor, food.item_id) == api.draft_from(editor, food.item_id)


@pytest.mark.parametrize("who", ["chikan_window", "haitang"])
def test_only_the_editor_edits(who: str, editor: Actor, food: ItemVersion) -> None:
    other, draft = identity.actor_of_account(who), api.draft_from(editor, food.item_id)
    for attempt in (
        lambda: api.draft_from(other, food.item_id), lambda: api.edit(other, draft.pk, {"area": ""}), lambda: api.publish(other, draft.pk, valid_from=TODAY),
        lambda: api.withdraw_item(other, food.item_id, reason="不办了"),
    ):  # fmt: skip
        with pytest.raises(NotAllowed):
            attempt()
    with pytest.raises(NotAllowed):
        api.draft_from(SYSTEM, food.item_id)


def test_what_is_missing_is_named_before_publishing(editor: Actor, food: ItemVersion) -> None:
    draft = api.draft_from(editor, food.item_id)
    fields = [*draft.fields, {"code": "x", "name": "颜色", "type": "choice"}]
    api.edit(editor, draft.pk, {"basis": [], "conditions": [], "promise_amount": 30, "fields": fields, "questions": []})
    with pytest.raises(Invalid) as refused:
        api.publish(editor, draft.pk, valid_from=TODAY - timedelta(days=1))
    assert set(refused.value.fields) == {"basis", "conditions", "promise_amount", "fields", "questions", "valid_from"}
    assert "颜色" in refused.value.fields["fields"]
    with pytest.raises(Invalid, match="不能修改"):
        api.edit(editor, draft.pk, {"procedure": "instant"})


def test_a_withdrawn_item_has_no_version(editor: Actor, food: ItemVersion) -> None:
    with pytest.raises(Invalid):
        api.withdraw_item(editor, food.item_id, reason=" ")
    api.withdraw_item(editor, food.item_id, reason="依据废止")
    with pytest.raises(NotFound):
        api.published(food.item)


def test_history_names_what_changed(editor: Actor, food: ItemVersion) -> None:
    draft = api.draft_from(editor, food.item_id)
    api.edit(editor, draft.pk, {"promise_amount": 5, "conditions": ["有营业执照"]})
    (newest, changed), (_, first) = versions.history(food.item_id)
    assert newest == draft and set(changed) == {"承诺时限", "受理条件"} and first == []


# --- the editor's tables ------------------------------------------------------------------------------------------------------------------------


def sent(version: ItemVersion) -> QueryDict:
    """The form as it is shown, sent back untouched."""
    data = QueryDict(mutable=True)
    for table in tables.TABLES:
        for code, cells in tables.shown(version, table):
            data.appendlist(f"{table.key}-code", code)
            for cell in cells:
                data.appendlist(f"{table.key}-{cell.column.code}", cell.value)
    return data


@pytest.mark.parametrize("key", ["food_operation", "elderly_card_apply", "road_dig", "tv_install", "village_land_adjust"])
def test_an_untouched_form_changes_nothing(key: str) -> None:
    version = api.published(Item.objects.get(key=key))
    lists, problems = tables.read(sent(version), version)
    assert not problems
    for name, rows in lists.items():
        assert rows == getattr(version, name), name


def test_rows_are_added_and_removed_without_codes(food: ItemVersion) -> None:
    data = sent(food)
    names, whens = data.getlist("materials-name"), data.getlist("materials-when")
    names[-1], whens[-1] = "食品安全承诺书", "租用、单位食堂"
    data.setlist("materials-name", names)
    data.setlist("materials-when", whens)
    data.appendlist("materials-remove", "layout")
    lists, problems = tables.read(data, food)
    rows = lists["materials"]
    assert not problems
    assert rows[-1]["name"] == "食品安全承诺书" and rows[-1]["when"] == {"place": ["rent"], "form": ["canteen"]} and rows[-1]["code"]
    assert "layout" not in {row["code"] for row in rows} and len(rows) == len(food.materials)


def test_a_situation_nobody_asks_is_named(food: ItemVersion) -> None:
    data = sent(food)
    whens = data.getlist("materials-when")
    whens[0] = "马戏团"
    data.setlist("materials-when", whens)
    assert "马戏团" in tables.read(data, food)[1]["materials"]


def test_the_page_of_the_documentation_runs() -> None:
    page = (ROOT / "docs/platforms/items.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
