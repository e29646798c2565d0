"""The checked loader: 445 kinds, their first versions, bundles, synonyms, and where each is handled. Idempotent; every mistake in the data is named."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.base.errors import Invalid
from yiwang.engines.parties.models import Division, Management, Organisation
from yiwang.engines.registers import api as registers
from yiwang.platforms.items import index
from yiwang.platforms.items.models import Bundle, Implementation, Item, ItemVersion, Synonym

FOLDER = Path(__file__).parent / "data"
SINCE = date(2020, 1, 1)
UNITS = {"工作日": "working", "自然日": "calendar", "小时": "hour", "月": "month", "当场": "working"}
TYPES = {"person.id": "citizen", "unit.uscc": "uscc", "person.phone": "phone", "agent.phone": "phone", "unit.phone": "phone", "person.birth_date": "date"}
LAYERS = {"市": 3, "县": 4, "镇": 5}


@transaction.atomic
def load_catalogue() -> dict[str, int]:
    """Loads what is not there yet; returns counts. Raises Invalid naming every wrong row of the data."""
    data = _read("items.yaml")
    built = _read("built.yaml")
    problems = list(_problems(data))
    if problems:
        raise Invalid("事项数据有误：\n" + "\n".join(problems))
    _load_sayings(data["items"])
    known = set(Item.objects.values_list("key", flat=True))
    fresh = [row for row in data["items"] if row["key"] not in known]
    items = [_item(row, built.get(row["key"], {})) for row in fresh]
    Item.objects.bulk_create(items)
    versions = [_version(item, row, built.get(row["key"], {}), data["field_sets"]) for item, row in zip(items, fresh, strict=True)]
    ItemVersion.objects.bulk_create(versions)
    registers.seed_elements((f["element"], f["name"]) for v in versions for f in v.fields if f.get("element"))
    registers.seed_policies(FOLDER / "policies.yaml")
    _load_bundles()
    Synonym.objects.bulk_create((Synonym(word=w, means=m) for w, m in _synonyms().items()), ignore_conflicts=True)
    index.build(Item.objects.filter(Q(meaning=None) | Q(words=None)))  # the fresh ones, and those loaded while the encoder did not answer
    return {"items": Item.objects.count(), "implementations": load_implementations(), "bundles": Bundle.objects.count()}


def load_implementations() -> int:
    """实施清单: each item at each office that exercises it; returns how many there are now."""
    offices: dict[tuple[str, int], list[Organisation]] = {}
    levels = {3: Division.Level.CITY, 4: Division.Level.COUNTY, 5: Division.Level.TOWN}
    for office in Organisation.objects.select_related("division").exclude(parent__in=Management.objects.values("organisation")):
        for layer, level in levels.items():
            if office.division.level == level:
                offices.setdefault((office.function, layer), []).append(office)
    zones = _zones()
    rows = (row for item in Item.objects.all() for row in (*_places(item, offices), *_zone_places(item, zones)))
    Implementation.objects.bulk_create(rows, ignore_conflicts=True, batch_size=2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE items_implementation")
    return Implementation.objects.count()


def _places(item: Item, offices: dict[tuple[str, int], list[Organisation]]) -> Iterator[Implementation]:
    for level in item.levels:
        layer = LAYERS.get(level)
        if layer is None:
            continue  # villages take in for their town; they decide nothing themselves
        function = item.function if layer < 5 else "town_government"
        for office in offices.get((function, layer), []):
            code = identifiers.implementation_code(office.uscc, layer, item.code) if office.uscc and item.code else ""
            yield Implementation(item=item, organ=office, division=office.division, code=code)


def _zones() -> list[tuple[Organisation, Division]]:
    """A zone's own offices, each with every unit that the zone manages."""
    managed = Management.objects.filter(valid_to=None).select_related("division")
    units: dict[int, list[Division]] = {}
    for row in managed:
        units.setdefault(row.organisation_id, []).append(row.division)
    return [(office, unit) for office in Organisation.objects.filter(parent__in=units) for unit in units[office.parent_id or 0]]


