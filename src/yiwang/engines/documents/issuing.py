"""A document of an office: typeset, numbered without gaps, dated, sealed, stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from yiwang.base import crypto
from yiwang.base.errors import NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import files, sealing, typesetting
from yiwang.engines.documents.models import Document, Series
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated

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
    "petition-transfer": ("信访事项转送告知书", "信转"),
    "petition-acceptance": ("信访事项受理告知书", "信受"),
    "petition-declined": ("信访事项不予受理告知书", "信不受"),
    "petition-inspection": ("信访事项移交履职查处告知书", "信移"),
    "petition-extension": ("信访事项延期办理告知书", "信延"),
    "petition-opinion": ("信访事项处理意见书", "信处"),
    "petition-review": ("信访事项复查意见书", "信查"),
    "petition-rereview": ("信访事项复核意见书", "信核"),
    "petition-supervision": ("信访事项督办函", "信督"),
    "river-chief-order": ("河长令", "河令"),
    "river-chief-press": ("督办单", "河督"),
    "river-zone-opinion": ("限制排污总量意见", "水限"),
    "river-zone-notice": ("水功能区情况通报", "水通"),
}


@dataclass(frozen=True)
class Facts:
    """What anybody may know of a document whose QR code they hold: nothing about the person it concerns."""

    title: str
    number: str
    organ: str
    issued_at: datetime
    digest: str  #: SHA-256 of the sealed PDF


@transaction.atomic
def issue(template: str, data: Mapping[str, Any], *, organ: int, actor: Actor, case: int | None = None, owner: int | None = None) -> Document:
    """Makes and keeps the document; `owner` is the party it is written to, who may read it.

    Raises NotFound for an unknown template or office, and what typesetting and sealing raise; then no number is used up.
    """
    office = Organisation.objects.filter(pk=organ).first()
    if office is None or template not in KINDS:
        raise NotFound("没有找到制发机构或文书模板。")
    title, kind = KINDS[template]
    made = Document(number=_next_number(office, kind), template=template, template_digest=_digest(template), title=title, organ=office, case=case)
    made.data = {**data, "organ": office.name, "number": made.number}
    typeset = typesetting.render(template, {**made.data, "qr": typesetting.qr(f"{settings.PUBLIC_URL}/verify/{made.pk}")})
    sealed = sealing.seal(actor, typeset, office, what=f"{title} {made.number}")
    made.file = files.store(sealed, name=f"{title}{made.number}.pdf", owner=owner, case=case)
    made.save()
    audit.record(actor, "document.issue", subject=made, summary=f"制发{made}", case=case, organ=organ)
    return made


def about(document: int) -> Facts | None:
    """The public answer to a document's QR code."""
    with elevated():  # verification is public by purpose; only these fields leave
        row = Document.objects.filter(pk=document).values_list("title", "number", "organ__name", "issued_at", "file__digest").first()
    return Facts(*row) if row else None


def _digest(template: str) -> str:
    """Of everything that shapes the page: the template and what it includes."""
    return crypto.sha256(b"".join((typesetting.FOLDER / f"{name}.typ").read_bytes() for name in (template, "base"))).hex()


def _next_number(office: Organisation, kind: str) -> str:
    """湛市监受理〔2026〕12号: short name, kind, year in six-cornered brackets, serial without leading zeros (GB/T 9704-2012, 7.2.5)."""
    year = timezone.localdate().year
    series, _ = Series.objects.get_or_create(organ=office, kind=kind, year=year)
    series = Series.objects.select_for_update().get(pk=series.pk)
    series.last += 1
    series.save(update_fields=["last"])
    return f"{office.short}{kind}〔{year}〕{series.last}号"
