"""The page of the plan says what the tests say: claims collected anew are the claims kept, each of a duty that exists and a journey that its system lists."""

import re
from pathlib import Path

import pytest

from yiwang.kit import plan
from yiwang.kit.declare import System
from yiwang.kit.management.commands.served import said
from yiwang.kit.registry import registry, resolve

ROOT = Path(__file__).resolve().parents[2]


def test_the_kept_claims_are_those_of_the_journeys() -> None:
    assert plan.CLAIMS.read_text(encoding="utf-8") == said(plan.collect(ROOT / "tests" / "journeys")), "run ./yiwang manage served --write"


def test_every_claim_and_every_declared_id_is_of_the_plan() -> None:
    assert not [*plan.unknown_plans(registry()), *plan.wrong_claims(plan.claims(), registry())]


def test_every_entry_stands_in_a_chapter_and_has_duties() -> None:
    assert len(plan.entries()) == 313
    assert {e.layer for e in plan.entries().values()} == set(plan.LAYERS)
    assert all(e.must and e.where and e.name for e in plan.entries().values())
    assert not [c for e in plan.entries().values() for c in (*e.connects, *filter(None, [e.parent])) if c not in plan.names()]


def test_every_duty_is_said_in_chinese_with_the_same_year() -> None:
    for entry in plan.entries().values():
        assert len(entry.says) == len(entry.must), entry.id
        for said_here, must in zip(entry.says, entry.must, strict=True):
            assert 4 < len(said_here) <= 140 and not re.search(r"[A-Za-z]{3,} [A-Za-z]{2,}", said_here), f"{entry.id}: {said_here}"
            assert re.findall(r"^\[(20\d\d)\]", said_here) == re.findall(r"^\[(20\d\d)\]", must), f"{entry.id}: {said_here}"


def test_every_section_that_an_entry_cites_is_in_the_plan() -> None:
    refs = [section.ref for section in plan.sections()]
    assert len(refs) == len(set(refs)) == 212
    assert not {ref for e in plan.entries().values() for ref in e.where} - set(refs)
    assert next(s for s in plan.sections() if s.ref == "六（六）8（4）").paragraphs[0].startswith("(4) “互联网+河长制”管理应用。")


@pytest.mark.parametrize(("claim", "words"), [
    ("river_chief_platfrom:0", "river_chief_platform"), ("electronic_seal_service:9", "has 4 duties"), ("electronic_seal_service:x", "counted from 0"),
    ("river_sensing_iot:0", "no system answers"), ("electronic_seal_service:0", "does not list"),
])  # fmt: skip
def test_a_false_claim_is_refused(claim: str, words: str) -> None:
    assert words in next(iter(plan.wrong_claims({claim: ["tests/journeys/test_nothing.py::test_it"]}, registry())))


def test_a_duty_is_served_by_a_journey_begun_by_a_system_and_open_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "claims", lambda: {"electronic_seal_service:2": ["tests/journeys/test_verify.py::test_x"], "river_sensing_iot:0": ["nobody's"]})
    built = resolve((System(code="seals", name="印章", owner="x", plan=("electronic_seal_service", "service_item_standardisation")),))
    standing = {s.entry.id: s for s in plan.ledger(built)}
    assert [d.state for d in standing["electronic_seal_service"].duties] == ["begun", "begun", "served", "begun"]
    assert standing["electronic_seal_service"].state == "begun" and standing["river_sensing_iot"].state == "open"
    assert {d.state for d in standing["river_sensing_iot"].duties} == {"open"}, "a claim of what no system answers counts for nothing"
    assert "service_item_standardization" in next(iter(plan.unknown_plans(built)))
    line = next(s for s in plan.summarise(standing.values()) if s.layer == "support")
    assert line.served == 1 and line.begun == 3 and line.open == line.duties - 4
