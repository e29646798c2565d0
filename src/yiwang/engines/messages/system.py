"""消息: what the engine itself says to people."""

from yiwang.engines.messages.subscribing import CONFIRM
from yiwang.kit.declare import MessageTemplate, System

system = System(
    code="messages",
    name="消息",
    owner="government_services_data",
    layer="engine",
    messages=(MessageTemplate(code=CONFIRM, title="确认邮箱", body="您的邮箱确认码是 {code}，{minutes} 分钟内有效。不是您本人操作，请忽略。", channels=("email",), urgent=True),),
)
