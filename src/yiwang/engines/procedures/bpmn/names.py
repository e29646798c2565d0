"""The names that conditions of a drawn flow may read: `step` (the last one taken), every task by its id, what decision tables answer, and the facts of the case."""

from collections.abc import Collection, Mapping

from yiwang.engines.procedures.bpmn.graph import Graph, Kind

STEP = "step"
TARGET = "target"  # the state to which the declared step would have led: some steps know better than the drawing (a licence printed or not)


def variable(element: str) -> str:
    """The name under which conditions read which step was taken at a task: its id, other signs replaced."""
    return "".join(c if c.isalnum() or c == "_" else "_" for c in element)


def names_of(graph: Graph, answers: Mapping[str, Collection[str]], *, facts: tuple[str, ...] = ()) -> set[str]:
    """Everything that a condition of this flow may name. `answers` are the names that each table sets."""
    answered = {word for node in graph.of(Kind.DECISION) for word in answers.get(node.decision, ())}
    return {STEP, TARGET, *facts, *answered, *(variable(node.id) for node in graph.of(Kind.USER, Kind.SERVICE))}
