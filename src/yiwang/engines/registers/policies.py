"""Dated values: which limit, tariff or rule holds here today. A gap is an error, never a guess."""

from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from yiwang.base.errors import PolicyMissing
from yiwang.engines.registers.models import PolicyValue


def policy(key: str, *, division: str, on: date) -> Any:
    """The value for the nearest enclosing division on that day. Raises PolicyMissing."""
    return policy_row(key, division=division, on=on).value


def policy_row(key: str, *, division: str, on: date) -> PolicyValue:
    """The row itself, for documents that name source and article."""
    prefixes = [division[:length] for length in (12, 9, 6, 4, 2)] + [""]
    rows = {row.division: row for row in PolicyValue.objects.filter(key=key, division__in=prefixes, valid__contains=on)}
    for prefix in prefixes:
        if prefix in rows:
            return rows[prefix]
    raise PolicyMissing(f"参数“{key}”在 {division[:6]} 自 {on} 起没有录入有效的取值。", hint="请由主管部门录入参数和依据后重试。")


@transaction.atomic
def seed_policies(path: Path) -> int:
    """Enters the rows of a YAML file (key, division, from, to, value, unit, source, article, mark) that are not there yet."""
    made = 0
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        valid = DateRange(row["from"], row.get("to"))
        known = PolicyValue.objects.filter(key=row["key"], division=row["division"], valid__overlap=valid).exists()
        if not known:
            fields = {name: row.get(name, "") for name in ("unit", "source", "article")}
            PolicyValue.objects.create(key=row["key"], division=row["division"], valid=valid, value=row["value"], mark=row["mark"], **fields)
            made += 1
    return made
