"""A drawn flow as a small graph: what the reader makes of BPMN XML, what the checker explores and what the engine runs. Nothing here knows XML or a database."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The elements that a drawn flow may have; everything else is refused by name."""

    START = "startEvent"
    END = "endEvent"
    USER = "userTask"
    SERVICE = "serviceTask"
    DECISION = "businessRuleTask"
    TIMER = "intermediateCatchEvent"
    BOUNDARY = "boundaryEvent"
    EXCLUSIVE = "exclusiveGateway"
    PARALLEL = "parallelGateway"


KIND_NAMES = {
    Kind.START: "开始", Kind.END: "结束", Kind.USER: "人工环节", Kind.SERVICE: "系统环节", Kind.DECISION: "决策表", Kind.TIMER: "等待时间",
    Kind.BOUNDARY: "边界定时", Kind.EXCLUSIVE: "选择分支", Kind.PARALLEL: "并行分支",
}  # fmt: skip
WAITING = (Kind.USER, Kind.SERVICE, Kind.TIMER)  #: elements in which a case can stand
TASKS = (Kind.USER, Kind.SERVICE, Kind.DECISION)


@dataclass(frozen=True)
class Node:
    """One element. The attributes after `name` are those of our own namespace."""

    id: str
    kind: Kind
    name: str = ""
    role: str = ""  #: who does it; "system" waits for nobody
    steps: tuple[str, ...] = ()  #: declared steps that may complete it
    stage: str = ""
    organ: str = ""  #: function of another office (住建, 公安) that does it; "" = as the declared state of that code, else the case's own
    decision: str = ""  #: decision table of a business rule task
    timer: str = ""  #: ISO 8601 duration
    unit: str = ""  #: "working": the days of the duration are working days
    host: str = ""  #: task to which a boundary timer is fixed
    interrupting: bool = True
    terminate: bool = False  #: an end that ends all branches
    default: str = ""  #: sequence flow taken when no condition holds

    @property
    def title(self) -> str:
        """As officials call it."""
        return self.name or f"{KIND_NAMES[self.kind]}（{self.id}）"


@dataclass(frozen=True)
class Flow:
    """One arrow."""

    id: str
    source: str
    target: str
    name: str = ""
    condition: str = ""


@dataclass(frozen=True)
class Graph:
    """One process."""

    id: str
    name: str
    nodes: dict[str, Node]
    flows: dict[str, Flow]
    anytime: tuple[str, ...] = ()  #: steps that end the case wherever it stands (撤回申请)
    into: dict[str, list[Flow]] = field(init=False, compare=False)
    out: dict[str, list[Flow]] = field(init=False, compare=False)
    timers_of: dict[str, list[Node]] = field(init=False, compare=False)  #: boundary timers by their task

    def __post_init__(self) -> None:
        object.__setattr__(self, "into", {n: [] for n in self.nodes})
        object.__setattr__(self, "out", {n: [] for n in self.nodes})
        object.__setattr__(self, "timers_of", {n: [] for n in self.nodes})
        for flow in self.flows.values():
            self.out[flow.source].append(flow)
            self.into[flow.target].append(flow)
        for node in self.of(Kind.BOUNDARY):
            self.timers_of[node.host].append(node)

    def of(self, *kinds: Kind) -> Iterator[Node]:
        return (node for node in self.nodes.values() if node.kind in kinds)

    def after(self, node: str) -> list[str]:
        """What may come next, the boundary timers of a task among it."""
        return [f.target for f in self.out[node]] + [timer.id for timer in self.timers_of[node]]

    def reached(self) -> list[str]:
        """Everything that a path from a start leads to, nearest first."""
        found = [n.id for n in self.of(Kind.START)]
        for node in found:  # grows while it is walked
            found += [n for n in dict.fromkeys(self.after(node)) if n not in found]
        return found


@dataclass(frozen=True)
class Finding:
    """One sentence of the soundness report and the element that the editor lights."""

    element: str
    words: str
    hint: bool = False  #: worth a look, but no reason to refuse
