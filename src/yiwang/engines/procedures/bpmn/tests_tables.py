"""Decision tables: cells, overlaps and gaps against vectors worked out by hand and against a search of every value, the report's sentences, files."""

import time
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yiwang.engines.procedures.bpmn import coverage, decisions, engine, expressions, table_report, tables
from yiwang.engines.procedures.bpmn.coverage import Domain
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node
from yiwang.engines.procedures.bpmn.reading import Unreadable
from yiwang.engines.procedures.bpmn.tables import Column, Row, Table

AREA = Domain("面积", "number")
OWED = Domain("容缺件数", "count")
CHANNEL = Domain("渠道", "text", {"internet": "网上", "counter": "窗口", "api": "系统对接"})
STREET = Domain("街道")
ASKED = Domain("要求过补正", "yes")
STEP = Domain("刚办理的动作", "text", {"agree": "同意", "disagree": "不同意"}, empty=True)
KNOWN = {"area": AREA, "owed": OWED, "channel": CHANNEL, "street": STREET, "asked": ASKED, "step": STEP}


def table(*rows: tuple[str, ...], asks: str = "area", policy: str = "UNIQUE", answers: int = 1) -> Table:
    """Rows of cells, the last ones answers."""
    inputs = tuple(Column(word) for word in asks.split())
    outputs = tuple(Column(f"way{i or ''}") for i in range(answers))
    return Table("t", "试验", policy, inputs, outputs, tuple(Row(r[: len(inputs)], r[len(inputs) :]) for r in rows))


def told(found: Table, used: dict[str, frozenset[str] | None] | None = None) -> list[str]:
    return [r.words for r in table_report.remarks(found, KNOWN, used if used is not None else {"way": None}) if not r.hint]


# --- cells ------------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "yes", "no"),
    [
        ("", [1, "x", None, True], []), ("-", [None], []), ("< 100", [99, -1, 99.9], [100, 101, "x", None]), (">=100", [100], [99.9]), ("[1..5]", [1, 3, 5], [0, 6, None]),
        ("]1..5[", [2, 4.9], [1, 5]), ("(1..5]", [5], [1]), ('"a"', ["a"], ["b", None, 1]), ('"a","b,c"', ["a", "b,c"], ["b", "c"]), ("'a'", ["a"], ["b"]),
        ("not(\"a\", \"b\")", ["c", None], ["a", "b"]), ("not(< 3)", [3, 4], [2]), ("< 3, > 10", [2, 11], [3, 10]), ("[1..2], 7", [1, 7], [3]), ("true", [True], [False, None]),
        ("false", [False], [True]), ("null", [None], ["", 0]), ("!= 3", [4, None, "x"], [3]), ("= 3", [3], [4]), ("? > 3 and ? < 9", [5], [3, 9]), ("-5", [-5], [5]), ("1.5", [1.5], [1]),
        ('"真的吗?"', ["真的吗?"], ["真的吗"]), ('? != "a"', ["b"], ["a"]),
    ],
)  # fmt: skip
def test_cells(cell: str, yes: list[Any], no: list[Any]) -> None:
    test = expressions.cell(cell)
    assert [v for v in yes if not expressions.holds(test, v)] == [] and [v for v in no if expressions.holds(test, v)] == []


@pytest.mark.parametrize(
    "cell",
    ["open('x')", "__import__('os')", "? + 1 > 2", "a.b", "channel", "date(\"2026-01-01\")", "1 + 1", "not()", "if ? then 1 else 2", "[1..\"b\"]", "function(x) x", "\"a", "5; 6", "007",
     "? in [x for x in (1,)]", "{}", "lambda: 1", "?.upper() == \"A\"", "9" * 400, "< < 3", "1e999", "\"a\\\"b\"", "not(\"a\"), \"b\""],
)  # fmt: skip
def test_a_cell_holds_no_program(cell: str) -> None:
    with pytest.raises(expressions.Wrong):
        expressions.cell(cell)


