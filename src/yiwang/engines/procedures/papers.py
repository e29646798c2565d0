"""The documents that steps owe: made once, after commit, from what the event held."""

from django.db import transaction
from django.utils import timezone

from yiwang.engines.documents import api as documents
from yiwang.engines.procedures.models import Case, Paper
from yiwang.kit.actors import SYSTEM


@transaction.atomic
def make(event: int) -> Paper:
    """Makes the paper of an event. Two jobs at once: the second waits and finds it made."""
    paper = Paper.objects.select_for_update(of=("self",), no_key=True).select_related("event__case__organ", "event__case__applicant").get(event=event)
    if paper.document_id:
        return paper
    case = paper.event.case
    step = next((s for s in case.declared.steps if s.code == paper.event.step), None)  # more time is no step of the procedure
    content = {**_common(case, paper), **(step.paper(case, paper.event) if step and step.paper else paper.event.data)}
    paper.document = documents.issue(paper.template, content, organ=paper.event.organ_id or case.organ_id, case=case.pk, owner=case.applicant_id, actor=SYSTEM)
    paper.made_at = timezone.now()
    paper.save()
    return paper


def _common(case: Case, paper: Paper) -> dict[str, object]:
    return {
        "case_number": case.number,
        "subject": case.subject,
        "applicant": case.applicant.name,
        "organ": case.organ.name,
        "date": timezone.localtime(paper.event.at).date().isoformat(),
        "opinion": paper.event.opinion,
    }
