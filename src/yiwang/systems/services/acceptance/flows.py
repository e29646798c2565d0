"""The flows of applications: decided at once (即办件), promised (承诺件), and joint approval by several departments (联合审批).

States and steps are those of 行政许可法 chapters 4: submission, one correction notice (32), acceptance, examination (34), stopped clock (45), extension (42),
decision (38), licence within ten days (44). Who waits for what stands in each state; what a step writes beside the case is in `effects`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from yiwang.engines.parties.models import Party
from yiwang.engines.procedures.models import Case
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Clock, Fact, Procedure, State, Step
from yiwang.systems.services.acceptance import effects, forms, papers

Effect = Callable[[Any, Any, dict[str, Any]], None]
CLERK, APPROVER, REVIEWER, INSPECTOR = "window-clerk", "approver", "reviewer", "inspector"
STAGES = ("提交", "受理", "审查", "决定", "领取")

ACCEPT = Clock(code="accept", name="受理期限", amount=5, basis="行政许可法第三十二条", expiry="deem", deems="deem_accepted")
CORRECT = Clock(code="correct", name="补正期限", amount=effects.correction_days, unit="working", basis="补正告知书", expiry="deem", deems="lapse")
DECIDE = Clock(
    code="decide",
    name="办理时限",
    amount=effects.promised_amount,
    since=effects.accepted_at,
    unit=effects.promised_unit,
    basis=effects.limit_basis,
    extendable=effects.longest_extension,
    extension_by=REVIEWER,
)
JOINT_DECIDE = Clock(
    code="decide",
    name="联合办理时限",
    amount=effects.promised_amount,
    since=effects.accepted_at,
    unit=effects.promised_unit,
    basis="行政许可法第四十二条第二款",
    extendable=effects.longest_extension,
    extension_by=REVIEWER,
)
LICENSE = Clock(code="license", name="制证送达期限", amount=10, basis="行政许可法第四十四条")

NEW = State(code="new", name="待提交", public="还没有提交", stage="提交")
SUBMITTED = State(code="submitted", name="待受理", public="材料已收到，正在核对", stage="受理", awaits=CLERK, organ=effects.window, task="受理审查")
CORRECTING = State(code="correcting", name="待补正", public="需要您补充材料", stage="受理", awaits=APPLICANT, organ=effects.window, task="补正材料")
REVIEWING = State(code="reviewing", name="审查中", public="正在审查", stage="审查", awaits=APPROVER, task="审查")
INSPECTING = State(code="inspecting", name="现场核查", public="将到现场核查，核查期间不计入办理时限", stage="审查", awaits=INSPECTOR, task="现场核查")
SPECIAL = State(code="special", name="特别程序", public="正在进行检验、评审等特别程序，期间不计入办理时限", stage="审查", awaits=APPROVER, task="特别程序")
CONSULTING = State(code="consulting", name="部门会审", public="有关部门正在同时审查", stage="审查")
DECIDING = State(code="deciding", name="待决定", public="审查已经完成，等待作出决定", stage="决定", awaits=REVIEWER, task="作出决定")
PAYING = State(code="paying", name="待缴费", public="已经准予，请缴费后领取", stage="决定", awaits=APPLICANT, task="缴费")
LICENSING = State(code="licensing", name="制证中", public="正在制作证照", stage="领取")
DELIVERING = State(code="delivering", name="待领取", public="证照已经制作完成，可以领取", stage="领取", awaits=CLERK, organ=effects.window, task="出件")
DONE = State(code="done", name="已办结", public="已经办好", stage="领取", final=True)
REFUSED = State(code="refused", name="不予许可", public="没有批准，理由见决定书", stage="决定", final=True)
NOT_ACCEPTED = State(code="not-accepted", name="不予受理", public="没有受理，理由见通知书", stage="受理", final=True)
WITHDRAWN = State(code="withdrawn", name="已撤回", public="您已撤回申请", stage="受理", final=True)
LAPSED = State(code="lapsed", name="逾期未补正", public="补正期限已过，本次申请终止，可以重新申请", stage="受理", final=True)

OPEN_STATES = ("submitted", "correcting", "reviewing", "inspecting", "special", "deciding")

SUBMIT = Step(
    code="submit", name="提交申请", source="new", target="submitted", by=(APPLICANT, CLERK), starts=("accept",),
    document="receipt", paper=papers.receipt, message="case-submitted",
)
ASK_CORRECTION = Step(
    code="ask_correction", name="一次性告知补正", source="submitted", target="correcting", by=CLERK, form=forms.CorrectionForm,
    when=effects.corrected_before, effect=effects.ask_correction, finishes=("accept",), starts=("correct",),
    document="correction-notice", paper=papers.correction, message="case-correction",
)
RESUBMIT = Step(
    code="resubmit", name="提交补正", source="correcting", target="submitted", by=(APPLICANT, CLERK), when=effects.correction_incomplete,
    effect=effects.answer_correction, finishes=("correct",), starts=("accept",), message="case-resubmitted", style="primary",
)
LAPSE = Step(
    code="lapse", name="逾期未补正终止", source="correcting", target="lapsed", by=SYSTEM_ROLE, finishes=("correct",), effect=effects.end_lapsed,
    message="case-lapsed",
)
DECLINE = Step(
    code="decline", name="不予受理", source="submitted", target="not-accepted", by=CLERK, needs_reason=True, finishes=("accept",),
    effect=effects.end_not_accepted, document="not-accepted", paper=papers.decline, message="case-not-accepted", style="danger",
)
WITHDRAW = Step(
    code="withdraw", name="撤回申请", source=OPEN_STATES, target="withdrawn", by=APPLICANT, needs_reason=True, effect=effects.end_withdrawn,
    message="case-withdrawn", style="danger",
)


def accept(target: str, effect: Effect) -> tuple[Step, Step]:
    """Acceptance by the window, and the same by silence of the law."""
    by_window = Step(
        code="accept", name="受理", source="submitted", target=target, by=CLERK, effect=effect, finishes=("accept",), starts=("decide",),
        document="acceptance", paper=papers.acceptance, message="case-accepted", style="primary",
    )
    return by_window, replace(by_window, code="deem_accepted", name="逾期视为受理", by=SYSTEM_ROLE)


REVIEW = (
    Step(
        code="order_inspection", name="安排现场核查", source="reviewing", target="inspecting", by=APPROVER, form=forms.InspectionOrderForm,
        when=effects.inspected_before, effect=effects.order_inspection, suspends=("decide",), document="special-procedure",
        paper=papers.inspection_order, message="case-inspection",
    ),
    Step(
        code="report_inspection", name="提交核查结果", source="inspecting", target="reviewing", by=INSPECTOR, when=effects.inspection_missing,
        resumes=("decide",), message="case-inspected", style="primary",
    ),
    Step(
        code="begin_special", name="进入特别程序", source="reviewing", target="special", by=APPROVER, form=forms.SpecialForm, suspends=("decide",),
        document="special-procedure", paper=papers.special, message="case-special",
    ),
    Step(
        code="end_special", name="特别程序结束", source="special", target="reviewing", by=APPROVER, form=forms.OpinionForm, resumes=("decide",),
        message="case-resumed", style="primary",
    ),
    Step(
        code="propose", name="提交审查意见", source="reviewing", target="deciding", by=APPROVER, form=forms.ProposalForm, when=effects.inspection_owed,
        effect=effects.propose, public=False, style="primary",
    ),
    Step(code="send_back", name="退回重审", source="deciding", target="reviewing", by=REVIEWER, needs_reason=True, public=False),
)
REFUSE = Step(
    code="refuse", name="不予许可", source="deciding", target="refused", by=REVIEWER, needs_reason=True, finishes=("decide",),
    effect=effects.refuse, document="refusal", paper=papers.refusal, message="case-refused", style="danger",
)
LICENSED = Step(
    code="licensed", name="证照制成", source="licensing", target=effects.after_licence, targets=("delivering", "done"), by=SYSTEM_ROLE,
    effect=effects.after_licensed, message="case-licensed",
)
DELIVER = Step(
    code="deliver", name="出件", source="delivering", target="done", by=CLERK, form=forms.DeliveryForm, effect=effects.deliver, finishes=("license",),
    document="delivery-receipt", paper=papers.delivery, message="case-done", style="primary",
)


def grant(target: str | Callable[[Any, dict[str, Any]], str], targets: tuple[str, ...] = ()) -> Step:
    """The decision for the applicant (行政许可法第三十八条); what follows is paying or making the licence."""
    return Step(
        code="grant", name="准予许可", source="deciding", by=REVIEWER, form=forms.OpinionForm, effect=effects.grant, finishes=("decide",),
        starts=("license",), document="approval", paper=papers.approval, message="case-granted", style="primary",
        target=target, targets=targets,
    )


FACTS = (
    Fact(code="channel", name="渠道", value=lambda case: str(case.channel), choices=tuple(Case.Channel.choices)),
    Fact(code="item", name="事项标识", value=lambda case: str(case.item_key)),
    Fact(code="applicant", name="申请人", value=lambda case: str(case.applicant.kind), choices=tuple(Party.Kind.choices)),
    Fact(code="owed", name="容缺待补的材料件数", value=effects.owed, kind="count"),
    Fact(code="corrected", name="是否要求过补正", value=effects.corrected, kind="yes"),
)

ENDINGS = (DONE, REFUSED, NOT_ACCEPTED, WITHDRAWN, LAPSED)

promise = Procedure(
    code="promise",
    name="承诺件",
    start="new",
    facts=FACTS,
    stages=STAGES,
    states=(NEW, SUBMITTED, CORRECTING, REVIEWING, INSPECTING, SPECIAL, DECIDING, LICENSING, DELIVERING, *ENDINGS),
    steps=(
        SUBMIT, ASK_CORRECTION, RESUBMIT, LAPSE, DECLINE, *accept("reviewing", effects.accept), *REVIEW, grant(target="licensing"), REFUSE, LICENSED, DELIVER, WITHDRAW,
    ),
    clocks=(ACCEPT, CORRECT, DECIDE, LICENSE),
)

joint = Procedure(
    code="joint",
    name="联合审批",
    start="new",
    facts=FACTS,
    stages=("提交", "受理", "会审", "决定", "领取"),
    states=(
        NEW, SUBMITTED, CORRECTING, replace(CONSULTING, stage="会审"), replace(REVIEWING, stage="会审"), replace(INSPECTING, stage="会审"),
        replace(SPECIAL, stage="会审"), DECIDING, PAYING, LICENSING, DELIVERING, *ENDINGS,
    ),
    steps=(
        SUBMIT, ASK_CORRECTION, RESUBMIT, LAPSE, DECLINE, *accept("consulting", effects.accept_and_consult),
        Step(code="gather", name="部门意见收齐", source="consulting", target="reviewing", by=SYSTEM_ROLE, after_children=True, effect=effects.gather),
        *REVIEW, replace(grant(target=effects.after_grant, targets=("paying", "licensing")), suspends=("license",)), REFUSE,
        Step(
            code="paid", name="缴费完成", source="paying", target="licensing", by=SYSTEM_ROLE, effect=effects.make_licence,
            resumes=("license",), message="case-paid",
        ),
        replace(LICENSED, resumes=("license",)), DELIVER, replace(WITHDRAW, source=(*OPEN_STATES, "consulting", "paying")),
    ),
    clocks=(ACCEPT, CORRECT, JOINT_DECIDE, LICENSE),
)

instant = Procedure(
    code="instant",
    name="即办件",
    start="new",
    facts=FACTS,
    stages=("提交", "决定", "领取"),
    states=(
        NEW,
        State(code="deciding", name="待决定", public="正在核对，当场办结", stage="决定", awaits=CLERK, organ=effects.window, task="当场决定"),
        replace(CORRECTING, stage="提交"), LICENSING, replace(DELIVERING), DONE, REFUSED, replace(WITHDRAWN, stage="决定"), replace(LAPSED, stage="决定"),
    ),
    steps=(
        replace(SUBMIT, target="deciding", starts=("decide",), effect=effects.decide_at_once),
        replace(ASK_CORRECTION, source="deciding", finishes=(), suspends=("decide",)),
        replace(RESUBMIT, target="deciding", starts=(), resumes=("decide",)),
        LAPSE,
        replace(grant(target="licensing"), name="准予办理", by=(CLERK, SYSTEM_ROLE)),
        replace(REFUSE, name="不予办理", by=(CLERK, SYSTEM_ROLE)),
        LICENSED, DELIVER, replace(WITHDRAW, source=("deciding", "correcting")),
    ),
    clocks=(DECIDE, CORRECT, LICENSE),
)

opinion = Procedure(
    code="opinion",
    name="部门会审意见",
    start="asked",
    stages=("会审",),
    states=(
        State(code="asked", name="待会审", public="正在审查", stage="会审", awaits=APPROVER, task="会审"),
        State(code="agreed", name="同意", public="已同意", stage="会审", final=True),
        State(code="disagreed", name="不同意", public="提出不同意见", stage="会审", final=True),
        State(code="ended", name="已终止", public="已终止", stage="会审", final=True),
    ),
    steps=(
        Step(code="ask", name="发起会审", source="asked", target="asked", by=SYSTEM_ROLE, starts=("consult",)),
        Step(code="agree", name="同意", source="asked", target="agreed", by=APPROVER, form=forms.OpinionForm, finishes=("consult",), style="primary"),
        Step(code="disagree", name="不同意", source="asked", target="disagreed", by=APPROVER, needs_reason=True, finishes=("consult",), style="danger"),
        Step(code="end", name="主办件终止", source="asked", target="ended", by=SYSTEM_ROLE),
    ),
    clocks=(Clock(code="consult", name="会审时限", amount=effects.consult_days, basis="联合审批办法（由牵头部门设定）"),),
)

PROCEDURES = (promise, joint, instant, opinion)
