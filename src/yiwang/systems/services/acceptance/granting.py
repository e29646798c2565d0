"""What follows a decision outside its transaction: machine decisions, licences, permits. Each is a job that may run twice and acts once."""

from typing import Any

from django.db import transaction
from django.utils import timezone

from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.items import api as items
from yiwang.platforms.licences import api as licences
from yiwang.systems.services.acceptance.models import Application


def decide_later(case: Any) -> None:
    from yiwang.systems.services.acceptance.jobs import decide

    decide.defer(case=case.pk)


def make_later(case: Any) -> None:
    from yiwang.systems.services.acceptance.jobs import make_licence

    make_licence.defer(case=case.pk)


@transaction.atomic
def decide(case: int) -> None:
    """Decides at once what facts alone decide: all conditions of the item hold by the registers → granted. Anything less waits for a person."""
    locked = procedures.lock(SYSTEM, case)
    if locked.state != "deciding" or locked.procedure != "instant":
        return
    application = Application.objects.select_related("version").get(case=locked)
    verdict = items.facts_decide(application.version, applicant=locked.applicant_id, division=locked.division_id, on=timezone.localdate())
    if verdict.holds:
        procedures.perform(SYSTEM, case, "grant", {"opinion": verdict.words})


@transaction.atomic
def make_licence(case: int) -> None:
    """Issues what the item's result says and moves the case on."""
    locked = procedures.lock(SYSTEM, case)
    if locked.state != "licensing":
        return
    application = Application.objects.select_related("version").get(case=locked)
    if application.version.result_licence and application.licence_id is None:
        application.licence = licences.issue(
            SYSTEM,
            type=application.version.result_licence,
            holder=locked.applicant_id,
            fields=items.licence_fields(application.version, application.answers, number=locked.number),
            issuer=locked.organ_id,
            valid_from=timezone.localdate(),
            valid_to=items.licence_until(application.version, application.answers, start=timezone.localdate()),
            number=locked.number,
            case=locked.pk,
        )
        application.save(update_fields=["licence"])
    procedures.perform(SYSTEM, case, "licensed")
