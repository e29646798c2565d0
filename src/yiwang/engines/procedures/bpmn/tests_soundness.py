"""The checker against flows known to be sound, which then run to their end in the engine, and flows known not to be, each with its reason."""

import json
import time
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.base.errors import Conflict
from yiwang.engines.procedures.bpmn import drawing, engine, reading, soundness
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node

END = Node("end", Kind.END, "已办结")


@dataclass
class Sketch:
    """A flow in the making: blocks with one way in and one way out."""

    nodes: dict[str, Node] = field(default_factory=dict)
    flows: dict[str, Flow] = field(default_factory=dict)

    def node(self, kind: Kind, **more: object) -> str:
        code = f"n{len(self.nodes)}"
        self.nodes[code] = Node(code, kind, code, **more)  # type: ignore[arg-type]  # the fields of a Node
        return code

    def arrow(self, source: str, target: str, condition: str = "") -> str:
        code = f"f{len(self.flows)}"
        self.flows[code] = Flow(code, source, target, "", condition)
        return code

    def chain(self, first: tuple[str, str], second: tuple[str, str]) -> tuple[str, str]:
        self.arrow(first[1], second[0])
        return first[0], second[1]

    def graph(self, block: tuple[str, str]) -> Graph:
        self.nodes = {"start": Node("start", Kind.START), **self.nodes, "end": END}
        self.arrow("start", block[0])
        self.arrow(block[1], "end")
        return Graph("flow", "", self.nodes, self.flows)


def build(sketch: Sketch, shape: object) -> tuple[str, str]:
    """The entrance and exit of a block."""
    match shape:
        case "task":
            code = sketch.node(Kind.USER, role="approver", steps=("x",))
            return code, code
        case "wait":
            code = sketch.node(Kind.TIMER, timer="P1D")
            return code, code
        case "limit":
            return limited(sketch)
        case ("seq", a, b):
            return sketch.chain(build(sketch, a), build(sketch, b))
        case ("loop", a):
            return looped(sketch, build(sketch, a))
        case (kind, a, b):
            return branched(sketch, Kind.EXCLUSIVE if kind == "xor" else Kind.PARALLEL, (build(sketch, a), build(sketch, b)))
    raise AssertionError(shape)


def branched(sketch: Sketch, kind: Kind, blocks: tuple[tuple[str, str], ...]) -> tuple[str, str]:
    split, merge = sketch.node(kind), sketch.node(kind)
    for i, block in enumerate(blocks):
        way = sketch.arrow(split, block[0], 'step == "left"' if kind is Kind.EXCLUSIVE and i else "")
        if kind is Kind.EXCLUSIVE and not i:
            sketch.nodes[split] = replace(sketch.nodes[split], default=way)
        sketch.arrow(block[1], merge)
    return split, merge


def looped(sketch: Sketch, block: tuple[str, str]) -> tuple[str, str]:
    """Comes back while the last step was `again`."""
    merge, split, out = sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE)
    sketch.chain((merge, merge), block)
    sketch.arrow(block[1], split)
    sketch.arrow(split, merge, 'step == "again"')
    sketch.nodes[split] = replace(sketch.nodes[split], default=sketch.arrow(split, out))
    return merge, out


def limited(sketch: Sketch) -> tuple[str, str]:
    """A task with an interrupting timer; either way leads on."""
    task, merge = sketch.node(Kind.USER, role="approver", steps=("x",)), sketch.node(Kind.EXCLUSIVE)
    timer = sketch.node(Kind.BOUNDARY, timer="P5D", host=task)
    sketch.arrow(task, merge)
    sketch.arrow(timer, merge)
    return task, merge


def blocks(inner: "st.SearchStrategy[object]") -> "st.SearchStrategy[object]":
    pair = st.tuples(st.sampled_from(("seq", "seq", "xor", "and")), inner, inner)
    return pair | st.tuples(st.just("loop"), inner)


SHAPES: "st.SearchStrategy[object]" = st.recursive(st.sampled_from(("task", "task", "wait", "limit")), blocks, max_leaves=8)


