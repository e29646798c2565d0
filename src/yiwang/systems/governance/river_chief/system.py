"""The declaration of “互联网+河长制”."""

from yiwang.kit.declare import Column, Listen, Page, Panel, Register, Role, System
from yiwang.platforms.patrols.api import RoundReceived
from yiwang.platforms.patrols.models import Duty, PatrolPlan, Round
from yiwang.systems.governance.river_chief import console, field, portal
from yiwang.systems.governance.river_chief.figures import INDICATORS
from yiwang.systems.governance.river_chief.flows import ALL, CHIEF, HANDLER, OFFICE, VERIFIER, WATCH, problem
from yiwang.systems.governance.river_chief.models import (
    Clause,
    Measure,
    OneRiverOnePlan,
    Outfall,
    Reach,
    River,
    RiverProblem,
    Sample,
    Section,
    StandardDoc,
)
from yiwang.systems.governance.river_chief.panels import file_link, problem_panel, reach_links, reach_months
from yiwang.systems.governance.river_chief.problems import from_round

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
            Panel(code="links", title="公示牌", template="river_chief/_links.html", context=reach_links),
            Panel(code="months", title="按月指标", template="river_chief/_months.html", context=reach_months),
        ), share="open", icon="list",
    ),
    Register(
        code="river-problem", name="河湖问题", model=RiverProblem,
        columns=(Column(code="problem", name="问题", show=str), "reach", "incident__stage", "incident__eye", "incident__owner", "found_at", Column(code="again", name="反复", show=lambda p: bool(p.again_id))),
        filters=("river", "kind", "incident__stage", "found_at"), readers=ALL, order="-found_at", day="found_at", groups="incident__stage",
        panels=(Panel(code="case", title="办理", template="river_chief/_problem.html", context=problem_panel),), icon="info-circle",
    ),
    Register(
        code="patrol-plan", name="巡河计划", model=PatrolPlan, columns=("name", "post", "division", "times", "period", "since", "until"), filters=("division", "period"),
        search=("name",), fields=("name", "subject", "subject_row", "course", "post", "overseer", "division", "times", "period", "checks", "since", "until"),
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
    ),
    Register(
        code="section", name="水质断面", model=Section, columns=("code", "name", "river", "tier", "division", "km", "target", "station"), filters=("river", "tier", "target"),
        search=("name", "code"), fields=("river", "code", "name", "tier", "division", "km", "target", "station", "place"), readers=ALL, editors=(OFFICE,), order="name",
        place="place", share="open", icon="map-pin",
    ),
    Register(
        code="sample", name="断面水质", model=Sample, columns=("section", "month", "grade", "met", "by", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "source"),
        filters=("section", "grade", "met", "month"), fields=("section", "month", "ph", "oxygen", "permanganate", "ammonia", "phosphorus", "source"), readers=ALL,
        editors=(OFFICE,), order="-month", day="month", share="open", icon="list",
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
    Page(shell="console", route="river-photos/<slug:kind>/<int:row>", name="photo", view=console.photo, guard=ALL),
    Page(shell="field", route="rivers", name="field", view=field.today, guard=(CHIEF,), menu="我的河段", icon="map-pin"),
    Page(shell="field", route="patrols/<int:round>", name="patrol", view=field.patrol, guard=WATCH),
    Page(shell="field", route="patrols/<int:round>/record", name="patrol-record", view=field.receive, guard=WATCH),
)

system = System(
    code="river_chief",
    name="互联网+河长制",
    owner="water_affairs",
    plan=("river_chief_platform", "river_chief_standards"),
    basis=("中华人民共和国水污染防治法第五条", "中华人民共和国水法", "中华人民共和国河道管理条例", "地表水环境质量标准 GB 3838-2002"),
    roles=(
        Role(code=CHIEF, name="河长", sees="division"),
        Role(code=OFFICE, name="河长办工作人员", sees="division"),
        Role(code=HANDLER, name="河湖问题整改人员"),
        Role(code=VERIFIER, name="河湖问题核查人员", sees="division"),
    ),
    registers=registers,
    procedures=(problem,),
    indicators=INDICATORS,
    listens=(Listen(event=RoundReceived, handler=from_round),),
    pages=pages,
    errands=field.errands,
    journeys=("tests/journeys/test_river.py",),
)