@pytest.mark.parametrize("cell", ["open('x')", "1 + 1", "null", "", "x", "[1,2]", "\"a\".upper()", "5 if 1 else 2"])
def test_a_result_is_a_plain_value(cell: str) -> None:
    with pytest.raises(expressions.Wrong):
        expressions.value(cell)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("窗口、网上", '"counter", "internet"'), ("“窗口”", '"counter"'), ("counter", '"counter"'), ('"counter"', '"counter"'), ("", ""), ("其余", ""), ("- ", ""),
        ("不等于 窗口", '!= "counter"'), ("其他地方", '"其他地方"'), ('not("api")', 'not("api")'), ("null", "null"),
    ],
)  # fmt: skip
def test_what_officials_type_is_understood(typed: str, kept: str) -> None:
    names = {"窗口": '"counter"', "网上": '"internet"', "系统对接": '"api"'}
    assert tables.tidy(typed, names, text=True) == kept


@pytest.mark.parametrize(("typed", "kept"), [("不小于 3", ">= 3"), ("≥3", ">= 3"), ("至多 5", "<= 5"), ("1，2", "1, 2"), ("[1..5]", "[1..5]"), ("大于3", "> 3"), ("是", "true"), ("不大于2", "<= 2")])
def test_numbers_and_yes_are_understood(typed: str, kept: str) -> None:
    assert tables.tidy(typed, {"是": "true", "否": "false"}, text=False) == kept


@pytest.mark.parametrize("cell", ['"counter", "internet"', '!= "counter"', '"中华街道"', "null", 'not("api")', '"a b"', '"不小于3"', '"其余"', '"a、b"', "", '"x", null', '"真的吗?"'])
def test_what_is_shown_is_understood_again(cell: str) -> None:
    names = {"窗口": '"counter"', "网上": '"internet"', "空": "null"}
    assert tables.tidy(tables.shown(cell, names, text=True), names, text=True) == cell


def test_values_are_shown_as_people_call_them() -> None:
    assert tables.shown('"counter", "x"', {"窗口": '"counter"'}, text=True) == "窗口、x"
    assert tables.shown(">= 3, < 1", {}, text=False) == "不小于 3、小于 1" and tables.shown("[1..5]", {}, text=False) == "[1..5]"
    for cell in (">= 3, < 1", "!= 2", "= 5", "[1..5], 7"):
        assert tables.tidy(tables.shown(cell, {}, text=False), {}, text=False) == cell


@pytest.mark.parametrize(("typed", "kept"), [("简易", '"简易"'), ("5", "5"), ("是", "true"), ("否", "false"), ('"5"', '"5"'), ("“好”", '"好"'), ("-1.5", "-1.5"), ("", ""), ("f(1)", "f(1)"), ("a b", "a b")])
def test_results_that_officials_type_are_understood(typed: str, kept: str) -> None:
    assert tables.tidy_answer(typed) == kept


# --- overlaps and gaps ----------------------------------------------------------------------------------------------------------------------------


def test_two_spans_that_touch_do_not_overlap_and_leave_nothing() -> None:
    assert told(table(("< 100", "1"), (">= 100", "2"))) == []


def test_a_point_between_two_spans_is_missed() -> None:
    assert told(table(("< 100", "1"), ("> 100", "2"))) == ["有遗漏，没有一行符合：面积为 100（例如：面积 100）。请补一行，或在最后加一行不写条件的“其余情况”。"]


def test_a_point_in_two_spans_overlaps() -> None:
    assert told(table(("<= 100", "1"), (">= 100", "2"))) == ["第 1 行和第 2 行会同时符合：面积 100。请改其中一行。"]


def test_a_gap_between_is_told_with_its_ends() -> None:
    assert told(table(("< 10", "1"), ("[20..30)", "2"), (">= 30", "3"))) == [
        "有遗漏，没有一行符合：面积不小于 10 且小于 20（例如：面积 10）。请补一行，或在最后加一行不写条件的“其余情况”。"
    ]


