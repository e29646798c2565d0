"""The pictures of the README pair are those that `tools/screenshots.py` makes, each from a journey that keeps it."""

import re
from pathlib import Path

import pytest

from tools.screenshots import JOURNEYS, WANTED

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_a_page_shows_what_the_script_makes(page: str) -> None:
    shown = set(re.findall(r"docs/screenshots/([\w-]+)\.png", (ROOT / page).read_text(encoding="utf-8")))
    assert shown == WANTED.keys() == {picture.stem for picture in (ROOT / "docs" / "screenshots").glob("*.png")}


def test_a_journey_keeps_each() -> None:
    kept = {f"{name}-{width}" for journey in JOURNEYS for name in re.findall(r'\.look\("([\w-]+)"\)', (ROOT / journey).read_text(encoding="utf-8")) for width in (1280, 360)}
    assert set(WANTED.values()) <= kept
