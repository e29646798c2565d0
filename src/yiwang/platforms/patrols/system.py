"""The declaration of the platform patrols: only what every patrolling system shares."""

from yiwang.kit.declare import MessageTemplate, System

system = System(
    code="patrols",
    name="巡查",
    owner="government_services_data",
    layer="platform",
    messages=(
        MessageTemplate(code="patrol-due", title="巡查提醒：{plan}", body="{plan}（{period}）还需巡查 {left} 次，请在 {last} 前完成。"),
        MessageTemplate(code="patrol-overdue", title="巡查逾期：{plan}", body="{plan}（{period}）到 {last} 还差 {left} 次有效巡查。"),
    ),
)
