"""Keys and addresses of the stand-ins, and the rows by which the product knows them."""

import secrets
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

OFFICES = {
    "human_resources": ("human_resources@440800", "市人社局信访办理系统"),
    "public_security": ("public_security@440800", "市公安局信访系统"),
}  #: departments of the demo city that handle petitions in systems of their own


def make_keys(folder: Path) -> None:
    """Makes what is missing in `folder`: the channel's pair, the merchant's pair, the petition systems' and the petition office's, the SMS secret."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("payment", "merchant", "province", "bureau", *OFFICES):
        if not (folder / f"{name}.key").exists():
            key = Ed25519PrivateKey.generate()
            _keep(folder / f"{name}.key", key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
            _keep(folder / f"{name}.pub", key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    if not (folder / "sms.secret").exists():
        _keep(folder / "sms.secret", secrets.token_hex(32).encode())


def configure_province(folder: Path, *, url: str) -> None:
    """The rows by which the petition office knows the province's system and those of two departments: one stand-in server speaks for all of them."""
    from yiwang.engines.parties.models import Organisation
    from yiwang.systems.welfare.online_petition.models import Peer

    make_keys(folder)
    Peer.objects.update_or_create(pk="province", defaults={"kind": Peer.Kind.ABOVE, "name": "省信访信息系统", "url": url, **_pair(folder, "province")})
    for code, (key, name) in OFFICES.items():
        organ = Organisation.objects.filter(key=key).first()
        if organ:
            values = {"kind": Peer.Kind.OFFICE, "name": name, "organ": organ, "url": f"{url}/offices/{code}", **_pair(folder, code)}
            Peer.objects.update_or_create(pk=code, defaults=values)


def _pair(folder: Path, name: str) -> dict[str, object]:
    from django.conf import settings

    return {"account": "zhanjiang", "key_file": f"{folder.relative_to(settings.KEYS)}/bureau.key", "public_key": (folder / f"{name}.pub").read_text(), "active": True}


def configure(folder: Path, *, payment_url: str, sms_url: str) -> None:
    """Writes the channel and gateway rows; key files are named relative to settings.KEYS."""
    from datetime import time

    from django.conf import settings

    from yiwang.engines.messages.models import Gateway
    from yiwang.platforms.payments.models import Channel

    make_keys(folder)
    place = folder.relative_to(settings.KEYS)
    Channel.objects.update_or_create(
        pk="unified",
        defaults={
            "name": "统一公共支付平台", "url": payment_url, "merchant": "ZJ0001", "key_file": f"{place}/merchant.key",
            "public_key": (folder / "payment.pub").read_text(), "active": True,
        },
    )
    Gateway.objects.update_or_create(
        pk="sms",
        defaults={"url": sms_url, "account": "zhanjiang", "key_file": f"{place}/sms.secret", "quiet_from": time(22), "quiet_to": time(8)},
    )


def _keep(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
