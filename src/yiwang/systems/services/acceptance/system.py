"""The declaration of 统一申办受理与审批."""

from yiwang.kit.declare import Listen, Page, Role, System
from yiwang.kit.guards import OFFICIAL, SIGNED_IN
from yiwang.platforms.payments.api import BillSettled
from yiwang.systems.services.acceptance import counter, desk, field, interface, portal
from yiwang.systems.services.acceptance.figures import INDICATORS
from yiwang.systems.services.acceptance.flows import PROCEDURES
from yiwang.systems.services.acceptance.listeners import bill_settled
from yiwang.systems.services.acceptance.messages import templates

system = System(
    code="acceptance",
    name="统一申办受理与审批",
    owner="government_services_data",
    plan=("unified_acceptance_platform", "approval_business_system", "one_window_acceptance", "integrated_online_services"),
    basis=("中华人民共和国行政许可法", "国务院关于在线政务服务的若干规定（国务院令第716号）", "广东省优化营商环境条例第三十条"),
    roles=(
        Role(code="window-clerk", name="窗口人员"),
        Role(code="approver", name="审批人员"),
        Role(code="reviewer", name="审批负责人"),
        Role(code="inspector", name="现场核查人员"),
        Role(code="supervisor", name="效能监督人员", sees="division"),
    ),
    procedures=PROCEDURES,
    indicators=INDICATORS,
    messages=templates,
    listens=(Listen(event=BillSettled, handler=bill_settled),),
    pages=(
        Page(shell="portal", route="apply/<int:service>", name="apply", view=portal.apply, guard=(SIGNED_IN,)),
        Page(shell="portal", route="apply/<int:service>/save/typed", name="apply-typed", view=portal.apply_typed, guard=(SIGNED_IN,)),
        Page(shell="portal", route="drafts/<int:draft>/<slug:part>", name="draft", view=portal.draft, guard=(SIGNED_IN,)),
        Page(shell="portal", route="drafts/<int:draft>/save/typed", name="save", view=portal.save_typed, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/cases", name="cases", view=portal.cases, guard=(SIGNED_IN,), menu="我的办件", icon="folder"),
        Page(shell="portal", route="my/cases/<int:case>", name="case", view=portal.case, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/cases/<int:case>/correct", name="correct", view=portal.correct, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/cases/<int:case>/act/<slug:step>", name="act", view=portal.act, guard=(SIGNED_IN,)),
        Page(shell="portal", route="papers/<int:paper>", name="paper", view=portal.paper, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="materials/<int:material>", name="material", view=portal.material, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="console", route="", name="desk", view=desk.work_list, guard=(OFFICIAL,), menu="我的任务", icon="list-check"),
        Page(shell="console", route="cases/<int:case>", name="desk-case", view=desk.case, guard=(OFFICIAL,)),
        Page(shell="console", route="cases/<int:case>/act/<slug:step>", name="desk-act", view=desk.act, guard=(OFFICIAL,)),
        Page(shell="console", route="cases/<int:case>/extend", name="extend", view=desk.extend, guard=(OFFICIAL,)),
        Page(shell="console", route="cases/<int:case>/hand-over", name="hand-over", view=desk.hand_over, guard=(OFFICIAL,)),
        Page(shell="console", route="cases/<int:case>/supervise", name="supervise", view=desk.supervise, guard=("supervisor",)),
        Page(shell="console", route="extensions/<int:extension>", name="decide-extension", view=desk.decide_extension, guard=("reviewer",)),
        Page(shell="console", route="photos/<int:photo>", name="photo", view=desk.photo, guard=(OFFICIAL,)),
        Page(shell="console", route="late", name="late", view=desk.late, guard=("supervisor",), menu="超期督办", icon="alarm"),
        Page(shell="console", route="counter", name="counter", view=counter.start, guard=("window-clerk",), menu="窗口收件", icon="building"),
        Page(shell="console", route="counter/<int:applicant>", name="counter-items", view=counter.choose_item, guard=("window-clerk",)),
        Page(shell="console", route="counter/<int:applicant>/take/<int:service>", name="counter-take", view=counter.take, guard=("window-clerk",)),
        Page(shell="console", route="receipts/<int:case>", name="receipt", view=counter.receipt, guard=("window-clerk",)),
        Page(shell="field", route="inspections/<int:inspection>", name="inspection", view=field.inspection, guard=("inspector",)),
        Page(shell="field", route="inspections/<int:inspection>/record", name="inspection-record", view=field.receive, guard=("inspector",)),
    ),
    errands=field.errands,
    journeys=(
        "tests/journeys/test_food.py", "tests/journeys/test_elderly.py", "tests/journeys/test_road.py", "tests/journeys/test_refusals.py", "tests/journeys/test_keyboard.py",
        "tests/journeys/test_field.py",
    ),
    api=(("/cases", interface.cases), ("/items", interface.guide)),
)