def _zone_places(item: Item, zones: list[tuple[Organisation, Division]]) -> Iterator[Implementation]:
    """What counties decide is the zone's to decide in its units, unless their own town does."""
    if "县" in item.levels and "镇" not in item.levels:
        for office, unit in zones:
            if office.function == item.function:
                code = identifiers.implementation_code(office.uscc, LAYERS["县"], item.code) if office.uscc and item.code else ""
                yield Implementation(item=item, organ=office, division=unit, code=code)


def _item(row: dict[str, Any], own: dict[str, Any]) -> Item:
    topics = row["topics"]
    return Item(
        key=row["key"],
        name=own.get("name", row["name"]),
        kind=row["type"],
        function=row["department"],
        levels=own.get("levels", row["levels"]),
        objects_served=row["object"],
        person_topics=topics.get("persons", []),
        legal_topics=topics.get("legal", []),
        says=_says(row, own),
    )


def _says(row: dict[str, Any], own: dict[str, Any]) -> list[str]:
    """What people say, each once; the catalogue's fillers (its own name with 怎么办 after it) say nothing."""
    fillers = ("怎么办", "要什么材料")
    given = [said for said in row["says"] if not (said.endswith(fillers) and row["name"].startswith(said[:2]))]
    return list(dict.fromkeys([*own.get("says", []), *given, *str(_asks().get(row["key"], "")).split()]))


@cache
def _asks() -> dict[str, str]:
    found: dict[str, str] = _read("asks.yaml")
    return found


def _synonyms() -> dict[str, list[str]]:
    """People's word → the catalogue's words; one word may stand in several groups."""
    found: dict[str, list[str]] = {}
    for group in _read("synonyms.yaml").values():
        for means, said in group.items():
            for word in str(said).split():
                found.setdefault(word, []).extend(str(means).split())
    return found


def _load_sayings(rows: list[dict[str, Any]]) -> None:
    """What the data says anew about items that are there already; they are indexed again."""
    built, given = _read("built.yaml"), {row["key"]: row for row in rows}
    for item in Item.objects.only("key", "says"):
        if item.key in given:
            says = list(dict.fromkeys([*item.says, *_says(given[item.key], built.get(item.key, {}))]))
            if says != item.says:
                Item.objects.filter(pk=item.pk).update(says=says, meaning=None)


def _version(item: Item, row: dict[str, Any], own: dict[str, Any], sets: dict[str, Any]) -> ItemVersion:
    limit, promise = _limit(row, own, "limit"), _limit(row, own, "promise")
    result = own.get("result") or {**row["result"], "name": row["result"].get("name") or row["result"]["kind"]}
    return ItemVersion(
        item=item,
        number=1,
        state=ItemVersion.State.PUBLISHED,
        valid_from=SINCE,
        handling=row["kind"],
        procedure=own.get("procedure") or ("instant" if row["kind"] == "即办件" else "promise"),
        limit_amount=limit[0],
        limit_unit=limit[1],
        limit_basis=(own.get("limit") or row["limit"] or {}).get("basis", ""),
        extension=(own.get("limit") or {}).get("extension", 10 if row["type"] == "行政许可" else 0),
        promise_amount=promise[0],
        promise_unit=promise[1],
        visits=row["visits"],
        area=own.get("area", ""),
        conditions=row["conditions"],
        basis=own.get("basis") or [_article(law) for law in row["law"]],
        questions=own.get("questions", []),
        fields=own.get("fields") or _fields(row, sets),
        materials=own.get("materials") or [_material(n, m) for n, m in enumerate(row["materials"], 1)],
        facts=own.get("facts", []),
        fees=own.get("fees") or ([{"name": row["fee"]["item"], "price": row["fee"].get("tariff", ""), "basis": row["fee"].get("basis", "")}] if row["fee"] else []),
        joint=own.get("joint", []),
        inspection=own.get("inspection", []),
        special=row.get("special", []),
        faq=own.get("faq", []),
        result_kind=result["kind"],
        result_name=result.get("name", ""),
        result_licence=result.get("licence") or "",
        result_fields=result.get("fields", {}),
        result_until=result.get("until", {}),
        mark=row["mark"],
        source="；".join(s for s in (row.get("source", ""), own.get("source", "")) if s)[:300],
        published_at=timezone.now(),
        published_by="目录初始数据",
    )


