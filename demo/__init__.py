"""The demo city. Not part of the product; it finds the product beside itself, so that `python -m demo` needs no settings of the shell."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))
