"""The declaration of 网上信访 (plan id online_petition_system)."""

from django.db.models import Q

from yiwang.kit.declare import Column, Indicator, Listen, Page, Register, Role, System
from yiwang.kit.guards import ANYONE, OFFICIAL, SIGNED, SIGNED_IN
from yiwang.platforms.incidents.api import IncidentClosed
from yiwang.systems.welfare.online_petition import desk, peers_desk, portal, ways
from yiwang.systems.welfare.online_petition.flows import CLERK, DISCIPLINE, HANDLER, HEAD, LEADER, PROCEDURES, SEEN_BY
from yiwang.systems.welfare.online_petition.messages import templates
from yiwang.systems.welfare.online_petition.models import Accused, Instance, Petition, Supervision, Transfer, Warning

ADMIN = "system-admin"  # of the platform identity: registers the systems we speak with
WORKING = (CLERK, HANDLER, HEAD, LEADER, DISCIPLINE)


# Accusations are in none of these: a figure of a small office would tell that somebody wrote.
OPEN = Q(petition__kind__in=(Petition.Kind.CLAIM, Petition.Kind.ADVICE))
FIRST = OPEN & Q(level=Instance.Level.HANDLING)
SECRET = "检举控告不计入。"
NUMBER = Column(code="case__number", name="编号")
INDICATORS = (
    Indicator(
        code="petitions-registered", name="信访件登记量", unit="件", note=f"按登记日期，含重复件。{SECRET}", of=Petition, at="registered_at",
        where=Q(kind__in=(Petition.Kind.CLAIM, Petition.Kind.ADVICE)), case="case",
    ),
    Indicator(
        code="petition-accepted-in-time", name="受理及时率", unit="%", note=f"已受理的，按受理日期；15 日内书面告知的占比。{SECRET}", kind="share", of=Instance,
        where=FIRST & Q(case__accepted_at__isnull=False), part=Q(accepted_late=False), at="case__accepted_at", case="case", better="more",
    ),
    Indicator(
        code="petition-answered-in-time", name="按期办结率", unit="%", note=f"已答复的，按答复日期；在 60 日和批准的延长期内答复的占比。{SECRET}", kind="share", of=Instance,
        where=FIRST & Q(answered_at__isnull=False), part=Q(answered_late=False), at="answered_at", case="case", better="more",
    ),
    Indicator(
        code="petition-settled-at-once", name="一次化解率", unit="%", note=f"已答复的，按答复日期；没有请求复查的占比。{SECRET}", kind="share", of=Instance,
        where=FIRST & Q(answered_at__isnull=False), part=Q(taken_on=False), at="answered_at", case="case", better="more",
    ),
    Indicator(
        code="petition-repeated", name="重复信访率", unit="%", note=f"按登记日期；同一人同一事项再次来信的占比。{SECRET}", kind="share", of=Petition,
        where=Q(kind__in=(Petition.Kind.CLAIM, Petition.Kind.ADVICE)), part=Q(previous__isnull=False), at="registered_at", case="case", better="less",
    ),
    Indicator(
        code="petition-satisfied", name="信访满意率", unit="%", note=f"已评价的，按评价日期；满意和基本满意的占比。{SECRET}", kind="share", of=Instance,
        where=OPEN & Q(rated_at__isnull=False), part=Q(grade__gte=Instance.Grade.FAIR), at="rated_at", case="case", better="more",
    ),
)

