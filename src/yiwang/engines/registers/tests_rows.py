"""Rows of declared registers, shown on the water register: guarded changes, history in two times, lists by key, masks, erasure."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from django.db import connection, connections
from django.db.models import Index, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import listing, writing
from yiwang.engines.registers.models import Export, Version
from yiwang.kit import cells
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.declare import Column
from yiwang.kit.fields import wrong_in_register
from yiwang.kit.registry import registry

T = TypeVar("T")
River: Any = registry().registers["river"].model
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
RIVERS = registry().registers["river"]


def person(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, party.name)


def office() -> Actor:
    return person("徐听雨")


def chief() -> Actor:
    return person("卢南渡")


def stranger() -> Actor:
    return person("林海棠")


def filled(code: str = "GD-0001", **changes: Any) -> dict[str, Any]:
    return {"code": code, "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": "168.5", "course": "", **changes}


def test_a_row_is_kept_with_its_words_version_and_audit() -> None:
    river = registers.keep(office(), RIVERS, filled(), reason="第一次登记")
    assert (river.name, river.division_id, river.revision) == ("九洲江", "440881000000", 1)
    version = registers.versions(river)[0]
    assert version.after["name"] == "九洲江" and version.reason == "第一次登记" and version.by == "徐听雨"
    assert Entry.objects.filter(action="register.keep", subject_id=str(river.pk)).exists()
    assert [r.pk for r in registers.page(chief(), RIVERS, registers.Query(search="九洲")).rows] == [river.pk]


@pytest.mark.parametrize(("field", "value", "words"), [
    ("division", "没有的县", "没有找到"), ("length_km", "长", "数字"), ("kind", "sea", "sea"), ("code", "", "必填|必须|不能"), ("course", "{}", "GeoJSON"),
    ("course", '{"type":"MultiLineString","coordinates":[[[1]]]}', "GeoJSON"),
])  # fmt: skip
def test_a_wrong_field_is_named_and_nothing_is_kept(field: str, value: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        registers.keep(office(), RIVERS, filled(**{field: value}))
    assert any(word in refused.value.fields[field] for word in words.split("|")), refused.value.fields
    assert not River.objects.exists()


def test_a_constraint_of_the_table_is_an_error_for_people() -> None:
    with pytest.raises(Invalid):
        registers.keep(office(), RIVERS, filled(length_km="-3"))


def test_who_may_not_read_or_write_is_refused() -> None:
    river = registers.keep(office(), RIVERS, filled())
    with pytest.raises(NotAllowed):
        registers.change(chief(), RIVERS, river.pk, {"name": "别的"})
    with pytest.raises(NotAllowed):
        registers.keep(stranger(), RIVERS, filled("GD-0002"))
    closed = registry().registers["items"]
    with pytest.raises(NotAllowed):
        registers.rows(stranger(), closed)
    assert registers.rows(NOBODY, RIVERS).count() == 1, "rivers are open to everybody"


def test_nobody_overwrites_another_unseen() -> None:
    river = registers.keep(office(), RIVERS, filled())
    registers.change(office(), RIVERS, river.pk, {"name": "九洲江干流"}, revision=1, reason="更名")
    with pytest.raises(Conflict, match="徐听雨"):
        registers.change(office(), RIVERS, river.pk, {"name": "九州江"}, revision=1)
    river.refresh_from_db()
    assert (river.name, river.revision) == ("九洲江干流", 2)


def test_a_change_that_changes_nothing_makes_no_version() -> None:
    river = registers.keep(office(), RIVERS, filled())
    assert registers.change(office(), RIVERS, river.pk, {"name": "九洲江"}).revision == 1 and len(registers.versions(river)) == 1


def test_as_it_was_known_on_that_day() -> None:
    """Entered today: since last year the length is another. What we knew yesterday of last month differs from what we know now of it."""
    today = timezone.localdate()
    river = registers.keep(office(), RIVERS, filled(), valid_from=today - timedelta(days=900))
    Version.objects.update(at=timezone.now() - timedelta(days=800))
    registers.change(office(), RIVERS, river.pk, {"length_km": "170"}, reason="复测", valid_from=today - timedelta(days=365))
    now_of_last_month = registers.as_known(river, on=today - timedelta(days=30))
    known_then = registers.as_known(river, on=today - timedelta(days=30), at=timezone.now() - timedelta(days=1))
    before_it_held = registers.as_known(river, on=today - timedelta(days=400))
    assert (now_of_last_month["length_km"], known_then["length_km"], before_it_held["length_km"]) == ("170.00", "168.50", "168.50")
    assert registers.as_known(river, on=today - timedelta(days=1000)) == {}, "it did not hold yet"


def test_many_rows_change_or_none() -> None:
    rivers = [registers.keep(office(), RIVERS, filled(f"GD-{n}")) for n in range(3)]
    assert registers.change_many(office(), RIVERS, [r.pk for r in rivers], {"kind": "canal"}, reason="重新归类") == 3
    with pytest.raises(Invalid):
        registers.change_many(office(), RIVERS, [r.pk for r in rivers], {"kind": "sea"}, reason="试")
    with pytest.raises(NotFound):
        registers.change_many(office(), RIVERS, [rivers[0].pk, 5], {"kind": "lake"}, reason="试")
    with pytest.raises(Invalid):
        registers.change_many(office(), RIVERS, [rivers[0].pk], {"kind": "lake"}, reason=" ")
    assert set(River.objects.values_list("kind", flat=True)) == {"canal"}


def test_a_frozen_row_is_only_stored() -> None:
    river = registers.keep(office(), RIVERS, filled())
    registers.freeze(office(), RIVERS, river.pk, reason="试停")
    with pytest.raises(NotFound):
        registers.find(chief(), RIVERS, river.pk)
    with pytest.raises(Gone):
        registers.change(office(), RIVERS, river.pk, {"name": "新名"})
    registers.freeze(office(), RIVERS, river.pk, reason="恢复")
    assert registers.find(chief(), RIVERS, river.pk).pk == river.pk
    with pytest.raises(Invalid, match="没有个人信息"):
        registers.erase(office(), RIVERS, river.pk, reason="试")


NAMES = st.lists(st.sampled_from("鹤地南渡遂溪雷州海康"), min_size=1, max_size=3).map("".join)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(NAMES, max_size=12), st.integers(1, 5), st.sampled_from(["name", "-name", "-pk", "changed_at", "-changed_at"]))
def test_pages_by_key_show_every_row_once_in_order(names: list[str], size: int, order: str) -> None:
    River.objects.all().delete()
    for number, name in enumerate(names):
        registers.keep(SYSTEM, RIVERS, filled(f"K-{number}", name=name))
    seen: list[Any] = []
    after = "begin"
    while after:
        found = registers.page(SYSTEM, RIVERS, registers.Query(order=order, size=size, after="" if after == "begin" else after))
        seen += found.rows
        after = found.after
    assert len(seen) == len({r.pk for r in seen}) == len(names)
    key = order.lstrip("-")
    values = [(getattr(r, key), r.pk) for r in seen]
    expected = list(River.objects.order_by(*([order] if key == "pk" else [order, f"{'-' if order[0] == '-' else ''}pk"])).values_list(key, "pk"))
    assert values == expected


def test_filters_and_words_narrow_and_false_ones_are_named() -> None:
    registers.keep(office(), RIVERS, filled("A", kind="lake", name="湖光岩"))
    registers.keep(office(), RIVERS, filled("B", name="南渡河", division="雷州市"))

    def found(**asked: str) -> list[str]:
        return [r.code for r in registers.page(chief(), RIVERS, registers.parse(RIVERS, asked)).rows]

    assert found(kind="lake") == ["A"] and found(division="雷州市") == ["B"] and found(division="440882000000") == ["B"]
    assert found(q="南渡") == ["B"] and found(q="南渡 湖光") == [] and set(found(unknown="x")) == {"A", "B"}
    with pytest.raises(Invalid):
        registers.parse(RIVERS, {"division": "没有的县"})
    with pytest.raises(Invalid):
        found(after="???")


def test_a_count_is_exact_while_small_and_an_estimate_above(monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        registers.keep(SYSTEM, RIVERS, filled(f"C-{number}"))
    assert str(registers.count(chief(), RIVERS, registers.Query())) == "4 条"
    monkeypatch.setattr(listing, "EXACT", 2)
    many = registers.count(chief(), RIVERS, registers.Query())
    assert not many.exact and many.number >= 2 and str(many).startswith("约")


def test_a_dear_count_is_not_made_and_a_page_that_is_whole_counts_itself(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    for number in range(4):
        registers.keep(SYSTEM, RIVERS, filled(f"C-{number}"))
    whole, part, reader = registers.Query(), registers.Query(size=2), chief()
    with django_assert_num_queries(1):
        assert str(registers.count(reader, RIVERS, whole, registers.page(reader, RIVERS, whole))) == "4 条"
    listed = registers.page(reader, RIVERS, part)
    assert registers.count(reader, RIVERS, part, listed) == registers.Count(4, True), "another page follows, and counting is cheap"
    monkeypatch.setattr(River, "visible_to", classmethod(lambda cls, actor: NOTHING))
    assert registers.count(reader, RIVERS, whole) == registers.Count(0, True), "who sees none is told so"
    monkeypatch.undo()
    monkeypatch.setattr(listing, "DEAR", 0)
    with django_assert_num_queries(1):  # the planner alone is asked
        assert not registers.count(SYSTEM, RIVERS, part, listed).exact


def test_a_day_without_an_index_for_its_timeline_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, roles = registry().registers["sample"], set(registry().roles)
    assert list(wrong_in_register(samples, roles)) == []
    for indexes, said in (
        ([Index(fields=["month"], name="by_month"), Index(fields=["id"], name="x")], "let by_month be"),
        ([Index(fields=["-month", "id"], name="mixed")], "let mixed be"),
        ([Index(fields=["month", "id"], name="part", condition=Q(met=True)), Index(fields=["month"], name="order")], "let order be"),
        ([Index(fields=["month", "section"], name="other"), Index(fields=["section", "month"], name="another")], "let other be"),
    ):
        monkeypatch.setattr(samples.model._meta, "indexes", indexes)
        found = [problem for problem in wrong_in_register(samples, roles) if problem.startswith("day ")]
        assert found == [f'day month has no index (month, id) for its timeline: {said} models.Index(fields=["month", "id"], name="sample_by_month")']


def test_a_model_may_put_a_field_into_words(monkeypatch: pytest.MonkeyPatch) -> None:
    registers.keep(SYSTEM, RIVERS, filled())
    row, code, kind = River.objects.get(), Column(code="code"), Column(code="kind")
    assert [cells.cell(RIVERS, row, c) for c in (code, kind)] == ["GD-0001", "河流"] and not cells.needs_row(RIVERS, kind)
    monkeypatch.setattr(River, "get_code_display", lambda self: f"第 {self.code} 号", raising=False)
    assert cells.cell(RIVERS, row, code) == "第 GD-0001 号" and cells.needs_row(RIVERS, code)
    text = b"".join(writing.content(SYSTEM, RIVERS, registers.Query(), Export(format="csv", reason="试", by_name="试", rows=1))).decode()
    assert "第 GD-0001 号" in text and ",河流," in text


def test_a_list_reads_neither_shapes_nor_words(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    registers.keep(SYSTEM, RIVERS, filled())
    with CaptureQueriesContext(connection) as asked:
        registers.page(SYSTEM, RIVERS, registers.Query())
        whole = registers.page(SYSTEM, RIVERS, registers.Query(), whole=True).rows[0]
    assert "course" not in asked[0]["sql"] and "words" not in asked[0]["sql"] and "words" not in asked[1]["sql"]
    with django_assert_num_queries(0):
        assert "course" in registers.snapshot(whole)


def test_saved_views_are_ones_own_or_ones_offices() -> None:
    query = registers.parse(RIVERS, {"kind": "lake", "q": "湖"})
    registers.save_view(office(), RIVERS, query, name="湖泊")
    assert [v.query for v in registers.views_of(office(), RIVERS)] == ["kind=lake&q=%E6%B9%96"] and registers.views_of(chief(), RIVERS) == []
    with pytest.raises(NotAllowed):
        registers.save_view(office(), RIVERS, query, name="给别人", organ=1)
    with pytest.raises(NotFound):
        registers.forget_view(chief(), registers.views_of(office(), RIVERS)[0].pk)


def elsewhere(work: Callable[[], T]) -> T:
    """Runs with a connection of its own that commits, as another process would."""
    try:
        return work()
    finally:
        connections.close_all()


def test_of_two_changes_at_once_one_wins_and_the_other_is_told() -> None:
    def edit(name: str) -> str:
        try:
            registers.change(SYSTEM, RIVERS, river.pk, {"name": name}, revision=1)
        except Conflict:
            return "told"
        return "won"

    with ThreadPoolExecutor(2) as pool:
        river = pool.submit(elsewhere, lambda: registers.keep(SYSTEM, RIVERS, filled(f"RACE-{uuid4().hex[:8]}"))).result()
        try:
            assert sorted(pool.map(lambda name: elsewhere(lambda: edit(name)), ["甲", "乙"])) == ["told", "won"]
            assert River.objects.get(pk=river.pk).revision == 2
        finally:
            pool.submit(elsewhere, Version.objects.filter(subject_id=str(river.pk)).delete).result()
            pool.submit(elsewhere, River.objects.filter(pk=river.pk).delete).result()


def test_dates_are_not_in_the_future_of_what_is_known() -> None:
    river = registers.keep(office(), RIVERS, filled(), valid_from=date(2030, 1, 1))
    assert registers.as_known(river, on=timezone.localdate()) == {} and registers.as_known(river, on=date(2030, 1, 2))["name"] == "九洲江"
