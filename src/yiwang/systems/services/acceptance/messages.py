"""What applicants and officials are told, in people's words."""

from yiwang.kit.declare import MessageTemplate

SENT = (
    ("case-submitted", "申请已提交", "您的“{subject}”申请已提交，编号 {number}，由{organ}办理。"),
    ("case-correction", "请补正材料", "您的“{subject}”申请需要补正，请在 {due} 前登录查看并补交。编号 {number}。"),
    ("case-resubmitted", "补正已收到", "您为“{subject}”补交的内容已收到。编号 {number}。"),
    ("case-lapsed", "补正期限已过", "“{subject}”在期限内没有补正，本次申请终止，可以重新申请。编号 {number}。"),
    ("case-not-accepted", "不予受理", "您的“{subject}”申请没有受理：{opinion}。决定书可在线查看。编号 {number}。"),
    ("case-accepted", "申请已受理", "您的“{subject}”申请已受理，预计 {due} 前有结果。编号 {number}。"),
    ("case-inspection", "将进行现场核查", "“{subject}”将进行现场核查，请做好准备。核查期间不计入办理时限。编号 {number}。"),
    ("case-inspected", "现场核查已完成", "“{subject}”的现场核查已完成，继续审查。编号 {number}。"),
    ("case-special", "进入特别程序", "“{subject}”需要进行特别程序，期间不计入办理时限。编号 {number}。"),
    ("case-resumed", "特别程序已结束", "“{subject}”的特别程序已结束，继续审查。编号 {number}。"),
    ("case-granted", "申请已批准", "您的“{subject}”申请已批准。编号 {number}。"),
    ("case-refused", "申请未获批准", "您的“{subject}”申请没有批准：{opinion}。可以申请复议或提起诉讼，详见决定书。编号 {number}。"),
    ("case-paid", "缴费已到账", "“{subject}”的费用已到账，正在制作证照。编号 {number}。"),
    ("case-licensed", "证照已制成", "“{subject}”的证照已制成，可以查看和领取。编号 {number}。"),
    ("case-done", "已送达", "“{subject}”的结果已送达，请为我们的服务评价。编号 {number}。"),
    ("case-withdrawn", "申请已撤回", "您已撤回“{subject}”申请。编号 {number}。"),
    ("case-extended", "办理时限延长", "“{subject}”的{deadline}延长 {amount}：{reason}。编号 {number}。"),
    ("case-urged", "申请人催办", "“{subject}”（{number}）的申请人催办：{words}"),
    ("case-supervised", "督办通知", "“{subject}”（{number}）已超期，效能监督要求：{words}"),
    ("case-overdue", "办件超期", "{organ}办理的“{subject}”（{number}）{deadline}已超期，请督办。"),
)
templates = tuple(MessageTemplate(code=code, title=title, body=body) for code, title, body in SENT)
