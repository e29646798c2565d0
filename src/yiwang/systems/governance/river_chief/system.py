"""The declaration of “互联网+河长制”."""

from yiwang.kit.declare import Column, Listen, MessageTemplate, Page, Panel, Register, Role, System
from yiwang.kit.guards import SIGNED_IN
from yiwang.platforms.patrols.api import PlanForm, RoundReceived
from yiwang.platforms.patrols.models import Duty, PatrolPlan, Round
from yiwang.systems.governance.river_chief import (
    banks,
    console,
    console_chiefs,
    console_search,
    console_water,
    console_zones,
    field,
    portal,
    water,
    zones,
)
from yiwang.systems.governance.river_chief.figures import INDICATORS
from yiwang.systems.governance.river_chief.flows import ALL, CHIEF, HANDLER, OFFICE, RECEIVER, VERIFIER, WATCH, problem
from yiwang.systems.governance.river_chief.models import (
    Bank,
    ChiefOrder,
    Clause,
    HandOver,
    LoadBasis,
    LoadSource,
    Measure,
    OneRiverOnePlan,
    Outfall,
    OutfallSearch,
    Reach,
    Reading,
    Repair,
    RepairCheck,
    River,
    RiverProblem,
    Sample,
    Section,
    StandardDoc,
    Vacancy,
    WaterAlert,
    WaterZone,
    ZoneNotice,
    ZoneOpinion,
)
from yiwang.systems.governance.river_chief.panels import (
    alert_links,
    file_link,
    order_links,
    outfall_found,
    problem_panel,
    reach_links,
    reach_loads,
    reach_months,
    reach_profile,
    repair_checks,
    search_link,
    zone_notice_links,
)
from yiwang.systems.governance.river_chief.problems import from_round

ORDERS = (CHIEF, OFFICE, HANDLER)

