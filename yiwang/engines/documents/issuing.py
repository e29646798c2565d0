"""A document of an office: typeset, numbered without gaps, dated, sealed, stored."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.base import crypto
from yiwang.engines.documents import files, sealing, typesetting
from yiwang.engines.documents.models import Document, Series
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import Actor

KINDS = {  # template → (title, 文种代字 in the number)
    "receipt": ("收件凭证", "收件"),
    "acceptance": ("行政许可申请受理通知书", "受理"),
    "correction-notice": ("申请材料补正告知书", "补正"),
    "not-accepted": ("不予受理决定书", "不受"),
    "special-procedure": ("特别程序告知书", "特程"),
    "approval": ("准予行政许可决定书", "准许"),
    "refusal": ("不予行政许可决定书", "不许"),
    "delivery-receipt": ("送达回证", "送达"),
    "bill": ("缴款通知书", "缴款"),
}


@transaction.atomic
def issue(template: str, data: Mapping[str, Any], *, organ: int, actor: Actor, case: int | None = None) -> Document:
    """Makes and keeps the document. Raises what typesetting and sealing raise; then no number is used up."""
    office = Organisation.objects.get(pk=organ)
    title, kind = KINDS[template]
    number = _next_number(office, kind)
    content = {**data, "organ": office.name, "number": number, "qr": typesetting.qr(f"{settings.PUBLIC_URL}/verify/?document={number}")}
    typeset = typesetting.render(template, content)
    sealed = sealing.seal(actor, typeset, office, what=f"{title} {number}")
    kept = {name: value for name, value in content.items() if name != "qr"}
    return Document.objects.create(
        number=number,
        template=template,
        template_digest=crypto.sha256((typesetting.FOLDER / f"{template}.typ").read_bytes()).hex(),
        title=title,
        data=kept,
        file=files.store(sealed, name=f"{title}{number}.pdf", case=case),
        organ=office,
        case=case,
    )


def _next_number(office: Organisation, kind: str) -> str:
    """湛市监受理〔2026〕12号: short name, kind, year in six-cornered brackets, serial without leading zeros (GB/T 9704-2012, 7.2.5)."""
    year = timezone.localdate().year
    series, _ = Series.objects.get_or_create(organ=office, kind=kind, year=year)
    series = Series.objects.select_for_update().get(pk=series.pk)
    series.last += 1
    series.save(update_fields=["last"])
    return f"{office.short}{kind}〔{year}〕{series.last}号"
