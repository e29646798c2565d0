"""What a move costs: the same in a flow of any length, and after any number of rounds."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.engines.procedures.bpmn import engine, reading
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.engines.procedures.bpmn.tests_soundness import SHAPES, Sketch, build
from yiwang.engines.procedures.bpmn.tests_soundness import move as choose


def line(length: int) -> engine.Program:
    """Tasks one after another; after the last the flow may go round again."""
    tasks = [Node(f"t{i}", Kind.USER, f"t{i}", role="approver", steps=("done", "again")) for i in range(length)]
    nodes = [Node("start", Kind.START), Node("round", Kind.EXCLUSIVE), *tasks, Node("choice", Kind.EXCLUSIVE, default="out"), Node("end", Kind.END, "end")]
    flows = [Flow("out" if b.kind is Kind.END else f"{a.id}-{b.id}", a.id, b.id) for a, b in pairwise(nodes)]
    flows.append(Flow("back", "choice", "round", "", 'step == "again"'))
    return engine.program(Graph("line", "", {n.id: n for n in nodes}, {f.id: f for f in flows}), {})


def deep(frames: int, work: Callable[[], Any]) -> Any:
    """Does the work as far down the stack as a request may be."""
    return work() if not frames else deep(frames - 1, work)


def test_the_longest_flow_that_is_read_is_built_also_deep_in_a_request() -> None:
    """The engine's parser calls itself for every element that follows: what can be published must never fail at a case."""
    length = reading.MOST - 4  # beside start, end and two gateways
    assert len(deep(250, lambda: line(length)).waiting) == length
    many = "".join(f'<userTask id="t{n}"/><sequenceFlow id="f{n}" sourceRef="t{n}" targetRef="t{n + 1}"/>' for n in range(reading.MOST + 1))
    with pytest.raises(reading.Unreadable, match=f"超过 {reading.MOST} 个元素"):
        reading.read(f'<definitions xmlns="{reading.BPMN}"><process id="p">{many}</process></definitions>')


def begin(program: engine.Program) -> str:
    return json.dumps(engine.Run(program).kept())


def move(program: engine.Program, text: str, step: str = "done") -> str:
    run = engine.Run(program, json.loads(text))
    run.complete(run.standing[0], step=step)
    assert run.timers == []
    return json.dumps(run.kept())


def calls(act: Callable[[], Any]) -> int:
    """How many functions were called: a measure that does not know how busy the machine is."""
    counted = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        act()
    finally:
        sys.setprofile(before)
    return counted


@pytest.mark.parametrize("length", [100, 400])
def test_a_task_of_a_long_flow_costs_what_one_of_a_short_flow_costs(length: int) -> None:
    short, long = line(10), line(length)
    first, second = begin(short), begin(long)
    move(short, first)  # whatever is imported or remembered at the first move
    assert calls(lambda: begin(long)) <= 1.02 * calls(lambda: begin(short))
    assert calls(lambda: move(long, second)) <= 1.02 * calls(lambda: move(short, first))
    assert abs(len(second) - len(first)) < 10


def test_a_task_of_the_hundredth_round_costs_what_one_of_the_first_costs() -> None:
    program = line(3)
    text = begin(program)
    move(program, text)
    first, size = calls(lambda: move(program, text)), len(move(program, text))
    for _ in range(100):
        for step in ("done", "done", "again"):
            text = move(program, text, step)
    assert calls(lambda: move(program, text)) <= 1.02 * first and abs(len(move(program, text)) - size) < 40


@settings(max_examples=40, deadline=None)
@given(shape=SHAPES, choices=st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_a_flow_goes_as_it_does_where_the_engine_draws_everything_ahead(shape: object, choices: list[int]) -> None:
    sketch = Sketch()
    ours = engine.program(sketch.graph(build(sketch, shape)), {})
    run, stock = engine.Run(ours), engine.Run(replace(ours, spec=engine.specification(ours.graph, {}, {"step", "target", *ours.graph.nodes})))
    for turn in range(200):
        assert (run.standing, run.timers, run.over, run.ended_at) == (stock.standing, stock.timers, stock.over, stock.ended_at)
        if run.over:
            break
        for one in (run, stock):
            choose(one, choices[turn] if turn < len(choices) else 5)
    assert run.over
