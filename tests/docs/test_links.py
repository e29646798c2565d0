"""Links and dependencies of the documentation are true."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    wrong = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link and not (page.parent / link).exists()]
    assert not wrong


def test_every_dependency_has_its_line() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    names = [re.split(r"[\[~=<>]", d)[0] for d in project["dependencies"]]
    assert not [name for name in names if f"| {name} |" not in lines]


def test_the_files_of_the_tutorial_exist() -> None:
    text = (ROOT / "docs" / "tutorial" / "one-application.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:systems|platforms|engines|base|shells|tests)/[\w/.-]+\.(?:py|js|html))", text))
    missing = [n for n in named if not (ROOT / "src" / "yiwang" / n).exists() and not (ROOT / n).exists()]
    assert named and not missing
