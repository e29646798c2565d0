"""电子印章: seals of offices with their certificates, every use on the record, verification by anybody."""

from yiwang.engines.documents import authority, files
from yiwang.engines.documents.models import Seal
from yiwang.kit.declare import Health, Register, Role, System


def _authority() -> tuple[bool, str]:
    root = authority.SUITE.authority()
    return True, f"{authority.SUITE.name}，根证书至 {root.not_valid_after_utc:%Y-%m-%d}"


def _files() -> tuple[bool, str]:
    folder = files.path_of("0" * 64).parent
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / ".probe"
    probe.write_bytes(b"1")
    probe.unlink()
    return True, "可写"


system = System(
    code="documents",
    name="电子印章",
    owner="government_services_data",
    layer="engine",
    plan=("electronic_seal_service",),
    basis=("国务院关于在线政务服务的若干规定第九条", "中华人民共和国电子签名法第十三条"),
    roles=(Role(code="seal-keeper", name="印章管理员", sees="city"),),
    registers=(Register(code="seals", name="电子印章", model=Seal, columns=("organ", "state", "valid_from", "valid_to")),),
    health=(Health(code="seals", name="印章证书", check=_authority), Health(code="files", name="文件存储", check=_files)),
    journeys=("tests/journeys/test_verify.py",),
)
