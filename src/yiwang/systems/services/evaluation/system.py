"""The declaration of 政务服务“好差评”."""

from django.db.models import Avg

from yiwang.kit.declare import Indicator, MessageTemplate, Page, Role, System
from yiwang.kit.guards import SIGNED_IN
from yiwang.systems.services.evaluation import portal
from yiwang.systems.services.evaluation.flows import reply
from yiwang.systems.services.evaluation.models import Rating

system = System(
    code="evaluation",
    name="政务服务“好差评”",
    owner="government_services_data",
    plan=("service_evaluation_good_bad",),
    basis=("国务院办公厅关于建立政务服务“好差评”制度提高政务服务水平的意见（国办发〔2019〕51号）",),
    roles=(Role(code="evaluation-officer", name="评价管理人员", sees="city"),),
    procedures=(reply,),
    indicators=(
        Indicator(code="rating-mean", name="平均满意度", unit="分", of=Rating, value=Avg("grade"), at="given_at", where={"counted": True}, better="more"),
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
