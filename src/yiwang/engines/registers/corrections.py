"""Correcting a register row: the old value stays readable with its valid time and system time."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model

from yiwang.base.errors import Conflict, Invalid
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.models import Version
from yiwang.kit.actors import Actor


@transaction.atomic
def correct(actor: Actor, row: Model, changes: Mapping[str, Any], *, reason: str, valid_from: date) -> Version:
    """Writes `changes` to `row` and keeps what it said before. Raises Invalid without a reason or for a value that the field refuses, Conflict when the row changed meanwhile."""
    if not reason.strip():
        raise Invalid("更正需要写明理由。", fields={"reason": "请写明理由"})
    locked = type(row)._default_manager.select_for_update().get(pk=row.pk)
    before = {name: getattr(locked, name) for name in changes}
    if any(before[name] != getattr(row, name) for name in changes):
        raise Conflict("这条记录刚刚被别人修改过，请查看最新内容。")
    for name, value in changes.items():
        setattr(locked, name, value)
    _clean(locked, changes)
    locked.save(update_fields=list(changes))
    audit.record(actor, "register.correct", subject=locked, summary=reason.strip())
    return Version.objects.create(
        subject_type=row._meta.label_lower, subject_id=str(row.pk), before=_plain(before), after=_plain(dict(changes)), valid_from=valid_from,
        by=actor.name[:60], reason=reason.strip()[:300],
    )


def _clean(row: Model, changes: Mapping[str, Any]) -> None:
    """Only what changes is judged: an older row may not satisfy newer rules elsewhere."""
    try:
        row.full_clean(exclude=[f.name for f in row._meta.fields if f.name not in changes])
    except ValidationError as refused:
        raise Invalid("更正的内容不正确。", fields={name: " ".join(words) for name, words in refused.message_dict.items()}) from refused


def _plain(values: dict[str, Any]) -> Any:
    return json.loads(json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False))
