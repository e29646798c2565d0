"""Decision tables as people write them: DMN 1.1 to 1.3 XML → Table → DMN 1.3 XML. Cells stay text here; `decisions` makes of them what runs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from lxml import etree

from yiwang.engines.procedures.bpmn.reading import CAMUNDA, Unreadable, tree_of

DMN = "https://www.omg.org/spec/DMN/20191111/MODEL/"
KNOWN = {DMN, "http://www.omg.org/spec/DMN/20180521/MODEL/", "http://www.omg.org/spec/DMN/20151101/dmn.xsd"}
POLICIES = {"UNIQUE": "只能有一行符合", "FIRST": "从上往下，第一行符合的", "ANY": "可以几行符合，但结果须相同"}
MOST_RULES = 500
MOST_COLUMNS = 20
KINDS = {"text": "string", "number": "number", "count": "number", "yes": "boolean"}  #: our kinds → DMN's types
_T = TypeVar("_T")
REFUSED = {
    "businessKnowledgeModel": "业务知识模型（函数）", "decisionService": "决策服务", "import": "外部模型", "literalExpression": "表达式", "invocation": "函数调用",
    "context": "上下文", "functionDefinition": "函数", "relation": "关系表", "list": "列表表达式",
}  # fmt: skip


@dataclass(frozen=True)
class Column:
    """A heading: the name that is compared or set, what people call it, and DMN's type."""

    word: str
    label: str = ""
    kind: str = ""

    @property
    def title(self) -> str:
        return self.label or self.word


@dataclass(frozen=True)
class Row:
    """A rule: a cell for every input, one for every output, and why it is there."""

    tests: tuple[str, ...]
    answers: tuple[str, ...]
    note: str = ""


@dataclass(frozen=True)
class Table:
    """One decision table."""

    id: str
    name: str
    policy: str = "FIRST"
    inputs: tuple[Column, ...] = ()
    outputs: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()


def read(xml: str | bytes) -> list[Table]:
    """The tables of a DMN file. Raises Unreadable naming whatever is not a decision table."""
    root = tree_of(xml)
    space = etree.QName(root).namespace or ""
    if etree.QName(root).localname != "definitions" or space not in KNOWN:
        raise Unreadable(("", "决策文件不是 DMN 1.1 至 1.3。"))
    problems = list(_refused(root, space))
    if problems:
        raise Unreadable(*problems)
    return [_table(element, f"{{{space}}}") for element in root.findall(f"{{{space}}}decision")]


def _refused(root: "etree._Element", space: str) -> Iterator[tuple[str, str]]:
    for element in root.iter(f"{{{space}}}*", f"{{{CAMUNDA}}}*"):
        name = etree.QName(element)
        if name.namespace == space and name.localname in REFUSED:
            yield element.get("id", ""), f"不支持{REFUSED[name.localname]}“{element.get('name') or element.get('id') or ''}”；决策只能是决策表。"
        language = element.get("expressionLanguage", "")
        if language and "feel" not in language.lower():
            yield element.get("id", ""), f"不支持用 {language} 写的表达式，决策表里不能写程序。"


def _table(element: "etree._Element", space: str) -> Table:
    code, name = element.get("id", ""), element.get("name") or element.get("id", "")
    table = element.find(f"{space}decisionTable")
    if table is None:
        raise Unreadable((code, f"“{name}”不是决策表；只支持决策表。"))
    found = Table(
        code, name, table.get("hitPolicy", "UNIQUE"),
        tuple(_asked(e, space) for e in table.findall(f"{space}input")),
        tuple(Column(e.get("name", ""), e.get("label", ""), e.get("typeRef", "")) for e in table.findall(f"{space}output")),
        tuple(_row(e, space) for e in table.findall(f"{space}rule")),
    )  # fmt: skip
    wrong = next(_malformed(found), "")
    if wrong:
        raise Unreadable((code, f"决策表“{name}”{wrong}"))
    if table.find(f".//{space}defaultOutputEntry") is not None:
        raise Unreadable((code, f"决策表“{name}”有默认结果，不支持；请在最后加一行不写条件的行。"))
    return found