def test_whole_numbers_from_nothing_have_no_gap_between() -> None:
    assert told(table(("0", "1"), ("[1..2]", "2"), ("> 2", "3"), asks="owed")) == []
    assert told(table(("< 1", "1"), (">= 2", "2"), asks="owed"))[0].startswith("有遗漏，没有一行符合：容缺件数为 1（例如：容缺件数 1）")
    assert told(table(("-1", "1"), ("-", "2"), asks="owed", policy="FIRST")) == ["第 1 行永远不会符合：“容缺件数”不可能满足这个条件。"]


def test_a_choice_is_complete_when_every_value_is_named() -> None:
    assert told(table(('"internet"', "1"), ('"counter","api"', "2"), asks="channel")) == []
    assert told(table(('"internet"', "1"), ('"counter"', "2"), asks="channel")) == [
        "有遗漏，没有一行符合：渠道为“系统对接”（例如：渠道 “系统对接”）。请补一行，或在最后加一行不写条件的“其余情况”。"
    ]


def test_other_texts_and_nothing_are_missed_too() -> None:
    assert "街道为其他任何值" in told(table(('"中华"', "1"), asks="street"))[0]
    assert "刚办理的动作为空" in told(table(('"agree"', "1"), ('"disagree"', "2"), asks="step"))[0]
    assert told(table(('"agree"', "1"), ('"disagree", null', "2"), asks="step")) == []
    assert told(table(('"agree"', "1"), ('not("agree")', "2"), asks="step")) == []


def test_two_inputs_are_looked_at_together() -> None:
    rows = (("true", "< 3", "1"), ("true", ">= 3", "2"), ("false", "0", "3"))
    assert told(table(*rows, asks="asked owed")) == ["有遗漏，没有一行符合：要求过补正为否，容缺件数不小于 1（例如：要求过补正 否，容缺件数 1）。请补一行，或在最后加一行不写条件的“其余情况”。"]
    assert told(table(*rows, ("-", "-", "4"), asks="asked owed", policy="FIRST")) == []


def test_the_rest_overlaps_where_only_one_row_may_hold() -> None:
    words = told(table(("< 3", "1"), ("-", "2")))
    assert len(words) == 1 and "请改条件，或把命中方式改为“从上往下，第一行符合的”" in words[0]


def test_rows_that_never_have_their_turn() -> None:
    assert told(table(("< 5", "1"), ("< 3", "2"), ("-", "3"), policy="FIRST")) == ["第 2 行永远轮不到：符合它的都已经先符合第 1 行。"]
    assert told(table(("< 5", "1"), (">= 5", "2"), ("[3..8]", "4"), policy="FIRST")) == ["第 3 行永远轮不到：符合它的都已经先符合前面几行。"]
    assert told(table(("> 5 ", "1"), ("? > 3 and ? < 2", "2"), ("-", "3"), policy="FIRST")) == ["第 2 行永远不会符合：“面积”不可能满足这个条件。"]


def test_several_rows_may_agree() -> None:
    assert told(table(("< 5", "1"), ("[3..8]", "1"), (">= 5", "1"), policy="ANY")) == []
    assert told(table(("< 5", "1"), (">= 3", "2"), policy="ANY")) == ["第 1 行和第 2 行会同时符合而结果不同：面积 3。请改其中一行。"]


def test_many_gaps_are_told_in_part() -> None:
    words = told(table(*((str(n), "1") for n in range(0, 40, 2))))
    assert sum(w.startswith("有遗漏") for w in words) == 1  # one input: all that is missed is one set
    rows = tuple((str(n), str(n), "1") for n in range(20))
    assert told(table(*rows, asks="owed area"))[-1] == "还有别的遗漏，先补上这些再看。"


