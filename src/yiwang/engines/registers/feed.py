"""The change feed: every version of a register's rows in one order, from wherever a reader left off.

The order is (transaction, id). A transaction is read only when every older one has ended (`pg_snapshot_xmin`), so a reader that goes on from its
cursor never misses a change that was begun earlier and committed later.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import BigIntegerField, Func
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan

from yiwang.base.errors import Invalid
from yiwang.engines.registers.models import Version
from yiwang.engines.registers.rows import rows, snapshot
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.rowsecurity import elevated

LARGEST = 500


class _OldestRunning(Func):
    template = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    output_field = BigIntegerField()


@dataclass(frozen=True)
class Change:
    """One version: what the named fields say since when, entered at."""

    row: str
    at: datetime
    valid_from: date
    fields: dict[str, Any]


@dataclass(frozen=True)
class Feed:
    """Changes in order and where to go on; `cursor` is the asker's own while nothing is new."""

    changes: list[Change]
    cursor: str


def changes_since(actor: Actor, register: Register, cursor: str = "", *, limit: int = LARGEST) -> Feed:
    """The next changes of rows that the actor may see; personal fields are left out. Raises NotAllowed, Invalid for a false cursor.

    Of a row that has been stopped or erased only that is told, so that whoever keeps a copy lets go of it; of one that goes on, what it says by now.
    """
    seen = rows(actor, register).order_by()  # raises for who may not read
    found = Version.objects.filter(subject_type=register.model._meta.label_lower, transaction__lt=_OldestRunning())
    if cursor:
        found = found.filter(TupleGreaterThan(Tuple("transaction", "id"), _read(cursor)))
    with elevated():  # anybody may follow an open register; rows not theirs and personal fields are left out below
        taken = list(found.order_by("transaction", "id")[: max(1, min(limit, LARGEST))])
    if not taken:
        return Feed([], cursor)
    named = {v.subject_id for v in taken}
    visible = {str(row.pk): row for row in seen.filter(pk__in=named)}
    gone = {str(pk) for pk in restrict(actor, register.model._default_manager.filter(pk__in=named)).values_list("pk", flat=True)} - visible.keys()
    told = ((v, _told(register, v, visible.get(v.subject_id))) for v in taken if v.subject_id in visible or (v.subject_id in gone and "standing" in v.after))
    changes = [Change(v.subject_id, v.at, v.valid_from, fields) for v, fields in told]
    return Feed(changes, f"{taken[-1].transaction}-{taken[-1].pk}")


def _told(register: Register, version: Version, row: Any) -> dict[str, Any]:
    if row is None:
        return {"standing": version.after["standing"]}
    whole = snapshot(row) if "standing" in version.after else {}  # what was changed while it stood still was not told
    return _open(register, whole | version.after)


def _open(register: Register, said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if name not in register.personal}


def _read(cursor: str) -> tuple[int, int]:
    transaction, _, pk = cursor.partition("-")
    if not (transaction.isdecimal() and pk.isdecimal() and len(transaction) < 19 and len(pk) < 20):
        raise Invalid("变更进度（cursor）不正确。", fields={"cursor": "请使用上一次返回的 cursor，或不填写从头开始"})
    return int(transaction), int(pk)
