"""Places: load a layer, ask what a point lies in, what is near."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import GEOSGeometry, Point, Polygon
from django.db import transaction

from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.places.datum import from_bd09, from_gcj02, to_bd09, to_gcj02
from yiwang.engines.places.models import Feature, Layer

__all__ = ["collection", "from_bd09", "from_gcj02", "load_layer", "locate", "nearest", "to_bd09", "to_gcj02", "within"]

EARTH = Polygon.from_bbox((-180, -90, 180, 90))


@transaction.atomic
def load_layer(code: str, *, name: str, source: str, indicative: bool, features: Iterable[dict[str, Any]]) -> int:
    """Puts GeoJSON features (properties code, name; geometry in EPSG:4490) into a layer, replacing those of the same code; returns how many.

    Raises Invalid for a geometry that crosses itself or leaves the globe: PostGIS would answer about it, wrongly.
    """
    layer, _ = Layer.objects.update_or_create(code=code, defaults={"name": name, "source": source, "indicative": indicative})
    count = 0
    for feature in features:
        geometry = GEOSGeometry(json.dumps(feature["geometry"]))
        geometry.srid = 4490  # GeoJSON says WGS-84; the layer has been brought to CGCS2000, centimetres away
        if not geometry.valid or geometry.empty or not EARTH.contains(geometry.envelope):
            raise Invalid(f"图层“{name}”的“{feature['properties']['name']}”几何不正确：{geometry.valid_reason}。")
        values = {"name": feature["properties"]["name"], "geometry": geometry}
        Feature.objects.update_or_create(layer=layer, code=feature["properties"]["code"], defaults=values)
        count += 1
    return count


def locate(longitude: float, latitude: float, layer: str = "counties") -> Feature | None:
    """The feature of an area layer that covers the point; on a common border the one with the lower code."""
    return Feature.objects.filter(layer=layer, geometry__covers=Point(longitude, latitude, srid=4490)).order_by("code").first()


def within(code: str, layer: str, of: str) -> list[Feature]:
    """Features of `layer` inside the area `code` of layer `of`, by code. Raises NotFound."""
    area = Feature.objects.filter(layer=of, code=code).first()
    if area is None:
        raise NotFound(f"图层“{of}”没有编码为“{code}”的区域。")
    return list(Feature.objects.filter(layer=layer, geometry__coveredby=area.geometry).order_by("code"))


def nearest(longitude: float, latitude: float, layer: str, limit: int = 5) -> list[Feature]:
    """The nearest features by distance on the ellipsoid, exact to the metre; each carries `distance`. For layers of thousands, not of millions."""
    point = Point(longitude, latitude, srid=4490)
    return list(Feature.objects.filter(layer=layer).annotate(distance=Distance("geometry", point, spheroid=True)).order_by("distance", "code")[:limit])


def collection(layer: str) -> dict[str, Any]:
    """The layer as a GeoJSON FeatureCollection (RFC 7946), coordinates to six decimals."""
    rows = Feature.objects.filter(layer=layer).order_by("code")
    features = [
        {"type": "Feature", "id": row.code, "properties": {"code": row.code, "name": row.name}, "geometry": json.loads(row.geometry.geojson)} for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}