registers = (
    Register(
        code="river", name="河湖", model=River, columns=("code", "name", "kind", "division", "length_km", "changed_at"), filters=("kind", "division"),
        search=("name", "code"), fields=("code", "name", "kind", "division", "length_km", "course"), readers=ALL, editors=(OFFICE,), order="name",
        sorts=("changed_at",), place="course", panels=(Panel(code="file", title="一河一档", template="river_chief/_links.html", context=file_link),),
        share="open", icon="map-pin",
    ),
    Register(
        code="reach", name="河段", model=Reach, columns=("code", "name", "river", "level", "division", "chief", "target"), filters=("river", "level", "division", "target"),
        search=("name", "code", "river__name"), fields=("river", "code", "name", "level", "division", "chief", "from_km", "to_km", "target", "course", "board"),
        readers=ALL, editors=(OFFICE,), order="name", place="course", groups="level",
        panels=(
            Panel(code="profile", title="沿河剖面", template="river_chief/_profile.html", context=reach_profile, order=10),
            Panel(code="links", title="公示牌", template="river_chief/_links.html", context=reach_links),
            Panel(code="months", title="按月指标", template="river_chief/_months.html", context=reach_months),
            Panel(code="loads", title="负荷和削减", template="river_chief/_loads.html", context=reach_loads),
        ), share="open", icon="list",
    ),
    Register(
        code="river-problem", name="河湖问题", model=RiverProblem,
        columns=(Column(code="problem", name="问题", show=str), "side", "reach", "incident__stage", "incident__eye", "incident__owner", "found_at", Column(code="again", name="反复", show=lambda p: bool(p.again_id))),
        filters=("river", "kind", "side", "incident__stage", "found_at"), readers=ALL, order="-found_at", day="found_at", groups="incident__stage",
        panels=(Panel(code="case", title="办理", template="river_chief/_problem.html", context=problem_panel),), icon="info-circle",
    ),
    Register(
        code="patrol-plan", name="巡河计划", model=PatrolPlan, columns=("name", "post", "division", "times", "period", "since", "until"), filters=("division", "period"),
        search=("name",), form=PlanForm, fields=("name", "subject", "subject_row", "course", "post", "overseer", "division", "times", "period", "checks", "since", "until"),
        readers=WATCH, editors=(OFFICE,), order="name", place="course", icon="list-check",
    ),
    Register(
        code="patrol-round", name="巡河记录", model=Round, columns=("plan", "walker", "started_at", "metres", "minutes", "coverage", "valid", "delegated", "reasons"),
        filters=("plan", "valid", "delegated", "started_at"), readers=WATCH, order="-started_at", day="started_at", icon="list-check",
    ),
    Register(
        code="patrol-duty", name="巡河任务", model=Duty, columns=("plan", "first", "last", "wanted", "own", "delegated", "invalid", "met"), filters=("met", "last"),
        readers=WATCH, order="-last", day="last", icon="list-check",
    ),
    Register(
        code="outfall", name="入河排污口", model=Outfall, columns=("code", "name", "river", "kind", "permit", "km"), filters=("river", "kind"), search=("name", "code"),
        fields=("river", "code", "name", "kind", "permit", "km", "place"), readers=ALL, editors=(OFFICE,), order="name", place="place", icon="map-pin",
        panels=(Panel(code="found", title="排查发现", template="river_chief/_outfall.html", context=outfall_found),),
    ),
    Register(
        code="section", name="水质断面", model=Section, columns=("code", "name", "river", "tier", "division", "km", "target", "station"), filters=("river", "tier", "target"),
        search=("name", "code"), fields=("river", "code", "name", "tier", "division", "km", "target", "station", "place"), readers=ALL, editors=(OFFICE,), order="name",
        place="place", share="open", icon="map-pin",
    ),
    Register(
        code="sample", name="断面水质", model=Sample, columns=("section", "month", "grade", "met", "by", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "source"),
        filters=("section", "grade", "met", "month"), fields=("section", "month", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "source"), readers=ALL,
        editors=(OFFICE,), derive=water.of_sample, order="-month", day="month", share="open", icon="list",
    ),
    Register(
        code="station-reading", name="自动站数据", model=Reading, columns=("section", "at", "grade", "met", "by", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "flow", "source"),
        filters=("section", "grade", "met", "at"), fields=("section", "at", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "flow", "source"), readers=ALL,
        editors=(OFFICE,), derive=water.of_reading, order="-at", day="at", share="conditional", icon="list",
    ),
    Register(
        code="water-alert", name="水质预警台账", model=WaterAlert, columns=("section", "grade", "by", "times", "raised_at", "noted_by", "note", "closed_at"), filters=("section", "raised_at"),
        readers=WATCH, order="-raised_at", day="raised_at", panels=(Panel(code="act", title="处置", template="river_chief/_links.html", context=alert_links),), icon="alert-triangle",
    ),
    Register(
        code="load-basis", name="纳污能力", model=LoadBasis, columns=("reach", "year", "item", "capacity", "limit", "flow", "inflow", "background", "decay", "speed", "km", "source"),
        filters=("reach", "year", "item"), fields=("reach", "year", "item", "flow", "inflow", "background", "decay", "speed", "source"), readers=ALL, editors=(OFFICE,),
        derive=water.of_basis, order="-year", icon="list",
    ),
    Register(
        code="load-source", name="入河负荷", model=LoadSource, columns=("name", "reach", "year", "item", "load", "concentration", "flow", "outfall", "source"),
        filters=("reach", "year", "item"), search=("name",), fields=("reach", "year", "item", "name", "outfall", "concentration", "flow", "source"), readers=ALL, editors=(OFFICE,),
        derive=water.of_load, order="-year", icon="list",
    ),
    Register(
        code="bank", name="河湖岸线", model=Bank, columns=(Column(code="bank", name="岸线", show=str), "river", "side", "from_km", "to_km", "kind", "organ", "village", "holder", "right", "permit", "until", "width_m", "division"),
        filters=("river", "side", "kind", "right", "until", "division"), form=banks.BankForm,
        fields=("river", "side", "from_km", "to_km", "kind", "division", "organ", "village", "holder", "right", "permit", "until", "width_m"), readers=ALL, editors=(OFFICE,), derive=banks.of_bank, order="from_km", subject="holder", icon="map-pin",
    ),
    Register(
        code="water-zone", name="水功能区", model=WaterZone, columns=("code", "name", "river", "first", "second", "from_km", "to_km", "target", "authority", "basis"),
        filters=("river", "first", "second", "target"), search=("name", "code"),
        fields=("river", "code", "name", "first", "second", "from_km", "to_km", "target", "section", "division", "basis", "authority"), readers=(*ALL, RECEIVER), editors=(OFFICE,),
        derive=zones.of_zone, order="name", panels=(Panel(code="year", title="达标评价和通报", template="river_chief/_zone.html", context=console_zones.zone_panel),), share="open", icon="list",
    ),
    Register(
        code="zone-opinion", name="限制排污总量意见", model=ZoneOpinion, columns=("zone", "year", "item", "tonnes", "capacity", "basis"), filters=("zone", "year", "item"),
        fields=("zone", "year", "item", "tonnes", "basis"), readers=(*ALL, RECEIVER), editors=(OFFICE,), derive=zones.of_opinion, order="-year", icon="list",
    ),
    Register(
        code="zone-notice", name="水功能区通报台账", model=ZoneNotice, columns=(Column(code="document__number", name="文号"), "zone", "kind", "period", "organ", "ecology", "issued_at", "received_at"),
        filters=("kind", "issued_at"), readers=(*ALL, RECEIVER), order="-issued_at", day="issued_at",
        panels=(Panel(code="paper", title="文书", template="river_chief/_links.html", context=zone_notice_links),), icon="file-text",
    ),
    Register(
        code="outfall-search", name="排口排查台账", model=OutfallSearch, columns=(Column(code="search", name="排查", show=str), "reason", "leader", "day", "due", "km", "found", "closed_at"),
        filters=("river", "method", "opened_at"), readers=ALL, order="-opened_at", day="due",
        panels=(Panel(code="act", title="办理", template="river_chief/_links.html", context=search_link),), icon="list-check",
    ),
    Register(
        code="river-repair", name="生态修复", model=Repair, columns=("name", "river", "kind", "owner", "measure", "baseline", "goal", "due", "done_on"), filters=("river", "kind", "due"),
        search=("name",), fields=("river", "name", "kind", "division", "from_km", "to_km", "owner", "budget_fen", "due", "done_on", "measure", "baseline", "goal"), readers=ALL,
        editors=(OFFICE,), order="due", day="due", panels=(Panel(code="checks", title="修复成效", template="river_chief/_repair.html", context=repair_checks),), icon="checklist",
    ),
    Register(
        code="repair-check", name="修复成效监测", model=RepairCheck, columns=("repair", "day", "value", "gained", "reached", "method"), filters=("repair", "reached", "day"),
        fields=("repair", "day", "value", "method"), readers=ALL, editors=(OFFICE,), derive=water.of_check, order="-day", day="day", icon="list-check",
    ),
    Register(
        code="chief-order", name="河长令督办台账", model=ChiefOrder,
        columns=(Column(code="document__number", name="文号"), "kind", "title", "issuer", "receiver", "organ", "stage", "due", "issued_at"),
        filters=("kind", "stage", "issued_at"), readers=ALL, order="-issued_at", day="due", groups="stage",
        panels=(Panel(code="act", title="办理", template="river_chief/_links.html", context=order_links),), icon="file-text",
    ),
    Register(
        code="chief-handover", name="河长交接台账", model=HandOver, columns=("post", "giver_name", "taker_name", "changed_on", "due_at", "given_at", "taken_at"), filters=("changed_on",),
        readers=WATCH, order="-changed_on", day="changed_on", icon="users",
    ),
    Register(
        code="chief-vacancy", name="河长空缺台账", model=Vacancy, columns=("post", "division", "left_name", "since", "told_at", "filled_on"), filters=("since",), readers=WATCH, order="-since",
        day="since", icon="users",
    ),
    Register(
        code="river-plan", name="一河一策", model=OneRiverOnePlan, columns=("river", "year", "target", "state", "goals"), filters=("year", "state"),
        fields=("river", "year", "target", "goals", "budget_fen", "state", "review"), readers=ALL, editors=(OFFICE,), order="-year", icon="file-text",
    ),
    Register(
        code="river-measure", name="治理措施", model=Measure, columns=("name", "plan__river", "plan__year", "owner", "due", "done_on"), filters=("due",), search=("name",),
        fields=("plan", "name", "owner", "budget_fen", "due", "done_on"), readers=ALL, editors=(OFFICE,), order="due", day="due", icon="list-check",
    ),
    Register(
        code="river-standard", name="标准规范", model=StandardDoc, columns=("number", "version", "title", "field", "state", "trial_on", "adopted_on"), filters=("field", "state"),
        search=("title", "number"), fields=("number", "version", "title", "field"), readers=ALL, editors=(OFFICE,), order="number", icon="file-text",
    ),
    Register(
        code="river-clause", name="标准条款", model=Clause, columns=("doc", "number", "text", "rule"), filters=("rule",), search=("text",),
        fields=("doc", "number", "text", "rule"), readers=ALL, editors=(OFFICE,), order="number", icon="list",
    ),
)  # fmt: skip

