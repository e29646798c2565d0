"""The catalogue of licence types: a checked loader, and the type code under which each is numbered."""

from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.db import connection, transaction

from yiwang.base.errors import Invalid
from yiwang.platforms.licences.models import LicenceType

DATA = Path(__file__).parent / "data" / "licence_types.yaml"
MARKS = {"V", "K"}  # verified against a source, or from knowledge: nothing enters without saying which
KEPT = ("code", "name", "issuer", "holders", "fields", "validity", "mark", "source")
SERIALS = 999  # three digits (GB/T 36904-2018)


@transaction.atomic
def load_types(path: Path = DATA) -> int:
    """Adds new types, corrects known ones, removes none. Returns how many there are. Raises Invalid naming every fault of the data."""
    rows = yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["licence_types"]
    if faults := _faults(rows):
        raise Invalid("证照类型数据有错误：" + "；".join(faults))
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE licences_licencetype IN SHARE ROW EXCLUSIVE MODE")  # serial numbers are given once
    serials = dict(LicenceType.objects.values_list("key", "serial"))
    last = max(serials.values(), default=0)
    fresh = (row["key"] for row in rows if row["key"] not in serials)
    serials |= {key: last + number for number, key in enumerate(fresh, 1)}
    LicenceType.objects.bulk_create(
        [_type(row, serials[row["key"]]) for row in rows], update_conflicts=True, unique_fields=["key"], update_fields=KEPT
    )
    return LicenceType.objects.count()


def type_code(kind: LicenceType) -> str:
    """The national code; a type whose code has not been entered is numbered under this node's own credit code, by a serial that never changes."""
    return kind.code or f"{settings.NODE_USCC}{kind.serial:03d}"


def _type(row: dict[str, Any], serial: int) -> LicenceType:
    return LicenceType(
        key=row["key"], serial=serial, code=row.get("national_code") or "", name=row["name"], issuer=row["issuer"], holders=row["holders"],
        fields=row["fields"], validity=row.get("validity") or "", mark=row["mark"], source=row.get("source") or "",
    )  # fmt: skip


def _faults(rows: list[dict[str, Any]]) -> list[str]:
    faults, seen = [], set()
    for row in rows:
        key = row.get("key", "?")
        if key in seen:
            faults.append(f"{key} 重复")
        seen.add(key)
        faults += [f"{key} 没有 {name}" for name in ("name", "issuer", "holders", "fields") if not row.get(name)]
        if row.get("mark") not in MARKS:
            faults.append(f"{key} 没有注明核实情况")
    if len(rows) > SERIALS:
        faults.append(f"超过 {SERIALS} 种")
    return faults
