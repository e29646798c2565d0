"""Decision tables (OMG DMN 1.1 to 1.3): read, checked cell by cell, and written back as the one plain form that SpiffWorkflow runs."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from lxml import etree

from yiwang.engines.procedures.bpmn import expressions
from yiwang.engines.procedures.bpmn.reading import Unreadable, tree_of

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
KNOWN = {DMN, "http://www.omg.org/spec/DMN/20180521/MODEL/", "http://www.omg.org/spec/DMN/20151101/dmn.xsd"}
POLICIES = ("UNIQUE", "FIRST", "ANY")  # of all three the first rule that holds gives the answer; collecting tables are not run
MOST_RULES = 500


@dataclass(frozen=True)
class Decision:
    """One table: what it asks, what it answers, and its rules in order."""

    id: str
    name: str
    inputs: tuple[str, ...]  #: names it compares
    outputs: tuple[str, ...]  #: names it sets
    rules: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]  #: Python tests of `?` and plain values
    labels: tuple[str, ...] = ()  #: headings for people


def read(xml: str | bytes) -> list[Decision]:
    """The tables of a DMN file. Raises Unreadable naming the table, the rule and the cell."""
    root = tree_of(xml)
    space = etree.QName(root).namespace or ""
    if etree.QName(root).localname != "definitions" or space not in KNOWN:
        raise Unreadable(("", "决策文件不是 DMN 1.1 至 1.3。"))
    return [_table(element, f"{{{space}}}") for element in root.findall(f"{{{space}}}decision")]


def _table(element: "etree._Element", space: str) -> Decision:
    code, name = element.get("id", ""), element.get("name") or element.get("id", "")
    table = element.find(f"{space}decisionTable")
    if table is None:
        raise Unreadable((code, f"“{name}”不是决策表；只支持决策表。"))
    if table.get("hitPolicy", "UNIQUE") not in POLICIES:
        raise Unreadable((code, f"决策表“{name}”的命中策略 {table.get('hitPolicy')} 不支持，请用 UNIQUE 或 FIRST。"))
    rules = table.findall(f"{space}rule")
    if len(rules) > MOST_RULES:
        raise Unreadable((code, f"决策表“{name}”超过 {MOST_RULES} 行。"))
    asked = tuple(_text(i.find(f"{space}inputExpression"), space) for i in table.findall(f"{space}input"))
    given = tuple(o.get("name", "") for o in table.findall(f"{space}output"))
    for word in (*asked, *given):
        if not word.isidentifier():
            raise Unreadable((code, f"决策表“{name}”的列“{word}”应当是一个名称。"))
    labels = tuple(e.get("label") or w for e, w in zip((*table.findall(f"{space}input"), *table.findall(f"{space}output")), (*asked, *given), strict=True))
    return Decision(code, name, asked, given, tuple(_rule(rule, i, name, space) for i, rule in enumerate(rules, 1)), labels)


def _rule(rule: "etree._Element", line: int, name: str, space: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    try:
        tests = tuple(expressions.cell(_text(e, space)) for e in rule.findall(f"{space}inputEntry"))
        values = tuple(expressions.value(_text(e, space)) for e in rule.findall(f"{space}outputEntry"))
    except expressions.Wrong as problem:
        raise Unreadable(("", f"决策表“{name}”第 {line} 行：{problem}。")) from problem
    return tests, values


def _text(element: "etree._Element | None", space: str) -> str:
    found = element.find(f"{space}text") if element is not None else None
    return (found.text or "").strip() if found is not None else ""


def wrong(decision: Decision, *, names: Collection[str]) -> Iterator[str]:
    """What the checker says of a table: unknown names, no rule for everything else."""
    for word in decision.inputs:
        if word not in names:
            yield f"决策表“{decision.name}”比较的“{word}”没有定义。"
    for tests, values in decision.rules:
        if len(tests) != len(decision.inputs) or len(values) != len(decision.outputs):
            yield f"决策表“{decision.name}”有一行的列数不对。"
    if not decision.rules or any(decision.rules[-1][0]):
        yield f"决策表“{decision.name}”的最后一行应当不写条件（其余情况），否则会有得不出结果的办件。"


def plain(decision: Decision) -> bytes:
    """The table as the engine runs it: first rule that holds, every cell already rebuilt from what is allowed."""
    root = etree.Element(f"{{{DMN}}}definitions", {"id": "d", "name": "d", "namespace": "urn:yiwang:flow:1"}, nsmap={None: DMN})
    table = _sub(_sub(root, "decision", id=decision.id, name=decision.name), "decisionTable", id=f"{decision.id}_table", hitPolicy="UNIQUE")
    for i, word in enumerate(decision.inputs):
        _sub(_sub(_sub(table, "input", id=f"i{i}", label=word), "inputExpression", id=f"x{i}"), "text").text = word
    for i, word in enumerate(decision.outputs):
        _sub(table, "output", id=f"o{i}", name=word, label=word)
    for n, (tests, values) in enumerate(decision.rules):
        rule = _sub(table, "rule", id=f"r{n}")
        for i, test in enumerate(tests):
            _sub(_sub(rule, "inputEntry", id=f"r{n}i{i}"), "text").text = test or "-"
        for i, answer in enumerate(values):
            _sub(_sub(rule, "outputEntry", id=f"r{n}o{i}"), "text").text = answer
    return bytes(etree.tostring(root))


def _sub(parent: "etree._Element", tag: str, /, **attributes: str) -> "etree._Element":
    return etree.SubElement(parent, f"{{{DMN}}}{tag}", attributes)
