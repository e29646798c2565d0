"""Whether a licence holds: what anybody may ask and learn."""

from dataclasses import dataclass
from datetime import date

from django.db import connection
from django.utils import timezone

from yiwang.base import crypto, identifiers
from yiwang.engines.documents import api as documents
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.licences.models import Licence

WORDS = {
    "valid": "证照有效。",
    "not-yet": "证照还没有到生效日期。",
    "expired": "证照已过有效期。",
    "suspended": "证照已被暂扣，暂扣期间无效。",
    "revoked": "证照已被吊销或撤销，无效。",
    "cancelled": "证照已注销，无效。",
    "replaced": "证照已换发新版本，请以新版本为准。",
}


@dataclass(frozen=True)
class Verdict:
    """What anybody may know about a licence by its identifier."""

    result: str  #: a key of WORDS, or unknown
    words: str
    type: str = ""
    holder: str = ""  #: masked for natural persons
    issuer: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    successor: str = ""  #: identifier of the version that replaced it


def verify(identifier: str, *, on: date | None = None) -> Verdict:
    """The public answer, by one indexed lookup: nothing that the paper in the asker's hand does not show."""
    if not identifiers.is_licence_identifier(identifier):
        return Verdict("unknown", "标识的格式或校验位不正确，请核对后重新输入。")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM licences_public(%s)", [identifier])  # see migration 0002: public by purpose, only these columns leave
        row = cursor.fetchone()
    if row is None:
        return Verdict("unknown", "标识格式正确，但不是本市颁发的证照。")
    state, start, end, kind, holder, holder_kind, issuer, successor = row
    result = _in_time(start, end, on or timezone.localdate()) if state == Licence.State.VALID else str(state)
    shown = identifiers.mask_name(holder) if holder_kind == "person" else holder
    return Verdict(result, WORDS[result], kind, shown, issuer, start, end, successor or "")


def verify_file(pdf: bytes) -> tuple[documents.Verdict, Verdict | None]:
    """The seal on a file and, when the file is the face of a licence, the licence: a genuine seal does not make a revoked licence valid."""
    found = documents.verify(pdf)
    if not found.holds:
        return found, None
    with elevated():
        identifier = Licence.objects.filter(file__digest=crypto.sha256(pdf).hex()).values_list("identifier", flat=True).first()
    return found, verify(identifier) if identifier else None


def _in_time(start: date, end: date | None, today: date) -> str:
    if start > today:
        return "not-yet"
    return "expired" if end and end < today else "valid"
