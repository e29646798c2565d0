"""Rows of declared registers: read within one's rights, added, changed under guard, frozen, erased. Every version stays readable."""

import json
from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

from django.contrib.gis.geos import GEOSGeometry
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone

from yiwang.base import say, words
from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.registers.models import Version
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import form_of
from yiwang.kit.records import Kept

K = TypeVar("K", bound=Kept)
WEIGHTS = "ABCD"
PLAIN = {str, int, bool, float}
GUARDED = {"id", "revision", "standing", "changed_at", "words"}


def rows(actor: Actor, register: Register) -> "QuerySet[Any]":
    """The rows that the actor may see; erased ones are gone, frozen ones stay for those who may change them."""
    if register.share != "open" and not actor.system and not may_read(actor, register):
        raise NotAllowed(f"您当前的身份不能查看“{register.name}”。")
    found = restrict(actor, register.model._default_manager.all())
    if not issubclass(register.model, Kept):
        return found
    return found.exclude(standing=Kept.Standing.ERASED) if may_edit(actor, register) else found.filter(standing=Kept.Standing.LIVE)


def may_read(actor: Actor, register: Register) -> bool:
    """Officials by role; outside systems by what they were granted (`register:<code>`); everybody where the register is open."""
    granted = bool(actor.client) and bool({f"register:{register.code}", f"register:{register.code}:write"} & set(actor.scope))
    return actor.system or register.share == "open" or bool(actor.roles & {*register.readers, *register.editors}) or granted


def may_edit(actor: Actor, register: Register) -> bool:
    granted = bool(actor.client) and f"register:{register.code}:write" in actor.scope
    return actor.system or bool(actor.roles & set(register.editors)) or granted


def find(actor: Actor, register: Register, row: int | str) -> Any:
    """Raises NotFound unless the actor may see it, NotAllowed for somebody who may not see the register at all."""
    try:
        key = register.model._meta.pk.to_python(row)
    except ValidationError:
        key = None
    found = rows(actor, register).filter(pk=key).first() if key is not None else None
    if found is None:
        raise NotFound(f"没有找到这条{register.name}记录。", hint="可能已被删除，或者不在您的管辖范围内。")
    return found


@transaction.atomic
def keep(actor: Actor, register: Register, data: Mapping[str, Any], *, reason: str = "登记", valid_from: date | None = None) -> Any:
    """Adds a row. Raises NotAllowed, Invalid naming each field."""
    _may_write(actor, register)
    row = validated(actor, register, data, register.model())
    row.words = terms_of(register, row)
    row.save(force_insert=True)
    _kept(actor, register, row, before={}, after=snapshot(row), reason=reason, valid_from=valid_from)
    return row


@transaction.atomic
def change(
    actor: Actor, register: Register, row: int, data: Mapping[str, Any], *, revision: int | None = None, reason: str = "修改", valid_from: date | None = None
) -> Any:
    """Changes the fields in `data` of a row whose `revision` the actor saw; fields not named stay.

    Raises NotFound, NotAllowed, Invalid, and Conflict (saying who was first) when it has been changed since: nobody overwrites another unseen.
    """
    _may_write(actor, register)
    locked = lock(actor, register, row)
    if revision not in (None, locked.revision):
        raise _overtaken(register, locked)
    if locked.standing == Kept.Standing.FROZEN:
        raise Gone("这条记录已停止处理，不能修改。", hint="恢复处理后才能修改。")
    before = snapshot(locked)
    changed = validated(actor, register, {**before, **data}, locked)
    after = snapshot(changed)
    if after == before:
        return locked
    changed.revision += 1
    changed.changed_at = timezone.now()
    changed.words = terms_of(register, changed)
    changed.save()
    _kept(actor, register, changed, before=before, after=after, reason=reason, valid_from=valid_from)
    return changed


@transaction.atomic
def change_many(actor: Actor, register: Register, chosen: Iterable[int], data: Mapping[str, Any], *, reason: str, seen: Mapping[int, int] | None = None) -> int:
    """The same change to several rows, all or none; returns how many really changed. `seen`: row → the revision that was seen. Raises what `change` raises, naming the row."""
    if not reason.strip():
        raise Invalid("批量修改需要写明理由。", fields={"reason": "请写明理由"})
    _may_write(actor, register)
    changed = 0
    for row in sorted(set(chosen)):  # one order for everybody: two bulk edits never wait for each other
        before = find(actor, register, row)
        try:
            changed += change(actor, register, row, data, revision=(seen or {}).get(row), reason=reason).revision != before.revision
        except (Invalid, Conflict, Gone) as problem:
            raise type(problem)(f"“{before}”：{problem.message}", hint=problem.hint, fields=problem.fields) from None
    return changed


