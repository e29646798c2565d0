"""统一身份认证: accounts, second factors, delegations, authorised systems."""

from yiwang.kit.declare import Page, Role, System
from yiwang.kit.guards import SIGNED_IN
from yiwang.platforms.identity import portal

system = System(
    code="identity",
    name="统一身份认证",
    owner="government_services_data",
    layer="platform",
    basis=("网络安全法第二十四条", "国务院关于在线政务服务的若干规定第六条"),
    roles=(
        Role(code="system-admin", name="系统管理员", sees="city"),
        Role(code="security-admin", name="安全管理员", sees="city"),
        Role(code="audit-admin", name="审计管理员", sees="city"),
    ),
    pages=(
        Page(shell="portal", route="my/delegations", name="delegations", view=portal.delegations, guard=(SIGNED_IN,), menu="委托与代办", icon="users"),
        Page(shell="portal", route="my/delegations/<int:delegation>/withdraw", name="withdraw-delegation", view=portal.withdraw, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/act-for", name="act-for", view=portal.switch, guard=(SIGNED_IN,)),
    ),
)