system = System(
    code="online_petition",
    name="网上信访",
    owner="petition",
    plan=("online_petition_system",),
    basis=("信访工作条例（2022 年）",),
    roles=(
        Role(code=CLERK, name="信访登记分流人员"),
        Role(code=HANDLER, name="信访承办人员"),
        Role(code=HEAD, name="信访承办负责人"),
        Role(code=LEADER, name="信访部门负责人", sees="division"),
        Role(code=DISCIPLINE, name="纪检监察信访人员"),
    ),
    registers=(
        Register(
            code="petition", name="信访件台账", model=Petition, columns=(NUMBER, "kind", "channel", "matter", "division", "people", "registered_at"),
            filters=("kind", "channel", "route", "division"), readers=SEEN_BY, icon="message",
        ),
        Register(
            code="petition-instance", name="信访层级台账", model=Instance, columns=(NUMBER, "level", "case__organ", "opened_at", "answered_at", "grade"), filters=("level", "grade"),
            readers=SEEN_BY, icon="list",
        ),
        Register(
            code="petition-transfer", name="信访转送台账", model=Transfer, columns=(Column(code="petition", name="信访件"), "manner", "sender", "receiver", "sent_at", "closed_at"),
            filters=("manner",), readers=SEEN_BY, icon="list",
        ),
        Register(
            code="petition-supervision", name="信访督办台账", model=Supervision, columns=(NUMBER, "kind", "organ", "reason", "asked_at", "due_at", "answered_at"), filters=("kind",),
            readers=SEEN_BY, icon="alarm",
        ),
        Register(
            code="petition-accused", name="被反映人", model=Accused, columns=("name", "title", "organ", Column(code="petition", name="信访件")), readers=SEEN_BY, icon="shield-check",
        ),
        Register(
            code="petition-warning", name="苗头预警记录", model=Warning, columns=("week", "division", "matter", "count", "median", "z", "note"), filters=("division",),
            readers=(CLERK, LEADER), order="-found_at", icon="alert-triangle",
        ),
    ),
    procedures=PROCEDURES,
    indicators=INDICATORS,
    listens=(Listen(event=IncidentClosed, handler=ways.followed),),
    messages=templates,
    pages=(
        Page(shell="portal", route="petitions", name="home", view=portal.home, guard=(ANYONE,), menu="信访", icon="message"),
        Page(shell="portal", route="petitions/write", name="write", view=portal.write, guard=(ANYONE,)),
        Page(shell="portal", route="petitions/<int:case>", name="follow", view=portal.follow, guard=(SIGNED_IN,)),
        Page(shell="portal", route="petitions/<int:case>/rate", name="rate", view=portal.rate, guard=(SIGNED_IN,)),
        Page(shell="portal", route="petitions/<int:case>/act/<slug:step>", name="follow-act", view=portal.act, guard=(SIGNED_IN,)),
        Page(shell="portal", route="petitions/review/<int:petition>", name="ask-review", view=portal.ask_review, guard=(SIGNED_IN,)),
        Page(shell="portal", route="petitions/letters/<int:paper>", name="letter", view=portal.letter, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="petitions/materials/<int:material>", name="material", view=portal.material, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="petitions/peers/<slug:peer>/files/<int:material>", name="office-file", view=portal.office_file, guard=(SIGNED,)),
        Page(shell="portal", route="petitions/above/<slug:peer>", name="above", view=portal.above, guard=(SIGNED,)),
        Page(shell="portal", route="petitions/peers/<slug:peer>", name="office", view=portal.office, guard=(SIGNED,)),
        Page(shell="console", route="petitions", name="list", view=desk.listed, guard=WORKING, menu="信访件", icon="message"),
        Page(shell="console", route="petitions/register", name="register", view=desk.register, guard=(CLERK,), menu="来信来访登记", icon="pencil"),
        Page(shell="console", route="petitions/leader", name="leader", view=desk.leader, guard=(LEADER,), menu="信访领导台", icon="star"),
        Page(shell="console", route="petitions/supervisions", name="supervisions", view=desk.supervisions, guard=(CLERK, LEADER, HANDLER, HEAD), menu="信访督查督办", icon="alarm"),
        Page(shell="console", route="petitions/warnings", name="warnings", view=desk.warnings, guard=(CLERK, LEADER), menu="信访苗头预警", icon="alert-triangle"),
        Page(shell="console", route="petitions/warnings/look", name="look", view=desk.look, guard=(CLERK, LEADER)),
        Page(shell="console", route="petitions/warnings/<int:warning>", name="settle", view=desk.settle, guard=(CLERK, LEADER)),
        Page(shell="console", route="petitions/peers", name="peers", view=peers_desk.listed, guard=(CLERK, LEADER, ADMIN), menu="信访系统对接", icon="building"),
        Page(shell="console", route="petitions/peers/<slug:peer>", name="peer", view=peers_desk.one, guard=(CLERK, LEADER, ADMIN)),
        Page(shell="console", route="petitions/peers/<slug:peer>/switch", name="peer-switch", view=peers_desk.switch, guard=(ADMIN,)),
        Page(shell="console", route="petitions/exchanges/<int:exchange>", name="send-again", view=peers_desk.send_again, guard=(CLERK, LEADER)),
        Page(shell="console", route="petitions/<int:case>", name="case", view=desk.case, guard=(OFFICIAL,)),
        Page(shell="console", route="petitions/<int:case>/act/<slug:step>", name="act", view=desk.act, guard=(OFFICIAL,)),
        Page(shell="console", route="petitions/<int:case>/extend", name="extend", view=desk.extend, guard=(HANDLER, HEAD)),
        Page(shell="console", route="petitions/<int:case>/supervise", name="supervise", view=desk.supervise, guard=(CLERK, LEADER)),
        Page(shell="console", route="petitions/accused/<int:accused>", name="identify", view=desk.identify, guard=(CLERK, DISCIPLINE)),
        Page(shell="console", route="petitions/supervisions/<int:supervision>", name="answer", view=desk.answer, guard=(HANDLER, HEAD)),
        Page(shell="console", route="petitions/supervisions/<int:supervision>/letter", name="supervision-letter", view=desk.supervision_letter, guard=(OFFICIAL,)),
    ),
    journeys=("tests/journeys/test_petition.py",),
)
