"""Files by content digest: written beside, flushed, then renamed, so that a name always has its whole content."""

import os
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from PIL import Image, ImageOps, UnidentifiedImageError

from yiwang.base import crypto
from yiwang.base.errors import Invalid, NotFound, Tampered, TooLarge
from yiwang.engines.documents.models import File

LIMIT = 20 * 1024 * 1024
PIXELS = 60_000_000  # of a picture: the largest phone cameras; beyond it a small file may unpack to gigabytes
SIGNATURES = ((b"%PDF-", "application/pdf"), (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"PK\x03\x04", "application/zip"))
CONTAINERS = {  # a member that every ZIP container of the kind has
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "OFD.xml": "application/ofd",
}


def store(content: bytes, *, name: str, owner: int | None = None, case: int | None = None) -> File:
    """Keeps a content and returns its row. The type comes from the content, never from what the browser said.

    Raises TooLarge beyond 20 MB, Invalid for an empty file, a kind we do not take, or a picture that cannot be read.
    """
    if len(content) > LIMIT:
        raise TooLarge("文件超过 20 MB。", hint="请压缩后重新上传，或分成几个文件。")
    if not content:
        raise Invalid("文件是空的。", hint="请检查文件后重新上传。")
    media_type = sniff(content)
    digest = crypto.sha256(content).hex()
    _write(digest, content)
    clean = Path(name.replace("\\", "/")).name[:200] or "文件"
    return File.objects.create(
        digest=digest, sm3=crypto.sm3(content).hex(), size=len(content), media_type=media_type, name=clean, owner=owner, case=case
    )


def open_file(file: File) -> BinaryIO:
    """Raises NotFound when the content is not on this node."""
    try:
        return path_of(file.digest).open("rb")
    except FileNotFoundError:
        raise NotFound("文件内容不在本节点。", hint="请联系系统管理员核对文件存储。") from None


def read(file: File) -> bytes:
    """The whole content, checked against its digest. Raises NotFound, Tampered."""
    with open_file(file) as source:
        content = source.read()
    if crypto.sha256(content).hex() != file.digest:
        raise Tampered("文件内容与登记的摘要不符。", hint="请联系系统管理员从备份恢复。")
    return content


def thumbnail(file: File, *, side: int = 320) -> bytes:
    """A small JPEG of a stored picture, turned as the camera held it. Raises Invalid for what is not a picture."""
    if not file.media_type.startswith("image/"):
        raise Invalid("这份文件不是图片。")
    with Image.open(BytesIO(read(file))) as picture:
        small = ImageOps.exif_transpose(picture).convert("RGB")
        small.thumbnail((side, side))
    out = BytesIO()
    small.save(out, "JPEG", quality=80)  # without EXIF: the place a photo was taken stays in the original
    return out.getvalue()


def sniff(content: bytes) -> str:
    """The media type by content. Raises Invalid for what we do not take."""
    found = next((media for head, media in SIGNATURES if content.startswith(head)), None)
    if found == "application/zip":
        found = _container(content)
    if found is None:
        raise Invalid("不支持这种文件。", hint="请上传 PDF、图片（JPG、PNG）、Word、Excel 或 OFD 文件。")
    if found.startswith("image/"):
        _check_picture(content)
    return found


def _container(content: bytes) -> str | None:
    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:  # reads the list of members, unpacks nothing
            members = set(archive.namelist())
    except zipfile.BadZipFile:
        return None
    return next((media for member, media in CONTAINERS.items() if member in members), None)


def path_of(digest: str) -> Path:
    return Path(settings.FILES) / digest[:2] / digest[2:4] / digest


def _check_picture(content: bytes) -> None:
    try:
        with Image.open(BytesIO(content)) as picture:
            if picture.width * picture.height > PIXELS:
                raise TooLarge("图片的像素过多。", hint="请缩小后重新上传。")
            picture.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        raise Invalid("图片不能读取。", hint="请重新拍照或另存为 JPG 后上传。") from None


def _write(digest: str, content: bytes) -> None:
    target = path_of(digest)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name itself survives a power cut
    finally:
        os.close(folder)
