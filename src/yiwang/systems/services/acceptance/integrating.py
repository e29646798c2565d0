"""What an authorised system does for an applicant whom it has identified: submit with materials, answer a correction notice, withdraw."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from yiwang.base.errors import Conflict, Invalid, NotAllowed
from yiwang.engines.documents import api as documents
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.actors import Actor
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Implementation, ItemVersion
from yiwang.systems.services.acceptance import applying
from yiwang.systems.services.acceptance.models import Application, Correction, Draft, Material


@dataclass(frozen=True)
class Handed:
    """A file handed in for a material."""

    code: str
    name: str
    content: bytes


@transaction.atomic
def submit_for(
    actor: Actor, *, service: int, applicant: Party, situation: Mapping[str, str], answers: Mapping[str, Any], materials: Sequence[Handed], key: str
) -> tuple[Case, bool]:
    """The case of this submission and whether it is new: the same checks as for a person, once for each key of the system and applicant.

    Raises NotAllowed outside the system's scope, Invalid naming fields and materials, Conflict when the key already stands for another submission.
    """
    place = Implementation.objects.select_related("item", "organ").get(pk=service)
    if not actor.client or ("*" not in actor.scope and place.item.key not in actor.scope):
        raise NotAllowed("对接系统没有提交这一事项的授权。")
    known = Case.objects.filter(applicant=applicant, key=key, client=actor.client).first()
    if known:
        _same(known, place, situation, answers)
        return known, False
    applying.serves(place, applicant)
    draft = Draft(author=applicant, applicant=applicant, service=place, version=items.published(place.item_id), situation=dict(situation))
    full = applying.situation_of(draft)
    checked = items.validate(draft.version, full, answers)
    given = _materials(actor, draft.version, applicant, full, materials)
    case = applying.make_case(actor, draft, full, checked, key=key, handed=given)
    return case, True


@transaction.atomic
def answer_correction(actor: Actor, case: int, *, revision: int, answers: Mapping[str, Any], materials: Sequence[Handed]) -> Case:
    """Everything the notice asks for, at once. Raises Conflict when nothing is asked any more or the case has moved, Invalid when something is missing."""
    if answers:
        applying.amend(actor, case, answers)
    for handed in materials:
        applying.correct(actor, case, code=handed.code, content=handed.content, name=handed.name)
    return procedures.perform(actor, case, "resubmit", revision=revision)


def notice(case: Case) -> Correction | None:
    """The correction notice of a case that waits for its answer."""
    return Correction.objects.filter(application__case=case).first() if case.state == "correcting" else None


def _same(known: Case, place: Implementation, situation: Mapping[str, str], answers: Mapping[str, Any]) -> None:
    """A retry says the same again. What was corrected since is not compared."""
    application = Application.objects.select_related("version").get(case=known)
    differs = known.item_key != place.item.key
    if not differs and not Correction.objects.filter(application=application).exists():
        full = {**application.situation, **situation}
        try:
            differs = full != application.situation or items.validate(application.version, full, answers) != application.answers
        except Invalid:
            differs = True
    if differs:
        raise Conflict("这个提交标识已经用于另一份申请。", hint="重试时请原样发送；新的申请请换一个标识。")


def _materials(actor: Actor, version: ItemVersion, applicant: Party, situation: Mapping[str, str], handed: Sequence[Handed]) -> list[Material]:
    """What was handed in, and what the registers confirm instead. Raises Invalid naming each material that is missing, unknown or unreadable."""
    wanted = {m["code"]: m for m in items.materials_for(version, situation)}
    made, problems = [], {}
    for one in handed:
        field = f"material:{one.code}"
        if one.code not in wanted:
            problems[field] = "这个事项在这种情形下没有这项材料。"
            continue
        try:
            file = documents.store(one.content, name=one.name, owner=applicant.pk)
        except Invalid as problem:
            problems[field] = f"{problem.message}{problem.hint}"
        else:
            made.append(Material(code=one.code, name=wanted[one.code]["name"], way=Material.Way.UPLOAD, file=file))
    given = {m.code for m in made}
    confirmed = applying.confirmed_by_registers(actor, version, applicant.pk, [m for code, m in wanted.items() if code not in given])
    missing = {c: m for c, m in wanted.items() if m.get("required", True) and c not in given | {one.code for one in confirmed}}
    problems |= {f"material:{code}": f"请提交{m['name']}。" for code, m in missing.items() if f"material:{code}" not in problems}
    if problems:
        raise Invalid("材料需要补充或修改。", fields=problems)
    return made + confirmed
