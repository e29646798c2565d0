"""The glossary is what the models and declarations say."""

from pathlib import Path

from yiwang.kit.management.commands.glossary import lines

PAGE = Path(__file__).resolve().parents[2] / "docs" / "glossary.md"


def test_the_glossary_is_up_to_date() -> None:
    wanted, kept = set("\n".join(lines()).splitlines()), set(PAGE.read_text(encoding="utf-8").splitlines())
    assert wanted == kept, "run `./yiwang manage glossary >docs/glossary.md`"
