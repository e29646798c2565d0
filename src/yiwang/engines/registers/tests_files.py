"""Files as they really come: large, broken, cut off, hostile. Read with little memory, refused in words, never half."""

import csv
import io
import json
import tracemalloc
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from django.core.exceptions import ValidationError

from yiwang.base.errors import Invalid, TooLarge
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import geojson, imports, reading
from yiwang.engines.registers.models import Import, ImportLine
from yiwang.engines.registers.tests_transfers import HEAD, RIVERS, River, errors, file, office, sent, written
from yiwang.kit.forms import PlaceField

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_rivers")]
SHAPE = {"type": "LineString", "coordinates": [[110.28, 21.66], [110.36, 21.27]]}


def feature(code: str, *, shape: Any = SHAPE, **more: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": shape, "properties": {"code": code, "name": "九洲江", "kind": "river", "division": "廉江市", "length_km": 97, **more}}


def collection(*features: Any, **members: Any) -> bytes:
    return json.dumps({**members, "features": features, "type": "FeatureCollection", "note": {"after": [1, {"x": "]}"}]}}).encode()


def brought(content: bytes, name: str = "河湖.geojson") -> Import:
    source = registers.receive(office(), RIVERS, io.BytesIO(content), name)
    imports.run(source.pk)
    source.refresh_from_db()
    return source


def test_features_come_one_by_one_wherever_the_blocks_end(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = [feature(f"GD-{n}", note="“引号”,{[\\\"" * n, size=n * 1.5) for n in range(40)]
    content = b"\xef\xbb\xbf" + collection(*whole, crs={"type": "name"}, bbox=[1, 2, 3, 4.5])
    for block in (1, 7, 64, 1 << 16):
        monkeypatch.setattr(geojson, "BLOCK", block)
        found = list(geojson.lines(io.BytesIO(content)))
        assert [line["code"] for line in found] == [f"GD-{n}" for n in range(40)] and json.loads(found[3]["geometry"]) == SHAPE
        assert [line["note"] for line in found] == [f["properties"]["note"] for f in whole]


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{", b'{"features": [', b'{"features": {}}', b'{"type": "FeatureCollection"}', collection()[:-1], collection(feature("a"))[:-40], collection(feature("a")) + b"{}",
    collection(feature("a"))[:200], b'{"features": [1]}', b'{"features": [{"geometry": null}]}', b'{"features": [{"properties": [], "geometry": null, "x": NaN}]}',
    b'{"features": [{"properties": {"length_km": 1e999}, "geometry": null}]}', b'{"features": ' + b"[" * 100_000, b'{"features": ["\xff"]}', collection(feature("a", **{f"p{n}": 1 for n in range(400)})),
])  # fmt: skip
def test_what_is_no_whole_collection_is_refused_at_once(content: bytes) -> None:
    with pytest.raises(Invalid):
        brought(content)
    assert not ImportLine.objects.filter(source__by=office().party).exists()


def test_a_feature_may_be_long_but_not_endless() -> None:
    long = {"type": "LineString", "coordinates": [[110 + n / 1e6, 21.0] for n in range(20_000)]}
    assert len(list(geojson.lines(io.BytesIO(collection(feature("a", shape=long)))))) == 1
    with pytest.raises(ValueError, match="longer"):
        list(geojson.lines(io.BytesIO(b'{"features": [{"properties": {"name": "' + b"x" * (geojson.LONGEST * 2))))


def test_a_feature_that_is_wrong_is_corrected_in_the_file_and_sent_again() -> None:
    source = brought(collection(feature("GD-1"), feature("GD-2", division="没有的县"), feature("GD-3", shape={"type": "LineString", "coordinates": [[110.3, 21.2], [1e6, 2e6]]})))
    found = errors(source)
    assert set(found) == {2, 3} and "超出" in found[3]
    assert written(source, "good").written == 1
    headings = list(source.fields)
    text = io.StringIO()
    csv.writer(text).writerows([headings, *([line.data.get(h, "") for h in headings] for line in registers.wrong_lines(office(), source.pk))])
    again = brought(text.getvalue().replace("没有的县", "廉江市").replace("1000000.0", "110.4").replace("2000000.0", "21.3").encode(), "改好.csv")
    assert errors(again) == {} and written(again, "all").written == 2
    assert [len(r.course[0]) for r in River.objects.order_by("code")] == [2, 2, 2], "the shape came back out of the table's cell"


def test_a_large_collection_is_read_with_little_memory(tmp_path: Any) -> None:
    """Eight megabytes here; what is held does not grow with the file."""
    shape = {"type": "LineString", "coordinates": [[110 + n / 1e5, 21.0] for n in range(1_500)]}
    one = json.dumps(feature("GD-1", shape=shape))
    path = tmp_path / "large.geojson"
    path.write_text('{"type": "FeatureCollection", "features": [' + ",".join([one] * 300) + "]}")
    assert path.stat().st_size > 8_000_000
    tracemalloc.start()
    try:
        with path.open("rb") as opened:
            given, lines = reading.lines_of(opened, path.name)
            count = sum(1 for _ in reading.told(lines))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 300 and "geometry" in given and peak < 2_000_000


def test_long_lines_are_worked_on_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports, "HEAVY", 3_000)
    source = brought(collection(*[feature(f"GD-{n}", shape={"type": "LineString", "coordinates": [[110 + (n * 7 + i * i) % 97 / 97, 21 + i / 100] for i in range(60)]}) for n in range(7)]))
    assert 1 <= len(imports._chunk(Import(pk=source.pk))) < 7 and (source.state, source.done, source.wrong) == ("checked", 7, 0)
    assert written(source, "all").written == 7


