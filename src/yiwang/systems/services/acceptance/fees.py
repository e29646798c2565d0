"""The fee of an application: computed from the item's dated tariff and the answers, billed once, cancelled with the case."""

from typing import Any

from django.utils import timezone

from yiwang.engines.ledger import api as ledger
from yiwang.kit.actors import Actor
from yiwang.platforms.items import api as items
from yiwang.systems.services.acceptance.models import Application


def lines_of(application: Application, case: Any) -> list[Any]:
    """The lines of the fee with their tariff rows (items.api.fee_lines): empty when the item is free."""
    return list(items.fee_lines(application.version, application.situation, application.answers, division=case.division_id, on=timezone.localdate(case.opened_at)))


def amount_due(case: Any) -> int:
    """Fen."""
    application = Application.objects.select_related("version").get(case=case)
    return sum(line.amount for line in lines_of(application, case))


def bill_for(case: Any, actor: Actor) -> Any:
    """The bill of the case, or None when nothing is owed. Idempotent by the case."""
    application = Application.objects.select_related("version").get(case=case)
    lines = lines_of(application, case)
    if not sum(line.amount for line in lines):
        return None
    bill = ledger.bill(actor, payer=case.applicant_id, organ=case.organ_id, lines=lines, case=case.pk, key=f"case:{case.pk}")
    application.bill = bill.pk
    application.save(update_fields=["bill"])
    return bill


def cancel_for(case: Any, actor: Actor) -> None:
    """Nothing is owed for a case that is over."""
    bill = Application.objects.filter(case=case).values_list("bill", flat=True).first()
    if bill:
        ledger.cancel(actor, bill=bill, reason="申请已撤回")
