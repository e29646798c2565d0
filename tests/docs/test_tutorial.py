"""The tutorial does what it says: its blocks, written as they stand into a copy of the sources, make a system whose list, form and interface work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "add-a-system.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```python\n# (src/\S+)\n(.*?)```", re.DOTALL)
FOLDER = "src/yiwang/systems/governance/ancient_trees"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources with the page's files in them and the two lists told."""
    for name in ("src", "demo", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "journeys", "endurance"))
    for name in ("conftest.py", "manage.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name, text in BLOCK.findall(PAGE):
        if name.startswith(FOLDER):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
    settings, listed = tmp_path / "src/yiwang/config/settings.py", tmp_path / "src/yiwang/config/systems.py"
    _edit(settings, r"^SYSTEMS = \(", 'SYSTEMS = ("governance.ancient_trees", ')
    _edit(listed, r"\Z", "\n" + next(text for name, text in BLOCK.findall(PAGE) if name.endswith("config/systems.py")) + "SYSTEMS = (*SYSTEMS, ancient_trees)\n")
    return tmp_path


def test_the_system_of_the_page_works(copy: Path) -> None:
    _run(copy, "manage.py", "makemigrations", "ancient_trees")
    said = _run(copy, "-m", "pytest", "-q", "--create-db", "-p", "no:cacheprovider", FOLDER, "tests/conformance/test_registers.py", "-k", "ancient_trees or tree")
    passed = re.search(r"(\d+) passed", said)
    assert passed and int(passed[1]) >= 15 and "failed" not in said, said  # four of its own, the rest the battery's


def test_a_name_that_is_not_there_is_said_with_what_was_meant(copy: Path) -> None:
    _edit(copy / FOLDER / "system.py", r'"years", "checked_on"\), filters', '"yaers", "checked_on"), filters')
    with pytest.raises(AssertionError, match="did you mean 'years'"):
        _run(copy, "manage.py", "check")


def _edit(file: Path, pattern: str, text: str) -> None:
    done, count = re.subn(pattern, lambda _: text, file.read_text(encoding="utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1, f"{pattern} is not in {file.name}"
    file.write_text(done, encoding="utf-8")


def _run(folder: Path, *arguments: str) -> str:
    """What a command says; its own test database, so that it does not meet that of the tests it runs among."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    inherited = {n: v for n, v in os.environ.items() if not n.startswith(("PYTEST_", "COV_"))}
    address = re.sub(r"/[^/?]+(\?|$)", rf"/tutorial{worker}\1", os.environ["DATABASE_URL"], count=1) if "DATABASE_URL" in os.environ else ""
    given = {**inherited, "PYTHONPATH": ".:src", "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "YIWANG_HOME": str(folder / "home"), "DATABASE_URL": address}
    (folder / "home").mkdir(exist_ok=True)
    done = subprocess.run([sys.executable, *arguments], cwd=folder, env=given, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    return done.stdout
