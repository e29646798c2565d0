"""Makes the plan's entries and its text as the product ships them: `.venv/bin/python tools/plan.py REGISTER.yaml PLAN.txt`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

TARGET = Path(__file__).resolve().parents[1] / "src" / "yiwang" / "kit" / "data" / "plan.yaml"
TEXT = TARGET.with_name("plan_text.yaml")
LEVELS = (r"([一二三四五六七八九十]+)、", r"[（(]([一二三四五六七八九十]+)[）)]", r"(\d+)[.．]", r"[（(](\d+)[）)]")  # 六、（六）8.（4）
KEPT = ("id", "name", "layer", "parent", "where", "phase", "must", "connects", "numbers")
HEAD = """\
# The entries of 湛江市“数字政府”建设总体规划（2020-2022年）, made by tools/plan.py; not edited by hand.
# name as in the document, where its section numbers, must its duties in English with the Chinese terms, numbers its figures word for word.
"""


def sections(text: str) -> Iterator[dict[str, Any]]:
    """The document from its last 一、 on, after the table of contents: section number as the entries cite it, depth 1 to 4, paragraphs."""
    at, found = ["", "", "", ""], list[dict[str, Any]]()
    for line in filter(None, (line.strip() for line in text.splitlines())):
        depth = next((n for n, pattern in enumerate(LEVELS) if re.match(pattern, line)), None)
        if depth is None:
            if found:
                before = found[-1]["text"].rpartition("\n")[2]
                torn = len(before) > 25 and before[-1] not in "。；：！？"  # by the end of a page
                found[-1]["text"] += line if torn else f"\n{line}"
            continue
        number = re.match(LEVELS[depth], line)[1]  # type: ignore[index]  # it matched
        if depth == 0 and number == "一":
            found = []
        at[depth:] = [number, "", "", ""][: 4 - depth]
        found.append({"ref": "".join(f"（{n}）" if n and level in (1, 3) else n for level, n in enumerate(at)), "depth": depth + 1, "text": line})
    yield from found


def main(source: str, document: str) -> None:
    """Writes the entries with the fields that the product reads, the names of outside systems that they connect to, and the document by its sections."""
    register = yaml.safe_load(Path(source).read_text(encoding="utf-8"))
    made: dict[str, Any] = {
        "outside": {one["id"]: one["name"] for one in register["outside"]},
        "entries": [{name: entry[name] for name in KEPT} for entry in register["systems"]],
    }
    parts = list(sections(Path(document).read_text(encoding="utf-8")))
    TEXT.write_text(yaml.safe_dump(parts, allow_unicode=True, sort_keys=False, width=10_000), encoding="utf-8")
    TARGET.write_text(HEAD + yaml.safe_dump(made, allow_unicode=True, sort_keys=False, width=160), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:3])
