"""Files into registers and out: line by line, all or the good ones, cut off and gone on; exports marked, masked, approved."""

import csv
import io
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from openpyxl import Workbook, load_workbook
from pytest_django import DjangoAssertNumQueries

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party, Post
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import exports, imports, listing, writing
from yiwang.engines.registers.models import Export, Import, Version
from yiwang.kit import cells
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import Column
from yiwang.kit.registry import registry

River: Any = registry().registers["river"].model
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
RIVERS = registry().registers["river"]
HEAD = ["河湖编码", "名称", "类型", "所属区划", "长度（公里）"]
GOOD = ["GD-1", "九洲江", "河流", "廉江市", "168.5"]


def person(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, party.name)


def office() -> Actor:
    return person("徐听雨")


def file(*lines: list[str], head: list[str] = HEAD, encoding: str = "utf-8") -> io.BytesIO:
    text = io.StringIO()
    csv.writer(text).writerows([head, *lines])
    return io.BytesIO(text.getvalue().encode(encoding))


def sent(*lines: list[str], **options: Any) -> Import:
    source = registers.receive(office(), RIVERS, file(*lines), "河湖.csv", **options)
    imports.run(source.pk)
    source.refresh_from_db()
    return source


def errors(source: Import) -> dict[int, str]:
    return {line.number: line.error for line in registers.wrong_lines(office(), source.pk)}


def written(source: Import, mode: str) -> Import:
    registers.confirm(office(), source.pk, mode)
    imports.run(source.pk)
    source.refresh_from_db()
    return source


def test_each_wrong_line_is_named_and_nothing_is_written_by_checking() -> None:
    registers.keep(SYSTEM, RIVERS, {"code": "GD-9", "name": "旧", "kind": "river", "division": "廉江市", "length_km": "1"})
    source = sent(
        GOOD, ["GD-2", "", "河流", "廉江市", "1"], ["GD-3", "x", "大海", "廉江市", "1"], ["GD-4", "x", "河流", "没有的县", "1"], ["GD-5", "x", "河流", "廉江市", "-1"],
        ["GD-1", "重复", "河流", "廉江市", "1"], ["GD-9", "已有", "河流", "廉江市", "1"],
    )  # fmt: skip
    found = errors(source)
    assert (source.state, source.total, source.wrong) == ("checked", 7, 6) and set(found) == {2, 3, 4, 5, 6, 7}
    for number, words in {2: "名称", 3: "类型", 4: "没有找到", 5: "长度应当大于 0", 6: "不止一次", 7: "已经登记过"}.items():
        assert words in found[number]
    assert River.objects.count() == 1


def test_all_or_nothing_refuses_while_one_is_wrong_and_the_good_ones_go_alone() -> None:
    source = sent(GOOD, ["GD-2", "x", "河流", "没有的县", "1"])
    with pytest.raises(Invalid, match="1 行有错误"):
        registers.confirm(office(), source.pk, "all")
    done = written(source, "good")
    assert (done.state, done.written, River.objects.get().name) == ("done", 1, "九洲江")
    version = Version.objects.get(subject_id=str(River.objects.get().pk))
    assert version.by == "徐听雨" and "第 1 行" in version.reason and version.after["name"] == "九洲江"
    assert Entry.objects.filter(action="register.import.write").count() == 1
    assert [r.code for r in registers.page(office(), RIVERS, registers.Query(search="九洲")).rows] == ["GD-1"], "found by its words"
    with pytest.raises(Conflict):
        registers.confirm(office(), source.pk, "good")


def test_rows_that_are_there_are_updated_when_asked() -> None:
    written(sent(GOOD), "all")
    written(sent(["GD-1", "九洲江干流", "河流", "廉江市", "168.5"], ["GD-2", "南渡河", "河流", "雷州市", "97"], matching="update"), "all")
    first = River.objects.get(code="GD-1")
    assert (first.name, first.revision, River.objects.count()) == ("九洲江干流", 2, 2)
    assert registers.versions(first)[0].before == {"name": "九洲江"}


