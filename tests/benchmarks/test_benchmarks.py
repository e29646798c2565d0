"""The one command for all benchmarks: which there are, what a wrong name is told, that --json leaves nothing but JSON on the output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks import cases, city, worklist

ROOT = Path(__file__).resolve().parents[2]


def test_the_list_names_what_can_be_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(bench.BENCHMARKS) and all(len(line.split()) > 1 for line in lines)


def test_every_name_has_a_module() -> None:
    assert all((ROOT / "benchmarks" / f"{name}.py").is_file() for name in bench.BENCHMARKS)


def test_a_wrong_name_is_told_what_was_probably_meant(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["worklst", "--quick"]) == 2
    said = capsys.readouterr()
    assert "worklist" in said.err and not said.out
    assert bench.main(["zzzz"]) == 2
    assert bench.main(["--cases", "5"]) == 2  # of which benchmark?


def test_options_reach_the_benchmark_and_json_is_alone_on_the_output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given: list[list[str]] = []

    def measured(options: list[str]) -> int:
        given.append(options)
        city.say("进行中 …")
        print(json.dumps({"benchmark": "seal"}))
        return 0

    monkeypatch.setattr("benchmarks.seal.main", measured)
    assert bench.main(["--json", "seal", "--seconds", "1"]) == 0
    said = capsys.readouterr()
    assert given == [["--seconds", "1", "--json"]] and json.loads(said.out) == {"benchmark": "seal"} and "进行中" in said.err


def test_one_that_cannot_run_stops_no_other(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> "subprocess.CompletedProcess[str]":
        asked.append(command)
        failed = "seal" in command
        return subprocess.CompletedProcess(command, 1 if failed else 0, "" if failed else json.dumps({"benchmark": command[3]}))

    monkeypatch.setattr(bench.subprocess, "run", run)
    assert bench.main(["--quick", "--json"]) == 1
    assert [answer["benchmark"] for answer in json.loads(capsys.readouterr().out)] == [name for name in bench.BENCHMARKS if name != "seal"]
    assert all(command[0] == sys.executable and command[-2:] == ["--quick", "--json"] for command in asked)


def test_a_benchmark_never_drops_an_installation() -> None:
    with pytest.raises(ValueError, match="not a benchmark's"):
        city.drop_database("postgres://nobody@127.0.0.1:1/yiwang")


def test_another_number_of_cases_or_another_loading_is_another_database(monkeypatch: pytest.MonkeyPatch) -> None:
    before = cases.fingerprint(1000)
    assert before != cases.fingerprint(2000)
    monkeypatch.setattr(cases, "STATEMENTS", (*cases.STATEMENTS, ("更多", "SELECT 1")))
    assert before != cases.fingerprint(1000)


def test_the_floor_has_a_statement_for_every_page() -> None:
    assert set(worklist.NAMES) == {*worklist.LISTS, "case"}
