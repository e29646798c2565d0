"""Conditions on arrows and the cells of decision tables: comparisons of declared names with plain values. No calls, no attributes, no arithmetic.

A condition is parsed with `ast` and rebuilt from the few nodes that are allowed, so what SpiffWorkflow evaluates is never the text that somebody wrote.
"""

import ast
import re
from collections.abc import Collection, Iterator
from functools import lru_cache
from types import CodeType
from typing import Any

LONGEST = 300
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn)
_DIGITS = r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?"
_NUMBER = re.compile(_DIGITS)
_RANGE = re.compile(rf"([\[(\]])\s*({_DIGITS})\s*\.\.\s*({_DIGITS})\s*([\])\[])")
_TEXT = re.compile(r"\"[^\"'\\\n]*\"|'[^\"'\\\n]*'")
_COMPARED = re.compile(r"(<=|>=|<|>|==|=|!=)(.*)", re.DOTALL)
_EQUALS = {"=": "=="}
_NAMED = {"true": "True", "false": "False", "null": "None"}
_ASKED = re.compile(r"\?(?=(?:[^'\"]|['\"][^'\"]*['\"])*$)")  # as SpiffWorkflow finds it: not in quotes
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
    """An input cell of a decision table (the unary tests of FEEL that are run) as a Python test of `?`: `< 100`, `[1..5]`, `"a", "b"`, `null`, `not(…)`, `-`. Raises Wrong."""
    words = text.strip()
    if words in {"", "-"}:
        return ""
    if len(words) > LONGEST:
        raise Wrong(f"单元格超过 {LONGEST} 个字符")
    negated = re.fullmatch(r"not\s*\((.*)\)", words, re.DOTALL)
    if negated:
        inner = cell(negated[1])
        if not inner:
            raise Wrong("not() 里没有写内容")
        return f"not ({inner})"
    parts = _parts(words)
    values = [found for found in map(_literal, parts) if found]
    tests = [f"? in ({', '.join(values)},)"] if values else []
    tests += [_comparison(part) for part in parts if not _literal(part)]
    return tests[0] if len(tests) == 1 else " or ".join(f"({test})" for test in tests)


def _parts(words: str) -> list[str]:
    """The alternatives of a cell: what stands between commas, those in quotes and brackets aside."""
    found, quote, depth = [""], "", 0
    for sign in words:
        if sign == "," and not quote and not depth:
            found.append("")
            continue
        found[-1] += sign
        if quote or sign in "\"'":
            quote = "" if sign == quote else quote or sign
        else:
            depth += (sign == "(") - (sign == ")")
    return [part.strip() for part in found]


def _literal(part: str) -> str:
    """A plain value as Python; "" for what is none."""
    if part in _NAMED:
        return _NAMED[part]
    if _TEXT.fullmatch(part):
        return repr(part[1:-1])
    return part if _NUMBER.fullmatch(part) else ""


def _comparison(part: str) -> str:
    span = _RANGE.fullmatch(part)
    if span:
        return f"{span[2]} {'<=' if span[1] == '[' else '<'} ? {'<=' if span[4] == ']' else '<'} {span[3]}"
    compared = _COMPARED.fullmatch(part)
    if compared and _literal(compared[2].strip()):
        return f"? {_EQUALS.get(compared[1], compared[1])} {_literal(compared[2].strip())}"
    if part.startswith("?"):
        return condition(_ASKED.sub("_cell", part), names={"_cell"}).replace("_cell", "?")
    raise Wrong(f"看不懂“{part}”，单元格里只能写值和比较，不能有运算、函数或程序")


def value(text: str) -> str:
    """An output cell: one plain value. Raises Wrong."""
    found = _literal(text.strip())
    if not found or found == "None":
        raise Wrong(f"结果“{text.strip()}”应当是数字或引号中的文字")
    return found


def plain(text: str) -> Any:
    """The value that `value` has written."""
    return ast.literal_eval(text)


def constants(test: str) -> list[Any]:
    """The values that a test of `?` compares with."""
    return [] if not test else [ast.literal_eval(node) for node in _leaves(ast.parse(_ASKED.sub("_cell", test), mode="eval").body)]


def orders(test: str) -> bool:
    """Whether it asks for more and less, not only for the same."""
    return bool(test) and any(isinstance(node, ast.Lt | ast.LtE | ast.Gt | ast.GtE) for node in ast.walk(ast.parse(_ASKED.sub("_cell", test), mode="eval")))


def _leaves(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Constant) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)):
        yield node
        return
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.expr):
            yield from _leaves(part)


def holds(test: str, value: Any) -> bool:
    """Whether a value passes an input cell, as the engine decides it: what cannot be compared does not pass."""
    if not test:
        return True
    try:
        return bool(eval(_compiled(test), {"__builtins__": {}}, {"_cell": value}))
    except TypeError:
        return False


@lru_cache(maxsize=4096)
def _compiled(test: str) -> CodeType:
    return compile(_ASKED.sub("_cell", test), "cell", "eval")


def named(text: str, *, names: Collection[str]) -> set[str]:
    """The names that a condition reads. Raises Wrong."""
    return {node.id for node in ast.walk(ast.parse(condition(text, names=names), mode="eval")) if isinstance(node, ast.Name)}


def compared(text: str) -> list[tuple[str, str]]:
    """(name, text value) of everything that a condition already allowed wants to be the same: what the checker compares with the steps of a task."""
    return list(_wanted(ast.parse(text, mode="eval").body))


def _wanted(node: ast.expr) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.BoolOp):  # what is denied is not wanted: `not` is left out
        for part in node.values:
            yield from _wanted(part)
    if isinstance(node, ast.Compare):
        for left, how, right in zip((node.left, *node.comparators), node.ops, node.comparators, strict=False):
            if isinstance(left, ast.Name) and isinstance(how, ast.Eq | ast.In):
                values = right.elts if isinstance(right, ast.Tuple | ast.List) else [right]
                yield from ((left.id, v.value) for v in values if isinstance(v, ast.Constant) and isinstance(v.value, str))


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