pages = (
    Page(shell="portal", route="rivers", name="rivers", view=portal.rivers, menu="河湖", icon="map-pin"),
    Page(shell="portal", route="rivers/<slug:code>", name="public", view=portal.public),
    Page(shell="portal", route="rivers/<slug:code>/report", name="report", view=portal.report),
    Page(shell="portal", route="river-reports/<uuid:key>", name="receipt", view=portal.receipt),
    Page(shell="portal", route="river-reports/<uuid:key>/reopen", name="reopen", view=portal.reopen),
    Page(shell="console", route="rivers/<int:river>", name="file", view=console.river, guard=ALL),
    Page(shell="console", route="reaches/<int:reach>/sign", name="sign", view=console.sign, guard=ALL),
    Page(shell="console", route="river-scores", name="scores", view=console.scores, guard=WATCH, menu="河长考核", icon="star"),
    Page(shell="console", route="river-scores/<int:assessment>/object", name="object", view=console.object_to, guard=(CHIEF,)),
    Page(shell="console", route="river-scores/<int:assessment>/decide", name="decide", view=console.decide, guard=(OFFICE,)),
    Page(shell="console", route="river-reports", name="reports", view=console.reports, guard=WATCH, menu="河湖群众反映", icon="bell"),
    Page(shell="console", route="river-reports/<int:report>/answer", name="answer", view=console.answer, guard=(OFFICE,)),
    Page(shell="console", route="river-problems/<int:problem>/urge", name="urge", view=console.urge, guard=(OFFICE,)),
    Page(shell="console", route="river-standards", name="standards", view=console.standard_list, guard=ALL, menu="河长制标准", icon="file-text"),
    Page(shell="console", route="river-standards/<int:doc>/run", name="run-standard", view=console.run_standard, guard=(OFFICE,)),
    Page(shell="console", route="river-standards/<int:doc>/advance", name="advance-standard", view=console.advance_standard, guard=(OFFICE,)),
    Page(shell="console", route="river-alerts", name="alerts", view=console_water.alerts, guard=WATCH, menu="水质预警", icon="alert-triangle"),
    Page(shell="console", route="river-alerts/check", name="check-water", view=console_water.check, guard=WATCH),
    Page(shell="console", route="river-alerts/<int:alert>/note", name="note-alert", view=console_water.note, guard=WATCH),
    Page(shell="console", route="river-alerts/<int:alert>/problem", name="alert-problem", view=console_water.make_problem, guard=WATCH),
    Page(shell="console", route="river-orders", name="orders", view=console_chiefs.listed, guard=ORDERS, menu="河长令和督办", icon="file-text"),
    Page(shell="console", route="river-orders/new", name="new-order", view=console_chiefs.new, guard=(CHIEF,)),
    Page(shell="console", route="river-orders/<int:order>", name="order", view=console_chiefs.order, guard=ORDERS),
    Page(shell="console", route="river-orders/<int:order>/paper", name="order-paper", view=console_chiefs.paper, guard=ORDERS),
    Page(shell="console", route="river-orders/<int:order>/answer", name="answer-order", view=console_chiefs.answer, guard=ORDERS),
    Page(shell="console", route="river-orders/<int:order>/settle", name="settle-order", view=console_chiefs.settle, guard=(CHIEF,)),
    Page(shell="console", route="river-handovers", name="handovers", view=console_chiefs.handovers, guard=WATCH, menu="河长交接", icon="users"),
    Page(shell="console", route="river-handovers/look", name="look-handovers", view=console_chiefs.look, guard=(OFFICE,)),
    Page(shell="portal", route="river-handovers/<int:handover>", name="handover", view=console_chiefs.handover, guard=(SIGNED_IN,), everywhere=True),
    Page(shell="portal", route="river-handovers/<int:handover>/give", name="give", view=console_chiefs.give, guard=(SIGNED_IN,), everywhere=True),
    Page(shell="portal", route="river-handovers/<int:handover>/take", name="take", view=console_chiefs.take, guard=(SIGNED_IN,), everywhere=True),
    Page(shell="console", route="river-zones", name="zones", view=console_zones.overview, guard=(*ALL, RECEIVER), menu="水功能区达标", icon="map-pin"),
    Page(shell="console", route="river-zones/<int:zone>/tell", name="tell-zone", view=console_zones.tell, guard=(OFFICE,)),
    Page(shell="console", route="river-notices", name="notices", view=console_zones.notices, guard=(*ALL, RECEIVER)),
    Page(shell="console", route="river-notices/<int:notice>/paper", name="notice-paper", view=console_zones.paper, guard=(*ALL, RECEIVER)),
    Page(shell="console", route="river-notices/<int:notice>/receive", name="receive-notice", view=console_zones.receive, guard=(RECEIVER,)),
    Page(shell="console", route="river-searches", name="searches", view=console_search.searches, guard=ALL, menu="排口排查", icon="search"),
    Page(shell="console", route="river-searches/new", name="new-search", view=console_search.new, guard=(OFFICE,)),
    Page(shell="console", route="river-searches/<int:search>", name="search", view=console_search.search, guard=ALL),
    Page(shell="console", route="river-searches/<int:search>/trace", name="search-trace", view=console_search.trace, guard=WATCH),
    Page(shell="console", route="river-searches/<int:search>/add", name="search-add", view=console_search.add, guard=WATCH),
    Page(shell="console", route="river-searches/<int:search>/verify/<int:candidate>", name="search-verify", view=console_search.verify, guard=WATCH),
    Page(shell="console", route="river-searches/<int:search>/close", name="search-close", view=console_search.close, guard=(OFFICE,)),
    Page(shell="console", route="river-searches/photos/<int:candidate>", name="candidate-photo", view=console_search.photo, guard=ALL),
    Page(shell="console", route="river-photos/<slug:kind>/<int:row>", name="photo", view=console.photo, guard=ALL),
    Page(shell="field", route="rivers", name="field", view=field.today, guard=(CHIEF,), menu="我的河段", icon="map-pin"),
    Page(shell="field", route="patrols/<int:round>", name="patrol", view=field.patrol, guard=WATCH),
    Page(shell="field", route="patrols/<int:round>/record", name="patrol-record", view=field.receive, guard=(SIGNED_IN,)),  # a walk of one's last day in office arrives after it; the verb decides
)

