"""The three instances: 办理, 复查, 复核. Clocks are calendar days as the regulation counts them; an organ's objection is in working days."""

from typing import Any

from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Clock, Procedure, State, Step
from yiwang.platforms.incidents import api as incidents
from yiwang.systems.welfare.online_petition import effects, forms, limits, papers, ways

CLERK, HANDLER, HEAD, LEADER, DISCIPLINE = "petition-clerk", "petition-handler", "petition-head", "petition-leader", "discipline-officer"
SEEN_BY = (CLERK, HANDLER, HEAD, LEADER, DISCIPLINE)
PAGES: dict[str, Any] = {"seen_by": SEEN_BY, "alarms": LEADER, "page": "online_petition:case", "follow": "online_petition:follow"}
AT_DESK = ("registering", "received")
STAGES = ("登记", "受理", "办理", "答复")


def other_desk(case: Any, data: dict[str, Any]) -> str:
    """Desk to desk is a move of its own each time: the task of the one ends, that of the other begins."""
    return "received" if case.state == "registering" else "registering"



def _desk(code: str) -> State:
    return State(code=code, name="待分流", public="已经登记，信访部门正在核对", stage="登记", awaits=CLERK, organ=effects.desk, task="登记分流")


petition = Procedure(
    code="petition",
    name="信访事项办理",
    start="new",
    stages=STAGES,
    **PAGES,
    states=(
        State(code="new", name="待提交", public="还没有提交", stage="登记"),
        _desk("registering"),
        _desk("received"),
        State(code="transferred", name="待受理", public="已经转送有权处理的单位，等待告知是否受理", stage="受理", awaits=HANDLER, task="受理审查"),
        State(
            code="objecting", name="异议待核实", public="承办单位提出异议，信访部门正在核实", stage="受理", awaits=CLERK, organ=effects.desk, task="核实异议"
        ),  # 经转送、交办的信访部门核实同意后，交还相关材料（第二十三条）
        State(code="handling", name="办理中", public="已经受理，正在调查核实", stage="办理", awaits=HANDLER, task="调查办理"),
        State(code="hearing", name="听证", public="正在举行听证", stage="办理", awaits=HANDLER, task="听证"),  # 重大、复杂、疑难的（第三十一条第六项）；期限照走
        State(code="signing", name="待签发", public="正在形成处理意见", stage="办理", awaits=HEAD, task="签发意见书"),
        State(code="ending", name="待决定终止", public="正在办理", stage="办理", awaits=HEAD, task="决定是否终止"),
        State(code="reporting", name="待上报", public="已经答复，可以查看意见书", stage="答复", awaits=HANDLER, task="上报办理结果"),
        State(code="answered", name="已答复", public="已经答复，可以查看意见书", stage="答复", final=True),
        State(code="not-accepted", name="不予受理", public="没有受理，理由和途径见告知书", stage="受理", final=True),
        State(code="joined", name="已并案", public="与另一信访件一并办理，一并答复", stage="登记", final=True),
        State(code="withdrawn", name="已撤回", public="您已撤回", stage="登记", final=True),
        State(code="inspecting", name="履职查处中", public="已经移交有关机关履职查处，进展见本页", stage="办理"),
        State(code="inspected", name="已查处答复", public="有关机关已经履职查处，结果见办理过程", stage="答复", final=True),
        State(code="ended", name="已终止", public="办理已经终止，理由见办理过程", stage="办理", final=True),
    ),
    steps=(
        Step(code="register", name="登记", source="new", target="registering", by=(APPLICANT, CLERK, SYSTEM_ROLE), starts=("divert",), message="petition-registered"),
        Step(code="lodge", name="部门登记", source="new", target="transferred", by=SYSTEM_ROLE, effect=effects.lodge, starts=("tell",), message="petition-lodged"),
        Step(
            code="transfer", name="转送、交办承办单位", source=AT_DESK, target="transferred", by=CLERK, form=lambda case: forms.transfer_form(case, down=False),
            when=effects.ended_before, effect=effects.transfer, finishes=("divert",), starts=("tell", "object", "report"), document="petition-transfer",
            paper=papers.transfer, message="petition-transferred", style="primary",
        ),
        Step(
            code="send_down", name="转下级信访部门", source=AT_DESK, target=other_desk, targets=AT_DESK, by=CLERK, form=lambda case: forms.transfer_form(case, down=True),
            when=effects.ended_before, effect=effects.send_down, finishes=("divert",), starts=("divert", "report"), document="petition-transfer",
            paper=papers.transfer, message="petition-transferred",
        ),
        Step(
            code="return_up", name="退回上级信访部门", source=AT_DESK, target=other_desk, targets=AT_DESK, by=CLERK, needs_reason=True, when=effects.is_from_above,
            effect=effects.give_back, finishes=("divert",), starts=("divert",), public=False,
        ),
        Step(code="join", name="并入另一信访件", source=AT_DESK, target="joined", by=CLERK, form=forms.JoinForm, effect=effects.join, finishes=("divert",), message="petition-joined"),
        Step(code="repeat", name="重复件并入", source="new", target="joined", by=SYSTEM_ROLE, effect=effects.repeat, message="petition-repeated"),
        Step(
            code="decline_here", name="不予受理", source=AT_DESK, target="not-accepted", by=CLERK, form=forms.decline_form, effect=effects.decline, finishes=("divert",),
            document="petition-declined", paper=papers.declined, message="petition-declined", style="danger",
        ),
        Step(
            code="accept", name="受理", source="transferred", target="handling", by=HANDLER, form=forms.AcceptForm, effect=effects.accept, finishes=("tell", "object"),
            starts=("handle",), document="petition-acceptance", paper=papers.acceptance, message="petition-accepted", style="primary",
        ),
        Step(
            code="object", name="提出异议", source="transferred", target="objecting", by=HANDLER, needs_reason=True, when=effects.over, finishes=("object",), public=False,
        ),
        Step(
            code="agree", name="同意退回", source="objecting", target="registering", by=CLERK, form=forms.SignForm, effect=effects.give_back, finishes=("tell",),
            starts=("divert",), public=False, style="primary",
        ),
        Step(code="insist", name="不同意，继续办理", source="objecting", target="transferred", by=CLERK, needs_reason=True, effect=effects.insist, public=False),
        Step(
            code="decline", name="不予受理", source="transferred", target="not-accepted", by=HANDLER, form=forms.decline_form, effect=effects.decline,
            finishes=("tell", "object"), document="petition-declined", paper=papers.declined, message="petition-declined", style="danger",
        ),
        Step(
            code="propose", name="提交处理意见", source="handling", target="signing", by=HANDLER, form=forms.ReplyForm, effect=effects.propose, public=False, style="primary",
        ),
        Step(code="open_hearing", name="举行听证", source="handling", target="hearing", by=HANDLER, form=forms.HearingForm, effect=effects.plan_hearing),
        Step(
            code="close_hearing", name="听证结束", source="hearing", target="handling", by=HANDLER, form=forms.HearingRecordForm, effect=effects.hold_hearing, style="primary",
        ),
        Step(code="send_back", name="退回修改", source="signing", target="handling", by=HEAD, needs_reason=True, public=False),
        Step(
            code="sign", name="签发", source="signing", target=effects.after_sign, targets=("reporting", "answered"), by=HEAD, form=forms.SignForm, when=effects.own_draft,
            effect=effects.sign, finishes=("handle",), document="petition-opinion", paper=papers.opinion, message="petition-answered", style="primary",
        ),
        Step(
            code="report", name="上报办理结果", source="reporting", target="answered", by=HANDLER, form=forms.WordsForm, effect=effects.report, finishes=("report",),
            public=False, style="primary",
        ),
        Step(
            code="withdraw", name="撤回", source=("registering", "received", "transferred", "objecting", "handling"), target="withdrawn", by=APPLICANT, needs_reason=True,
            effect=effects.withdraw, message="petition-withdrawn", style="danger",
        ),
        Step(
            code="inspect", name="移交履职查处", source=(*AT_DESK, "transferred"), target="inspecting", by=(CLERK, HANDLER), form=forms.inspect_form, when=ways.may_inspect,
            effect=ways.inspect, finishes=("divert", "tell", "object"), document="petition-inspection", paper=papers.inspection, message="petition-inspecting",
        ),
        Step(code="inspected", name="履职查处办结", source="inspecting", target="inspected", by=SYSTEM_ROLE, effect=ways.settle, message="petition-inspected"),
        Step(
            code="not_inspected", name="不予立案，退回分流", source="inspecting", target="registering", by=SYSTEM_ROLE, effect=ways.take_back, starts=("divert",), public=False,
        ),
        Step(code="ask_end", name="提请终止办理", source="handling", target="ending", by=HANDLER, needs_reason=True, public=False),
        Step(code="go_on", name="继续办理", source="ending", target="handling", by=HEAD, needs_reason=True, public=False),
        Step(
            code="terminate", name="终止办理", source="ending", target="ended", by=HEAD, needs_reason=True, effect=effects.terminate, finishes=("handle",),
            message="petition-ended", style="danger",
        ),
    ),
    clocks=(
        Clock(code="divert", name="登记分流期限", amount=limits.of("divert-days"), unit="calendar", basis="信访工作条例第二十二条"),
        Clock(code="tell", name="告知是否受理期限", amount=limits.of("tell-days"), unit="calendar", basis="信访工作条例第二十三条"),
        Clock(code="object", name="提出异议期限", amount=limits.of("object-days"), basis="信访工作条例第二十三条"),
        Clock(
            code="handle", name="办理期限", amount=limits.of("handle-days"), unit="calendar", basis="信访工作条例第三十四条", extendable=limits.of("extend-days"),
            extension_by=HEAD, extension_paper="petition-extension",
        ),
        Clock(code="report", name="上报期限", amount=effects.report_days, unit="calendar", basis="交办要求"),
    ),
)


