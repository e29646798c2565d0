"""标准与日历: the working-day calendar and the dated values of law that every deadline and tariff rests on, kept by one officer with history."""

from yiwang.engines.registers import calendar_desk, days, policy_desk
from yiwang.engines.registers.models import DATA_OFFICER
from yiwang.kit.declare import MessageTemplate, Page, Role, System

KEEPER = (days.KEEPER,)

system = System(
    code="registers",
    name="标准与日历",
    owner="government_services_data",
    layer="engine",
    basis=("全国年节及纪念日放假办法", "中华人民共和国行政许可法第八十二条", "中华人民共和国个人信息保护法第四十五条至第四十七条"),
    roles=(Role(code=days.KEEPER, name="标准与日历管理员", sees="city"), Role(code=DATA_OFFICER, name="数据管理人员", sees="city")),
    pages=(
        Page(shell="console", route="calendar", name="calendar", view=calendar_desk.calendar, guard=KEEPER, menu="工作日历", icon="clock"),
        Page(shell="console", route="policies", name="policies", view=policy_desk.policies_list, guard=KEEPER, menu="时限与标准", icon="list-check"),
        Page(shell="console", route="policies/<str:key>", name="policy", view=policy_desk.policy, guard=KEEPER),
    ),
    messages=(
        MessageTemplate(code="register-answered", title="您的个人信息申请已答复", body="您申请{kind}“{register}”中关于您的记录：{state}。{answer}　可在“我的个人信息”查看；不服的，可以向有关部门投诉、举报（个人信息保护法第六十五条）。"),
    ),
    journeys=("tests/journeys/test_officials.py",),
)