@transaction.atomic
def freeze(actor: Actor, register: Register, row: int, *, reason: str) -> Any:
    """Stops every use but storage (个人信息保护法第四十七条第二款); readers no longer see it. Calling it again sets it free."""
    _may_write(actor, register)
    _explained(reason)
    locked = lock(actor, register, row)
    locked.standing = Kept.Standing.LIVE if locked.standing == Kept.Standing.FROZEN else Kept.Standing.FROZEN
    locked.revision += 1
    locked.changed_at = timezone.now()
    locked.save(update_fields=["standing", "revision", "changed_at"])
    audit.record(actor, "register.freeze", subject=locked, summary=f"{locked.get_standing_display()}：{reason.strip()}")
    _version(actor, locked, before={}, after={"standing": locked.standing}, reason=reason, valid_from=None)
    return locked


@transaction.atomic
def erase(actor: Actor, register: Register, row: int, *, reason: str) -> None:
    """Deletes the personal data of a row and of all its versions (个人信息保护法第四十七条第一款); that it was there, and why it went, stays provable."""
    _may_write(actor, register)
    _explained(reason)
    locked = lock(actor, register, row)
    personal = [f for f in locked._meta.concrete_fields if f.name in register.personal]
    if not personal:
        raise Invalid("这条记录没有个人信息，不适用删除。")
    blocked = [str(f.verbose_name) for f in personal if not f.null and not f.empty_strings_allowed]
    if blocked:
        raise Invalid(f"“{'、'.join(blocked)}”依法必须保留，不能删除。")
    for field in personal:
        setattr(locked, field.attname, None if field.null else "")
    locked.standing, locked.words, locked.revision, locked.changed_at = Kept.Standing.ERASED, None, locked.revision + 1, timezone.now()
    locked.save()
    for version in Version.objects.select_for_update().filter(subject_type=locked._meta.label_lower, subject_id=str(locked.pk)):
        version.before, version.after = _blank(version.before, register), _blank(version.after, register)
        version.save(update_fields=["before", "after"])
    _version(actor, locked, before={}, after={"standing": locked.standing}, reason=reason, valid_from=None)
    audit.record(actor, "register.erase", subject=locked, summary=f"删除个人信息：{reason.strip()}")


@transaction.atomic
def reveal(actor: Actor, register: Register, row: int | str, *, reason: str) -> Any:
    """The row for somebody who needs its personal data unmasked and says why; the look is recorded and shown to the person."""
    _explained(reason)
    found = find(actor, register, row)
    audit.record(actor, "register.reveal", subject=found, summary=f"查看完整个人信息：{reason.strip()}")
    party = subject_of(register, found)
    if party is not None:
        audit.record_access(actor, party=party, what=register.name, purpose=reason.strip(), fields=sorted(register.personal))
    return found


def subject_of(register: Register, row: Model) -> int | None:
    """The party whom a personal row is about."""
    if not register.subject:
        return None
    holder, _, name = register.subject.rpartition("__")
    owner = cells.value(row, holder) if holder else row
    return getattr(owner, f"{name}_id", None) if owner is not None else None


def lock(actor: Actor, register: Register, row: int) -> Any:
    """The row, locked until the transaction ends. Raises NotFound."""
    found = rows(actor, register).select_for_update(of=("self",)).filter(pk=row).first()
    if found is None:
        raise NotFound(f"没有找到这条{register.name}记录。", hint="可能已被删除，或者不在您的管辖范围内。")
    return found


def validated(actor: Actor, register: Register, data: Mapping[str, Any], instance: Any) -> Any:
    """`instance` with `data` in it, unsaved. Raises Invalid naming each field that the form, the model or a constraint refuses."""
    form = form_of(register)(data, instance=instance)
    if hasattr(form, "restrict_to"):
        form.restrict_to(actor)
    if not form.is_valid():
        problems = {name: "；".join(str(e) for e in errors) for name, errors in form.errors.items()}
        raise Invalid("有内容需要修改。", fields=problems)
    row = form.save(commit=False)
    if derived(register, row):
        _hold(row)
    return row


