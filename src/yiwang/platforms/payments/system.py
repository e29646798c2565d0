"""统一支付: bills paid through channels, notices proven by signature, three-way reconciliation."""

from yiwang.engines.ledger.models import Payment
from yiwang.kit.declare import Indicator, Page, Role, System
from yiwang.kit.guards import SIGNED, SIGNED_IN
from yiwang.platforms.payments import portal

system = System(
    code="payments",
    name="统一公共支付",
    owner="finance",
    layer="platform",
    basis=("政府非税收入管理办法", "国务院关于在线政务服务的若干规定"),
    roles=(Role(code="accountant", name="收费会计", sees="organ"),),
    indicators=(
        Indicator(
            code="fees-paid", name="缴费金额", unit="元", kind="sum", of=Payment, measure="amount", scale=100, at="paid_at", division="bill__organ__division",
            case="bill__case", note="支付渠道确认收到的款项，未扣减退费，按执收单位所在地区。",
        ),
    ),
    pages=(
        Page(shell="portal", route="pay/<int:bill>", name="bill", view=portal.bill, guard=(SIGNED_IN,)),
        Page(shell="portal", route="pay/<int:bill>/start", name="pay", view=portal.pay, guard=(SIGNED_IN,)),
        Page(shell="portal", route="pay/notice/<slug:channel>", name="notice", view=portal.notice, guard=(SIGNED,)),
    ),
)