def _malformed(table: Table) -> Iterator[str]:
    if not re.fullmatch(r"[A-Za-z_][\w.-]{0,59}", table.id, re.ASCII):
        yield "的标识应以字母开头，只含字母、数字、“-”“_”“.”，不超过 60 个字符。"
    if table.policy not in POLICIES:
        yield f"的命中策略 {table.policy} 不支持，请用 UNIQUE 或 FIRST。"
    if len(table.rows) > MOST_RULES:
        yield f"超过 {MOST_RULES} 行。"
    if len(table.inputs) > MOST_COLUMNS or len(table.outputs) > MOST_COLUMNS:
        yield f"超过 {MOST_COLUMNS} 列。"
    for line, row in enumerate(table.rows, 1):
        if len(row.tests) != len(table.inputs) or len(row.answers) != len(table.outputs):
            yield f"第 {line} 行的列数不对。"


def _asked(element: "etree._Element", space: str) -> Column:
    expression = element.find(f"{space}inputExpression")
    return Column(_text(expression, space), element.get("label", ""), expression.get("typeRef", "") if expression is not None else "")


def _row(rule: "etree._Element", space: str) -> Row:
    cells = tuple("" if (text := _text(e, space)) == "-" else text for e in rule.findall(f"{space}inputEntry"))
    described = rule.find(f"{space}description")
    return Row(cells, tuple(_text(e, space) for e in rule.findall(f"{space}outputEntry")), (described.text or "").strip() if described is not None else "")


def _text(element: "etree._Element | None", space: str) -> str:
    found = element.find(f"{space}text") if element is not None else None
    return (found.text or "").strip() if found is not None else ""


def write(table: Table) -> str:
    """The table as a DMN 1.3 file of its own, which other tools open."""
    root = etree.Element(f"{{{DMN}}}definitions", {"id": f"{table.id}_file", "name": table.name, "namespace": "urn:yiwang:flow:1"}, nsmap={None: DMN})
    element = _sub(_sub(root, "decision", id=table.id, name=table.name), "decisionTable", id=f"{table.id}_table", hitPolicy=table.policy)
    for i, column in enumerate(table.inputs):
        asked = _sub(_sub(element, "input", id=f"{table.id}_i{i}", label=column.label), "inputExpression", id=f"{table.id}_x{i}", typeRef=column.kind)
        _sub(asked, "text").text = column.word
    for i, column in enumerate(table.outputs):
        _sub(element, "output", id=f"{table.id}_o{i}", name=column.word, label=column.label, typeRef=column.kind)
    for n, row in enumerate(table.rows, 1):
        rule = _sub(element, "rule", id=f"{table.id}_r{n}")
        if row.note:
            _sub(rule, "description").text = row.note
        for i, cell in enumerate(row.tests):
            _sub(_sub(rule, "inputEntry", id=f"{table.id}_r{n}i{i}"), "text").text = cell or "-"
        for i, cell in enumerate(row.answers):
            _sub(_sub(rule, "outputEntry", id=f"{table.id}_r{n}o{i}"), "text").text = cell
    return str(etree.tostring(root, encoding="unicode", pretty_print=True))


def _sub(parent: "etree._Element", tag: str, /, **attributes: str) -> "etree._Element":
    return etree.SubElement(parent, f"{{{DMN}}}{tag}", {name: value for name, value in attributes.items() if value})


# --- what people type -----------------------------------------------------------------------------------------------------------------------------

_SIGNS = str.maketrans({"，": ",", "、": ",", "；": ",", "（": "(", "）": ")", "＜": "<", "＞": ">", "＝": "=", "！": "!"})
_COMPARED = {
    "不小于": ">=", "至少": ">=", "不超过": "<=", "不大于": "<=", "至多": "<=", "不等于": "!=", "大于": ">", "小于": "<", "等于": "=", "≥": ">=", "≤": "<=", "≠": "!=",
    "<=": "<=", ">=": ">=", "!=": "!=", "==": "=", "<": "<", ">": ">", "=": "=",
}  # fmt: skip
_SAID = {">=": "不小于", "<=": "不超过", "!=": "不等于", ">": "大于", "<": "小于", "=": "等于"}
_SIGN = re.compile(f"({'|'.join(_COMPARED)})\\s*(.+)")
_QUOTED = re.compile(r"(“[^”]*”|\"[^\"]*\"|'[^']*')")
_BARE = re.compile(r"[^\s\"'<>=!?()\[\],]+")


