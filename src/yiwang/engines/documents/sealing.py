"""The seal of an office on a PDF: a PAdES baseline signature (ETSI EN 319 142-1, B-B: its time is the signer's own) whose appearance is the round seal."""

import io
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.db import transaction
from django.utils import timezone

from yiwang.base import crypto
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents.authority import SUITE
from yiwang.engines.documents.models import Seal, SealUse
from yiwang.engines.documents.typesetting import Typeset, seal_picture
from yiwang.engines.parties.models import Organisation
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor

if TYPE_CHECKING:
    from pyhanko.sign import signers

SIZE = 119.0  # points: 42 mm
RESERVED = 8192  # hexadecimal digits of room for the signature: ours takes 2,800; measuring it first would mean signing twice
KEEPER = "seal-keeper"
MOVES: dict[Seal.State, tuple[Seal.State, ...]] = {  # from → to that a keeper may order
    Seal.State.ACTIVE: (Seal.State.SUSPENDED, Seal.State.REVOKED),
    Seal.State.SUSPENDED: (Seal.State.ACTIVE, Seal.State.REVOKED),
    Seal.State.RETIRED: (Seal.State.REVOKED,),
    Seal.State.REVOKED: (),
}


def seal_of(organ: Organisation) -> Seal:
    """The active seal of an office; made with its certificate when there never was one or the last has run out.

    Raises Conflict while the seal is suspended, and after a revocation until a keeper makes a new one.
    """
    found = _active(organ)
    if found:
        return found
    with transaction.atomic():
        _lock(organ)
        found = _active(organ)  # another process may have made it while we waited
        if found:
            return found
        last = Seal.objects.filter(organ=organ).order_by("-valid_from").first()
        if last and last.state in (Seal.State.SUSPENDED, Seal.State.REVOKED):
            raise Conflict(f"{organ.name}的电子印章已{last.get_state_display()}，不能用印。", hint="请联系印章管理员。")
        return _make(organ, "到期更换")


def seal(actor: Actor, typeset: Typeset, organ: Organisation, *, what: str) -> bytes:
    """The sealed PDF; the use is on the record. A declared procedure (the system) seals, or a keeper of this office's seal. Raises NotAllowed, Conflict."""
    if not (actor.system or actor.holds(KEEPER, organ.pk)):
        raise NotAllowed(f"您不是{organ.name}的印章管理员，不能用印。")
    used = seal_of(organ)
    sealed = _sign(typeset, organ.name, used.serial, used.certificate, what)
    SealUse.objects.create(seal=used, by=actor.name, digest=crypto.sha256(sealed).hex(), what=what)
    return sealed


@transaction.atomic
def make_seal(actor: Actor, organ: int, *, reason: str) -> Seal:
    """A new key and certificate: the first, after a revocation, or instead of the one in use, which retires. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _check_order(actor, reason)
    office = Organisation.objects.filter(pk=organ).first()
    if office is None:
        raise NotFound("没有找到这个机构。")
    _lock(office)
    if Seal.objects.filter(organ=office, state=Seal.State.SUSPENDED).exists():
        raise Conflict(f"{office.name}的电子印章已停用。", hint="请先恢复或撤销这枚印章。")
    made = _make(office, reason)
    audit.record(actor, "seal.make", subject=made, summary=f"制发{made}：{reason}", organ=organ)
    return made


@transaction.atomic
def change_state(actor: Actor, seal: int, state: Seal.State, *, reason: str) -> Seal:
    """Suspends, restores or revokes a seal; revocation is final and destroys the key. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _check_order(actor, reason)
    found = restrict(actor, Seal.objects.select_for_update(of=("self",)).filter(pk=seal)).select_related("organ").first()
    if found is None:
        raise NotFound("没有找到这枚印章。")
    if state not in MOVES[Seal.State(found.state)]:
        raise Conflict(f"印章现在的状态是“{found.get_state_display()}”，不能这样办理。")
    found.state, found.reason = state, reason
    found.revoked_at = timezone.now() if state == Seal.State.REVOKED else None
    found.save()
    if state == Seal.State.REVOKED:
        transaction.on_commit(partial(SUITE.forget, found.serial))
    audit.record(actor, "seal.state", subject=found, summary=f"{found} → {Seal.State(state).label}：{reason}", organ=found.organ_id)
    return found


