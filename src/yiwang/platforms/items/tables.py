"""The lists of a version as tables that a clerk fills in: materials, fields, questions, fees, 常见问题; no codes and no brackets to write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from yiwang.platforms.items.models import ItemVersion

NOBODY_ASKS = "?"  # holds what was typed, so that the refused form shows it again; never saved
BLANKS = 2  # empty rows for new entries; saving makes room for more
KINDS = (
    ("text", "一行文字"), ("long", "多行文字"), ("number", "数字"), ("date", "日期"), ("choice", "单选"), ("multi", "多选"), ("citizen", "身份证号码"),
    ("uscc", "统一社会信用代码"), ("phone", "电话"),
)  # fmt: skip
SOURCES = (("申请人", "申请人"), ("政府部门", "政府部门（不用申请人交）"), ("其他", "其他机构"))
NEEDED = (("yes", "必要"), ("no", "非必要"))
DEFER = (("no", "不可后补"), ("yes", "可以后补"))


class Sent(Protocol):
    """What a form sent (QueryDict)."""

    def getlist(self, key: str) -> list[str]: ...
    def __contains__(self, key: object) -> bool: ...


@dataclass(frozen=True)
class Column:
    code: str
    label: str
    kind: str = "text"  #: text | choice | flag (a choice that stands for true or false) | list (parts between 、) | when | options
    choices: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Table:
    key: str
    label: str
    columns: tuple[Column, ...]
    hint: str = ""


TABLES = (
    Table("questions", "情形（先问的问题）", (Column("text", "问题"), Column("options", "选项（用“、”隔开）", "options")), "按回答只要需要的材料和内容。"),
    Table("materials", "材料", (
        Column("name", "材料名称"), Column("source", "由谁提供", "choice", SOURCES), Column("required", "要不要", "flag", NEEDED),
        Column("deferrable", "后补", "flag", DEFER), Column("when", "只在这些选项时需要（用“、”隔开，空着就是都要）", "when"), Column("note", "说明"),
    )),
    Table("fields", "申请表", (
        Column("name", "填写内容"), Column("type", "类型", "choice", KINDS), Column("required", "要不要", "flag", NEEDED), Column("options", "选项（用“、”隔开）", "list"),
        Column("when", "只在这些选项时填写（用“、”隔开）", "when"), Column("help", "提示"),
    )),
    Table("fees", "收费", (Column("name", "收费项目"), Column("price", "标准"), Column("basis", "依据")), "没有一行就是不收费；由标准表计算的收费，这里只改名称和依据。"),
    Table("faq", "常见问题", (Column("ask", "问"), Column("answer", "答"))),
)  # fmt: skip


@dataclass(frozen=True)
class Cell:
    column: Column
    value: str


def shown(version: ItemVersion, table: Table) -> list[tuple[str, list[Cell]]]:
    """Rows with their code (hidden), then the blank ones."""
    rows = [(str(row.get("code", number)), [Cell(c, _show(version, c, row)) for c in table.columns]) for number, row in enumerate(getattr(version, table.key))]
    blank = [Cell(c, "yes" if c.code == "required" else "no" if c.kind == "flag" else "text" if c.code == "type" else "") for c in table.columns]
    return rows + [("", blank)] * BLANKS


def read(data: Sent, version: ItemVersion) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """The lists as the form sent them, by key, and what is wrong with them in words. What the table does not show of a row stays."""
    made: dict[str, list[dict[str, Any]]] = {}
    problems: dict[str, str] = {}
    for table in TABLES:
        if f"{table.key}-code" not in data:
            continue
        questions = made.get("questions", version.questions)
        made[table.key], wrong = _rows(data, table, version, questions)
        if wrong:
            problems[table.key] = f"{table.label}：“{'”“'.join(wrong)}”不是任何情形问题的选项"
    return made, problems


def _rows(data: Sent, table: Table, version: ItemVersion, questions: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    before = {str(row.get("code", number)): row for number, row in enumerate(getattr(version, table.key))}
    codes, removed = data.getlist(f"{table.key}-code"), set(data.getlist(f"{table.key}-remove"))
    columns = [data.getlist(f"{table.key}-{column.code}") for column in table.columns]
    rows: list[dict[str, Any]] = []
    wrong: list[str] = []
    for code, *values in zip(codes, *columns, strict=True):
        if not values[0].strip() or (code and code in removed):
            continue
        row = dict(before.get(code, {}))
        if table.key in {"questions", "materials", "fields"}:
            row["code"] = row.get("code") or _new_code(table.key, [*before, *(r["code"] for r in rows)])
        for column, value in zip(table.columns, values, strict=True):
            wrong += _write(row, column, value.strip(), questions)
        rows.append(row)
    return rows, wrong


def _new_code(key: str, taken: list[str]) -> str:
    return next(code for number in range(1, len(taken) + 2) if (code := f"{key[0]}{number}") not in taken)


def _show(version: ItemVersion, column: Column, row: Mapping[str, Any]) -> str:
    value = row.get(column.code)
    match column.kind:
        case "flag":
            return "yes" if (column.code == "required" if value is None else value) else "no"
        case "list":
            return "、".join(value or [])
        case "options":
            return "、".join(option["text"] for option in value or [])
        case "when":
            texts = {(q["code"], o["code"]): o["text"] for q in version.questions for o in q["options"]}
            return "、".join(texts.get((q, o), o) for q, options in (value or {}).items() if not q.startswith("_") for o in options)
    return str(value or "")


def _write(row: dict[str, Any], column: Column, value: str, questions: list[dict[str, Any]]) -> list[str]:
    """Sets one column of a row; returns the situations that no question has."""
    parts = _parts(value)
    match column.kind:
        case "flag":
            usual = column.code == "required"  # what a row that says nothing means
            if column.code in row or (value == "yes") != usual:
                row[column.code] = value == "yes"
        case "list":
            _set(row, column.code, parts)
        case "options":
            known = {option["text"]: option["code"] for option in row.get("options", [])}
            taken = list(known.values())
            made = []
            for text in parts:
                code = known.get(text) or _new_code("o", taken)
                taken.append(code)
                made.append({"code": code, "text": text})
            row["options"] = made
        case "when":
            return _situation(row, parts, questions)
        case _:
            _set(row, column.code, value)
    return []


def _situation(row: dict[str, Any], texts: list[str], questions: list[dict[str, Any]]) -> list[str]:
    kept = {q: options for q, options in row.get("when", {}).items() if q.startswith("_")}
    wrong = []
    for text in texts:
        found = next(((q["code"], o["code"]) for q in questions for o in q["options"] if o["text"] == text), None)
        if found is None:
            wrong.append(text)
            kept.setdefault(NOBODY_ASKS, []).append(text)
        else:
            kept.setdefault(found[0], []).append(found[1])
    _set(row, "when", kept)
    return wrong


def _set(row: dict[str, Any], code: str, value: Any) -> None:
    """An empty value is no value: rows stay as short as they were written."""
    if value:
        row[code] = value
    else:
        row.pop(code, None)


def _parts(value: str) -> list[str]:
    """Parts between 、 that do not stand in brackets: 餐饮服务（饭店、小吃）is one."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(value):
        depth += (char in "（(") - (char in "）)")
        if char == "、" and depth <= 0:
            parts.append(value[start:place])
            start = place + 1
    return [part.strip() for part in [*parts, value[start:]] if part.strip()]