@settings(max_examples=60, deadline=None)
@given(shape=SHAPES, choices=st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_sound_flows_pass_and_run_to_their_end(shape: object, choices: list[int]) -> None:
    sketch = Sketch()
    graph = sketch.graph(build(sketch, shape))
    assert soundness.findings(graph) == []
    run_out(graph, choices)


def run_out(graph: Graph, choices: list[int]) -> None:
    """Takes what can be taken, kept and restored between any two moves, until the flow is over; loops end when the choices do."""
    program = engine.program(graph, {})
    run, sizes = engine.Run(program), []
    for turn in range(400):
        if run.over:
            break
        choice = choices[turn] if turn < len(choices) else 5
        move(run, choice)
        kept = json.loads(json.dumps(run.kept()))
        sizes.append(len(kept["tree"]["tasks"]))
        if not run.over:
            run = engine.Run(program, kept)
    assert run.over and run.ended_at == ["end"]
    assert max(sizes) <= 6 * len(graph.nodes) + 10  # what is kept does not grow with the history


def move(run: engine.Run, choice: int) -> None:
    tasks = [s for s in run.standing if run.program.graph.nodes[s].kind is Kind.USER]
    if run.timers and (not tasks or choice == 0):
        run.fire(run.timers[-1])
    else:
        run.complete(tasks[choice % len(tasks)], step=("again", "left", "right", "left", "again", "right")[choice])


@settings(max_examples=30, deadline=None)
@given(shape=SHAPES)
def test_what_is_drawn_is_read_back(shape: object) -> None:
    sketch = Sketch()
    graph = sketch.graph(build(sketch, shape))
    assert reading.read(drawing.write(graph)) == graph


@settings(max_examples=40, deadline=None)
@given(shapes=st.tuples(SHAPES, SHAPES))
def test_a_choice_before_a_parallel_join_is_always_refused(shapes: tuple[object, object]) -> None:
    sketch = Sketch()
    split, merge = branched(sketch, Kind.EXCLUSIVE, (build(sketch, shapes[0]), build(sketch, shapes[1])))
    sketch.nodes[merge] = replace(sketch.nodes[merge], kind=Kind.PARALLEL)
    words = " ".join(f.words for f in soundness.findings(sketch.graph((split, merge))))
    assert "等不齐" in words


def parallel(kind: Kind = Kind.PARALLEL) -> tuple[Sketch, list[str], tuple[str, str]]:
    sketch = Sketch()
    tasks = [build(sketch, "task")[0] for _ in range(2)]
    return sketch, tasks, branched(sketch, kind, tuple((t, t) for t in tasks))


def test_an_interrupting_timer_before_a_join_leaves_the_case_hanging() -> None:
    """The case that the engine alone runs into without a word."""
    sketch, tasks, block = parallel()
    timer = sketch.node(Kind.BOUNDARY, timer="P5D", host=tasks[0])
    sketch.nodes["stop"] = Node("stop", Kind.END)
    sketch.arrow(timer, "stop")
    graph = sketch.graph(block)
    words = [f.words for f in soundness.findings(graph)]
    assert any("等不齐" in w and f"“{tasks[0]}”" in w for w in words), words
    run = engine.Run(engine.program(graph, {}))
    run.fire(timer)
    with pytest.raises(Conflict, match="没有一个环节"):
        run.complete(tasks[1], step="x")  # what the checker is for


def test_a_parallel_split_without_a_join_is_walked_twice() -> None:
    sketch, _, block = parallel()
    sketch.nodes[block[1]] = replace(sketch.nodes[block[1]], kind=Kind.EXCLUSIVE)
    after = build(sketch, "task")
    found = soundness.findings(sketch.graph(sketch.chain(block, after)))
    assert any("走到两次" in f.words for f in found)


def test_a_loop_without_exit() -> None:
    sketch = Sketch()
    merge, task = sketch.node(Kind.EXCLUSIVE), build(sketch, "task")
    sketch.arrow(merge, task[0])
    sketch.arrow(task[1], merge)
    graph = Graph("flow", "", {"start": Node("start", Kind.START), **sketch.nodes, "end": END}, {**sketch.flows, "s": Flow("s", "start", merge)})
    words = " ".join(f.words for f in soundness.findings(graph))
    assert "走不到结束" in words and "走不到“已办结”" in words


@pytest.mark.parametrize("passed", [{"kind": Kind.EXCLUSIVE}, {"kind": Kind.DECISION, "decision": "d"}, {"kind": Kind.SERVICE, "steps": ("note",)}, None])
def test_a_way_round_on_which_nobody_acts_and_no_time_passes_is_refused(passed: dict[str, Any] | None) -> None:
    """Every choice on it may find what it found before: the engine would turn for ever, and the case would be left nowhere."""
    sketch = Sketch()
    first, merge, split, out = build(sketch, "task"), sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE)
    back = sketch.node(**passed) if passed else build(sketch, "task")[0]
    sketch.chain(first, (merge, merge))
    for source, target in ((merge, split), (back, merge)):
        sketch.arrow(source, target)
    sketch.arrow(split, out, 'step == "out"')
    sketch.nodes[split] = replace(sketch.nodes[split], default=sketch.arrow(split, back))
    graph = sketch.graph((first[0], out))
    assert ["转圈" in f.words for f in soundness.findings(graph)] == ([True] if passed else [])


