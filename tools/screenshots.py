"""Makes the pictures of the README from the journeys, in a fresh city: `.venv/bin/python tools/screenshots.py` while a database is up (`./yiwang up`)."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED = {  # picture → what the journeys keep, in the width that people use there
    "home": "home-1280", "guide": "guide-1280", "case": "case-1280", "desk-case": "desk-case-1280", "licence": "licence-1280",
    "flow": "flow-editor-1280", "river": "river-file-1280",
}  # fmt: skip
JOURNEYS = ("tests/journeys/test_food.py", "tests/journeys/test_verify.py", "tests/journeys/test_flows.py", "tests/journeys/test_river.py")


def main() -> int:
    """Runs the journeys and copies their pictures; returns how many are missing, or the code of journeys that failed."""
    with tempfile.TemporaryDirectory() as folder:
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", *JOURNEYS], cwd=ROOT, env={**os.environ, "YIWANG_SHOTS": folder}, check=False).returncode
        missing = [name for name, kept in WANTED.items() if not (Path(folder) / f"{kept}.png").exists()]
        for name in WANTED.keys() - set(missing):
            shutil.copy(Path(folder) / f"{WANTED[name]}.png", ROOT / "docs" / "screenshots" / f"{name}.png")
    print(f"missing: {', '.join(missing)}" if missing else "all pictures made")
    return code or len(missing)


if __name__ == "__main__":
    sys.exit(main())
