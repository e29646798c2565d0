"""The page of a system names what its declaration holds: plan ids, flows with their states and clocks, roles, journeys; and only tests that exist."""

import re
from pathlib import Path

import pytest

from yiwang.kit.registry import registry

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs" / "systems").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_page_names_what_is_declared(page: Path) -> None:
    system, text = registry().systems[page.stem], page.read_text(encoding="utf-8")
    named = [*system.plan, *(r.code for r in system.roles)]
    for flow in system.procedures:
        named += [flow.code, *(s.code for s in flow.states if s.code not in ("new", "done")), *(c.code for c in flow.clocks)]
    assert not [name for name in named if name not in text]
    missing = [j for j in system.journeys if Path(j).name not in text or not (ROOT / j).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_the_tests_it_names_exist(page: Path) -> None:
    named = set(re.findall(r"`(test_\w+)`", page.read_text(encoding="utf-8")))
    sources = [*ROOT.glob("src/yiwang/systems/**/tests*.py"), *ROOT.glob("tests/journeys/test_*.py")]
    known = {name for source in sources for name in re.findall(r"def (test_\w+)", source.read_text(encoding="utf-8"))}
    assert not named - known
