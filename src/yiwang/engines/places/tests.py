"""Datum shifts against published values; layers and points."""

import pytest

from yiwang.engines.places import api, datum


def test_gcj02_of_a_published_point() -> None:
    # eviltransform's test table: Shanghai, WGS-84 31.1774276, 121.5272106 → GCJ-02 31.17530398364597, 121.531541859215
    lon, lat = datum.to_gcj02(121.5272106, 31.1774276)
    assert (lon, lat) == pytest.approx((121.531541859215, 31.17530398364597), abs=1e-7)


def test_inverse_returns_home() -> None:
    lon, lat = datum.from_gcj02(*datum.to_gcj02(110.3594, 21.2707))
    assert (lon, lat) == pytest.approx((110.3594, 21.2707), abs=1e-9)


@pytest.mark.django_db
def test_a_point_lies_in_its_county() -> None:
    square = {"type": "Polygon", "coordinates": [[[110, 21], [111, 21], [111, 22], [110, 22], [110, 21]]]}
    api.load_layer("squares", name="方格", source="测试", indicative=True, features=[{"properties": {"code": "1", "name": "方区"}, "geometry": square}])
    found = api.locate(110.5, 21.5, layer="squares")
    assert found is not None and found.name == "方区"
    assert api.locate(112, 21.5, layer="squares") is None


@pytest.mark.django_db
def test_the_city_centre_lies_in_chikan() -> None:
    found = api.locate(110.3594, 21.2707)  # 赤坎老街 and its surroundings, CGCS2000
    assert found is not None and found.code in {"440802", "440803"}
