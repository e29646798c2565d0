"""Places: load a layer, ask what a point lies in, what is near."""

import json
from collections.abc import Iterable
from typing import Any

from django.contrib.gis.db.models.functions import Distance
from django.contrib.gis.geos import GEOSGeometry, Point
from django.db import transaction

from yiwang.engines.places.datum import from_bd09, from_gcj02, to_gcj02
from yiwang.engines.places.models import Feature, Layer

__all__ = ["collection", "from_bd09", "from_gcj02", "load_layer", "locate", "nearest", "to_gcj02", "within"]


@transaction.atomic
def load_layer(code: str, *, name: str, source: str, indicative: bool, features: Iterable[dict[str, Any]]) -> int:
    """Puts GeoJSON features (properties code, name; geometry in EPSG:4490) into a layer, replacing those of the same code; returns how many."""
    layer, _ = Layer.objects.update_or_create(code=code, defaults={"name": name, "source": source, "indicative": indicative})
    count = 0
    for feature in features:
        geometry = GEOSGeometry(json.dumps(feature["geometry"]))
        geometry.srid = 4490  # GeoJSON says WGS-84; the layer has been brought to CGCS2000, centimetres away
        values = {"name": feature["properties"]["name"], "geometry": geometry}
        Feature.objects.update_or_create(layer=layer, code=feature["properties"]["code"], defaults=values)
        count += 1
    return count


def locate(longitude: float, latitude: float, layer: str = "counties") -> Feature | None:
    """The feature of an area layer that covers the point."""
    return Feature.objects.filter(layer=layer, geometry__covers=Point(longitude, latitude, srid=4490)).first()


def within(code: str, layer: str, of: str) -> list[Feature]:
    """Features of `layer` inside the area `code` of layer `of`."""
    area = Feature.objects.get(layer=of, code=code)
    return list(Feature.objects.filter(layer=layer, geometry__coveredby=area.geometry))


def nearest(longitude: float, latitude: float, layer: str, limit: int = 5) -> list[Feature]:
    """The nearest features by distance on the ellipsoid; each carries `distance`."""
    point = Point(longitude, latitude, srid=4490)
    return list(Feature.objects.filter(layer=layer).annotate(distance=Distance("geometry", point)).order_by("distance")[:limit])


def collection(layer: str) -> dict[str, Any]:
    """The layer as a GeoJSON FeatureCollection (RFC 7946), coordinates to six decimals."""
    rows = Feature.objects.filter(layer=layer).order_by("code")
    features = [
        {"type": "Feature", "id": row.code, "properties": {"code": row.code, "name": row.name}, "geometry": json.loads(row.geometry.geojson)} for row in rows
    ]
    return {"type": "FeatureCollection", "features": features}
