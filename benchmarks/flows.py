"""Persisted workflow tasks per second of a 10-task and a 100-task flow, beside SpiffWorkflow alone.

    python -m benchmarks.flows [--seconds S] [--quick] [--json]

One process, no database: a task is completed, the case's state is made JSON text, and the next task begins from that text. `ours` keeps only where the marks lie
(no specification, no finished task); `spiff` is the library's own serializer with everything it keeps. Flat in history means that a task of
the long flow costs what a task of the short one costs. Whole flows of both lengths take turns, so what disturbs one disturbs the other, and a rate is by
the processor's time, so that other work on the machine does not count. `ours_400` has no floor: one such flow takes the floor longer than a run lasts.
"""

import argparse
import itertools
import json
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

LENGTHS = (10, 100)
LONGEST = 400  # elements of a flow are bounded at 500


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="flows", description="persisted workflow tasks per second beside SpiffWorkflow alone")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--quick", action="store_true", help="1 second each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    out = _measured(1.0 if options.quick else options.seconds)
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def _measured(seconds: float) -> dict[str, Any]:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.config.settings")
    import django

    django.setup()
    programs = {length: _program(length) for length in (*LENGTHS, LONGEST)}
    rates = _rates(seconds, {f"ours_{n}": partial(_ours, p) for n, (p, _) in programs.items()})
    rates |= _rates(seconds, {f"spiff_{n}": partial(_spiff, programs[n][1]) for n in LENGTHS})
    out: dict[str, Any] = {"benchmark": "flows", "seconds": seconds, **rates}
    out["flat"] = round(out["ours_100"] / out["ours_10"], 2)
    out["flat_400"] = round(out["ours_400"] / out["ours_10"], 2)
    out["spiff_flat"] = round(out["spiff_100"] / out["spiff_10"], 2)
    out["ratio_100"] = round(out["ours_100"] / out["spiff_100"], 1)
    return out


def _program(length: int) -> tuple[Any, Any]:
    """The flow as our engine runs it, and the specification as the library makes it."""
    from yiwang.engines.procedures.bpmn import engine
    from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node

    tasks = [Node(f"t{i}", Kind.USER, f"t{i}", role="approver", steps=("done",)) for i in range(length)]
    nodes = [Node("start", Kind.START), *tasks, Node("end", Kind.END, "end")]
    flows = [Flow(f"f{i}", a.id, b.id) for i, (a, b) in enumerate(itertools.pairwise(nodes))]
    graph = Graph("bench", "", {n.id: n for n in nodes}, {f.id: f for f in flows})
    return engine.program(graph, {}), engine.specification(graph, {}, set())


def _ours(program: Any) -> tuple[int, int]:
    """Tasks done and the largest text kept."""
    from yiwang.engines.procedures.bpmn.engine import Run

    text, done, largest = json.dumps(Run(program).kept()), 0, 0
    while True:
        run = Run(program, json.loads(text))
        run.complete(run.standing[0], step="done")
        text, done = json.dumps(run.kept()), done + 1
        largest = max(largest, len(text))
        if run.over:
            return done, largest


def _spiff(spec: Any) -> tuple[int, int]:
    from SpiffWorkflow.bpmn.serializer import BpmnWorkflowSerializer
    from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
    from SpiffWorkflow.spiff.serializer.config import SPIFF_CONFIG
    from SpiffWorkflow.util.task import TaskState

    serializer = BpmnWorkflowSerializer(BpmnWorkflowSerializer.configure(SPIFF_CONFIG))
    workflow, done, largest = BpmnWorkflow(spec), 0, 0
    workflow.do_engine_steps()
    while not workflow.completed:
        text = serializer.serialize_json(workflow)
        largest = max(largest, len(text))
        workflow = serializer.deserialize_json(text)
        next(iter(workflow.get_tasks(state=TaskState.READY, manual=True))).run()
        workflow.do_engine_steps()
        done += 1
    return done, largest


def _rates(seconds: float, sides: dict[str, Callable[[], tuple[int, int]]]) -> dict[str, float | int]:
    """Tasks per second of the processor's time, and the largest text, of whole flows in turn; each side has had at least its seconds."""
    done, spent, out = dict.fromkeys(sides, 0), dict.fromkeys(sides, 0.0), dict[str, float | int]()
    for whole in sides.values():
        whole()  # imports, caches
    while min(spent.values()) < seconds:
        name = min(spent, key=lambda n: spent[n])  # whoever has had least
        begun = time.process_time()
        more, out[f"{name}_bytes"] = sides[name]()
        done[name], spent[name] = done[name] + more, spent[name] + time.process_time() - begun
    return {**out, **{name: round(done[name] / spent[name], 1) for name in sides}}


def _words(out: dict[str, Any]) -> str:
    rows = [f"{n:3} 个环节：本系统每秒 {out[f'ours_{n}']} 步（最多 {out[f'ours_{n}_bytes']} 字节），SpiffWorkflow 自带序列化每秒 {out[f'spiff_{n}']} 步（{out[f'spiff_{n}_bytes']} 字节）" for n in LENGTHS]
    return "\n".join([
        *rows,
        f"{LONGEST} 个环节：本系统每秒 {out['ours_400']} 步（最多 {out['ours_400_bytes']} 字节）",
        f"与 10 个环节每步之比：100 个环节 {out['flat']}，400 个环节 {out['flat_400']}（1 为不随长度变慢），SpiffWorkflow 自带 {out['spiff_flat']}；100 个环节时是 SpiffWorkflow 自带的 {out['ratio_100']} 倍。",
    ])  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
