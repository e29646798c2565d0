"""A river's course laid on a plane: at which kilometre a place lies and on which bank, and where a kilometre lies. Pure; the parts of a course run from the source down."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians

import shapely

METRES, NORTH = 111_320.0, 110_700.0  # of a degree of longitude at the equator, of latitude at 21°; kilometres follow from shares of the whole length, whatever the scale
ON_THE_LINE = 1.0  # metres: nearer than this nobody can say which bank it is
STEP = 1.0  # metres before and behind the nearest spot: the direction in which the water runs there, across a bend too


@dataclass(frozen=True)
class Spot:
    """Where a place lies by the river."""

    km: float
    metres: float  #: from the line
    side: str  #: "left" or "right" of somebody who looks downstream, "" on the line itself


class Course:
    """Degrees in, kilometres out."""

    def __init__(self, lines: Sequence[Sequence[tuple[float, float]]], km: float) -> None:
        """`lines` in order from the source down, `km` the length that the register gives. Raises ValueError without any line."""
        if not lines:
            raise ValueError("a course needs a line")
        self.km = km
        latitudes = [point[1] for line in lines for point in line]
        self._longitude, self._latitude = lines[0][0][0], (min(latitudes) + max(latitudes)) / 2
        self._scale = METRES * cos(radians(self._latitude))
        self._lines = [shapely.LineString([self._flat(*point[:2]) for point in line]) for line in lines]
        self._whole = sum(line.length for line in self._lines)

    def locate(self, longitude: float, latitude: float) -> Spot:
        """The nearest spot of the course."""
        place = shapely.Point(self._flat(longitude, latitude))
        number = min(range(len(self._lines)), key=lambda n: self._lines[n].distance(place))
        line, above = self._lines[number], sum(line.length for line in self._lines[:number])
        along, metres = line.project(place), float(line.distance(place))
        return Spot(round(self.km * (above + along) / self._whole, 3), metres, _side(line, along, place) if metres >= ON_THE_LINE else "")

    def at(self, km: float) -> tuple[float, float]:
        """Longitude and latitude of a kilometre; beyond the ends, of the nearer end."""
        rest = self._whole * min(max(km / self.km, 0.0), 1.0)
        for line in self._lines[:-1]:
            if rest <= line.length:
                break
            rest -= line.length
        else:
            line = self._lines[-1]
        spot = line.interpolate(rest)
        return round(spot.x / self._scale + self._longitude, 6), round(spot.y / NORTH + self._latitude, 6)

    def _flat(self, longitude: float, latitude: float) -> tuple[float, float]:
        return (longitude - self._longitude) * self._scale, (latitude - self._latitude) * NORTH


def _side(line: shapely.LineString, along: float, place: shapely.Point) -> str:
    """By the sign of the cross product of the water's direction and the way to the place."""
    before, behind, spot = line.interpolate(max(along - STEP, 0.0)), line.interpolate(min(along + STEP, line.length)), line.interpolate(along)
    cross = (behind.x - before.x) * (place.y - spot.y) - (behind.y - before.y) * (place.x - spot.x)
    return "left" if cross > 0 else "right" if cross < 0 else ""