def test_an_import_cut_off_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 3)
    lines = [[f"GD-{n}", f"河{n}", "河流", "廉江市", "1" if n % 4 else "-1"] for n in range(1, 11)]
    source = registers.receive(office(), RIVERS, file(*lines), "河湖.csv")
    assert imports.step(source.pk)  # one chunk, and the worker dies
    imports.run(source.pk)
    source.refresh_from_db()
    assert (source.state, source.wrong) == ("checked", 2) and set(errors(source)) == {4, 8}
    registers.confirm(office(), source.pk, "good")
    assert imports.step(source.pk) and River.objects.count() == 3
    imports.run(source.pk)
    imports.run(source.pk)  # again: nothing more
    assert River.objects.count() == 8 and Version.objects.filter(subject_id__in=[str(pk) for pk in River.objects.values_list("pk", flat=True)]).count() == 8


def test_all_is_one_transaction_and_a_change_since_the_check_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "CHUNK", 2)
    source = sent(*[[f"GD-{n}", f"河{n}", "河流", "廉江市", "1"] for n in range(5)])
    registers.keep(SYSTEM, RIVERS, {"code": "GD-4", "name": "抢先", "kind": "river", "division": "廉江市", "length_km": "1"})
    after = written(source, "all")
    assert (after.state, after.wrong, after.written, River.objects.count()) == ("checked", 1, 0, 1), "nothing was written, the check was made anew"


def test_what_follows_from_a_line_is_worked_out_and_refused_with_it() -> None:
    def derive(row: Any) -> dict[str, Any]:
        if row.length_km > 100:
            raise Invalid("", fields={"length_km": "太长"})
        return {"kind": "canal"}

    object.__setattr__(RIVERS, "derive", derive)
    try:
        source = sent(GOOD, ["GD-2", "短河", "河流", "廉江市", "3"])
        assert errors(source) == {1: "太长"}
        written(source, "good")
    finally:
        object.__setattr__(RIVERS, "derive", None)
    assert [(r.code, r.kind) for r in River.objects.all()] == [("GD-2", "canal")]
    assert registers.versions(River.objects.get())[0].after["kind"] == "canal"


def test_shapes_dates_and_numbers_come_back_as_they_were_written_in_bulk() -> None:
    shape = '{"type":"MultiLineString","coordinates":[[[110.28,21.66],[110.36,21.27]]]}'
    lines = file([*GOOD, shape], ["GD-2", "南'渡\\河", "湖泊", "雷州市", "0.10", ""], head=[*HEAD, "走向"])
    source = registers.receive(office(), RIVERS, lines, "河湖.csv")
    imports.run(source.pk)
    written(source, "all")
    first, second = River.objects.order_by("code")
    assert first.course.srid == 4490 and json.loads(first.course.geojson)["coordinates"] == json.loads(shape)["coordinates"]
    assert (second.name, str(second.length_km), second.course, second.standing) == ("南'渡\\河", "0.10", None, "live")
    assert registers.snapshot(first) == registers.versions(first)[0].after and abs((first.changed_at - timezone.now()).total_seconds()) < 60
    assert [p.pk for p in registers.page(SYSTEM, RIVERS, registers.Query(search="渡河")).rows] == []
    assert [p.pk for p in registers.page(SYSTEM, RIVERS, registers.Query(search="九洲")).rows] == [first.pk]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_in_the_encodings_that_offices_use(encoding: str) -> None:
    source = registers.receive(office(), RIVERS, file(GOOD, encoding=encoding), "河湖.csv")
    imports.run(source.pk)
    assert errors(source) == {}


def test_xlsx_and_geojson() -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(HEAD)
    sheet.append(["GD-1", "九洲江", "河流", "廉江市", 168.5])
    held = io.BytesIO()
    book.save(held)
    source = registers.receive(office(), RIVERS, held, "河湖.xlsx")
    imports.run(source.pk)
    assert written(Import.objects.get(pk=source.pk), "all").written == 1
    shape = {"type": "LineString", "coordinates": [[110.28, 21.66], [110.36, 21.27]]}
    features = [{"type": "Feature", "geometry": shape, "properties": {"code": "GD-2", "name": "南渡河", "kind": "river", "division": "雷州市", "length_km": 97}}]
    source = registers.receive(office(), RIVERS, io.BytesIO(json.dumps({"type": "FeatureCollection", "features": features}).encode()), "河湖.geojson")
    imports.run(source.pk)
    assert errors(source) == {} and written(Import.objects.get(pk=source.pk), "all").written == 1
    course = River.objects.get(code="GD-2").course
    assert course is not None and course.geom_type == "MultiLineString"