def test_a_tangled_table_is_answered_in_time() -> None:
    """Sixty rows over sixteen inputs: too many combinations to walk, which is said; a row for the rest settles it."""
    rows = [[f'"{(i * 7 + k * k) % 11}"' if (i + k) % 3 else "" for k in range(16)] for i in range(60)]
    cut = [coverage.regions(STREET, [expressions.cell(row[k]) for row in rows]) for k in range(16)]
    boxes = [coverage.box([expressions.cell(c) for c in row], cut) for row in rows]
    with pytest.raises(coverage.TooMany):
        list(coverage.uncovered(boxes, coverage.whole(cut), coverage.Budget(20_000)))
    assert list(coverage.uncovered([*boxes, coverage.whole(cut)], coverage.whole(cut), coverage.Budget(100))) == []


def test_the_largest_table_is_reported_on_in_time() -> None:
    """500 rows that leave gaps everywhere, over six inputs with thresholds of their own."""
    asks = "area owed street asked channel step"
    spans = [(f"[{i % 37}..{i % 37 + 40}]", f">= {i % 23}", f'not("{i % 19}")', ("true", "false", "")[i % 3], ('"api"', 'not("api")', "")[i % 3], "", f'"{i % 5}"') for i in range(500)]
    for policy in tables.POLICIES:
        begun = time.process_time()
        assert told(table(*spans, asks=asks, policy=policy))
        assert time.process_time() - begun < 10


CELLS = st.sampled_from(("", "0", "1", "2", "< 1", "> 1", "<= 2", "[1..2]", "(0..2)", "not(1)", "0, 2", "? != 2"))


@settings(max_examples=150, deadline=None)
@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=6))
def test_gaps_and_overlaps_are_those_of_a_search_of_every_value(rows: list[tuple[str, str, str]]) -> None:
    tests = [tuple(map(expressions.cell, row)) for row in rows]
    cut = [coverage.regions(OWED, [test[k] for test in tests]) for k in range(3)]
    boxes = [coverage.box(test, cut) for test in tests]
    gaps = list(coverage.uncovered(boxes, coverage.whole(cut)))
    for values in product(range(5), repeat=3):
        at = tuple(1 << max(i for i, region in enumerate(parts) if (region.low or 0) <= v) for parts, v in zip(cut, values, strict=True))
        caught = [i for i, test in enumerate(tests) if all(expressions.holds(t, v) for t, v in zip(test, values, strict=True))]
        assert [i for i, found in enumerate(boxes) if coverage.meet(found, at)] == caught
        assert sum(coverage.meet(gap, at) is not None for gap in gaps) == (0 if caught else 1)
    pairs = {(i, j) for i, j, _ in coverage.overlaps(boxes)}
    assert pairs == {(i, j) for i in range(len(rows)) for j in range(i + 1, len(rows)) if coverage.meet(boxes[i], boxes[j])}


