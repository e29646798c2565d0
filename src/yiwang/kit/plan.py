"""The city's plan: its entries with their duties as they stand in the document, and how far each is: by the declarations and the journeys, never by hand.

A journey claims duties by a marker in its source, `@pytest.mark.serves("river_chief_platform:0")`; `./yiwang manage served --write` collects the claims.
"""

import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from yiwang.base.names import meant
from yiwang.kit.declare import System
from yiwang.kit.registry import Registry

DATA = Path(__file__).parent / "data"
CLAIMS = DATA / "served.json"
MARK = "serves"
State = Literal["served", "begun", "open"]
STATES: dict[State, str] = {"served": "已实现", "begun": "建设中", "open": "未开始"}
LAYERS = {
    "infrastructure": "基础设施", "data": "数据资源", "support": "应用支撑", "brain": "城市大脑", "government_services": "政务服务", "administrative_efficiency": "行政效能",
    "business_environment": "营商环境", "public_services": "公共服务", "social_governance": "社会治理", "operations": "建设运营", "standards": "标准规范", "security": "安全保障",
    "assurance": "保障措施",
}  # fmt: skip  # the chapters of the plan, in its order


@dataclass(frozen=True)
class Entry:
    """One thing that the plan asks for."""

    id: str
    name: str
    layer: str
    parent: str | None
    where: tuple[str, ...]  #: section numbers of the document
    phase: int | None  #: the year by which it was to begin
    must: tuple[str, ...]  #: its duties, in the register's English
    says: tuple[str, ...]  #: the same duties in the plan's own words
    connects: tuple[str, ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """A part of the plan as it is written."""

    ref: str  #: section number as entries cite it: 六（六）8（4）
    depth: int  #: 1 (六、) to 4 ((4))
    paragraphs: tuple[str, ...]  #: the first begins with its number


@dataclass(frozen=True)
class Duty:
    """One duty: served when a journey shows it, begun when a system has taken on the entry, open otherwise."""

    number: int
    text: str
    state: State
    journeys: tuple[str, ...]

    @property
    def said(self) -> str:
        return STATES[self.state]


@dataclass(frozen=True)
class Standing:
    """An entry, the system that answers it, and its duties."""

    entry: Entry
    system: System | None
    duties: tuple[Duty, ...]

    @property
    def state(self) -> State:
        """Served when every duty is."""
        if self.system is None:
            return "open"
        return "served" if self.duties and all(d.state == "served" for d in self.duties) else "begun"

    @property
    def said(self) -> str:
        return STATES[self.state]

    @property
    def chapter(self) -> str:
        return LAYERS[self.entry.layer]

    def count(self, state: State) -> int:
        return sum(d.state == state for d in self.duties)


@dataclass(frozen=True)
class Summary:
    """How many entries and duties of a chapter stand how."""

    layer: str
    name: str
    entries: int
    duties: int
    served: int
    begun: int

    @property
    def open(self) -> int:
        return self.duties - self.served - self.begun


@cache
def entries() -> dict[str, Entry]:
    """The plan's entries by id, in the document's order."""
    lists = ("where", "must", "connects", "numbers")
    rows: list[dict[str, Any]] = _file()["entries"]
    said: dict[str, list[str]] = _read("plan_duties.yaml")
    return {row["id"]: Entry(**{**row, **{name: tuple(row[name]) for name in lists}}, says=tuple(said[row["id"]])) for row in rows}


@cache
def names() -> dict[str, str]:
    """What the document calls each entry and each outside system."""
    return {**_file()["outside"], **{e.id: e.name for e in entries().values()}}


def claims() -> dict[str, list[str]]:
    """Duty ("river_chief_platform:0") → the journeys that show it, as last collected."""
    return dict(json.loads(CLAIMS.read_text(encoding="utf-8")))


def ledger(registry: Registry) -> list[Standing]:
    """Every entry with how far it is (规划任务台账)."""
    owners = {plan: system for system in registry.systems.values() for plan in system.plan}
    shown = claims()
    return [_standing(entry, owners.get(entry.id), shown) for entry in entries().values()]


def summarise(standings: Iterable[Standing]) -> list[Summary]:
    """One line for each chapter of the plan, in its order."""
    counted: dict[str, Counter[str]] = {layer: Counter() for layer in LAYERS}
    for one in standings:
        counted[one.entry.layer]["entries"] += 1
        counted[one.entry.layer].update(d.state for d in one.duties)
    return [
        Summary(layer, LAYERS[layer], c["entries"], c["served"] + c["begun"] + c["open"], c["served"], c["begun"]) for layer, c in counted.items() if c["entries"]
    ]


def collect(folder: Path) -> dict[str, list[str]]:
    """The claims that stand in the sources of the journeys below `folder`."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for test, duties in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            for duty in duties:
                found.setdefault(duty, []).append(f"{path.relative_to(folder.parents[1]).as_posix()}::{test}")
    return dict(sorted(found.items()))


def wrong_claims(found: dict[str, list[str]], registry: Registry) -> Iterator[str]:
    """Claims of duties that do not exist, of entries that nobody has taken on, or by journeys that the entry's system does not list."""
    owners = {plan: system for system in registry.systems.values() for plan in system.plan}
    for duty, journeys in found.items():
        plan, _, number = duty.partition(":")
        entry = entries().get(plan)
        if entry is None:
            yield f"{duty}: {meant(plan, entries(), 'plan entry')}"
        elif not number.isdecimal() or int(number) >= len(entry.must):
            yield f"{duty}: {plan} has {len(entry.must)} duties, counted from 0"
        elif plan not in owners:
            yield f"{duty}: no system answers {plan}"
        else:
            yield from (f"{duty}: {owners[plan].code} does not list {j}" for j in journeys if not {j, j.partition("::")[0]} & set(owners[plan].journeys))


def unknown_plans(registry: Registry) -> Iterator[str]:
    """Plan ids that systems declare and the plan does not have."""
    for system in registry.systems.values():
        yield from (f"{system.code}: {meant(plan, entries(), 'plan entry')}" for plan in system.plan if plan not in entries())


def _standing(entry: Entry, system: System | None, shown: dict[str, list[str]]) -> Standing:
    duties = []
    for number, text in enumerate(entry.says):
        journeys = tuple(shown.get(f"{entry.id}:{number}", ())) if system else ()
        duties.append(Duty(number, text, "served" if journeys else "begun" if system else "open", journeys))
    return Standing(entry, system, tuple(duties))


def _marked(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            calls = [d for d in node.decorator_list if isinstance(d, ast.Call) and isinstance(d.func, ast.Attribute) and d.func.attr == MARK]
            yield node.name, [str(ast.literal_eval(argument)) for call in calls for argument in call.args]


@cache
def sections() -> tuple[Section, ...]:
    """The plan itself, in its own order."""
    return tuple(Section(part["ref"], part["depth"], tuple(part["text"].split("\n"))) for part in _read("plan_text.yaml"))


@cache
def _file() -> dict[str, Any]:
    return dict(_read("plan.yaml"))


def _read(name: str) -> Any:
    return yaml.load((DATA / name).read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