def derived(register: Register, row: Any) -> bool:
    """Sets what the register says follows from the row's own values; False where it says nothing. Raises Invalid naming the fields from which nothing follows."""
    if register.derive is None:
        return False
    for name, value in register.derive(row).items():
        row._meta.get_field(name)  # a name that is no field fails here, not in silence
        setattr(row, name, value)
    return True


def _hold(row: Any) -> None:
    """Raises Invalid where a constraint refuses what followed: the form had looked at what was typed only."""
    try:
        row.validate_constraints()
    except ValidationError as refused:
        problems = {name: "；".join(words) for name, words in refused.message_dict.items()}
        raise Invalid(problems.get(NON_FIELD_ERRORS, "有内容需要修改。"), fields=problems) from None


def snapshot(row: Model) -> dict[str, Any]:
    """What the row says, as JSON holds it: keys by number, geometry as GeoJSON, dates as ISO."""
    return {name: _plain(field, getattr(row, attribute)) for name, attribute, field in _said_by(type(row))}


@cache
def _said_by(model: type[Model]) -> tuple[tuple[str, str, Any], ...]:
    return tuple((f.name, f.attname, f) for f in model._meta.concrete_fields if f.name not in GUARDED)


def terms_of(register: Register, row: Model) -> str:
    """The words by which a row is found, as PostgreSQL writes a tsvector: each with the weight of its field. Personal fields are never among them."""
    found: dict[str, str] = {}
    for place, path in enumerate(register.search):
        for term in words.terms(str(cells.value(row, path) or "")):
            found.setdefault(term, WEIGHTS[min(place, 3)])
    return " ".join(f"{term}:1{weight}" for term, weight in found.items())


def _plain(field: Any, value: Any) -> Any:
    """As JSON would give it back; the commonest kinds without writing and reading JSON."""
    if value is None or type(value) in PLAIN:
        return value
    if isinstance(value, Decimal):
        return str(round(value, field.decimal_places))  # as the database will give it back
    return json.loads(value.geojson if isinstance(value, GEOSGeometry) else json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False))


def _kept(actor: Actor, register: Register, row: Any, *, before: dict[str, Any], after: dict[str, Any], reason: str, valid_from: date | None) -> None:
    _version(
        actor, row, before={n: before.get(n) for n in after if n in before and before[n] != after[n]},
        after={n: v for n, v in after.items() if n not in before or before[n] != v}, reason=reason, valid_from=valid_from,
    )  # fmt: skip
    audit.record(actor, "register.change" if before else "register.keep", subject=row, summary=f"{register.name}：{reason.strip() or '修改'}")


def _version(actor: Actor, row: Any, *, before: dict[str, Any], after: dict[str, Any], reason: str, valid_from: date | None) -> None:
    Version.objects.create(
        subject_type=row._meta.label_lower, subject_id=str(row.pk), before=before, after=after, valid_from=valid_from or timezone.localdate(),
        by=(actor.name or actor.client)[:60], reason=reason.strip()[:300],
    )  # fmt: skip


def _may_write(actor: Actor, register: Register) -> None:
    if not issubclass(register.model, Kept):
        raise NotAllowed(f"“{register.name}”不在这里修改。")
    if not may_edit(actor, register):
        raise NotAllowed(f"您当前的身份不能修改“{register.name}”。")


def _explained(reason: str) -> None:
    if not reason.strip():
        raise Invalid("请写明理由。", fields={"reason": "请写明理由"})


def _overtaken(register: Register, row: Any) -> Conflict:
    last = Version.objects.filter(subject_type=row._meta.label_lower, subject_id=str(row.pk)).order_by("-at", "-id").first()
    who = f"{last.by}已于 {say.moment(last.at, timezone.now())} " if last else "别人刚刚"
    return Conflict(f"{who}修改过这条{register.name}记录。", hint="您填写的内容没有保存，请对照最新内容后再改。")


def _blank(values: dict[str, Any], register: Register) -> dict[str, Any]:
    return {name: "已删除" if name in register.personal else value for name, value in values.items()}