@pytest.mark.parametrize(("content", "name", "words"), [
    (b"", "a.csv", "空"), (b"x", "a.pdf", "CSV"), (b"not a zip", "a.xlsx", "XLSX"), (b"{}", "a.geojson", "GeoJSON"), ("名称\n九洲江\n".encode(), "a.csv", "河湖编码"),
    (",".join(HEAD).encode(), "a.csv", "没有数据"),
])  # fmt: skip
def test_a_file_that_is_none_is_refused_at_once(content: bytes, name: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        registers.receive(office(), RIVERS, io.BytesIO(content), name)
    assert words in refused.value.message + "".join(refused.value.fields.values()) and not Import.objects.exists()


def test_who_may_not_edit_does_not_import_and_nobody_touches_anothers() -> None:
    with pytest.raises(NotAllowed):
        registers.receive(person("卢南渡"), RIVERS, file(GOOD), "a.csv")
    source = sent(GOOD)
    for act in (lambda a: registers.confirm(a, source.pk, "all"), lambda a: registers.drop(a, source.pk), lambda a: registers.wrong_lines(a, source.pk)):
        with pytest.raises(NotFound):
            act(person("罗景行"))
    registers.drop(office(), source.pk)
    with pytest.raises(Conflict):
        registers.confirm(office(), source.pk, "all")


# --- out ---------------------------------------------------------------------------------------------------------------------------------------


def taken(export: Export, actor: Actor | None = None) -> bytes:
    _, content = registers.take_export(actor or office(), export.pk)
    return content.read()


def asked(format: str, **options: Any) -> Export:
    return registers.ask_export(office(), RIVERS, registers.Query(), format=format, reason="年度统计", **options)


def test_what_is_taken_away_is_marked_and_can_come_back() -> None:
    written(sent(GOOD, ["GD-2", "=1+1", "湖泊", "雷州市", "2"]), "all")
    text = taken(asked("csv")).decode("utf-8-sig")
    assert "九洲江" in text and "导出人：徐听雨" in text and "年度统计" in text and "'=1+1" in text, "marked; a formula is text"
    sheet = load_workbook(io.BytesIO(taken(asked("xlsx"))))
    assert sheet.worksheets[0]["B2"].value in {"九洲江", "'=1+1"} and "徐听雨" in str(sheet["说明"]["A1"].value)
    shapes = json.loads(taken(asked("geojson")))
    assert len(shapes["features"]) == 2 and "徐听雨" in shapes["note"]
    River.objects.all().delete()
    again = registers.receive(office(), RIVERS, io.BytesIO(text.encode("utf-8-sig")), "回来.csv")
    imports.run(again.pk)
    assert errors(again) == {} and Import.objects.get(pk=again.pk).total == 2
    assert Entry.objects.filter(action="register.export.take").count() == 3


def test_an_export_asks_no_question_for_a_row(monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    """A page of rows, then each kind of key once for what it has not met yet; a computed column its rows, together."""
    shape = '{"type":"MultiLineString","coordinates":[[[110.28,21.66],[110.36,21.27]]]}'
    for number in range(6):
        registers.keep(SYSTEM, RIVERS, {"code": f"GD-{number}", "name": f"河{number}", "kind": "river", "division": "廉江市", "length_km": "1", "course": shape})
    computed = replace(RIVERS, columns=(*RIVERS.columns, Column(code="again", name="再说一遍", show=lambda row: f"{row}，在{row.division}")))
    export = Export(register="river", format="csv", reason="试", by_name="试", rows=6)
    for size, asked in ((10, 3), (3, 4)):  # the rows, one division, the computed column's rows: of three, twice
        monkeypatch.setattr(writing, "PAGE", size)
        with django_assert_num_queries(asked):
            text = b"".join(writing.content(SYSTEM, computed, registers.Query(), export)).decode()
        assert [f"河{number}，在廉江市" in text for number in range(6)] == [True] * 6 and text.count("MultiLineString") == 6


def test_a_personal_shape_is_left_out_unless_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    registers.keep(SYSTEM, RIVERS, {"code": "GD-1", "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": "1", "course": '{"type":"MultiLineString","coordinates":[[[110.28,21.66],[110.36,21.27]]]}'})  # fmt: skip
    monkeypatch.setattr(cells, "is_personal", lambda model, path: path == "course")
    for clear in (False, True):
        export = Export(register="river", reason="试", by_name="试", rows=1, clear=clear)
        for export.format in ("csv", "geojson"):
            assert (b"110.28" in b"".join(writing.content(SYSTEM, RIVERS, registers.Query(), export))) is clear


def officer() -> Actor:
    actor = person("庄书言")
    Post.objects.filter(pk=actor.seats[0].post).update(roles=["supervisor", "data-officer"])
    return person("庄书言")


def test_many_rows_wait_for_another_person(monkeypatch: pytest.MonkeyPatch) -> None:
    written(sent(GOOD, ["GD-2", "x", "河流", "廉江市", "1"]), "all")
    object.__setattr__(RIVERS, "open_export", 1)
    try:
        export = asked("csv")
    finally:
        object.__setattr__(RIVERS, "open_export", 1_000)
    assert export.state == "waiting"
    with pytest.raises(NotAllowed):
        taken(export)
    with pytest.raises(NotAllowed):
        registers.decide_export(office(), export.pk, granted=True)
    registers.decide_export(officer(), export.pk, granted=True)
    assert "九洲江" in taken(export).decode()
    with pytest.raises(NotFound):
        taken(export, officer())
    Export.objects.filter(pk=export.pk).update(decided_at=timezone.now() - timezone.timedelta(days=8))  # type: ignore[attr-defined]  # re-exported there
    with pytest.raises(Gone):
        taken(export)


def test_an_export_needs_a_purpose_and_a_format() -> None:
    with pytest.raises(Invalid):
        registers.ask_export(office(), RIVERS, registers.Query(), format="csv", reason=" ")
    with pytest.raises(Invalid):
        registers.ask_export(office(), registry().registers["reach"], registers.Query(), format="pdf", reason="x")
    with pytest.raises(NotAllowed):
        registers.ask_export(person("林海棠"), registry().registers["items"], registers.Query(), format="csv", reason="x")


@pytest.fixture
def large(no_rivers: None, monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> None:
    """Three rivers, and two are many."""
    settings.EXPORTS = tmp_path
    written(sent(GOOD, ["GD-2", "南渡河", "河流", "雷州市", "97"], ["GD-3", "鉴江", "河流", "吴川市", "2"]), "all")
    for format in ("csv", "xlsx", "geojson"):
        monkeypatch.setitem(exports.AT_ONCE, format, 2)


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("format", ["csv", "xlsx", "geojson"])
def test_a_large_export_is_a_file_made_aside_and_the_same_in_everything_else(format: str) -> None:
    export = asked(format)
    assert export.state == "making"
    with pytest.raises(NotAllowed, match="正在生成"):
        taken(export)
    exports.make(export.pk)
    exports.make(export.pk)  # the job of a worker that was thought dead
    export.refresh_from_db()
    assert (export.state, export.done, export.percent) == ("ready", 3, 100)
    River.objects.all().delete()  # what was made stays as it was
    content = taken(export)
    if format == "xlsx":
        book = load_workbook(io.BytesIO(content))
        assert book.worksheets[0].max_row == 4 and "徐听雨" in str(book["说明"]["A1"].value) and "年度统计" in str(book["说明"]["A1"].value)
    else:
        assert all(word in content.decode() for word in ("九洲江", "徐听雨", "年度统计"))
    assert Entry.objects.filter(action="register.export.take", subject_id=str(export.pk)).count() == 1
    with pytest.raises(NotFound):
        taken(export, person("罗景行"))


@pytest.mark.usefixtures("large")
def test_a_file_that_could_not_be_made_is_said_and_nothing_of_it_is_offered(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    export = asked("xlsx")

    def breaks(*given: Any) -> Iterator[bytes]:
        yield b"half"
        raise OSError("disk full")

    monkeypatch.setattr(writing, "content", breaks)
    with pytest.raises(OSError, match="full"):
        exports.make(export.pk)
    export.refresh_from_db()
    assert export.state == "failed" and not list(tmp_path.iterdir())
    with pytest.raises(NotAllowed, match="没有生成"):
        taken(export)


def test_a_small_export_that_breaks_off_is_an_error_and_no_half_file(monkeypatch: pytest.MonkeyPatch) -> None:
    written(sent(GOOD), "all")

    def breaks(*given: Any) -> Iterator[bytes]:
        yield b"half"
        raise OSError("gone")

    monkeypatch.setattr(writing, "content", breaks)
    with pytest.raises(OSError, match="gone"):
        taken(asked("csv"))


@pytest.mark.usefixtures("large")
def test_a_worker_killed_in_the_middle_leaves_nothing_and_another_begins_anew(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    export = asked("csv")

    def killed(*given: Any) -> Iterator[bytes]:
        yield b"half"
        raise SystemExit

    with monkeypatch.context() as once, pytest.raises(SystemExit):
        once.setattr(writing, "content", killed)
        exports.make(export.pk)
    export.refresh_from_db()
    assert export.state == "making", "as after a power cut: the job is taken up again"
    exports.make(export.pk)
    assert "鉴江" in taken(Export.objects.get(pk=export.pk)).decode() and [path.name for path in tmp_path.iterdir()] == [str(export.pk)]


@pytest.mark.usefixtures("large")
def test_a_made_file_is_not_for_who_holds_other_posts_by_now_nor_for_ever(tmp_path: Path) -> None:
    export = asked("csv")
    exports.make(export.pk)
    post = Post.objects.get(pk=office().seats[0].post)
    Post.objects.filter(pk=post.pk).update(roles=[*post.roles, "supervisor"])
    with pytest.raises(Conflict, match="岗位"):
        taken(export)
    Post.objects.filter(pk=post.pk).update(roles=post.roles)
    assert taken(export)
    os.utime(tmp_path / str(export.pk), (0, 0))
    assert exports.sweep() == 1
    with pytest.raises(Gone):
        taken(export)


def test_no_more_rows_go_than_were_allowed() -> None:
    written(sent(GOOD), "all")
    export = asked("csv")
    written(sent(*[[f"GD-{n}", f"河{n}", "河流", "廉江市", "1"] for n in range(2, 5)]), "all")
    object.__setattr__(RIVERS, "open_export", 2)
    try:
        with pytest.raises(Conflict, match="超过"):
            taken(export)
    finally:
        object.__setattr__(RIVERS, "open_export", 1_000)
    assert "河4" in taken(export).decode()


def test_long_words_are_kept_whole_in_what_was_asked() -> None:
    export = registers.ask_export(office(), RIVERS, registers.parse(RIVERS, {"q": "河" * 100}), format="csv", reason="长")
    assert Export.objects.get(pk=export.pk).query.count("%E6%B2%B3") == 100
    view = registers.save_view(office(), RIVERS, registers.parse(RIVERS, {"q": "河" * 100}), name="长")
    assert view.query.count("%E6%B2%B3") == 100


def test_an_export_shows_one_moment() -> None:
    """The rows as they were when it began, whatever is changed while they are read."""
    rivers = [registers.keep(SYSTEM, RIVERS, {"code": f"GD-{n}", "name": f"时刻{n}", "kind": "river", "division": "廉江市", "length_km": "1"}) for n in range(4)]
    pages = listing.every(SYSTEM, RIVERS, registers.parse(RIVERS, {"order": "name"}), ["pk", "name"], size=2)
    seen = next(pages)
    registers.change(SYSTEM, RIVERS, rivers[3].pk, {"name": "新名"}, revision=1)
    registers.change(SYSTEM, RIVERS, rivers[0].pk, {"name": "最后"}, revision=1)
    assert [name for _, name in (*seen, *(row for page in pages for row in page))] == [f"时刻{n}" for n in range(4)]
