"""电子证照系统: 335 types, immutable versions, sealed faces, verification for anybody, use by reference in applications."""

from yiwang.engines.documents import api as documents
from yiwang.kit.declare import Health, Indicator, MessageTemplate, Page, Register, Role, System
from yiwang.kit.guards import ANYONE, SIGNED_IN
from yiwang.platforms.licences import portal
from yiwang.platforms.licences.models import Licence, LicenceType, Use

system = System(
    code="licences",
    name="电子证照系统",
    owner="government_services_data",
    layer="platform",
    plan=("electronic_certificate_system",),
    basis=("国务院关于在线政务服务的若干规定第十条", "GB/T 36904-2018"),
    roles=(Role(code="licence-officer", name="证照管理人员"),),
    registers=(Register(code="licence-types", name="证照类型", model=LicenceType, columns=("name", "issuer", "validity", "mark"), search=("name",)),),
    indicators=(
        Indicator(
            code="licences-issued", name="证照签发", unit="份", of=Licence, at="issued_at", division="issuer__division", case="case",
            note="按颁发时间统计的电子证照，含变更和延续换发的新版本，按颁发机构所在地区。",
        ),
        Indicator(
            code="licences-used", name="证照用证", unit="次", of=Use, at="at", division="licence__issuer__division", case="case", better="more",
            note="电子证照被出示或者在办事中引用的次数，按颁发机构所在地区。",
        ),
    ),
    messages=(
        MessageTemplate(code="licence-changed", title="证照状态变化", body="您的{licence}现在的状态是“{state}”：{reason}。办理机构：{organ}。"),
        MessageTemplate(code="licence-expiring", title="证照即将到期", body="您的{licence}将在 {days} 天后（{date}）到期，请及时办理延续。"),
    ),
    pages=(
        Page(shell="portal", route="verify/", name="verify", view=portal.verify, guard=(ANYONE,), menu="证照核验", icon="shield-check"),
        Page(shell="portal", route="verify/<str:identifier>", name="verify-one", view=portal.verify_one, guard=(ANYONE,)),
        Page(shell="portal", route="my/licences", name="mine", view=portal.mine, guard=(SIGNED_IN,), menu="我的证照", icon="id"),
        Page(shell="portal", route="my/licences/<str:identifier>", name="one", view=portal.one, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/licences/<str:identifier>/authorise", name="authorise", view=portal.authorise, guard=(SIGNED_IN,)),
        Page(shell="portal", route="my/authorisations/<int:authorisation>/withdraw", name="withdraw", view=portal.withdraw, guard=(SIGNED_IN,)),
        Page(shell="portal", route="shown/<str:token>", name="shown", view=portal.shown, guard=(ANYONE,)),
        Page(shell="portal", route="my/licences/<str:identifier>/face", name="face", view=portal.face, guard=(SIGNED_IN,)),
    ),
    health=(Health(code="fonts", name="中文字体", check=lambda: (documents.fonts_present(), "Noto Sans CJK SC")),),
    journeys=("tests/journeys/test_food.py", "tests/journeys/test_verify.py"),
)
