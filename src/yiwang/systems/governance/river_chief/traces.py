"""Reading what an instrument measured along a river: CSV or GeoJSON, bounded, each wrong line said in words."""

import csv
import io
import json
from collections.abc import Iterator
from math import isfinite
from typing import IO, Any

from yiwang.base.errors import Invalid, TooLarge
from yiwang.systems.governance.river_chief.course import Course

LARGEST = 5_000_000  # bytes
MOST = 20_000  # points
WRONG = 10  # lines that are said
FAR = 500.0  # metres from the course: nearer than this a place is on the river or its bank
NAMES = {
    "km": ("km", "里程", "里程（公里）", "里程(公里)"), "longitude": ("lon", "lng", "longitude", "经度"), "latitude": ("lat", "latitude", "纬度"),
    "value": ("value", "值", "测值", "电导率", "电导率（μS/cm）", "电导率（µS/cm）", "温度", "温度（℃）", "conductivity", "temperature"),
}  # fmt: skip
Point = tuple[float, float, str]  # kilometre, value, side


def read(file: IO[bytes], name: str, course: Course, start: float, end: float) -> list[Point]:
    """The points between two kilometres in order down the river. Raises TooLarge, Invalid naming the first wrong lines."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if size > LARGEST:
        raise TooLarge("文件超过 5 MB。", hint="请按河段分成几个文件。")
    lines = _geojson(file) if name.lower().endswith((".geojson", ".json")) else _csv(file)
    points, wrong = [], []
    for number, line in lines:
        if number > MOST + 1:
            raise TooLarge(f"测点超过 {MOST:,} 个。", hint="请按河段分成几个文件。")
        try:
            points.append(_point(line, course, start, end))
        except ValueError as problem:
            wrong.append(f"第 {number} 行：{problem}")
            if len(wrong) == WRONG:
                break
    if wrong:
        raise Invalid("文件里有读不出的行，没有保存。", fields={f"line-{n}": words for n, words in enumerate(wrong)})
    if not points:
        raise Invalid("文件里没有测点。", fields={"file": "请检查文件内容"})
    return sorted(points, key=lambda p: p[0])


def _csv(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    start = file.read(LARGEST)
    try:
        text = start.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = start.decode("gb18030", errors="replace")
    try:
        reader = csv.reader(io.StringIO(text, newline=""))
        heads = [_meant(head) for head in next(reader, [])]
        if "value" not in heads or not ("km" in heads or {"longitude", "latitude"} <= set(heads)):
            raise Invalid("第一行应当是列名。", fields={"file": "需要“里程”或者“经度”“纬度”，以及“电导率”或者“温度”"})
        for number, row in enumerate(reader, 2):
            if any(cell.strip() for cell in row):
                yield number, dict(zip(heads, row, strict=False))
    except csv.Error:
        raise Invalid("这个 CSV 文件无法读取。", fields={"file": "请用 UTF-8 或 GB 18030 编码保存"}) from None


def _geojson(file: IO[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    """A feature is called a line, from the second on, as in a table."""
    try:
        features = json.load(file)["features"]
        for number, feature in enumerate(features, 2):
            longitude, latitude = feature["geometry"]["coordinates"][:2]
            yield number, {"longitude": longitude, "latitude": latitude, **{_meant(name): value for name, value in (feature.get("properties") or {}).items()}}
    except (ValueError, KeyError, TypeError, UnicodeDecodeError, RecursionError):
        raise Invalid("这不是点的 GeoJSON 要素集（FeatureCollection）。", fields={"file": "每个要素应当是点，属性里有“温度”或者“电导率”"}) from None


def _meant(head: str) -> str:
    plain = str(head).strip().lower()
    return next((name for name, heads in NAMES.items() if plain in heads), plain)


def _point(line: dict[str, Any], course: Course, start: float, end: float) -> Point:
    """Raises ValueError in words."""
    value = _number(line, "value", "测值")
    if str(line.get("km") or "").strip():
        km, side = _number(line, "km", "里程"), ""
    else:
        longitude, latitude = _number(line, "longitude", "经度"), _number(line, "latitude", "纬度")
        if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
            raise ValueError("经纬度不正确")
        spot = course.locate(longitude, latitude)
        if spot.metres > FAR:
            raise ValueError(f"位置离河道 {spot.metres:,.0f} 米，超过 {FAR:.0f} 米")
        km, side = spot.km, spot.side
    if not start <= km <= end:
        raise ValueError(f"里程 {km:g} 公里不在排查范围 {start:g}–{end:g} 公里内")
    return round(km, 3), value, side


def _number(line: dict[str, Any], name: str, words: str) -> float:
    text = str(line.get(name) if line.get(name) is not None else "").strip()
    try:
        found = float(text)
    except ValueError:
        raise ValueError(f"{words}“{text[:20]}”不是数" if text else f"缺少{words}") from None
    if not isfinite(found):
        raise ValueError(f"{words}“{text[:20]}”不是数")
    return found
