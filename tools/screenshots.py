"""Makes the pictures of the README from the journeys: `./yiwang manage` is not needed; run `python tools/screenshots.py` in the virtual environment."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WANTED = ("home", "guide", "case", "desk-case", "licence")
JOURNEYS = ("tests/journeys/test_food.py", "tests/journeys/test_verify.py")


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", *JOURNEYS], cwd=ROOT, env={**os.environ, "YIWANG_SHOTS": folder}, check=False).returncode
        for name in WANTED:
            shutil.copy(Path(folder) / f"{name}-1280.png", ROOT / "docs" / "screenshots" / f"{name}.png")
    return code


if __name__ == "__main__":
    sys.exit(main())
