"""Conditions on arrows and the cells of decision tables: comparisons of declared names with plain values. No calls, no attributes, no arithmetic.

A condition is parsed with `ast` and rebuilt from the few nodes that are allowed, so what SpiffWorkflow evaluates is never the text that somebody wrote.
"""

import ast
import re
from collections.abc import Collection

LONGEST = 300
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_RANGE = re.compile(r"([\[(\]])\s*(-?\d+(?:\.\d+)?)\s*\.\.\s*(-?\d+(?:\.\d+)?)\s*([\])\[])")
_WORDY = ((re.compile(r"&&"), " and "), (re.compile(r"\|\|"), " or "), (re.compile(r"(?<![=!<>])!(?!=)"), " not "))


class Wrong(ValueError):
    """The words of what is wrong, for people."""


def condition(text: str, *, names: Collection[str]) -> str:
    """The condition as Python that is safe to evaluate; the connectives of other tools (&& || !) are understood. Raises Wrong."""
    if len(text) > LONGEST:
        raise Wrong(f"条件超过 {LONGEST} 个字符")
    for pattern, words in _WORDY:
        text = "".join(part if i % 2 else pattern.sub(words, part) for i, part in enumerate(re.split(r"('[^']*'|\"[^\"]*\")", text)))
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Wrong(f"看不懂条件“{text.strip()}”，请写成 名称 == \"值\" 这样的比较") from problem
    return ast.unparse(_allowed(tree, names))


def cell(text: str) -> str:
    """An input cell of a decision table (DMN unary tests) as a Python test of `?`: `< 100`, `[1..5]`, `"a","b"`, `-`. Raises Wrong."""
    words = text.strip()
    if words in {"", "-"}:
        return ""
    span = _RANGE.fullmatch(words)
    if span:
        return f"{span[2]} {'<=' if span[1] == '[' else '<'} ? {'<=' if span[4] == ']' else '<'} {span[3]}"
    negated = re.fullmatch(r"not\((.*)\)", words, re.DOTALL)
    if negated:
        return f"not ({cell(negated[1])})"
    if words.startswith("?"):
        return condition(words.replace("?", "_cell"), names={"_cell"}).replace("_cell", "?")
    if re.match(r"(<=|>=|<|>|==|!=)", words):
        return condition(f"_cell {words}", names={"_cell"}).replace("_cell", "?")
    return condition(f"_cell in ({words},)", names={"_cell"}).replace("_cell", "?")


def value(text: str) -> str:
    """An output cell: one plain value. Raises Wrong."""
    try:
        found = ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as problem:
        raise Wrong(f"结果“{text.strip()}”应当是数字或引号中的文字") from problem
    if not isinstance(found, str | int | float | bool):
        raise Wrong(f"结果“{text.strip()}”应当是数字或引号中的文字")
    return repr(found)


def named(text: str, *, names: Collection[str]) -> set[str]:
    """The names that a condition reads. Raises Wrong."""
    return {node.id for node in ast.walk(ast.parse(condition(text, names=names), mode="eval")) if isinstance(node, ast.Name)}


def compared(text: str) -> list[tuple[str, str]]:
    """(name, text value) of every equality in a condition already allowed: what the checker compares with the steps of a task."""
    found = []
    for node in ast.walk(ast.parse(text, mode="eval")):
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name):
            for right in node.comparators:
                values = right.elts if isinstance(right, ast.Tuple | ast.List) else [right]
                found += [(node.left.id, v.value) for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str)]
    return found


def _allowed(node: ast.expr, names: Collection[str]) -> ast.expr:
    match node:
        case ast.BoolOp(op=op, values=values):
            return ast.BoolOp(op, [_allowed(v, names) for v in values])
        case ast.UnaryOp(op=ast.Not() as op, operand=operand):
            return ast.UnaryOp(op, _allowed(operand, names))
        case ast.Compare(left=left, ops=ops, comparators=rights) if all(isinstance(op, _COMPARISONS) for op in ops):
            return ast.Compare(_allowed(left, names), ops, [_allowed(r, names) for r in rights])
        case ast.Name(id=name):
            if name in {"true", "false"}:
                return ast.Constant(name == "true")
            if name not in names:
                raise Wrong(f"不认识名称“{name}”")
            return node
        case ast.Constant(value=str() | int() | float() | None):
            return node
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            return node
        case ast.Tuple(elts=elements) | ast.List(elts=elements) if all(isinstance(e, ast.Constant) for e in elements):
            return node
    raise Wrong("条件里只能比较名称和值，不能有运算、函数或程序")