def tidy(typed: str, names: Mapping[str, str], *, text: bool) -> str:
    """A cell as FEEL from what an official types: 窗口、网上 → "counter", "internet"; 不小于 3 → >= 3. `names` are the words for values → FEEL; in a column of
    text a bare word is a text. What is not understood stays as it is, for the report to tell.
    """
    if typed.strip() in {"", "-", "其余", "任意"}:
        return ""
    words = "".join(f'"{part[1:-1]}"' if i % 2 else part.translate(_SIGNS) for i, part in enumerate(_QUOTED.split(typed.strip())))
    if words.startswith("not") or "?" in words:
        return words
    parts = re.findall(r'(?:"[^"]*"|[^,"]|"(?=[^"]*$))+', words)
    return ", ".join(_tidied(part.strip(), names, text) for part in parts if part.strip())


def tidy_answer(typed: str) -> str:
    """A result as FEEL from what an official types: a number, 是 or 否, or else a text."""
    words = typed.strip().strip("“”\"'")
    if words in {"是", "true"} or words in {"否", "false"}:
        return "true" if words in {"是", "true"} else "false"
    quoted = words != typed.strip()
    return f'"{words}"' if quoted or (_BARE.fullmatch(words) and not re.fullmatch(r"-?[\d.]+", words)) else words


def shown(cell: str, names: Mapping[str, str], *, text: bool) -> str:
    """A cell as `tidy` would understand it again, in people's words: "counter", "internet" → 窗口、网上."""
    if not cell or cell.startswith("not") or "?" in cell:
        return cell
    back = {feel: said for said, feel in names.items() if _BARE.fullmatch(said)}
    parts = [part.strip() for part in re.findall(r'(?:"[^"]*"|[^,"]|"(?=[^"]*$))+', cell)]
    return "、".join(_shown(part, back, text) for part in parts)


def _shown(part: str, back: Mapping[str, str], text: bool) -> str:
    found = _SIGN.fullmatch(part)
    sign, bare = (f"{_SAID[_COMPARED[found[1]]]} ", found[2].strip()) if found else ("", part)
    if bare in back:
        return sign + back[bare]
    plain = bare[1:-1] if text and len(bare) > 2 and bare[0] == bare[-1] == '"' else ""
    usable = plain and _BARE.fullmatch(plain) and plain not in {"null", "true", "false", "-", "其余", "任意"} and plain not in back.values() and not _SIGN.match(plain)
    return sign + (plain if usable and plain.translate(_SIGNS) == plain else bare)


def _tidied(part: str, names: Mapping[str, str], text: bool) -> str:
    found = _SIGN.fullmatch(part)
    sign, bare = (f"{_COMPARED[found[1]]} ", found[2].strip()) if found and part not in names else ("", part)
    said = bare.strip('"')
    if said in names and f'"{said}"' not in names.values():
        return sign + names[said]
    if text and _BARE.fullmatch(bare) and bare not in {"null", "true", "false"}:
        return f'{sign}"{bare}"'
    return sign + bare


# --- changing one ---------------------------------------------------------------------------------------------------------------------------------


def with_row(table: Table, at: int, row: Row | None = None) -> Table:
    """One more row at this place (counted from 0): a copy, or an empty one."""
    fresh = row or Row(("",) * len(table.inputs), ("",) * len(table.outputs))
    return replace(table, rows=(*table.rows[:at], fresh, *table.rows[at:]))


def without_row(table: Table, at: int) -> Table:
    return replace(table, rows=_without(table.rows, at))


def with_moved(table: Table, at: int, to: int) -> Table:
    """The row stands elsewhere; nothing happens at the edges."""
    if not (0 <= at < len(table.rows) and 0 <= to < len(table.rows)):
        return table
    rows = list(table.rows)
    rows.insert(to, rows.pop(at))
    return replace(table, rows=tuple(rows))


def with_input(table: Table, column: Column) -> Table:
    return replace(table, inputs=(*table.inputs, column), rows=tuple(replace(r, tests=(*r.tests, "")) for r in table.rows))


def without_input(table: Table, at: int) -> Table:
    return replace(table, inputs=_without(table.inputs, at), rows=tuple(replace(r, tests=_without(r.tests, at)) for r in table.rows))


def with_output(table: Table, column: Column) -> Table:
    return replace(table, outputs=(*table.outputs, column), rows=tuple(replace(r, answers=(*r.answers, "")) for r in table.rows))


def without_output(table: Table, at: int) -> Table:
    return replace(table, outputs=_without(table.outputs, at), rows=tuple(replace(r, answers=_without(r.answers, at)) for r in table.rows))


def _without(parts: "tuple[_T, ...]", at: int) -> "tuple[_T, ...]":
    return tuple(part for i, part in enumerate(parts) if i != at)
