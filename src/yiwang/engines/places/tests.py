"""Datum shifts against published values; layers, points and distances."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.places import api, datum
from yiwang.engines.places.models import Feature, Layer

COUNTIES = {"440802", "440803", "440804", "440811", "440823", "440825", "440881", "440882", "440883"}
GUANGDONG = {"lon": st.floats(109.6, 117.4), "lat": st.floats(20.2, 25.6)}
EARTH = Geod(ellps="GRS80")  # the ellipsoid of CGCS2000, to a tenth of a millimetre in its axes


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = west + side, south + side
    return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}


def feature(code: str, geometry: dict[str, Any]) -> dict[str, Any]:
    return {"type": "Feature", "properties": {"code": code, "name": f"方格{code}"}, "geometry": geometry}


def load(layer: str, *features: dict[str, Any]) -> int:
    return api.load_layer(layer, name="方格", source="测试", indicative=True, features=features)


# --- datum -------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "here, there",
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),  # eviltransform, Shanghai
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),  # coordtransform, Beijing
    ],
)
def test_gcj02_of_published_points(here: tuple[float, float], there: tuple[float, float]) -> None:
    assert datum.to_gcj02(*here) == pytest.approx(there, abs=1e-9)


def test_bd09_of_published_points() -> None:
    gcj02, bd09 = (116.404, 39.915), (116.41036949371029, 39.92133699351021)  # coordtransform
    assert datum.to_bd09(*datum.from_gcj02(*gcj02)) == pytest.approx(bd09, abs=1e-9)
    assert datum.from_bd09(123, 45) == pytest.approx((122.98762210, 44.99171540), abs=2e-6)  # gcoord; its inverse is the closed form


@given(**GUANGDONG)
def test_there_and_back_is_within_a_millimetre(lon: float, lat: float) -> None:
    for there, back in ((datum.to_gcj02, datum.from_gcj02), (datum.to_bd09, datum.from_bd09)):
        assert EARTH.inv(lon, lat, *back(*there(lon, lat)))[2] < 0.001


@given(**GUANGDONG)
def test_the_shift_is_of_hundreds_of_metres(lon: float, lat: float) -> None:
    assert 100 < EARTH.inv(lon, lat, *datum.to_gcj02(lon, lat))[2] < 1000


# --- layers ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_point_lies_in_its_area() -> None:
    load("squares", feature("1", square(110, 21, 1)), feature("2", square(111, 21, 1)))
    found, border = api.locate(110.5, 21.5, layer="squares"), api.locate(111, 21.5, layer="squares")
    assert found is not None and found.code == "1"
    assert border is not None and border.code == "1"  # of two neighbours, always the same
    assert api.locate(113, 21.5, layer="squares") is None


@pytest.mark.django_db
def test_loading_again_replaces() -> None:
    assert load("squares", feature("1", square(110, 21, 1))) == 1
    assert load("squares", feature("1", square(112, 21, 1))) == 1
    assert Feature.objects.filter(layer="squares").count() == 1 and api.locate(110.5, 21.5, layer="squares") is None


@pytest.mark.django_db
def test_a_false_geometry_is_named_and_nothing_is_loaded() -> None:
    bow = {"type": "Polygon", "coordinates": [[[110, 21], [111, 22], [111, 21], [110, 22], [110, 21]]]}
    for wrong in (bow, square(21, 110, 1), {"type": "Polygon", "coordinates": []}):  # crossed; latitude first; empty
        with pytest.raises(Invalid, match="方格2"):
            load("squares", feature("1", square(110, 21, 1)), feature("2", wrong))
    assert not Feature.objects.filter(layer="squares").exists()


@pytest.mark.django_db
def test_what_lies_inside() -> None:
    load("squares", feature("1", square(110, 21, 1)))
    load("small", feature("a", square(110.1, 21.1, 0.1)), feature("b", square(110.95, 21.1, 0.1)), feature("c", square(112, 21, 0.1)))
    assert [f.code for f in api.within("1", "small", "squares")] == ["a"]  # b only overlaps
    with pytest.raises(NotFound):
        api.within("9", "small", "squares")


@pytest.mark.django_db
def test_the_nearest_by_distance_on_the_ellipsoid() -> None:
    places = {"a": (110.40, 21.27), "b": (110.36, 21.30), "c": (110.36, 21.20)}
    load("points", *(feature(code, {"type": "Point", "coordinates": at}) for code, at in places.items()))
    found = api.nearest(110.36, 21.27, "points", limit=2)
    assert [f.code for f in found] == ["b", "a"]
    for one in found:
        assert one.distance.m == pytest.approx(EARTH.inv(110.36, 21.27, *places[one.code])[2], abs=1)  # type: ignore[attr-defined]  # the annotation


@pytest.mark.django_db
def test_the_layer_as_geojson() -> None:
    load("squares", feature("2", square(111, 21, 1)), feature("1", square(110, 21, 1)))
    made = api.collection("squares")
    assert made["type"] == "FeatureCollection" and [f["id"] for f in made["features"]] == ["1", "2"]
    assert made["features"][0]["geometry"] == square(110, 21, 1)


# --- the city's counties -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_county_boundaries_are_nine_and_said_to_be_indicative() -> None:
    layer = Layer.objects.get(code="counties")
    assert layer.indicative and "示意" in layer.name and "GCJ-02" in layer.source
    assert set(Feature.objects.filter(layer=layer).values_list("code", flat=True)) == COUNTIES


@pytest.mark.django_db
@pytest.mark.parametrize(
    "longitude, latitude, county",
    [
        (110.365, 21.266, "440802"),  # 赤坎 old town
        (110.400, 21.196, "440803"),  # 霞山, the railway station
        (110.250, 21.377, "440823"),  # 遂城
        (110.175, 20.326, "440825"),  # 徐城
        (110.286, 21.611, "440881"),  # 廉江, the seat
        (110.096, 20.914, "440882"),  # 雷城
        (110.778, 21.441, "440883"),  # 梅菉
    ],
)
def test_the_seats_lie_in_their_counties(longitude: float, latitude: float, county: str) -> None:
    found = api.locate(longitude, latitude)
    assert found is not None and found.code == county


def test_the_example_of_the_page_runs(db: None) -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/places.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