SENT = (
    ("river-water-alert", "水质预警：{section}", "{section}连续 {times} 次没有达到水质目标（{target}），{at} 为{grade}，定类项目 {by}。请到“水质预警”查看并处置。"),
    ("river-order", "收到{kind}：{title}", "{number} {title}，请在 {due} 前办结，到“河长令和督办”反馈。"),
    ("river-order-answered", "{kind}已反馈：{title}", "{number} {title}已反馈办理情况，请核销或者退回。"),
    ("river-order-returned", "{kind}被退回：{title}", "{number} {title}的反馈被退回：{words}"),
    ("river-order-late", "{kind}逾期：{title}", "{number} {title}到 {due} 没有反馈。"),
    ("river-handover", "河长交接：{post}", "{post}由{giver}变更为{taker}，请在 {due} 前核对交接清单并办理移交和接收： {page}"),
    ("river-handover-given", "河长交接：{post}已移交", "{giver}已移交{post}的工作，请核对交接清单后接收： {page}"),
    ("river-handover-late", "河长交接逾期：{post}", "{post}由{giver}变更为{taker}，到 {due} 没有完成交接。"),
    ("river-vacant", "河长空缺：{post}", "{post}自 {since} 起空缺（离任：{left}），没有人接任。请协调补任，未办事项见“河长交接”。"),
    ("river-zone-notice", "水功能区通报：{zone}", "收到{number}：{zone}{kind}，请到“水功能区通报”签收并依法处理。"),
    ("river-handover-taken", "河长交接：{post}已接收", "{taker}已接收{post}的工作，交接完成。"),
)
MESSAGES = tuple(MessageTemplate(code=code, title=title, body=body) for code, title, body in SENT)

system = System(
    code="river_chief",
    name="互联网+河长制",
    owner="water_affairs",
    plan=("river_chief_platform", "river_chief_standards"),
    basis=("中华人民共和国水污染防治法第五条", "中华人民共和国水法（第三十二条）", "中华人民共和国河道管理条例（第二十条）", "水功能区划分标准 GB/T 50594-2010", "地表水环境质量标准 GB 3838-2002"),
    roles=(
        Role(code=CHIEF, name="河长", sees="division"),
        Role(code=OFFICE, name="河长办工作人员", sees="division"),
        Role(code=HANDLER, name="河湖问题整改人员"),
        Role(code=VERIFIER, name="河湖问题核查人员", sees="division"),
        Role(code=RECEIVER, name="水功能区通报签收人员"),
    ),
    registers=registers,
    procedures=(problem,),
    indicators=INDICATORS,
    messages=MESSAGES,
    listens=(Listen(event=RoundReceived, handler=from_round),),
    pages=pages,
    errands=field.errands,
    journeys=("tests/journeys/test_river.py",),
)
