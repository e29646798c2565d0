"""The declaration of 政务服务“好差评”."""

from django.db.models import Q

from yiwang.kit.declare import Indicator, MessageTemplate, Page, Role, System
from yiwang.kit.guards import SIGNED_IN
from yiwang.systems.services.evaluation import portal
from yiwang.systems.services.evaluation.flows import reply
from yiwang.systems.services.evaluation.models import Rating

COUNTED = Q(counted=True)  # malicious ratings are left out after review

system = System(
    code="evaluation",
    name="政务服务“好差评”",
    owner="government_services_data",
    plan=("service_evaluation_good_bad",),
    basis=("国务院办公厅关于建立政务服务“好差评”制度提高政务服务水平的意见（国办发〔2019〕51号）",),
    roles=(Role(code="evaluation-officer", name="评价管理人员", sees="city"),),
    procedures=(reply,),
    indicators=(  # no way from a grade to the case it was given for: the office does not learn who gave it
        Indicator(
            code="good-share", name="好评率", unit="%", kind="share", of=Rating, at="given_at", where=COUNTED, part=Q(grade__gte=3), better="more",
            note="纳入统计的评价中基本满意以上的比例。",
        ),
        Indicator(
            code="rating-mean", name="平均满意度", unit="分", kind="mean", of=Rating, measure="grade", at="given_at", where=COUNTED, better="more",
            note="纳入统计的评价的平均分，5 分最高。",
        ),
        Indicator(
            code="bad-answered-share", name="差评整改率", unit="%", kind="share", of=Rating, at="given_at", where=COUNTED & Q(grade__lte=2), case="reply", better="more",
            part=Q(reply__closed_at__isnull=False), note="按评价时间统计的差评中，已经整改并回访的比例；还在整改期限内的计入未整改。",
        ),
    ),
    messages=(
        MessageTemplate(code="rating-contacted", title="承办单位正在核实您的评价", body="“{subject}”：{opinion}"),
        MessageTemplate(code="rating-answered", title="您的差评已有整改结果", body="“{subject}”：{opinion}。我们会回访听取您的意见。"),
        MessageTemplate(code="rating-set-aside", title="您的评价已复核", body="“{subject}”经复核不纳入统计：{opinion}。评价仍然保留，不同意的请拨打 12345。"),
    ),
    pages=(
        Page(shell="portal", route="my/cases/<int:case>/rate", name="rate", view=portal.rate, guard=(SIGNED_IN,)),
        Page(shell="console", route="ratings", name="ratings", view=portal.ratings, guard=("evaluation-officer", "supervisor"), menu="好差评", icon="star"),
    ),
    journeys=("tests/journeys/test_elderly.py",),
)
