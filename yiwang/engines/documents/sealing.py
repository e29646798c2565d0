"""The seal of an office on a PDF: a PAdES baseline signature (ETSI EN 319 142-1, B-B) whose appearance is the round seal; and what verification finds."""

import io
from dataclasses import dataclass
from functools import lru_cache

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.db import IntegrityError, transaction
from django.utils import timezone
from pyhanko.pdf_utils.content import ImportedPdfPage
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from yiwang.base import crypto
from yiwang.base.errors import Conflict, NotAllowed
from yiwang.engines.audit import api as audit
from yiwang.engines.documents.authority import SUITE
from yiwang.engines.documents.models import Seal, SealUse
from yiwang.engines.documents.typesetting import Typeset, seal_picture
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import Actor

SIZE = 119.0  # points: 42 mm
KEEPER = "seal-keeper"


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


def seal_of(organ: Organisation) -> Seal:
    """The active seal of an office, made with its certificate when it has none yet. Raises Conflict while its seal is suspended."""
    found = Seal.objects.filter(organ=organ, state=Seal.State.ACTIVE, valid_to__gt=timezone.now()).first()
    if found:
        return found
    if Seal.objects.filter(organ=organ, state=Seal.State.SUSPENDED).exists():
        raise Conflict(f"{organ.name}的电子印章已停用，不能用印。")
    certificate = SUITE.certify(organ.name, organ.uscc)
    try:
        with transaction.atomic():
            Seal.objects.filter(organ=organ, state=Seal.State.ACTIVE).update(state=Seal.State.REVOKED, reason="到期更换")
            return Seal.objects.create(
                organ=organ,
                serial=f"{certificate.serial_number:x}",
                certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
                valid_from=certificate.not_valid_before_utc,
                valid_to=certificate.not_valid_after_utc,
            )
    except IntegrityError:  # another process made it at the same moment
        return Seal.objects.get(organ=organ, state=Seal.State.ACTIVE)


def seal(actor: Actor, typeset: Typeset, organ: Organisation, *, what: str) -> bytes:
    """The sealed PDF; the use is on the record."""
    used = seal_of(organ)
    sealed = _sign(typeset, organ.name, used.serial, used.certificate, what)
    SealUse.objects.create(seal=used, by=actor.name, digest=crypto.sha256(sealed).hex(), what=what)
    return sealed


@transaction.atomic
def change_state(actor: Actor, seal: int, state: Seal.State, *, reason: str) -> Seal:
    """Suspends, restores or revokes a seal; revocation is final. Raises NotAllowed, Conflict."""
    if not actor.holds(KEEPER):
        raise NotAllowed("电子印章由印章管理员管理。")
    found = Seal.objects.select_for_update().get(pk=seal)
    if found.state == Seal.State.REVOKED:
        raise Conflict("这枚印章已经撤销，不能再改变。")
    found.state, found.reason = state, reason
    found.revoked_at = timezone.now() if state == Seal.State.REVOKED else None
    found.save()
    audit.record(actor, "seal.state", subject=found, summary=f"{found} → {Seal.State(state).label}：{reason}")
    return found


def verify(pdf: bytes) -> Verdict:
    """Whether a PDF is one of ours and unchanged, and if not, what is wrong with it."""
    try:
        signatures = PdfFileReader(io.BytesIO(pdf)).embedded_signatures
    except (PdfError, ValueError, KeyError, IndexError, TypeError):
        return Verdict(("文件不是完整的 PDF，或者已经损坏。",))
    if not signatures:
        return Verdict(("文件没有电子印章。",))
    try:
        status = validate_pdf_signature(signatures[-1], ValidationContext(trust_roots=[_asn1(SUITE.authority())], allow_fetching=False))
    except (SignatureValidationError, SigningError, PdfError, ValueError, KeyError):
        return Verdict(("电子签名的结构已经损坏。",))
    serial = f"{status.signing_cert.serial_number:x}"
    used = Seal.objects.select_related("organ").filter(serial=serial).first()
    problems = tuple(_problems(status, used))
    signed = status.signer_reported_dt
    return Verdict(problems, used.organ.name if used else "", timezone.localtime(signed).strftime("%Y-%m-%d %H:%M") if signed else "", str(signatures[-1].sig_object.get("/Reason", "")))


def _problems(status: object, used: Seal | None) -> list[str]:
    found = []
    if not status.intact:  # type: ignore[attr-defined]  # pyHanko's status classes are built at run time
        found.append("文件在盖章以后被修改过。")
    elif not status.valid:  # type: ignore[attr-defined]
        found.append("电子签名与文件内容不符。")
    if status.intact and not status.bottom_line and status.coverage.name != "ENTIRE_FILE":  # type: ignore[attr-defined]
        found.append("盖章以后又追加了内容。")
    if used is None or not status.trusted:  # type: ignore[attr-defined]
        found.append("印章不是本市签发的。")
    if used and used.state == Seal.State.REVOKED and used.revoked_at:
        signed = status.signer_reported_dt  # type: ignore[attr-defined]
        if signed is None or signed >= used.revoked_at:
            found.append("盖章时印章已经撤销。")
    return found


def _sign(typeset: Typeset, organ: str, serial: str, certificate: str, what: str) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(typeset.pdf))
    page, x, y = typeset.seal_at or (1, 400.0, 600.0)
    height = float(writer.prev.root["/Pages"]["/Kids"][page - 1]["/MediaBox"][3])
    box = tuple(int(v) for v in (x - SIZE / 2, height - y - SIZE * 0.62, x + SIZE / 2, height - y + SIZE * 0.38))
    meta = signers.PdfSignatureMetadata(
        field_name="Seal", name=organ, reason=what, subfilter=SigSeedSubFilter.PADES, certify=True, docmdp_permissions=MDPPerm.NO_CHANGES, md_algorithm="sha256"
    )
    style = StaticStampStyle(background=ImportedPdfPage(str(seal_picture(organ))), border_width=0)
    signer = signers.PdfSigner(meta, _signer(serial, certificate), stamp_style=style, new_field_spec=SigFieldSpec("Seal", on_page=page - 1, box=box))
    out = io.BytesIO()
    signer.sign_pdf(writer, output=out)
    return out.getvalue()


@lru_cache(maxsize=256)
def _signer(serial: str, certificate: str) -> signers.SimpleSigner:
    """The key object is kept: reading and checking it costs more than the signature itself."""
    der = SUITE.key_of(serial).private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    store = SimpleCertificateStore()
    store.register(_asn1(SUITE.authority()))
    own = _asn1(x509.load_pem_x509_certificate(certificate.encode()))
    return signers.SimpleSigner(signing_cert=own, signing_key=asn1_keys.PrivateKeyInfo.load(der), cert_registry=store)


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
