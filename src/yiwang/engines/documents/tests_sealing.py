"""Seals and verification: every way of falsifying is named; keys are made once, kept secret, and end."""

import io
import re
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from pyhanko.pdf_utils.generic import TextStringObject
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from yiwang.base import crypto
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry
from yiwang.engines.documents import api, authority, sealing
from yiwang.engines.documents.models import Seal, SealUse
from yiwang.engines.documents.tests import NOTICE
from yiwang.engines.parties.models import Division, Organisation
from yiwang.kit.actors import SYSTEM, Actor, Seat

pytestmark = pytest.mark.django_db
ALTERED, APPENDED, FOREIGN = "文件在盖章以后被修改过。", "盖章以后又追加了内容。", "印章不是本市签发的。"


def official(*roles: str, organ: int = 1) -> Actor:
    seat = Seat(post=1, title="岗位", organ=organ, organ_name="机构", division="4408", roles=frozenset(roles))
    return Actor(account=1, name="印管员", seats=(seat,))


@pytest.fixture
def office() -> Organisation:
    city = Division.objects.filter(level=Division.Level.CITY)[0]
    return Organisation.objects.create(key="trial@440899", function="trial", name="湛江市试验局", short="湛试", kind="部门", division=city)


@pytest.fixture
def sealed(office: Organisation) -> bytes:
    return api.seal(SYSTEM, api.render("acceptance", NOTICE), office, what="试验文书")


# --- verification ------------------------------------------------------------------------------------------------------------------------------


def test_a_sealed_document_holds_and_says_whose_it_is(sealed: bytes) -> None:
    verdict = api.verify(sealed)
    assert verdict.holds and (verdict.organ, verdict.reason) == ("湛江市试验局", "试验文书") and verdict.signed_at


def test_another_tool_agrees(sealed: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(sealed)
    try:
        said = subprocess.run(["pdfsig", str(tmp_path / "a.pdf")], capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("poppler-utils is not installed")
    assert "Signature is Valid" in said and "Total document signed" in said


def test_one_changed_byte_anywhere_is_found(sealed: bytes) -> None:
    step = len(sealed) // 60
    for place in range(7, len(sealed), step):
        changed = bytearray(sealed)
        changed[place] ^= 1
        assert not api.verify(bytes(changed)).holds, place


def test_what_the_signature_leaves_unsigned_cannot_change_either(sealed: bytes) -> None:
    gap = re.search(rb"<30[0-9A-F]{600,}>", sealed)
    assert gap is not None
    digits = gap.group()
    der = 4 + int(digits[5:9], 16)
    places = [*range(1, 130, 2), 2 * der - 10, 2 * der + 3, len(digits) - 2]  # header with versions and digests, end of the signature, padding
    for place in places:
        for bit in (1, 32):  # another digit; the same digit in the other case
            changed = bytearray(sealed)
            changed[gap.start() + place] ^= bit
            assert not api.verify(bytes(changed)).holds, (place, bit)


@pytest.mark.parametrize("more", [b"\n", b"% nothing\n", b"1 0 obj\n<<>>\nendobj\n"])
def test_appended_bytes_are_named(sealed: bytes, more: bytes) -> None:
    assert APPENDED in api.verify(sealed + more).problems


def test_an_incremental_update_is_named(sealed: bytes) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    writer.root["/Changed"] = TextStringObject("x")
    writer.update_root()  # type: ignore[no-untyped-call]  # pyHanko is typed in part
    out = io.BytesIO()
    writer.write(out)  # type: ignore[no-untyped-call]
    assert api.verify(out.getvalue()).problems == (APPENDED,)


def test_a_stripped_seal_and_a_file_without_one_are_named(sealed: bytes) -> None:
    assert api.verify(api.render("acceptance", NOTICE).pdf).problems == ("文件没有电子印章。",)
    assert api.verify(sealed.replace(b"/FT/Sig", b"/FT/Tx ").replace(b"/FT /Sig", b"/FT /Tx ")).problems
    first = sealed.index(b"%%EOF") + 5
    assert api.verify(sealed[:first]).problems == ("文件没有电子印章。",)  # cut back to what was there before the seal


def test_a_second_signature_is_named(sealed: bytes, office: Organisation) -> None:
    used = api.seal_of(office)
    meta = signers.PdfSignatureMetadata(field_name="Other")
    out = io.BytesIO()
    signers.PdfSigner(meta, sealing._signer(used.serial, used.certificate)).sign_pdf(
        IncrementalPdfFileWriter(io.BytesIO(_without_permissions(sealed))), output=out
    )
    assert not api.verify(out.getvalue()).holds


def _without_permissions(sealed: bytes) -> bytes:
    """Tools that obey the document's own prohibition refuse to add a signature; a forger's does not."""
    return sealed.replace(b"/Perms", b"/Perxx")


@pytest.mark.parametrize("name", ["湛江市试验局", "湛江经济技术开发区东海岛人力资源和社会保障服务管理局分局", "x" * 64])
def test_an_office_of_any_name_gets_a_seal(name: str, tmp_path: Path, settings: Settings) -> None:
    settings.KEYS = tmp_path
    said = {a.oid._name: str(a.value) for a in authority.International().certify(name, "").subject}
    assert said["organizationName"] == name and said["commonName"].endswith("电子印章") and name.startswith(said["commonName"].removesuffix("电子印章"))


def test_a_seal_of_another_authority_is_named(office: Organisation, tmp_path: Path, settings: Settings) -> None:
    ours = settings.KEYS
    settings.KEYS = tmp_path  # somebody makes the same names under a root of their own
    made = authority.International().certify(office.name, office.uscc)
    forged = sealing._sign(api.render("acceptance", NOTICE), office.name, f"{made.serial_number:x}", made.public_bytes(serialization.Encoding.PEM).decode(), "假")
    settings.KEYS = ours
    assert FOREIGN in api.verify(forged).problems


@limits(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda b: b"%PDF-1.7\n" + b + b"\nstartxref\n9\n%%EOF")))
def test_verification_never_fails_on_hostile_files(noise: bytes) -> None:
    assert not api.verify(noise).holds


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncated_files_do_not_hold(sealed: bytes, share: float) -> None:
    assert not api.verify(sealed[: int(len(sealed) * share)]).holds


