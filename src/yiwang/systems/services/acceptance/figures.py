"""The figures of acceptance and approval: what came, what was decided, how fast, what is late, what people did not have to bring."""

from django.db.models import ExpressionWrapper, F, Q
from django.db.models.fields import DurationField
from django.db.models.functions import Extract

from yiwang.engines.procedures.models import Case, Deadline
from yiwang.kit.declare import Indicator
from yiwang.systems.services.acceptance.flows import PROCEDURES
from yiwang.systems.services.acceptance.models import Application, Material

MAIN = Q(parent=None, procedure__in=sorted({p.code for p in PROCEDURES}))  #: what people asked for: not a department's opinion, not what another system opens
DECIDED = Q(case__parent=None, code="decide", due_at__isnull=False)
_took = Extract(ExpressionWrapper(F("closed_at") - F("opened_at"), output_field=DurationField()), "epoch")

INDICATORS = (
    Indicator(
        code="cases-opened", name="收件量", unit="件", of=Case, at="opened_at", where=MAIN, case="pk",
        note="按提交时间统计的申请件数，不含部门会审和差评整改办件。",
    ),
    Indicator(
        code="cases-accepted", name="受理量", unit="件", of=Case, at="accepted_at", where=MAIN, case="pk",
        note="按受理时间统计的承诺件和联合审批件；逾期未告知的，按收到申请之日受理。",
    ),
    Indicator(
        code="cases-closed", name="办结量", unit="件", of=Case, at="closed_at", where=MAIN, case="pk",
        note="按办结时间统计，含准予、不予许可、不予受理、撤回和终止。",
    ),
    Indicator(
        code="on-time-share", name="按时办结率", unit="%", kind="share", of=Deadline, at="finished_at", division="case__division", case="case", better="more",
        where=DECIDED & Q(case__outcome__in=("granted", "refused")), part=Q(finished_at__lte=F("due_at")),
        note="作出准予或不予决定的办件中，在承诺办理时限内作出的比例；依法停止计时和批准延期的时间已经计入时限。",
    ),
    Indicator(
        code="overdue-cases", name="超期在办", unit="件", kind="stock", of=Deadline, at="due_at", until="finished_at", division="case__division", case="case",
        where=DECIDED, better="less", note="周期结束时（进行中的周期为此刻）已过承诺办理时限、还没有作出决定的办件。",
    ),
    Indicator(
        code="open-cases", name="在办量", unit="件", kind="stock", of=Case, at="opened_at", until="closed_at", where=MAIN, case="pk",
        note="周期结束时（进行中的周期为此刻）还没有办结的办件。",
    ),
    Indicator(
        code="handling-days", name="平均办理用时", unit="天", kind="mean", of=Case, at="closed_at", measure=_took, scale=86_400, case="pk", better="less",
        where=MAIN & Q(outcome__in=("granted", "refused")), note="从提交到办结的自然日，含补正、现场核查等停止计时的时间，是申请人实际等待的时间。",
    ),
    Indicator(
        code="online-share", name="网上办理率", unit="%", kind="share", of=Case, at="opened_at", case="pk", better="more",
        where=MAIN & ~Q(channel="office"), part=Q(channel__in=("internet", "api")), note="收件中由申请人网上提交或由对接系统提交的比例，其余在窗口办理。",
    ),
    Indicator(
        code="instant-share", name="即办件占比", unit="%", kind="share", of=Case, at="opened_at", case="pk", better="more",
        where=MAIN, part=Q(procedure="instant"), note="收件中即来即办事项的比例。",
    ),
    Indicator(
        code="correction-share", name="补正率", unit="%", kind="share", of=Application, at="case__opened_at", division="case__division", case="case", better="less",
        part=Q(correction__isnull=False), note="收件中需要一次性告知补正的比例，按提交时间统计。",
    ),
    Indicator(
        code="materials-spared", name="免提交材料", unit="份", of=Material, at="application__case__opened_at", division="application__case__division",
        case="application__case", where=Q(way__in=("licence", "register")), better="more",
        note="由电子证照或者数据核验代替、申请人没有提交的材料份数。",
    ),
)
