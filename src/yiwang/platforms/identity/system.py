"""统一身份认证: accounts, how sure we are of them, second factors, delegations, authorised systems."""

from yiwang.kit.declare import MessageTemplate, Page, Role, System
from yiwang.kit.guards import ANYONE, SIGNED_IN
from yiwang.platforms.identity import administration, portal, posts, security, window

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
    messages=(
        MessageTemplate(code="identity-code", title="实名核验码", body="您的实名核验码是 {code}，{minutes} 分钟内有效。不是您本人操作，请不要告诉任何人。", channels=("sms",), urgent=True),
        MessageTemplate(code="identity-reset", title="重设登录密码", body="请打开 {link} 重设登录密码。不是您本人操作，请忽略。", channels=("sms",), urgent=True),
        MessageTemplate(code="identity-changed", title="登录方式有变化", body="您的账号：{what}。不是您本人操作，请立即修改密码，或拨打 12345。"),
    ),
    pages=(
        Page(shell="portal", route="my/account", name="account", view=portal.account, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="my/account/prove", name="prove", view=portal.prove, guard=(ANYONE,), everywhere=True),
        Page(shell="portal", route="my/account/code", name="send-code", view=portal.send_code, guard=(ANYONE,), everywhere=True),
        Page(shell="portal", route="accounts/forgotten", name="forgotten", view=portal.forgotten, guard=(ANYONE,), everywhere=True),
        Page(shell="portal", route="my/delegations", name="delegations", view=portal.delegations, guard=(SIGNED_IN,), menu="委托与代办", icon="users", everywhere=True),
        Page(shell="portal", route="my/delegations/<int:delegation>/withdraw", name="withdraw-delegation", view=portal.withdraw, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="my/enterprises", name="enterprises", view=portal.enterprises, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="my/act-for", name="act-for", view=portal.switch, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="console", route="accounts", name="window", view=window.accounts, guard=("window-clerk", "security-admin"), menu="账号核验", icon="id"),
        Page(shell="console", route="clients", name="clients", view=administration.clients, guard=("system-admin",), menu="对接系统", icon="building"),
        Page(shell="console", route="clients/<int:client>/renew", name="renew-client", view=administration.renew, guard=("system-admin",)),
        Page(shell="console", route="clients/<int:client>/close", name="close-client", view=administration.close, guard=("system-admin",)),
        Page(shell="console", route="clients/hooks/<int:hook>/approve", name="approve-hook", view=administration.approve_hook, guard=("system-admin",)),
        Page(shell="console", route="clients/hooks/<int:hook>/end", name="end-hook", view=administration.end_hook, guard=("system-admin",)),
        Page(shell="console", route="posts", name="posts", view=posts.posts, guard=("system-admin",), menu="任职管理", icon="users"),
        Page(shell="console", route="posts/<int:organ>", name="office", view=posts.office, guard=("system-admin",)),
        Page(shell="console", route="posts/<int:organ>/make", name="make-post", view=posts.make, guard=("system-admin",)),
        Page(shell="console", route="posts/leave/<int:membership>", name="leave-post", view=posts.leave, guard=("system-admin",)),
        Page(shell="console", route="security", name="security", view=security.security, guard=("security-admin",), menu="登录安全", icon="shield-check"),
        Page(shell="console", route="security/<int:lock>/unlock", name="unlock", view=security.unlock_view, guard=("security-admin",)),
        Page(shell="console", route="security/<int:account>/end", name="end-sessions", view=security.end_view, guard=("security-admin",)),
    ),
    journeys=("tests/journeys/test_identity.py",),
)