# --- life of a seal ----------------------------------------------------------------------------------------------------------------------------


def test_what_was_sealed_before_a_revocation_stands_and_nothing_after(
    sealed: bytes, office: Organisation, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    used = api.seal_of(office)
    unrecorded = sealing._sign(api.render("acceptance", NOTICE), office.name, used.serial, used.certificate, "盗用")
    assert api.verify(unrecorded).holds  # nobody knows of the theft yet
    with django_capture_on_commit_callbacks(execute=True):
        api.change_state(official("seal-keeper"), used.pk, Seal.State.REVOKED, reason="密钥失窃")
    assert api.verify(sealed).holds
    assert "撤销" in api.verify(unrecorded).problems[0]
    with pytest.raises(FileNotFoundError):
        authority.SUITE.key_of(used.serial)  # the key is gone
    with pytest.raises(Conflict, match="撤销"):
        api.seal(SYSTEM, api.render("acceptance", NOTICE), office, what="之后")
    made = api.make_seal(official("seal-keeper"), office.pk, reason="重新制发")
    assert made.pk != used.pk and api.seal_of(office) == made
    assert set(Entry.objects.filter(organ=office.pk).values_list("action", flat=True)) == {"seal.state", "seal.make"}


def test_what_was_sealed_before_a_certificate_ran_out_stands(office: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authority, "SEAL_YEARS", -1 / 365 / 24 / 60)  # it ran out a minute ago
    used = sealing._make(office, "试验")
    typeset = api.render("acceptance", NOTICE)
    old = sealing._sign(typeset, office.name, used.serial, used.certificate, "旧")
    assert "到期" in api.verify(old).problems[0]
    SealUse.objects.create(seal=used, by="系统", digest=crypto.sha256(old).hex(), what="旧", at=timezone.now() - timedelta(minutes=2))
    assert api.verify(old).holds
    monkeypatch.setattr(authority, "SEAL_YEARS", 5)
    assert api.seal_of(office).pk != used.pk  # replaced by itself
    used.refresh_from_db()
    assert used.state == Seal.State.RETIRED


def test_a_suspended_seal_does_not_seal(sealed: bytes, office: Organisation) -> None:
    keeper = official("seal-keeper")
    used = api.seal_of(office)
    api.change_state(keeper, used.pk, Seal.State.SUSPENDED, reason="核查")
    with pytest.raises(Conflict, match="停用"):
        api.seal(SYSTEM, api.render("acceptance", NOTICE), office, what="试")
    with pytest.raises(Conflict, match="停用"):
        api.make_seal(keeper, office.pk, reason="换")
    assert api.verify(sealed).holds
    api.change_state(keeper, used.pk, Seal.State.ACTIVE, reason="核查完毕")
    assert api.seal_of(office) == used


def test_rotation_retires_the_old_key(sealed: bytes, office: Organisation, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    old = api.seal_of(office)
    with django_capture_on_commit_callbacks(execute=True):
        new = api.make_seal(official("seal-keeper"), office.pk, reason="定期更换")
    assert api.seal_of(office) == new and api.verify(sealed).holds
    with pytest.raises(FileNotFoundError):
        authority.SUITE.key_of(old.serial)


def test_who_may_not(sealed: bytes, office: Organisation) -> None:
    typeset, used = api.render("acceptance", NOTICE), api.seal_of(office)
    for stranger in (Actor(account=1, party=2), official("approver", organ=office.pk), official("seal-keeper", organ=office.pk + 1)):
        with pytest.raises(NotAllowed):
            api.seal(stranger, typeset, office, what="试")
    with pytest.raises(NotAllowed):
        api.change_state(official("approver", organ=office.pk), used.pk, Seal.State.REVOKED, reason="试")
    with pytest.raises(NotAllowed):
        api.make_seal(SYSTEM, office.pk, reason="试")
    with pytest.raises(Invalid):
        api.change_state(official("seal-keeper"), used.pk, Seal.State.REVOKED, reason=" ")
    with pytest.raises(NotFound):
        api.change_state(official("seal-keeper"), 1, Seal.State.REVOKED, reason="试")
    with pytest.raises(Conflict):
        api.change_state(official("seal-keeper"), used.pk, Seal.State.ACTIVE, reason="试")
    assert api.seal(official("seal-keeper", organ=office.pk), typeset, office, what="试")


def test_every_use_is_recorded_for_good(sealed: bytes) -> None:
    use = SealUse.objects.get(digest=crypto.sha256(sealed).hex())
    assert (use.what, use.by) == ("试验文书", "系统")
    with pytest.raises(IntegrityError), transaction.atomic():
        SealUse.objects.filter(pk=use.pk).update(by="别人")
    with pytest.raises(IntegrityError), transaction.atomic():
        use.delete()


# --- keys --------------------------------------------------------------------------------------------------------------------------------------

ROOT = """
import sys
from django.conf import settings
settings.configure(KEYS=sys.argv[1], CITY="440800")
from yiwang.engines.documents import authority
print(authority.SUITE.authority().serial_number)
"""


def test_processes_that_start_together_agree_on_one_root(tmp_path: Path) -> None:
    started = [subprocess.Popen([sys.executable, "-c", _root_of(), str(tmp_path)], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate()[0].strip() for process in started}
    assert len(said) == 1 and said != {""}


def _root_of() -> str:
    paths = [p for p in sys.path if p]
    return f"import sys; sys.path[:0] = {paths!r}\n{ROOT}"


def test_keys_are_for_their_owner_only(tmp_path: Path, settings: Settings) -> None:
    settings.KEYS = tmp_path / "keys"
    suite = authority.International()
    with ThreadPoolExecutor(8) as pool:
        roots = {root.serial_number for root in pool.map(lambda _: suite.authority(), range(16))}
    suite.certify("试验局", "")
    assert len(roots) == 1
    folder = tmp_path / "keys" / "seals"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    kept = list(folder.iterdir())
    assert len(kept) == 2 and {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}


def test_two_workers_make_one_seal(django_db_blocker: Any) -> None:
    office = Organisation.objects.exclude(pk__in=Seal.objects.values("organ")).order_by("-key")[0]  # loaded with the city, so other connections see it

    def make(_: int) -> int:
        try:
            return api.seal_of(office).pk
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(make, range(4)))
    try:
        assert len(made) == 1 and Seal.objects.filter(organ=office).count() == 1
    finally:
        with ThreadPoolExecutor(1) as pool:  # what other connections committed is taken back
            pool.submit(_forget, made).result()


def _forget(made: set[int]) -> None:
    Seal.objects.filter(pk__in=made).delete()
    connections["default"].close()
