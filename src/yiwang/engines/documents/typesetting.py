"""Templates to PDF by typst. Data travel as JSON input and are never read as markup; a missing Chinese font is an error, never empty boxes."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import segno
from django.conf import settings

from yiwang.base.crypto import sha256
from yiwang.base.errors import NotFound, Unavailable

FOLDER = Path(__file__).parent / "typst"
FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
NEEDED = "Noto Sans CJK SC"
_lock = threading.Lock()


@dataclass(frozen=True)
class Typeset:
    """A rendered document and where its seal belongs: page from 1, points from the top left."""

    pdf: bytes
    seal_at: tuple[int, float, float] | None


def render(template: str, data: Mapping[str, Any]) -> Typeset:
    """Raises NotFound for an unknown template, Unavailable for a missing font or a template that does not compile with these data."""
    source = FOLDER / f"{template}.typ"
    if not source.is_file():
        raise NotFound(f"没有文书模板“{template}”。")
    inputs = {"data": json.dumps(data, ensure_ascii=False, default=str)}
    return _compile(source, inputs)


@cache
def seal_picture(organ: str) -> Path:
    """The organ's round seal as a PDF page without background, kept beside the node's keys."""
    path = Path(settings.KEYS) / "seals" / f"{sha256(organ.encode()).hex()[:24]}.pdf"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.write_bytes(_compile(FOLDER / "seal.typ", {"organ": organ}).pdf)
        fresh.replace(path)
    return path


def qr(text: str) -> str:
    """A QR code as SVG text, large enough to be scanned from a screen."""
    picture = BytesIO()
    segno.make(text, error="m").save(picture, kind="svg", scale=6, border=2, dark="#1f2937", xmldecl=False, omitsize=True)  # with a viewBox: the page gives the size
    return picture.getvalue().decode()


def fonts_present() -> bool:
    """Whether the Chinese fonts that the templates name are installed."""
    return NEEDED in _fonts().families()


@cache
def _fonts() -> Any:
    import typst  # only where something is typeset

    return typst.Fonts(include_system_fonts=True, font_paths=[str(p) for p in FONTS if p.is_dir()])


def _compile(source: Path, inputs: dict[str, str]) -> Typeset:
    import typst

    if not fonts_present():
        raise Unavailable("没有安装中文字体，不能制作文书。", hint="请安装 fonts-noto-cjk。")
    with _lock:  # one compiler at a time: it is fast and not safe to share
        try:
            compiler = typst.Compiler(str(source), root=str(FOLDER), font_paths=_fonts(), sys_inputs=inputs)
            pdf = cast("bytes", compiler.compile(format="pdf"))  # one file for all pages
            place = json.loads(compiler.query("<seal>", field="value"))
        except typst.TypstError as problem:
            raise Unavailable(f"文书模板不能排版：{problem.message}") from problem
    return Typeset(pdf, (place[0]["page"], place[0]["x"], place[0]["y"]) if place else None)