# --- the report ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (table(("1", "1"), asks="weather"), "第 1 列比较的“weather”不是这个流程能用的信息"),
        (table(("1", "2", "1"), asks="area area"), "“面积”有两列"),
        (table(), "一行规则也没有"),
        (table(("1",), answers=0), "没有结果列"),
        (table(('"大"', "1")), "这一列应填数字，写了“大”"),
        (table(("5", "1"), asks="channel"), "这一列应填文字，写了5；文字请加引号"),
        (table(('> "a"', "1"), asks="street"), "文字不能比大小"),
        (table(("1", "1"), asks="asked"), "这一列应填是或否，写了1"),
        (table(('"fax"', "1"), asks="channel"), "不会有“fax”，只会是“网上”、“窗口”、“系统对接”"),
        (table(("open('x')", "1")), "不能有运算、函数或程序"),
        (table(("-", "exit()")), "应当是数字或引号中的文字"),
        (table(("-", "")), "第 1 行没有写结果"),
        (table(("< 1", "1"), (">= 1", '"大"')), "有的行是数字，有的行是文字"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(found: Table, said: str) -> None:
    assert any(said in words for words in told(found)), told(found)


@pytest.mark.parametrize("word", ["channel", "class", "1x", "", "a b", "way1"])
def test_a_result_has_a_name_of_its_own(word: str) -> None:
    found = Table("t", "x", "FIRST", (Column("area"),), (Column(word), Column("way1")), (Row(("",), ("1", "2")),))
    assert told(found)


def test_answers_that_nobody_waits_for_are_hints() -> None:
    found = table(("< 5", '"short"'), (">= 5", '"long"'))
    hints = [r.words for r in table_report.remarks(found, KNOWN, {"way": frozenset({"short"})})]
    assert hints == ["第 2 行的结果“long”没有箭头在等它，会走默认去向。"]
    assert [r.hint for r in table_report.remarks(found, KNOWN, {})] == [True]


# --- files -----------------------------------------------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back() -> None:
    found = Table("t", "分办", "ANY", (Column("area", "面积", "number"), Column("street", "", "string")), (Column("way", "走法", "string"),), (Row(("< 5", ""), ('"a"',), "小店"), Row(("", '"中华"'), ('"b"',))))
    assert tables.read(tables.write(found)) == [found]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("<decisionTable", '<literalExpression id="f"><text>1</text></literalExpression><decisionTable', "不支持表达式"),
        ("<decision ", '<businessKnowledgeModel id="b" name="算"/><decision ', "不支持业务知识模型（函数）“算”"),
        ("<inputEntry", '<inputEntry expressionLanguage="javascript"', "不支持用 javascript 写的表达式"),
        ('hitPolicy="ANY"', 'hitPolicy="COLLECT"', "COLLECT"),
        ('id="t"', 'id="../t"', "标识"),
        ("<decisionTable", "<context/><decisionTable", "不支持上下文"),
    ],
)  # fmt: skip
def test_functions_and_scripts_are_refused_by_name(old: str, new: str, said: str) -> None:
    text = tables.write(Table("t", "分办", "ANY", (Column("area"),), (Column("way"),), (Row(("",), ("1",)),)))
    with pytest.raises(Unreadable) as refused:
        tables.read(text.replace(old, new, 1))
    assert said in refused.value.message


def test_rows_are_moved_copied_and_taken_away() -> None:
    first = table(("1", "1"), ("2", "2"))
    assert [r.tests[0] for r in tables.with_moved(first, 1, 0).rows] == ["2", "1"]
    assert tables.with_moved(first, 0, -1) == first
    assert [r.tests[0] for r in tables.with_row(first, 1, first.rows[0]).rows] == ["1", "1", "2"]
    assert len(tables.without_row(first, 0).rows) == 1
    wider = tables.with_output(tables.with_input(first, Column("owed")), Column("x"))
    assert wider.rows[0] == Row(("1", ""), ("1", "")) and tables.without_output(tables.without_input(wider, 1), 1) == first


def test_the_first_rule_that_holds_is_the_engine_s() -> None:
    """Asked of the engine itself, value by value."""
    cells = ("< 1, > 8", "[1..3)", 'not("x")', "null", "-")
    found = Table("t", "x", "FIRST", (Column("asked"),), (Column("way"),), tuple(Row((c,), (f'"{i}"',)) for i, c in enumerate(cells)))
    ready = decisions.compiled(found)
    ends = [Node(f"e{i}", Kind.END, str(i)) for i in range(len(cells))]
    nodes = [Node("start", Kind.START), Node("ask", Kind.DECISION, decision="t"), Node("choice", Kind.EXCLUSIVE, default="f4"), *ends]
    flows = [Flow("a", "start", "ask"), Flow("b", "ask", "choice"), *(Flow(f"f{i}", "choice", f"e{i}", "", f'way == "{i}"' if i < 4 else "") for i in range(5))]
    program = engine.program(Graph("g", "", {n.id: n for n in nodes}, {f.id: f for f in flows}), {"t": ready}, facts=("asked",))
    for value in (0, 1, 2.5, 3, 9, "x", "y", None):
        run = engine.Run(program, facts={"asked": value})
        assert run.ended_at == [f"e{decisions.fired(ready, {'asked': value})}"] and run.decided == [("t", decisions.fired(ready, {"asked": value}))], value