def _limit(row: dict[str, Any], own: dict[str, Any], name: str) -> tuple[int | None, str]:
    if name in own:
        return own[name]["amount"], own[name]["unit"]
    if not row[name]:
        return None, ""
    return row[name].get("days") or 1, UNITS[row[name]["unit"]]


def _article(law: dict[str, Any]) -> str:
    return f"《{law['law']}》" + (f"第{law['article']}条" if law.get("article") else "")


def _fields(row: dict[str, Any], sets: dict[str, Any]) -> list[dict[str, Any]]:
    """The shared groups first, then the item's own; an item for both persons and entities asks one group, by who applies."""
    made: dict[str, dict[str, Any]] = {}
    groups = row["field_sets"]
    for group in groups:
        for field in sets[group]:
            made.setdefault(field["element"], _field(field, {"_party": [group]} if len(groups) > 1 else None))
    for field in row.get("fields", []):
        made.setdefault(field["element"], _field(field, None))
    return list(made.values())


def _field(field: dict[str, Any], when: dict[str, Any] | None) -> dict[str, Any]:
    element = field["element"]
    made = {"code": element.replace(".", "_"), "name": field["name"], "type": TYPES.get(element, "text"), "element": element}
    if element in {"person.mail_address", "person.hukou_address"}:
        made["required"] = False
    return made | ({"when": when} if when else {})


def _material(number: int, row: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": f"m{number}",
        "name": row["name"],
        "required": row["necessity"] == "必要",
        "source": row["source"],
        "licence": row.get("licence", ""),
        "register": row.get("register", ""),
    }


def _load_bundles() -> None:
    keys = set(Item.objects.values_list("key", flat=True))
    for row in _read("bundles.yaml")["bundles"]:
        wrong = [step["item"] for step in row["steps"] if step["item"] not in keys]
        if wrong:
            raise Invalid(f"一件事 {row['key']} 引用了不存在的事项 {wrong}")
        fields = {"name": row["name"], "says": row.get("says", []), "lead": row["lead"], "who": row["who"], "steps": row["steps"], "source": row.get("list", "")}
        bundle, made = Bundle.objects.get_or_create(key=row["key"], defaults=fields)
        if not made and set(row.get("says", [])) - set(bundle.says):
            Bundle.objects.filter(pk=bundle.pk).update(says=list(dict.fromkeys([*bundle.says, *row["says"]])))


def _problems(data: dict[str, Any]) -> Iterator[str]:
    seen: set[str] = set()
    for row in data["items"]:
        key = row["key"]
        if key in seen:
            yield f"{key}: 重复"
        seen.add(key)
        for name in ("limit", "promise"):
            if row[name] and row[name]["unit"] not in UNITS:
                yield f"{key}.{name}: 未知单位 {row[name]['unit']}"
        for topic in [*row["topics"].get("persons", []), *row["topics"].get("legal", [])]:
            if topic not in data["topics"]["persons"] + data["topics"]["legal"]:
                yield f"{key}: 未知主题 {topic}"
        for material in row["materials"]:
            if material.get("register") and material["register"] not in data["registers"]:
                yield f"{key}: 未知来源库 {material['register']}"
        if set(row["field_sets"]) - set(data["field_sets"]):
            yield f"{key}: 未知字段组 {row['field_sets']}"


def _read(name: str) -> Any:
    return yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