def _check_order(actor: Actor, reason: str) -> None:
    if not actor.holds(KEEPER):
        raise NotAllowed("电子印章由印章管理员管理。")
    if not reason.strip():
        raise Invalid("请写明理由。", fields={"reason": "请写明理由和依据"})


def _active(organ: Organisation) -> Seal | None:
    return Seal.objects.filter(organ=organ, state=Seal.State.ACTIVE, valid_to__gt=timezone.now()).first()


def _lock(organ: Organisation) -> None:
    """One maker of an office's seal at a time, until the end of the transaction."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organ.pk)


def _make(organ: Organisation, reason: str) -> Seal:
    certificate = SUITE.certify(organ.name, organ.uscc)
    for old in Seal.objects.filter(organ=organ, state=Seal.State.ACTIVE):
        old.state, old.reason = Seal.State.RETIRED, reason
        old.save(update_fields=["state", "reason"])
        transaction.on_commit(partial(SUITE.forget, old.serial))
    return Seal.objects.create(
        organ=organ,
        serial=f"{certificate.serial_number:x}",
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        valid_from=certificate.not_valid_before_utc,
        valid_to=certificate.not_valid_after_utc,
    )


def _sign(typeset: Typeset, organ: str, serial: str, certificate: str, what: str) -> bytes:
    from pyhanko.pdf_utils.content import ImportedPdfPage  # 15 MB, which only a process that seals or verifies needs
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import signers
    from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
    from pyhanko.stamp import StaticStampStyle

    writer = IncrementalPdfFileWriter(io.BytesIO(typeset.pdf))
    page, x, y = typeset.seal_at or (1, 400.0, 600.0)
    height = float(writer.find_page_for_modification(page - 1)[0].get_object()["/MediaBox"][3])  # type: ignore[no-untyped-call]  # pyHanko is typed in part
    left, low = int(x - SIZE / 2), int(height - y - SIZE * 0.62)
    box = (left, low, left + int(SIZE), low + int(SIZE))
    meta = signers.PdfSignatureMetadata(
        field_name="Seal", name=organ, reason=what, subfilter=SigSeedSubFilter.PADES, certify=True, docmdp_permissions=MDPPerm.NO_CHANGES, md_algorithm="sha256"
    )
    style = StaticStampStyle(background=ImportedPdfPage(str(seal_picture(organ))), border_width=0)  # type: ignore[no-untyped-call]
    signer = signers.PdfSigner(meta, _signer(serial, certificate), stamp_style=style, new_field_spec=SigFieldSpec("Seal", on_page=page - 1, box=box))
    out = io.BytesIO()
    signer.sign_pdf(writer, output=out, bytes_reserved=RESERVED)
    return out.getvalue()


@lru_cache(maxsize=256)
def _signer(serial: str, certificate: str) -> "signers.SimpleSigner":
    """The key object is kept: reading and checking it costs more than the signature itself. The root is not embedded: verifiers have it, and nothing unsigned is added."""
    from pyhanko.sign import signers
    from pyhanko_certvalidator.registry import SimpleCertificateStore

    der = SUITE.key_of(serial).private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    own = asn1(x509.load_pem_x509_certificate(certificate.encode()))
    return signers.SimpleSigner(signing_cert=own, signing_key=asn1_keys.PrivateKeyInfo.load(der), cert_registry=SimpleCertificateStore())  # type: ignore[no-untyped-call]


def asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    """The same certificate for pyHanko."""
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))
