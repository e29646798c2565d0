"""Files: whole or absent, typed by content. Typesetting: same data same bytes, data never markup, missing fonts named."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pytest_django import Settings

from yiwang.base import crypto
from yiwang.base.errors import Invalid, NotFound, Tampered, TooLarge, Unavailable
from yiwang.engines.documents import api, files, typesetting
from yiwang.engines.documents.models import File
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import acting

NOTICE: dict[str, Any] = {
    "organ": "湛江市试验局", "number": "湛试受理〔2026〕1号", "applicant": "陈一", "subject": "试验事项", "case_number": "4408002026000001", "date": "2026-03-02",
    "deemed": False, "due": "", "opinion": "",
}  # fmt: skip


def picture(width: int = 40, height: int = 50, *, exif: bytes = b"") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "JPEG", exif=exif)
    return out.getvalue()


def container(*members: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in members:
            archive.writestr(member, "<x/>")
    return out.getvalue()


# --- files -------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_same_content_is_kept_once_with_both_digests(tmp_path: Path, settings: Settings) -> None:
    settings.FILES = tmp_path
    content = picture()
    first, second = api.store(content, name="C:\\照片\\a.jpg"), api.store(content, name="../../etc/b.jpg")
    assert (first.name, second.name) == ("a.jpg", "b.jpg")
    assert (first.digest, first.sm3) == (crypto.sha256(content).hex(), crypto.sm3(content).hex())
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == [first.digest]
    assert api.read(second) == content and api.open_file(first).read() == content


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (picture(), "image/jpeg"),
        (container("word/document.xml"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (container("OFD.xml", "Doc_0/Document.xml"), "application/ofd"),
    ],
)
def test_the_type_is_read_from_the_content(content: bytes, media_type: str) -> None:
    assert files.sniff(content) == media_type


@pytest.mark.parametrize("content", [b"<html>", b"MZ\x90", container("evil.exe"), b"PK\x03\x04 not an archive", b"\x89PNG\r\n\x1a\n broken", picture()[:60]])
def test_what_is_not_taken_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        files.sniff(content)


def test_limits_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "PIXELS", 1999)
    with pytest.raises(TooLarge, match="像素"):
        files.sniff(picture(40, 50))
    with pytest.raises(TooLarge, match="20 MB"):
        api.store(b"%PDF-" + b"0" * files.LIMIT, name="a.pdf")
    with pytest.raises(Invalid, match="空"):
        api.store(b"", name="a.pdf")


@pytest.mark.django_db
def test_a_thumbnail_is_small_and_says_no_place(tmp_path: Path, settings: Settings) -> None:
    settings.FILES = tmp_path
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    exif[0x010E] = "taken at home"
    kept = api.store(picture(800, 400, exif=exif.tobytes()), name="a.jpg")
    with Image.open(io.BytesIO(api.thumbnail(kept, side=100))) as small:
        assert small.size == (50, 100) and not small.getexif()
    with Image.open(api.open_file(kept)) as original:
        assert original.getexif()[0x010E] == "taken at home"
    with pytest.raises(Invalid):
        api.thumbnail(api.store(b"%PDF-1.7", name="a.pdf"))


@pytest.mark.django_db
def test_damage_on_disk_is_found(tmp_path: Path, settings: Settings) -> None:
    settings.FILES = tmp_path
    kept = api.store(picture(), name="a.jpg")
    files.path_of(kept.digest).write_bytes(b"rot")
    with pytest.raises(Tampered):
        api.read(kept)
    files.path_of(kept.digest).unlink()
    with pytest.raises(NotFound):
        api.open_file(kept)


KILLED = """
import os, signal, sys
import django
django.setup()
from django.conf import settings
from yiwang.engines.documents import files
settings.FILES = sys.argv[1]
os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)  # the moment before the content is safe
files._write("ab" * 32, b"x" * 1_000_000)
"""


def test_a_writer_killed_in_the_middle_leaves_no_half_file(tmp_path: Path, settings: Settings) -> None:
    settings.FILES = tmp_path
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, env={**os.environ, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings"})
    assert done.returncode == -signal.SIGKILL
    target = files.path_of("ab" * 32)
    assert target.parent.is_dir() and not target.exists()
    files._write("ab" * 32, b"whole")
    assert target.read_bytes() == b"whole"


@pytest.mark.django_db
def test_a_file_is_its_owners(tmp_path: Path, settings: Settings) -> None:
    settings.FILES = tmp_path
    kept = api.store(picture(), name="a.jpg", owner=11)
    with acting(Actor(account=1, party=11, acting_for=11)):
        assert File.objects.filter(pk=kept.pk).exists()
    with acting(Actor(account=2, party=12, acting_for=12)):
        assert not File.objects.filter(pk=kept.pk).exists()


# --- typesetting -------------------------------------------------------------------------------------------------------------------------------


def test_the_same_data_give_the_same_bytes() -> None:
    assert api.render("acceptance", NOTICE).pdf == api.render("acceptance", dict(NOTICE)).pdf


def test_data_are_never_markup() -> None:
    evil = '#panic("x") *b* $x$ #include "/etc/passwd" \\ ` </script> 〔〕 " \n #import "base.typ": *'
    pdf = api.render("acceptance", {**NOTICE, "applicant": evil, "subject": evil}).pdf
    assert pdf.startswith(b"%PDF-")


@given(st.text(max_size=80))
def test_any_text_can_be_typeset(text: str) -> None:
    assert api.render("acceptance", {**NOTICE, "applicant": text}).pdf.startswith(b"%PDF-")


def test_every_paper_has_a_place_for_its_seal() -> None:
    typeset = api.render("acceptance", NOTICE)
    assert typeset.seal_at is not None and typeset.seal_at[0] == 1


def test_unknown_template_missing_data_and_missing_font_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound, match="no-such"):
        api.render("no-such", NOTICE)
    with pytest.raises(Unavailable, match="不能排版"):
        api.render("acceptance", {"organ": "x"})
    monkeypatch.setattr(typesetting, "NEEDED", "No Such Font")
    assert not api.fonts_present()
    with pytest.raises(Unavailable, match="中文字体"):
        api.render("acceptance", NOTICE)


def test_templates_are_typeset_from_many_threads() -> None:
    wanted = [{**NOTICE, "number": f"湛试受理〔2026〕{n}号"} for n in range(12)]
    alone = [api.render("acceptance", data).pdf for data in wanted]
    with ThreadPoolExecutor(4) as pool:
        assert [made.pdf for made in pool.map(lambda data: api.render("acceptance", data), wanted)] == alone


def test_qr_is_svg() -> None:
    picture = api.qr("http://localhost/verify/1").lstrip()
    assert picture.startswith("<svg") and "viewBox=" in picture, "without one, a page that gives it a size cuts it off"
