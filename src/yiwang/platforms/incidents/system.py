"""The declaration of the platform incidents: who answers for which kind where, and what reporters are told."""

from yiwang.kit.declare import MessageTemplate, Register, Role, System
from yiwang.platforms.incidents.forms import RuleForm
from yiwang.platforms.incidents.models import RoutingRule

OFFICER = "incident-officer"

system = System(
    code="incidents",
    name="事件",
    owner="government_services_data",
    layer="platform",
    roles=(Role(code=OFFICER, name="事件分派规则管理员", sees="city"),),
    registers=(
        Register(
            code="routing", name="分派规则", model=RoutingRule, columns=("category", "division", "function", "days", "since", "until", "source", "mark"),
            filters=("category", "division", "mark"), form=RuleForm, fields=("category", "division", "function", "days", "since", "until", "source", "mark"),
            readers=(OFFICER,), editors=(OFFICER,), order="category", icon="list",
        ),
    ),
    messages=(
        MessageTemplate(code="report-answered", title="您反映的问题有了答复", body="您反映的“{text}”：{answer}"),
        MessageTemplate(code="incident-urged", title="催办：{subject}", body="“{subject}”（{number}）请抓紧办理：{words}"),
    ),
)  # fmt: skip
