"""The report on a decision table in plain words: every input is known, every cell is understood and of the right kind, no rules contradict, none is missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from keyword import iskeyword

from yiwang.engines.procedures.bpmn import coverage, expressions
from yiwang.engines.procedures.bpmn.coverage import Box, Domain, Region
from yiwang.engines.procedures.bpmn.decisions import Decision
from yiwang.engines.procedures.bpmn.drawn import COMMON
from yiwang.engines.procedures.bpmn.graph import Graph, Kind
from yiwang.engines.procedures.bpmn.names import STEP, TARGET, variable
from yiwang.engines.procedures.bpmn.tables import POLICIES, Table
from yiwang.kit.declare import Procedure

MOST = 5  # gaps and overlaps that are told one by one
KIND_NAMES = {"text": "文字", "number": "数字", "count": "数字", "yes": "是或否"}


@dataclass(frozen=True)
class Remark:
    """One sentence, and the row and column (from 1; 0 for none) that it is about; columns of results follow those of conditions."""

    words: str
    row: int = 0
    column: int = 0
    hint: bool = False


def domains(base: Procedure, graph: Graph | None, decisions: Mapping[str, Decision], *, besides: str = "") -> dict[str, Domain]:
    """What a table may compare: the declared facts, what was done at each task, what other tables answer."""
    steps = {s.code: s.name for s in (*base.steps, *COMMON.values())}
    found = {f.code: Domain(f.name, f.kind, dict(f.choices), f.empty, "办件信息") for f in base.facts}
    done = {node.id: node for node in graph.of(Kind.USER, Kind.SERVICE)} if graph else {}
    taken = {code: steps.get(code, code) for node in done.values() for code in node.steps}
    found[STEP] = Domain("刚办理的动作", "text", taken, empty=True, where="办理情况")
    found[TARGET] = Domain("动作原定去向", "text", {g: base.state(g).name for s in base.steps for g in s.goals}, empty=True, where="办理情况")
    found |= {variable(n.id): Domain(f"{n.title}的办理", "text", {s: steps.get(s, s) for s in n.steps}, empty=True, where="办理情况") for n in done.values()}
    for table in decisions.values():
        if table.id != besides:
            found |= {word: _answered(table, i, word) for i, word in enumerate(table.outputs)}
    return found


def _answered(table: Decision, at: int, word: str) -> Domain:
    values = dict.fromkeys(expressions.plain(answers[at]) for _, answers in table.rules)
    kind = "yes" if all(isinstance(v, bool) for v in values) else "text" if all(isinstance(v, str) for v in values) else "number"
    return Domain(word, kind, {v: v for v in values} if kind == "text" else {}, empty=True, where=f"决策表“{table.name}”")


def uses(graph: Graph | None, decisions: Mapping[str, Decision], words: frozenset[str]) -> dict[str, frozenset[str] | None]:
    """Which names the flow reads, and the texts that it waits for; None where it reads them in another way."""
    found: dict[str, frozenset[str] | None] = {word: None for table in decisions.values() for word in table.inputs}
    for flow in graph.flows.values() if graph else ():
        try:
            read, texts = expressions.named(flow.condition, names=words), expressions.compared(expressions.condition(flow.condition, names=words))
        except expressions.Wrong:  # told with the arrow
            continue
        for name in read:
            waited = frozenset(value for asked, value in texts if asked == name)
            before = found.get(name, frozenset())
            found[name] = before | waited if waited and before is not None else None
    return found


def remarks(table: Table, known: Mapping[str, Domain], used: Mapping[str, frozenset[str] | None]) -> list[Remark]:
    """Everything that stands against publishing, then hints. What rules catch is only asked of a table whose cells are understood."""
    wrong = [*_columns(table, known), *_cells(table, known), *_results(table)]
    if any(not r.hint for r in wrong):
        return wrong
    found = [*wrong, *_Rules(table, [known[c.word] for c in table.inputs]).told(), *_unused(table, used)]
    return sorted(found, key=lambda r: r.hint)


def _columns(table: Table, known: Mapping[str, Domain]) -> Iterator[Remark]:
    if not table.outputs:
        yield Remark("没有结果列，请加一列结果。")
    if not table.rows:
        yield Remark("一行规则也没有，请加一行。")
    if table.policy not in POLICIES:
        yield Remark(f"命中方式 {table.policy} 不支持。")
    for i, column in enumerate(table.inputs, 1):
        if column.word not in known:
            yield Remark(f"第 {i} 列比较的“{column.word}”不是这个流程能用的信息。" if column.word else f"第 {i} 列没有选比较什么。", column=i)
        elif column.word in [c.word for c in table.inputs[: i - 1]]:
            yield Remark(f"“{known[column.word].label}”有两列，请合并。", column=i)
    for i, column in enumerate(table.outputs, len(table.inputs) + 1):
        if not column.word.isidentifier() or iskeyword(column.word):
            yield Remark(f"结果列的标识“{column.word}”应以字母开头，只含字母、数字、下划线。" if column.word else "结果列没有标识。", column=i)
        elif column.word in known and not known[column.word].where.startswith("决策表"):
            yield Remark(f"结果列的标识“{column.word}”与“{known[column.word].label}”同名，请换一个。", column=i)
        elif column.word in [c.word for c in table.outputs[: i - len(table.inputs) - 1]]:
            yield Remark(f"结果列“{column.word}”有两列。", column=i)


def _cells(table: Table, known: Mapping[str, Domain]) -> Iterator[Remark]:
    for line, row in enumerate(table.rows, 1):
        for i, (column, cell) in enumerate(zip(table.inputs, row.tests, strict=True), 1):
            words = _cell(cell, known.get(column.word))
            if words:
                yield Remark(f"第 {line} 行“{known[column.word].label if column.word in known else column.title}”：{words}。", line, i)


def _cell(cell: str, domain: Domain | None) -> str:
    """What is wrong with a cell; "" for a good one."""
    try:
        test = expressions.cell(cell)
    except expressions.Wrong as problem:
        return str(problem)
    if domain is None or not test:
        return ""
    values = [v for v in expressions.constants(test) if v is not None]
    kind = KIND_NAMES[domain.kind]
    strange = next((v for v in values if not _fits(v, domain.kind)), None)
    if strange is not None:
        return f"这一列应填{kind}，写了{coverage.told(domain, strange)}" + ("；文字请加引号" if domain.kind == "text" else "")
    if expressions.orders(test) and domain.kind in {"text", "yes"}:
        return f"{kind}不能比大小"
    if not expressions.constants(test) and domain.kind != "yes":
        return "没有写和什么比较"
    unknown = next((v for v in values if domain.values and v not in domain.values), None)
    if unknown is not None:
        return f"不会有“{unknown}”，只会是{'、'.join(f'“{name}”' for name in domain.values.values())}"
    return ""


def _fits(value: object, kind: str) -> bool:
    if kind in {"number", "count"}:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, bool if kind == "yes" else str)


def _results(table: Table) -> Iterator[Remark]:
    kinds: list[set[str]] = [set() for _ in table.outputs]
    for line, row in enumerate(table.rows, 1):
        for i, cell in enumerate(row.answers):
            where = len(table.inputs) + i + 1
            try:
                value = expressions.plain(expressions.value(cell))
            except expressions.Wrong as problem:
                yield Remark(f"第 {line} 行没有写结果“{table.outputs[i].title}”。" if not cell else f"第 {line} 行：{problem}。", line, where)
                continue
            kinds[i].add("是或否" if isinstance(value, bool) else "文字" if isinstance(value, str) else "数字")
    for i, found in enumerate(kinds):
        if len(found) > 1:
            yield Remark(f"结果“{table.outputs[i].title}”有的行是{'，有的行是'.join(sorted(found))}，请统一。", column=len(table.inputs) + i + 1)


def _unused(table: Table, used: Mapping[str, frozenset[str] | None]) -> Iterator[Remark]:
    for i, column in enumerate(table.outputs):
        where = len(table.inputs) + i + 1
        if column.word not in used:
            yield Remark(f"结果“{column.title}”还没有被流程里的任何条件用到。", column=where, hint=True)
            continue
        waited = used[column.word]
        answers = {expressions.plain(expressions.value(row.answers[i])): line for line, row in reversed(list(enumerate(table.rows, 1)))}
        for answer, line in answers.items() if waited is not None else ():
            if answer not in (waited or ()):
                yield Remark(f"第 {line} 行的结果“{answer}”没有箭头在等它，会走默认去向。", line, where, hint=True)


class _Rules:
    """The rules of a table whose cells are all understood, as boxes."""

    def __init__(self, table: Table, known: Sequence[Domain]) -> None:
        self.table, self.domains = table, known
        rules = [tuple(expressions.cell(c) for c in row.tests) for row in table.rows]
        self.cut: list[list[Region]] = [coverage.regions(domain, [rule[i] for rule in rules]) for i, domain in enumerate(known)]
        self.boxes = [coverage.box(rule, self.cut) for rule in rules]
        self.whole = coverage.whole(self.cut)

    def told(self) -> Iterator[Remark]:
        yield from self._impossible()
        yield from self._overlapping()
        yield from self._shadowed()
        yield from self._missing()

    def _impossible(self) -> Iterator[Remark]:
        for line, found in enumerate(self.boxes, 1):
            for i, mask in enumerate(found):
                if not mask:
                    yield Remark(f"第 {line} 行永远不会符合：“{self.domains[i].label}”不可能满足这个条件。", line, i + 1)

    def _overlapping(self) -> Iterator[Remark]:
        rows, policy = self.table.rows, self.table.policy
        if policy == "FIRST":
            return
        against = ((i, j, both) for i, j, both in coverage.overlaps(self.boxes) if policy == "UNIQUE" or rows[i].answers != rows[j].answers)
        for told, (i, j, both) in enumerate(against):
            if told == MOST:
                yield Remark("还有别的行重叠，先改好这些再看。")
                return
            what = "同时符合" if policy == "UNIQUE" else "同时符合而结果不同"
            advice = f"请改条件，或把命中方式改为“{POLICIES['FIRST']}”。" if self.boxes[j] == self.whole else "请改其中一行。"
            yield Remark(f"第 {i + 1} 行和第 {j + 1} 行会{what}：{self._example(both)}。{advice}", j + 1)

    def _shadowed(self) -> Iterator[Remark]:
        if self.table.policy == "UNIQUE":
            return
        budget = coverage.Budget()
        for j, found in enumerate(self.boxes):
            try:
                if not all(found) or next(coverage.uncovered(self.boxes[:j], found, budget), None):
                    continue
            except coverage.TooMany:
                yield Remark(f"条件的组合太多，第 {j + 1} 行起没有逐一核对是不是都轮得到。", hint=True)
                return
            one = next((i + 1 for i, earlier in enumerate(self.boxes[:j]) if coverage.meet(earlier, found) == found), 0)
            by = f"第 {one} 行" if one else "前面几行"
            words = f"第 {j + 1} 行永远轮不到：符合它的都已经先符合{by}。" if self.table.policy == "FIRST" else f"第 {j + 1} 行是多余的：符合它的都已经符合{by}。"
            yield Remark(words, j + 1, hint=self.table.policy == "ANY")

    def _missing(self) -> Iterator[Remark]:
        try:
            found = list(islice(coverage.uncovered(self.boxes, self.whole), MOST + 1))
        except coverage.TooMany:
            yield Remark("条件的组合太多，无法逐一核对有没有遗漏；请在最后加一行不写条件的“其余情况”。")
            return
        for gap in found[:MOST]:
            parts = [words for words in map(coverage.said, self.domains, self.cut, gap) if words]
            yield Remark(f"有遗漏，没有一行符合：{'，'.join(parts) or '任何情况'}（例如：{self._example(gap)}）。请补一行，或在最后加一行不写条件的“其余情况”。")
        if len(found) > MOST:
            yield Remark("还有别的遗漏，先补上这些再看。")

    def _example(self, found: Box) -> str:
        return coverage.example(self.domains, self.cut, found)