def test_a_cell_may_hold_a_long_river() -> None:
    shape = json.dumps({"type": "LineString", "coordinates": [[110 + n / 1e5, 21.0] for n in range(12_000)]})
    assert len(shape) > 131_072
    source = brought(file(["GD-1", "九洲江", "河流", "廉江市", "1", shape], head=[*HEAD, "走向"]).getvalue(), "长.csv")
    assert errors(source) == {} and written(source, "all").written == 1


@pytest.mark.parametrize(("content", "name"), [
    (file(["GD-1", "九洲\0江", "河流", "廉江市", "1"]).getvalue(), "a.csv"), (collection(feature("a", name="九洲\0江")), "a.geojson"), (collection(feature("a", name="\ud800")), "a.geojson"),
    (collection(feature("a", shape={"type": "Point", "coordinates": ["\udfff"]})), "a.geojson"), (file(["GD-1", "x" * 3_000_000, "河流", "廉江市", "1"]).getvalue(), "a.csv"),
    (file(["GD-1", "九洲江", "河流", "廉江市", "1"]).getvalue() + b"\xff\xff\xff", "a.csv"), ("河湖编码\t名称".encode("utf-16"), "a.csv"),
])  # fmt: skip
def test_what_no_text_may_hold_is_refused_with_its_line(content: bytes, name: str) -> None:
    with pytest.raises(Invalid):
        brought(content, name)


def test_a_sheet_that_swells_is_refused_before_it_is_unpacked() -> None:
    held = io.BytesIO()
    with ZipFile(held, "w", ZIP_DEFLATED) as archive:
        archive.writestr("xl/sharedStrings.xml", b"<t>x</t>" * 20_000_000)
    with pytest.raises(TooLarge):
        brought(held.getvalue(), "a.xlsx")
    held = io.BytesIO()
    with ZipFile(held, "w") as archive:
        archive.writestr("xl/workbook.xml", "<broken")
    with pytest.raises(Invalid):
        brought(held.getvalue(), "a.xlsx")


def test_a_formula_that_was_made_harmless_comes_back_as_it_was() -> None:
    assert written(sent(["GD-1", "'=1+1", "河流", "廉江市", "1"], ["GD-2", "'南", "河流", "廉江市", "1"]), "all").written == 2
    assert [r.name for r in River.objects.order_by("code")] == ["=1+1", "'南"]
    assert reading.harmless("＝1+1") == "'＝1+1" and reading.harmless("-1.5") == "-1.5" and reading.harmless("\n=1") == "'\n=1"


@pytest.mark.parametrize("shape", [
    '{"type":"Point","coordinates":[NaN,21]}', '{"type":"Point","coordinates":[1e999,21]}', '{"type":"Point","coordinates":[110,91]}', '{"type":"Point","coordinates":[181,21]}',
    "[" * 5_000, '{"type":"Point"}', "null", "1", '"x"', '{"type":"Point","coordinates":["a","b"]}', '{"type":"Point","coordinates":[]}', "POINT(1 2)", "SRID=4326;POINT(1 2)", "999,99",
    '{"type":"GeometryCollection","geometries":[]}', '{"type":"LineString","coordinates":[[110,21]]}', '{"type":"LineString","coordinates":[[110,21],[110,21]]}',
])  # fmt: skip
def test_an_odd_shape_is_refused_in_words(shape: str) -> None:
    for kind in ("POINT", "MULTILINESTRING", "GEOMETRY"):
        with pytest.raises(ValidationError):
            PlaceField(kind=kind).clean(shape)


def test_a_height_is_left_out() -> None:
    source = brought(collection(feature("GD-1", shape={"type": "LineString", "coordinates": [[110.28, 21.66, 3.5], [110.36, 21.27, 1]]})))
    assert errors(source) == {} and written(source, "all").written == 1
