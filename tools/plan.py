"""Makes the plan's entries as the product ships them, from the register of the plan: `.venv/bin/python tools/plan.py REGISTER.yaml`."""

import sys
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).resolve().parents[1] / "src" / "yiwang" / "kit" / "data" / "plan.yaml"
KEPT = ("id", "name", "layer", "parent", "where", "phase", "must", "connects", "numbers")
HEAD = """\
# The entries of 湛江市“数字政府”建设总体规划（2020-2022年）, made by tools/plan.py; not edited by hand.
# name as in the document, where its section numbers, must its duties in English with the Chinese terms, numbers its figures word for word.
"""


def main(source: str) -> None:
    """Writes the entries with the fields that the product reads, and the names of outside systems that they connect to."""
    register = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    made: dict[str, Any] = {
        "outside": {one["id"]: one["name"] for one in register["outside"]},
        "entries": [{name: entry[name] for name in KEPT} for entry in register["systems"]],
    }
    TARGET.write_text(HEAD + yaml.safe_dump(made, allow_unicode=True, sort_keys=False, width=160), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
