"""流程改画: an official redraws the food licence, is refused an unsound drawing with the reason, publishes; a new application follows it while an earlier one stays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.journeys.conftest import Person
from tests.journeys.test_food import act, begin, hand_in, inspect
from yiwang.engines.procedures.bpmn import drawing, reading
from yiwang.engines.procedures.bpmn.graph import Flow, Graph, Kind, Node

Make = Callable[..., Person]
FOOD = "food_operation"
NEW = (
    Node("split", Kind.PARALLEL, "同时审查"), Node("join", Kind.PARALLEL, "审查汇合"), Node("again", Kind.EXCLUSIVE), Node("heard", Kind.EXCLUSIVE),
    Node("fire", Kind.USER, "消防意见", role="approver", steps=("agree", "disagree"), stage="审查", organ="housing_construction"),
    Node("late", Kind.BOUNDARY, "消防意见期限", timer="P5D", unit="working", host="fire"),
)  # fmt: skip
ARROWS = (("again", "split"), ("split", "reviewing"), ("split", "fire"), ("fire", "heard"), ("late", "heard"), ("heard", "join"), ("join", "deciding"))


def redrawn(graph: Graph, *, back: str) -> str:
    """消防意见 beside the examination; a decision sent back goes to `back`."""
    flows = dict(graph.flows)
    flows["choice-submitted-reviewing"] = replace(flows["choice-submitted-reviewing"], target="again")
    flows["choice-reviewing-deciding"] = replace(flows["choice-reviewing-deciding"], target="join")
    flows["choice-deciding-reviewing"] = replace(flows["choice-deciding-reviewing"], target=back)
    flows |= {f"{a}-{b}": Flow(f"{a}-{b}", a, b) for a, b in ARROWS}
    return drawing.write(replace(graph, nodes={**graph.nodes, **{n.id: n for n in NEW}}, flows=flows))


def apply(person: Make, photo: str) -> tuple[str, Person]:
    """The number of the new case, and the owner who is looking at it."""
    owner = begin(person)
    owner.page.get_by_label("食品安全管理员身份证号码").fill("440899198507019020")
    owner.click("下一步").click("下一步", role="link")
    owner.page.get_by_role("navigation", name="填写步骤").get_by_role("link", name="提交材料").click()
    hand_in(owner, photo)
    owner.click("下一步", role="link").click("提交申请").sees("材料已收到，正在核对")
    return owner.case_number(), owner


def bring(editor: Person, xml: str, folder: Path) -> Person:
    path = folder / "food.bpmn"
    path.write_text(xml, encoding="utf-8")
    editor.go("/work/flows/").page.locator("#b-promise").evaluate("e => { e.closest('details').open = true; }")
    editor.page.locator("#b-promise").set_input_files(path)
    editor.page.locator("#j-promise").fill(FOOD)
    editor.page.locator("form:has(#b-promise) button").click()
    editor.page.wait_for_load_state()
    return editor


def test_a_flow_is_redrawn(person: Make, photo: str, tmp_path: Path) -> None:
    earlier, _ = apply(person, photo)
    editor = person("editor")
    editor.go("/work/flows/")
    editor.page.locator("#n-promise").evaluate("e => { e.closest('details').open = true; }")
    editor.page.locator("form:has(#n-promise) button").click()
    editor.page.locator("[data-element-id=reviewing]").first.wait_for()
    editor.look("flow-editor")
    xml = editor.page.request.get(editor.page.url + "/file.bpmn").text()
    graph = reading.read(xml)

    bring(editor, xml.replace("bpmn:userTask", "bpmn:scriptTask"), tmp_path).sees("不支持脚本任务").look("flow-refused")
    bring(editor, redrawn(graph, back="reviewing"), tmp_path).sees("可能永远等不齐")
    editor.click("发布").sees("这张流程图还不能发布").look("flow-unsound")
    bring(editor, redrawn(graph, back="again"), tmp_path).sees("每个环节都走得到")
    editor.page.locator("[data-element-id=fire]").first.wait_for()
    editor.click("发布").sees("起的新办件按它办理").look("flow-published")
    version = editor.page.url

    number, owner = apply(person, photo)
    address = owner.page.url.removeprefix(owner.city.url)
    clerk, approver, fire, leader = person("chikan_window"), person("shichang"), person("zhujian"), person("shichang_leader")
    act(clerk, earlier, "受理")
    act(clerk, number, "受理")
    approver.go("/work/").page.locator("tr", has_text=earlier).get_by_role("link").first.click()
    assert not approver.page.get_by_text("消防意见").count()  # the earlier case stays on its own
    approver.go("/work/").page.locator("tr", has_text=number).get_by_role("link").first.click()
    approver.page.locator("[data-element-id=fire].lit").first.wait_for()
    approver.sees("消防意见").look("flow-case")
    act(fire, number, "同意", opinion="符合消防要求")
    act(approver, number, "安排现场核查", planned_on="2030-01-01", days="5")
    inspect(person("hecha", width=390, geolocation={"longitude": 110.36, "latitude": 21.27}, permissions=["geolocation"]), photo)
    act(approver, number, "提交审查意见", proposal="grant", opinion="符合要求")
    act(leader, number, "准予许可")
    owner.go(address).until("查看电子证照")

    editor.page.goto(version)
    editor.page.locator("summary", has_text="停用这个版本").click()
    editor.click("停用").sees("新办件不再按它办理")


def ruled(graph: Graph) -> str:
    """After acceptance a decision table says whether the case is examined or decided at once."""
    flows = dict(graph.flows)
    flows["choice-submitted-reviewing"] = replace(flows["choice-submitted-reviewing"], target="route")
    flows |= {"asked": Flow("asked", "route", "way"), "usual": Flow("usual", "way", "reviewing", "一般办理"), "quick": Flow("quick", "way", "deciding", "简易办理", 'result_1 == "简易"')}
    nodes = {**graph.nodes, "route": Node("route", Kind.DECISION, "分办", decision="table_1"), "way": Node("way", Kind.EXCLUSIVE, "怎么办理", default="usual")}
    return drawing.write(replace(graph, nodes=nodes, flows=flows))


def test_a_decision_is_changed(person: Make, photo: str, tmp_path: Path) -> None:
    """决策表: begun in the console, a gap and a rule without a turn reported, publishing refused; mended, tried on a past case, published; a new case is decided by it."""
    past, _ = apply(person, photo)
    clerk, editor = person("chikan_window"), person("editor")
    act(clerk, past, "不予受理", reason="不属于本机关办理的事项")
    editor.go("/work/flows/").page.locator("#n-promise").evaluate("e => { e.closest('details').open = true; }")
    editor.page.locator("form:has(#n-promise) button").click()
    editor.page.locator("[data-element-id=reviewing]").first.wait_for()
    graph = reading.read(editor.page.request.get(editor.page.url + "/file.bpmn").text())
    bring(editor, ruled(graph), tmp_path).sees("没有绑定决策表“table_1”")
    flow = editor.page.url
    editor.page.locator("summary", has_text="新建决策表").click()
    editor.page.locator("#table-name").fill("渠道分办")
    editor.click("新建决策表").sees("决策表：渠道分办").sees("第 1 行没有写结果")

    cell = editor.page.get_by_label
    cell("第 1 行，渠道", exact=True).fill("网上申办")
    cell("第 1 行，结果 结果").fill("简易")
    cell("第 1 行，结果 结果").press("Enter")
    editor.sees("有遗漏，没有一行符合：渠道为“窗口”或为“系统对接”或为“内部”").look("flow-table-gap")
    editor.page.goto(flow)
    editor.click("发布").sees("这张流程图还不能发布：决策表“渠道分办”：有遗漏")
    editor.page.get_by_role("link", name="渠道分办").click()

    editor.click("加一行").sees("有改动，还没有保存")
    cell("第 2 行，渠道", exact=True).fill("网上申办、系统对接")
    cell("第 2 行，结果 结果").fill("一般")
    editor.click("加一行")
    cell("第 3 行，结果 结果").fill("一般")
    editor.click("第 3 行上移").sees("第 3 行永远轮不到")
    cell("第 3 行，渠道", exact=True).fill("open('x')")
    editor.click("保存并检查").sees("不能有运算、函数或程序").look("flow-table-wrong")
    editor.click("删除第 3 行").click("保存并检查").sees("没有遗漏，没有矛盾，每一行都轮得到")
    assert editor.page.locator(f"#past option[value='{past}']").count()  # closed, of their city; nothing of the person is shown
    editor.page.locator("#number").fill(past)
    editor.click("试一试").sees("得出结果").look("flow-table-tried")

    editor.page.goto(flow)
    editor.sees("环节一览").click("发布").sees("起的新办件按它办理")
    editor.page.get_by_role("link", name="渠道分办").click()
    assert not editor.page.get_by_role("button", name="加一行").count()  # published, it never changes
    made, _ = apply(person, photo)
    act(clerk, made, "受理")
    person("shichang_leader").go("/work/").sees(made)  # decided at once, not examined

    editor.page.goto(flow)
    editor.page.locator("summary", has_text="停用这个版本").click()
    editor.click("停用").sees("新办件不再按它办理")