def upper(code: str, name: str, article: str, paper: str, *, stops: tuple[str, ...]) -> Procedure:
    """复查 or 复核 by the organ above: thirty days, a hearing where one is held, a letter at the end."""
    clock = "review"
    return Procedure(
        code=code,
        name=name,
        start="new",
        stages=("请求", "审查", "答复"),
        **PAGES,
        states=(
            State(code="new", name="待提交", public="还没有提交", stage="请求"),
            State(code="reviewing", name=f"{name}中", public=f"上级机关正在{name}", stage="审查", awaits=HANDLER, task=name),
            State(code="hearing", name="听证", public="正在举行听证", stage="审查", awaits=HANDLER, task="听证"),
            State(code="signing", name="待签发", public="正在形成意见", stage="审查", awaits=HEAD, task="签发意见书"),
            State(code="answered", name="已答复", public="已经答复，可以查看意见书", stage="答复", final=True),
            State(code="not-accepted", name="不予受理", public="没有受理，理由见告知书", stage="请求", final=True),
            State(code="withdrawn", name="已撤回", public="您已撤回", stage="请求", final=True),
        ),
        steps=(
            Step(code="ask", name=f"请求{name}", source="new", target="reviewing", by=APPLICANT, starts=(clock,), message="petition-review-asked"),
            Step(code="open_hearing", name="举行听证", source="reviewing", target="hearing", by=HANDLER, form=forms.HearingForm, effect=effects.plan_hearing, suspends=stops),
            Step(
                code="close_hearing", name="听证结束", source="hearing", target="reviewing", by=HANDLER, form=forms.HearingRecordForm, effect=effects.hold_hearing,
                resumes=stops, style="primary",
            ),
            Step(code="propose", name=f"提交{name}意见", source="reviewing", target="signing", by=HANDLER, form=forms.ReplyForm, effect=effects.propose, public=False, style="primary"),
            Step(code="send_back", name="退回修改", source="signing", target="reviewing", by=HEAD, needs_reason=True, public=False),
            Step(
                code="sign", name="签发", source="signing", target="answered", by=HEAD, form=forms.SignForm, when=effects.own_draft, effect=effects.sign,
                finishes=(clock,), document=paper, paper=papers.opinion, message="petition-answered", style="primary",
            ),
            Step(
                code="decline", name="不予受理", source="reviewing", target="not-accepted", by=HANDLER, form=forms.DeclineForm, effect=effects.refuse_review,
                finishes=(clock,), document="petition-declined", paper=papers.declined, message="petition-declined", style="danger",
            ),
            Step(
                code="withdraw", name="撤回", source="reviewing", target="withdrawn", by=APPLICANT, needs_reason=True, effect=effects.withdraw,
                message="petition-withdrawn", style="danger",
            ),
        ),
        clocks=(Clock(code=clock, name=f"{name}期限", amount=limits.of("review-days" if code == "petition-review" else "rereview-days"), unit="calendar", basis=f"信访工作条例{article}"),),
    )


review = upper("petition-review", "复查", "第三十五条", "petition-review", stops=())
rereview = upper("petition-rereview", "复核", "第三十六条", "petition-rereview", stops=("review",))  # the days of its hearing are not counted (第三十六条)
duty = incidents.procedure(code=ways.FLOW, name="履职查处事项办理", office=CLERK, handler=HANDLER, verifier=CLERK, seen_by=SEEN_BY)  # 第三十一条第五项
PROCEDURES = (petition, review, rereview, duty)
