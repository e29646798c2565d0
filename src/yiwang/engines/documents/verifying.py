"""What anybody finds out about a sealed PDF: whether it is ours and unchanged, and if not, what is wrong with it.

A seal's time is claimed by the signer (PAdES B-B has no timestamp). Once a certificate has run out or was revoked, only a document that
our own record of seal uses knows by its digest stands: a stolen key cannot write itself into the past.
"""

import io
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from yiwang.base import crypto
from yiwang.engines.documents.authority import SUITE
from yiwang.engines.documents.models import Seal, SealUse
from yiwang.engines.documents.sealing import asn1

DAMAGED = "文件不是完整的 PDF，或者已经损坏。"
ALTERED = "文件在盖章以后被修改过。"


@dataclass(frozen=True)
class Verdict:
    """What verification says: `problems` are sentences for people, empty when the document stands."""

    problems: tuple[str, ...]
    organ: str = ""
    signed_at: str = ""
    reason: str = ""

    @property
    def holds(self) -> bool:
        return not self.problems


@dataclass(frozen=True)
class _Signature:
    """What the signature itself says, before our own records are asked."""

    status: Any  # pyHanko's status classes are built at run time
    serial: str
    ends: datetime  #: of its certificate
    reason: str
    appended: bool  #: the file goes on after what was signed
    canonical: bool  #: the signature is written in the one way we write it


def verify(pdf: bytes) -> Verdict:
    """Never raises for a file that somebody sends, whatever is in it."""
    try:
        found = _signature(pdf)
    except Exception:  # noqa: BLE001  # a hostile file can break the parser anywhere; whatever broke, it is not a document of ours
        return Verdict((DAMAGED,))
    if isinstance(found, str):
        return Verdict((found,))
    used = Seal.objects.select_related("organ").filter(serial=found.serial).first()
    signed = found.status.signer_reported_dt
    return Verdict(
        tuple(_problems(pdf, found, used)),
        used.organ.name if used else "",
        timezone.localtime(signed).strftime("%Y-%m-%d %H:%M") if signed else "",
        found.reason,
    )


def _signature(pdf: bytes) -> _Signature | str:
    """The one signature, or the sentence that says why there is nothing to examine."""
    from pyhanko.pdf_utils.reader import PdfFileReader  # as in `sealing`: only where a document is verified
    from pyhanko.sign.validation import validate_pdf_signature
    from pyhanko_certvalidator import ValidationContext

    signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    if not signatures:
        return "文件没有电子印章。"
    if len(signatures) > 1:
        return "盖章以后又追加了别的签名。"  # a document of ours carries one seal
    signature = signatures[0]
    certificate = signature.signer_cert
    # The chain is judged at a moment when the certificate was in force: that it has run out since is another question, asked of our records.
    moment = certificate.not_valid_before + timedelta(seconds=1)
    context = ValidationContext(trust_roots=[asn1(SUITE.authority())], allow_fetching=False, moment=moment)
    status = validate_pdf_signature(signature, context)
    start, before, after, length = (int(n) for n in signature.byte_range)
    return _Signature(
        status,
        f"{certificate.serial_number:x}",
        certificate.not_valid_after,
        str(signature.sig_object.get("/Reason", "")),
        appended=start != 0 or after + length != len(pdf),
        canonical=_canonical(pdf[before:after], signature),
    )


def _canonical(written: bytes, signature: Any) -> bool:
    """The signature exactly as we write it: what CMS leaves unsigned (versions, list of digests, padding) has no bit that can be changed unseen."""
    content = bytes.fromhex(written[1:-1].decode("ascii"))
    signed, signer = signature.signed_data, signature.signer_info
    return (
        written == b"<" + content.hex().upper().encode() + b">"
        and not any(content[_der_length(content) :])
        and _filled(content)
        and signed["version"].native == signer["version"].native == "v1"
        and [algorithm.native for algorithm in signed["digest_algorithms"]] == [signer["digest_algorithm"].native]
    )


def _der_length(content: bytes) -> int:
    """Bytes of the outermost DER element (X.690, 8.1.3): what follows it is padding."""
    first = content[1]
    if first < 0x80:
        return 2 + first
    count = first & 0x7F
    return 2 + count + int.from_bytes(content[2 : 2 + count], "big")


def _filled(content: bytes) -> bool:
    """The outermost element ends where its two parts end, type and signed data (RFC 5652, 3): it has taken none of the padding in."""
    body = content[2 + (content[1] & 0x7F if content[1] >= 0x80 else 0) : _der_length(content)]
    kind = _der_length(body)
    return kind + _der_length(body[kind:]) == len(body)


def _problems(pdf: bytes, found: _Signature, used: Seal | None) -> list[str]:
    problems = []
    if not found.status.intact:
        problems.append(ALTERED)
    elif not found.status.valid:
        problems.append("电子签名与文件内容不符。")
    if found.appended:
        problems.append("盖章以后又追加了内容。")
    if used is None or not found.status.trusted:
        return [*problems, "印章不是本市签发的。"]
    if not problems and not found.canonical:
        problems.append(ALTERED)
    recorded = SealUse.objects.filter(seal=used, digest=crypto.sha256(pdf).hex()).values_list("at", flat=True).first()
    if used.state == Seal.State.REVOKED and used.revoked_at and (recorded is None or recorded >= used.revoked_at):
        problems.append(f"印章已于 {timezone.localdate(used.revoked_at)} 撤销，本市没有这份文件在撤销以前的用印记录。")
    elif found.ends < timezone.now() and recorded is None:
        problems.append(f"印章证书已于 {timezone.localdate(found.ends)} 到期，本市没有这份文件的用印记录。")
    return problems
