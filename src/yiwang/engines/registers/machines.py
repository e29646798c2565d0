"""Writes that machines ask for: a key makes a retry harmless."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict
from yiwang.engines.registers.models import WriteKey
from yiwang.engines.registers.rows import change, find, keep
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register

KEPT = timedelta(days=30)  # how long a retry is recognised


@transaction.atomic
def keep_once(actor: Actor, register: Register, data: Mapping[str, Any], *, key: str) -> tuple[Any, bool]:
    """The row of this key and whether it is new. Raises what `keep` raises, Conflict for a key that was used for something else."""
    known = _known(actor, register, data, key)
    if known is not None:
        return find(actor, register, known), False
    row = keep(actor, register, data, reason=f"{actor.name}接口登记")
    _remember(actor, register, data, key, row.pk)
    return row, True


@transaction.atomic
def change_once(actor: Actor, register: Register, row: int, data: Mapping[str, Any], *, revision: int, key: str = "") -> Any:
    """The change, once for a key. Raises what `change` raises."""
    asked = {"change": row, "fields": data}  # of this row and as a change: the same values for another row are another write
    known = _known(actor, register, asked, key) if key else None
    if known is not None:
        return find(actor, register, known)
    changed = change(actor, register, row, data, revision=revision, reason=f"{actor.name}接口修改")
    if key:
        _remember(actor, register, asked, key, changed.pk)
    return changed


def sweep() -> int:
    """Forgets keys that nobody will retry any more; returns how many."""
    return WriteKey.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]


def _known(actor: Actor, register: Register, data: Mapping[str, Any], key: str) -> int | None:
    with connection.cursor() as cursor:  # two requests of one key: the second waits and finds the first
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{actor.client}|{key}"])
    found = WriteKey.objects.filter(client=actor.client, key=key).first()
    if found is not None and (found.register, found.digest) != (register.code, _digest(data)):
        raise Conflict("这个请求标识已经用于另一次写入。", hint="每一次新的写入请使用新的 Idempotency-Key。")
    return found.row if found else None


def _remember(actor: Actor, register: Register, data: Mapping[str, Any], key: str, row: int) -> None:
    WriteKey.objects.create(client=actor.client, key=key, register=register.code, digest=_digest(data), row=row)


def _digest(data: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, default=str).encode()).hexdigest()
