"""GCJ-02 and BD-09 to WGS-84/CGCS2000 and back, at the door only: inside everything is EPSG:4490.

CGCS2000 and WGS-84 differ by centimetres, which no service here can see. GCJ-02 is a deterministic shift of hundreds of metres; its inverse is found by
iteration to better than a millimetre. BD-09 is a further shift on top; its published inverse is a closed form that misses by decimetres, ours does not.
"""

import math
from collections.abc import Callable

A, EE = 6378245.0, 0.00669342162296594323  # Krasovsky 1940, which the shift was defined on
BD = math.pi * 3000 / 180


def _shift(lon: float, lat: float) -> tuple[float, float]:
    x, y = lon - 105.0, lat - 35.0
    wave = (20 * math.sin(6 * x * math.pi) + 20 * math.sin(2 * x * math.pi)) * 2 / 3
    north = -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x)) + wave
    north += (20 * math.sin(y * math.pi) + 40 * math.sin(y / 3 * math.pi)) * 2 / 3
    north += (160 * math.sin(y / 12 * math.pi) + 320 * math.sin(y * math.pi / 30)) * 2 / 3
    east = 300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x)) + wave
    east += (20 * math.sin(x * math.pi) + 40 * math.sin(x / 3 * math.pi)) * 2 / 3
    east += (150 * math.sin(x / 12 * math.pi) + 300 * math.sin(x / 30 * math.pi)) * 2 / 3
    rad = math.radians(lat)
    magic = 1 - EE * math.sin(rad) ** 2
    return east * 180 / (A / math.sqrt(magic) * math.cos(rad) * math.pi), north * 180 / (A * (1 - EE) / (magic * math.sqrt(magic)) * math.pi)


def to_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Degrees in CGCS2000 → degrees in GCJ-02, inside China."""
    east, north = _shift(lon, lat)
    return lon + east, lat + north


def to_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Degrees in CGCS2000 → degrees in BD-09, inside China."""
    x, y = to_gcj02(lon, lat)
    z = math.hypot(x, y) + 0.00002 * math.sin(y * BD)
    theta = math.atan2(y, x) + 0.000003 * math.cos(x * BD)
    return z * math.cos(theta) + 0.0065, z * math.sin(theta) + 0.006


def from_gcj02(lon: float, lat: float) -> tuple[float, float]:
    """Degrees in GCJ-02 → degrees in CGCS2000."""
    return _inverse(to_gcj02, lon, lat)


def from_bd09(lon: float, lat: float) -> tuple[float, float]:
    """Degrees in BD-09 → degrees in CGCS2000."""
    return _inverse(to_bd09, lon, lat)


def _inverse(there: Callable[[float, float], tuple[float, float]], lon: float, lat: float) -> tuple[float, float]:
    """The shifts hardly change from point to point, so correcting by what is missing comes closer a thousandfold each time."""
    guess_lon, guess_lat = lon, lat
    for _ in range(10):
        found_lon, found_lat = there(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + lon - found_lon, guess_lat + lat - found_lat
    return guess_lon, guess_lat
