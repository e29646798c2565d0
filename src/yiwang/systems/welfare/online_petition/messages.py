"""What petitioners are told. Never a word of what they accuse whom of: a phone's screen is read by others too."""

from yiwang.kit.declare import MessageTemplate

SENT = (
    ("petition-registered", "信访件已登记", "您的来信已登记，编号 {number}。信访部门将在 {due} 前告知去向。"),
    ("petition-lodged", "信访件已登记", "您向{organ}提出的信访事项已经登记，将在 {due} 前书面告知是否受理。编号 {number}。"),
    ("petition-repeated", "来信已并入原件", "您就同一事项再次来信，已并入正在办理的信访件一并办理，不重复答复。编号 {number}。"),
    ("petition-joined", "来信已并案", "您的来信与同一事项的其他来信一并办理、一并答复。编号 {number}。"),
    ("petition-transferred", "信访件已转送", "您的来信已转送{organ}，告知书可在线查看。编号 {number}。"),
    ("petition-declined", "信访件不予受理", "您的来信没有受理，理由和可以走的途径见告知书。编号 {number}。"),
    ("petition-accepted", "信访件已受理", "{organ}已受理您的来信，将在 {due} 前办结。编号 {number}。"),
    ("petition-answered", "信访件已答复", "{organ}已作出答复，意见书可在线查看；不服的可以在规定期限内请求上一级机关复查、复核。编号 {number}。"),
    ("petition-inspecting", "信访件已移交履职查处", "您反映的问题已移交有关机关履职查处，承办单位、编号和进展可在线查看。编号 {number}。"),
    ("petition-inspected", "信访件已查处答复", "您反映的问题已经查处：{opinion}。编号 {number}。"),
    ("petition-review-asked", "已收到您的请求", "{organ}已收到您的请求，将在 {due} 前答复。编号 {number}。"),
    ("petition-withdrawn", "信访件已撤回", "您已撤回来信。编号 {number}。"),
    ("petition-ended", "信访件已终止办理", "您的来信终止办理：{opinion}。编号 {number}。"),
)
templates = tuple(MessageTemplate(code=code, title=title, body=body) for code, title, body in SENT)
