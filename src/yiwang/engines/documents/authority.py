"""The node's own certificate authority and the seal keys of its offices: P-256, made at set-up below settings.KEYS with mode 0600.

`Suite` is what a signature needs; the international suite is here. SM2 with SM3 (GB/T 38540, GM/T 0031) is a second suite behind the same interface.
"""

import contextlib
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

CA_YEARS, SEAL_YEARS = 20, 5
SEAL, LONGEST = "电子印章", 64  # a common name is no longer (X.520 ub-common-name, in bytes); the whole name stands as the organisation


class Suite(Protocol):
    """Keys and certificates of one family of algorithms."""

    name: str

    def authority(self) -> x509.Certificate: ...
    def certify(self, organ: str, uscc: str) -> x509.Certificate: ...
    def key_of(self, serial: str) -> ec.EllipticCurvePrivateKey: ...
    def forget(self, serial: str) -> None: ...


def _within(text: str, size: int) -> str:
    """As much of the text as fits in so many bytes of UTF-8, whole characters only."""
    return text.encode()[:size].decode(errors="ignore")


class International:
    """ECDSA on P-256 with SHA-256."""

    name = "P-256/SHA-256"

    def authority(self) -> x509.Certificate:
        """The root certificate; made with its key on the first call, by whichever process is first."""
        path = _folder() / "ca.pem"
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            _keep(path, _pem(key) + self._self_signed(key).public_bytes(serialization.Encoding.PEM))
        return x509.load_pem_x509_certificate(path.read_bytes().split(b"-----END PRIVATE KEY-----\n")[1])

    def certify(self, organ: str, uscc: str) -> x509.Certificate:
        """A new seal key and its certificate; the key is kept under the certificate's serial."""
        root, root_key = self.authority(), _load(_folder() / "ca.pem")
        key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        subject = x509.Name([
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organ),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{_within(organ, LONGEST - len(SEAL.encode()))}{SEAL}"),
        ])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(root.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=365 * SEAL_YEARS))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(digital_signature=True, content_commitment=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
            .sign(root_key, hashes.SHA256())
        )
        _keep(_folder() / f"{certificate.serial_number:x}.key", _pem(key))
        return certificate

    def key_of(self, serial: str) -> ec.EllipticCurvePrivateKey:
        return _load(_folder() / f"{serial}.key")

    def forget(self, serial: str) -> None:
        """Destroys the key of a seal that is used no more: nobody can seal with it again."""
        (_folder() / f"{serial}.key").unlink(missing_ok=True)

    def _self_signed(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        now = datetime.now(UTC)
        name = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"), x509.NameAttribute(NameOID.COMMON_NAME, f"{settings.CITY} 电子印章根证书")])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=365 * CA_YEARS))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )


SUITE: Suite = International()


def _usage(**given: bool) -> x509.KeyUsage:
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return x509.KeyUsage(**{name: given.get(name, False) for name in names}, encipher_only=False, decipher_only=False)


def _folder() -> Path:
    folder = Path(settings.KEYS) / "seals"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def _load(path: Path) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def _keep(path: Path, content: bytes) -> None:
    """Writes a secret once, to the disk: the first writer wins, nobody reads half of it."""
    descriptor, fresh = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 0600
    with os.fdopen(descriptor, "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())  # a certificate in the database without its key would be a seal that cannot seal
    with contextlib.suppress(FileExistsError):
        os.link(fresh, path)
    Path(fresh).unlink()