def test_the_engine_never_leaves_a_case_nowhere() -> None:
    sketch = Sketch()
    task, a, b = build(sketch, "task"), sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE)
    for source, target in ((task[1], a), (a, b)):
        sketch.arrow(source, target)
    sketch.arrow(b, a, 'step == "again"')
    sketch.nodes[b] = replace(sketch.nodes[b], default=f"f{len(sketch.flows) + 1}")
    graph = sketch.graph((task[0], b))
    with pytest.raises(Conflict, match="没有一个环节"):
        engine.Run(engine.program(graph, {})).complete(task[0], step="again")
    done = engine.Run(engine.program(graph, {}))
    done.complete(task[0], step="x")
    assert done.over


def test_a_reminder_that_does_not_interrupt_is_no_second_walk() -> None:
    sketch = Sketch()
    task = build(sketch, "task")
    timer = sketch.node(Kind.BOUNDARY, timer="P5D", host=task[0], interrupting=False)
    urge = sketch.node(Kind.SERVICE, steps=("urge",))
    sketch.nodes["told"] = Node("told", Kind.END)
    sketch.arrow(timer, urge)
    sketch.arrow(urge, "told")
    graph = sketch.graph(task)
    assert any("可能还没有办完" in f.words for f in soundness.findings(graph))  # the case may close while the reminder is under way
    graph.nodes["end"] = replace(END, terminate=True)
    assert any("没有结果" in f.words for f in soundness.findings(graph)) is False
    run = engine.Run(engine.program(graph, {}))
    run.fire(timer)
    assert set(run.standing) == {task[0], urge}
    run.complete(task[0], step="x")
    assert run.over and run.ended_at == ["end"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": Kind.EXCLUSIVE, "default": ""}, "没有默认去向"),
        ({"kind": Kind.USER}, "2 个出去的箭头"),
    ],
)
def test_malformed(change: dict[str, object], words: str) -> None:
    sketch, _, block = parallel()
    sketch.nodes[block[0]] = replace(sketch.nodes[block[0]], **change)  # type: ignore[arg-type]  # the fields of a Node
    assert any(words in f.words for f in soundness.findings(sketch.graph(block)))


def test_after_a_time_limit_conditions_find_no_step_of_an_earlier_round() -> None:
    """Disagreed, sent back, then silent: the silence is not read as the disagreement of the first round."""
    sketch = Sketch()
    inner = limited(sketch)
    merge, split, out = sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE), sketch.node(Kind.EXCLUSIVE)
    sketch.chain((merge, merge), inner)
    sketch.arrow(inner[1], split)
    sketch.arrow(split, merge, f'{inner[0]} == "x"')
    sketch.nodes[split] = replace(sketch.nodes[split], default=sketch.arrow(split, out))
    run = engine.Run(engine.program(sketch.graph((merge, out)), {}))
    run.complete(inner[0], step="x")
    assert run.standing == [inner[0]]
    run.fire(run.timers[0])
    assert run.over and run.ended_at == ["end"]


def test_too_many_states_are_said_to_be_too_many_and_in_time() -> None:
    sketch = Sketch()
    tasks = [build(sketch, ("seq", "task", ("seq", "task", "task"))) for _ in range(14)]
    begun = time.monotonic()
    found = soundness.findings(sketch.graph(branched(sketch, Kind.PARALLEL, tuple(tasks))), seconds=2.0)
    assert ["状态数超出" in f.words for f in found] == [True]
    assert time.monotonic() - begun < 10


def test_many_limits_side_by_side_are_proven_quickly() -> None:
    """Eight offices asked at once, each with its limit: what only passes through is no state of its own."""
    sketch = Sketch()
    graph = sketch.graph(branched(sketch, Kind.PARALLEL, tuple(build(sketch, "limit") for _ in range(8))))
    assert soundness.findings(graph, markings=5_000, seconds=60) == []


def test_two_arrows_from_one_element_to_a_join_are_refused() -> None:
    """The engine counts where a branch comes from, so it would fire the join early."""
    sketch = Sketch()
    split, join = sketch.node(Kind.PARALLEL), sketch.node(Kind.PARALLEL)
    sketch.arrow(split, join)
    sketch.arrow(split, join)
    assert any("重复" in f.words for f in soundness.findings(sketch.graph((split, join))))
