"""Going through the chain as a job, so that an auditor sees the result however long it is."""

from itertools import islice

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from yiwang.base.errors import NotAllowed
from yiwang.engines.audit.models import AUDITOR, Batch, ChainCheck
from yiwang.engines.audit.sealing import check_chain
from yiwang.kit.actors import Actor

KEPT = 1_000  # sentences


def ask_check(actor: Actor) -> ChainCheck:
    """The auditor has the chain checked. Raises NotAllowed for anybody else."""
    if not actor.holds(AUDITOR):
        raise NotAllowed("审计记录由审计管理员核对。")
    return start(actor.name)


@transaction.atomic
def start(asked_by: str) -> ChainCheck:
    from yiwang.engines.audit.jobs import check  # the job module imports this one

    made = ChainCheck.objects.create(asked_by=asked_by)
    check.defer(check=made.pk)
    return made


def run(check: int) -> None:
    """Writes what is wrong and how much was looked at; harmless when repeated."""
    found = ChainCheck.objects.get(pk=check)
    found.batches, found.rows = Batch.objects.count(), Batch.objects.aggregate(total=Sum("size"))["total"] or 0
    found.problems = list(islice(check_chain(), KEPT))
    found.finished_at = timezone.now()
    found.save()
