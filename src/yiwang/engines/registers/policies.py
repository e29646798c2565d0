"""Dated values: which limit, tariff or rule holds here today. A gap is an error, never a guess; a value is followed by another, never overwritten."""

from datetime import date
from pathlib import Path
from typing import Any

import yaml
from django.db import IntegrityError, transaction
from django.db.backends.postgresql.psycopg_any import DateRange

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, PolicyMissing
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Division
from yiwang.engines.registers.corrections import correct
from yiwang.engines.registers.days import KEEPER
from yiwang.engines.registers.models import PolicyValue
from yiwang.kit.actors import Actor

NATION = ""  # the prefix of every division


def policy(key: str, *, division: str, on: date) -> Any:
    """The value for the nearest enclosing division on that day. Raises PolicyMissing."""
    return policy_row(key, division=division, on=on).value


def policy_row(key: str, *, division: str, on: date) -> PolicyValue:
    """The row itself, for documents that name source and article."""
    prefixes = [division[:length] for length in (12, 9, 6, 4, 2)] + [NATION]
    rows = {row.division: row for row in PolicyValue.objects.filter(key=key, division__in=prefixes, valid__contains=on)}
    for prefix in prefixes:
        if prefix in rows:
            return rows[prefix]
    raise PolicyMissing(f"参数“{key}”在 {division[:6]} 自 {on} 起没有录入有效的取值。", hint="请由主管部门录入参数和依据后重试。")


@transaction.atomic
def add_policy(
    actor: Actor, key: str, *, division: str, valid_from: date, value: Any, source: str, article: str = "", verified: bool, reason: str
) -> PolicyValue:
    """A value that holds from a day on; the one before ends the day before. Raises NotAllowed, NotFound (no such key), Invalid, Conflict.

    The form of the value follows the key's others: programs that read it rely on it. `verified`: the text was read by the officer (V), else K.
    """
    _officer(actor)
    like = PolicyValue.objects.filter(key=key).order_by("-valid").first()
    if like is None:
        raise NotFound(f"没有参数“{key}”。参数由读取它的系统声明，不能在这里新增。")
    wrong = _wrong(division, value, like.value, source, reason)
    if wrong:
        raise Invalid("有内容需要修改。", fields=wrong)
    _close(key, division, valid_from)
    made = PolicyValue(
        key=key, name=like.name, division=division, valid=DateRange(valid_from, None), value=value, unit=like.unit, source=source.strip()[:200],
        article=article.strip()[:60], mark="V" if verified else "K", reason=reason.strip()[:200], entered_by=actor.name,
    )  # fmt: skip
    try:
        with transaction.atomic():
            made.save(force_insert=True)
    except IntegrityError:  # policy_no_overlap: somebody else entered one at the same moment
        raise Conflict("刚刚有人录入了这个参数的取值，请查看最新内容。") from None
    audit.record(actor, "policy.add", subject=made, summary=f"{made.name or key} 自 {valid_from} 起：{value}", detail={"division": division, "source": source})
    return made


@transaction.atomic
def verify_policy(actor: Actor, row: int, *, source: str, article: str, reason: str) -> PolicyValue:
    """Marks a value as read in the text it rests on; what source and article said before is kept. Raises NotAllowed, NotFound, Invalid."""
    _officer(actor)
    found = PolicyValue.objects.filter(pk=row).first()
    if found is None:
        raise NotFound("没有这条取值。")
    if not source.strip():
        raise Invalid("请写明来源。", fields={"source": "请写明文件名称和文号"})
    correct(actor, found, {"source": source.strip()[:200], "article": article.strip()[:60], "mark": "V"}, reason=reason, valid_from=found.valid.lower)
    found.refresh_from_db()
    return found


@transaction.atomic
def seed_policies(path: Path) -> int:
    """Enters the rows of a YAML file (key, name, division, from, to, value, unit, source, article, mark) that are not there yet."""
    made = 0
    for row in yaml.safe_load(path.read_text(encoding="utf-8")):
        valid = DateRange(row["from"], row.get("to"))
        known = PolicyValue.objects.filter(key=row["key"], division=row["division"], valid__overlap=valid).exists()
        if not known:
            fields = {name: row.get(name, "") for name in ("name", "unit", "source", "article")}
            PolicyValue.objects.create(key=row["key"], division=row["division"], valid=valid, value=row["value"], mark=row["mark"], **fields)
            made += 1
    return made


def _close(key: str, division: str, day: date) -> None:
    """Ends the value in force before `day`. A value that begins then or later is in the way: history is not rewritten."""
    for row in PolicyValue.objects.select_for_update().filter(key=key, division=division, valid__overlap=DateRange(day, None)).order_by("-valid"):
        if row.valid.lower >= day:
            raise Conflict("已经有同日或者更晚施行的取值。", fields={"valid_from": f"应晚于 {row.valid.lower}"})
        row.valid = DateRange(row.valid.lower, day)
        row.save(update_fields=["valid"])


def _wrong(division: str, value: Any, like: Any, source: str, reason: str) -> dict[str, str]:
    wrong = {}
    if division != NATION and not Division.objects.filter(code__startswith=division).exists():
        wrong["division"] = "没有这个区划"
    if isinstance(like, dict):
        if not isinstance(value, dict) or set(value) != set(like):
            wrong["value"] = f"请逐项填写：{'、'.join(like)}"
    elif isinstance(like, bool) or type(value) is not type(like):
        wrong["value"] = "请填写与现行取值相同形式的内容"
    if not source.strip():
        wrong["source"] = "请写明文件名称和文号"
    if not reason.strip():
        wrong["reason"] = "请写明理由"
    return wrong


def _officer(actor: Actor) -> None:
    if not actor.holds(KEEPER):
        raise NotAllowed("工作日历和政策参数由标准与日历管理员维护。")
