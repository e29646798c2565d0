"""A case and what happens to it. Every change of a case is one immutable event; its clocks keep every start and stop."""

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from yiwang.engines.audit.models import Withheld
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.declare import Procedure
from yiwang.kit.records import Record
from yiwang.kit.registry import registry

WIDE = ("supervisor", "leader")  #: roles that see every case of their division
DRAWN = 1000  #: versions above are drawn by officials (`FlowVersion`), those below are declared in Python
ASIDE = ("urge", "extend", "supervise")  #: events beside the steps of a procedure (verbs of `requests`)


class Case(Record):
    """One matter under way: what every case has, whatever it is about. A system's own part is a record with a one-to-one key to it."""

    class Channel(models.TextChoices):
        INTERNET = "internet", "网上申办"
        COUNTER = "counter", "窗口"
        API = "api", "系统对接"
        OFFICE = "office", "内部"

    class Outcome(models.TextChoices):
        OPEN = "", "办理中"
        GRANTED = "granted", "准予"
        REFUSED = "refused", "不予许可"
        NOT_ACCEPTED = "not-accepted", "不予受理"
        WITHDRAWN = "withdrawn", "申请人撤回"
        ENDED = "ended", "终止"
        ANSWERED = "answered", "已答复"

    personal = ("subject",)
    number = models.CharField("办件编号", max_length=60, unique=True)
    procedure = models.CharField("流程", max_length=40)
    version = models.PositiveSmallIntegerField("流程版本")
    state = models.CharField("状态", max_length=40)
    subject = models.CharField("标题", max_length=200)
    item_key = models.CharField("事项", max_length=80)
    applicant = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="申请人")
    agent = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="代办人")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="承办机构")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    channel = models.CharField("渠道", max_length=10, choices=Channel.choices)
    client = models.CharField("对接系统", max_length=40, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children", verbose_name="主办件")
    key = models.CharField("提交标识", max_length=80)  # made by the page or the calling system; the same key twice is the same case
    revision = models.PositiveIntegerField("版次", default=0)  # grows with every event; a page that saw an older one is told
    opened_at = models.DateTimeField("提交时间", default=timezone.now)
    accepted_at = models.DateTimeField("受理时间", null=True)
    closed_at = models.DateTimeField("办结时间", null=True)
    outcome = models.CharField("结果", max_length=20, choices=Outcome.choices, blank=True)
    due_at = models.DateTimeField("到期时间", null=True)  # of the nearest running clock; null while none runs
    warn_at = models.DateTimeField("预警时间", null=True)
    urged_at = models.DateTimeField("最近催办", null=True)

    class Meta:
        verbose_name = "办件"
        constraints = [models.UniqueConstraint("applicant", "client", "key", name="case_submitted_once")]
        indexes = [
            models.Index(F("applicant"), F("opened_at").desc(), name="case_of_applicant"),
            models.Index(F("agent"), F("opened_at").desc(), name="case_of_agent", condition=Q(agent__isnull=False)),
            models.Index(F("organ"), F("opened_at").desc(), name="case_of_organ"),
            models.Index(F("division"), F("opened_at"), name="case_of_division"),
            models.Index(F("client"), F("id").desc(), name="case_of_client", condition=~Q(client="")),
            models.Index(fields=["organ", "due_at"], name="case_late", condition=Q(closed_at=None)),
            models.Index(F("procedure"), F("closed_at").desc(), name="case_closed_last", condition=Q(closed_at__isnull=False, parent=None)),
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.subject}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """The applicant's and agent's own; an office's own and those it has a task in; supervisors see their whole division."""
        seen = NOTHING
        mine = actor.acting_for or actor.party
        if mine:
            seen |= Q(applicant=mine)
        if actor.party and actor.acting_for in (None, actor.party):
            seen |= Q(agent=actor.party)
        if actor.client:
            seen |= Q(client=actor.client)
        if actor.organs:
            seen |= _worked_on(actor)
        return seen & ~Q(pk__in=Withheld.cases_from(actor)) if actor.party else seen

    @property
    def declared(self) -> Procedure:
        """The procedure it began under."""
        return procedure_of(self.procedure, self.version)


def procedure_of(code: str, version: int) -> Procedure:
    """A version of a procedure, declared or drawn."""
    if version > DRAWN:
        from yiwang.engines.procedures.bpmn import versions  # which reads these tables

        return versions.loaded(code, version).procedure
    return registry().procedure(code, version)


def _worked_on(actor: Actor) -> Q:
    """By the offices of the actor's posts; what is closed to all but some roles (`Procedure.seen_by`) only where one of them is held."""
    closed: dict[tuple[str, ...], list[str]] = {}
    for procedure in registry().procedures.values():
        if procedure.seen_by:
            closed.setdefault(procedure.seen_by, []).append(procedure.code)
    kept = [code for codes in closed.values() for code in codes]
    seen = _reached(actor, WIDE, frozenset(actor.organs)) & ~Q(procedure__in=kept)
    for roles, codes in closed.items():
        organs = frozenset(seat.organ for seat in actor.seats if seat.roles & set(roles))
        if organs:
            wide = tuple(role for role in roles if registry().roles[role].sees == "division")
            seen |= _reached(actor, wide, organs) & Q(procedure__in=codes)
    return seen


def _reached(actor: Actor, wide: tuple[str, ...], organs: frozenset[int]) -> Q:
    """An office's own cases and those it has or had a task in; for the `wide` roles everything in their division and below."""
    seen = Q(organ__in=organs)
    # asked of each row that is left: a list of everything the office ever touched would be read for every page
    seen |= Q(Exists(Task.objects.filter(case=OuterRef("pk"), organ__in=organs)))
    seen |= Q(Exists(Case.objects.filter(parent=OuterRef("pk"), organ__in=organs)))
    for seat in actor.seats:
        if seat.roles & set(wide):
            seen |= below(seat.division)
    return seen


def below(prefix: str) -> Q:
    """Cases of a division and all below it, as a range: row security lets a comparison use the index, but not LIKE, which is not leak-proof."""
    return Q(division__gte=prefix, division__lt=str(int(prefix) + 1)) if prefix else Q()


class Task(Record):
    """Work that waits for one role of one office; a person may take it or be given it."""

    personal = ()
    case = models.ForeignKey(Case, models.PROTECT, related_name="tasks", verbose_name="办件")
    state = models.CharField("环节", max_length=40)
    title = models.CharField("任务", max_length=60)
    role = models.CharField("角色", max_length=40)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="机构")
    assignee = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="经办人")
    opened_at = models.DateTimeField("开始", default=timezone.now)
    closed_at = models.DateTimeField("完成", null=True)
    due_at = models.DateTimeField("到期", null=True)
    warn_at = models.DateTimeField("预警", null=True)

    class Meta:
        verbose_name = "任务"
        constraints = [models.UniqueConstraint("case", "state", "role", "organ", name="task_open_once", condition=Q(closed_at=None))]
        indexes = [models.Index(F("organ"), F("role"), F("due_at").asc(nulls_last=True), F("id"), name="task_waiting", condition=Q(closed_at=None))]

    def __str__(self) -> str:
        return f"{self.title} {self.case_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """What waits for a role that the actor holds in that office."""
        seen = NOTHING
        for seat in actor.seats:
            seen |= Q(organ=seat.organ, role__in=sorted(seat.roles))
        return seen & ~Q(case__in=Withheld.cases_from(actor)) if actor.seats else seen


class Deadline(Record):
    """A statutory clock on a case, with the law it rests on. A second round after a correction is a second row."""

    class Expiry(models.TextChoices):
        ALERT = "alert", "超期报警"
        DEEM = "deem", "视为作出"

    personal = ()
    case = models.ForeignKey(Case, models.PROTECT, related_name="deadlines", verbose_name="办件")
    code = models.CharField("时限", max_length=40)
    name = models.CharField("名称", max_length=60)
    amount = models.PositiveIntegerField("数量")
    unit = models.CharField("单位", max_length=10)
    basis = models.CharField("依据", max_length=200, blank=True)
    extended = models.PositiveIntegerField("延长", default=0)
    started_at = models.DateTimeField("起算")
    due_at = models.DateTimeField("到期", null=True)  # null while suspended
    warn_at = models.DateTimeField("预警", null=True)
    suspended_at = models.DateTimeField("暂停", null=True)
    finished_at = models.DateTimeField("结束", null=True)
    expired_at = models.DateTimeField("超期", null=True)
    expiry = models.CharField("到期效果", max_length=10, choices=Expiry.choices)
    deems = models.CharField("视为办理", max_length=40, blank=True)

    class Meta:
        verbose_name = "时限"
        constraints = [models.UniqueConstraint("case", "code", name="deadline_runs_once", condition=Q(finished_at=None))]
        indexes = [models.Index(fields=["due_at"], name="deadline_running", condition=Q(finished_at=None, expired_at=None))]

    def __str__(self) -> str:
        return f"{self.name} {self.case_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=Case.objects.filter(Case.visible_to(actor)))


class DeadlineMove(Record):
    """A start, stop or extension of a clock: when, by whom, why."""

    class Kind(models.TextChoices):
        START = "start", "开始计时"
        SUSPEND = "suspend", "停止计时"
        RESUME = "resume", "恢复计时"
        EXTEND = "extend", "延长"
        FINISH = "finish", "结束计时"
        EXPIRE = "expire", "到期"

    personal = ()
    deadline = models.ForeignKey(Deadline, models.PROTECT, related_name="moves", verbose_name="时限")
    kind = models.CharField("动作", max_length=10, choices=Kind.choices)
    at = models.DateTimeField("时间")
    by = models.CharField("操作人", max_length=60)
    amount = models.PositiveIntegerField("数量", default=0)
    reason = models.CharField("原因", max_length=300, blank=True)

    class Meta:
        verbose_name = "时限变动"

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(deadline__in=Deadline.objects.filter(Deadline.visible_to(actor)))


class Extension(Record):
    """A request for more time that another person decides (行政许可法第四十二条: 经本行政机关负责人批准)."""

    personal = ()
    deadline = models.ForeignKey(Deadline, models.PROTECT, related_name="extensions", verbose_name="时限")
    amount = models.PositiveIntegerField("延长")
    reason = models.CharField("理由", max_length=300)
    asked_by = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="申请人")
    asked_at = models.DateTimeField("申请时间", default=timezone.now)
    decided_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="批准人")
    decided_at = models.DateTimeField("决定时间", null=True)
    granted = models.BooleanField("同意", null=True)

    class Meta:
        verbose_name = "延期申请"
        constraints = [
            models.UniqueConstraint("deadline", name="extension_asked_once", condition=Q(decided_at=None)),
            models.CheckConstraint(condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")), name="extension_decided_by_another"),
        ]

    def __str__(self) -> str:
        return f"延长 {self.amount}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(deadline__in=Deadline.objects.filter(Deadline.visible_to(actor)))


class Event(Record):
    """What happened to a case: one immutable row per move, with the opinion of whoever made it."""

    personal = ()
    case = models.ForeignKey(Case, models.PROTECT, related_name="events", verbose_name="办件")
    sequence = models.PositiveIntegerField("序号")
    step = models.CharField("步骤", max_length=40)
    name = models.CharField("名称", max_length=60)
    source = models.CharField("原状态", max_length=40, blank=True)
    target = models.CharField("新状态", max_length=40)
    at = models.DateTimeField("时间", default=timezone.now)
    actor = models.CharField("操作人", max_length=60)
    party = models.BigIntegerField("操作人主体", null=True)
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="操作机构")
    opinion = models.TextField("意见", blank=True)
    public = models.BooleanField("申请人可见", default=True)
    key = models.CharField("请求标识", max_length=80, null=True)  # null: no key was given; unique only among given ones
    data = models.JSONField("内容", default=dict)  # what the step's form held

    class Meta:
        verbose_name = "办理记录"
        constraints = [
            models.UniqueConstraint("case", "sequence", name="event_in_order"),
            models.UniqueConstraint("case", "key", name="event_once", condition=Q(key__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.at:%Y-%m-%d %H:%M}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        seen = Q(case__in=Case.objects.filter(Case.visible_to(actor)))
        return seen if actor.seats else seen & Q(public=True)


class Paper(Record):
    """The numbered and sealed document of an event: waiting until the job has made it, then bound to it for good."""

    personal = ()
    event = models.OneToOneField(Event, models.PROTECT, related_name="paper", verbose_name="办理记录")
    template = models.CharField("模板", max_length=60)
    document = models.ForeignKey("documents.Document", models.PROTECT, null=True, related_name="+", verbose_name="文书")
    made_at = models.DateTimeField("制成", null=True)

    class Meta:
        verbose_name = "办件文书"

    def __str__(self) -> str:
        return f"{self.template} {self.event_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(event__in=Event.objects.filter(Event.visible_to(actor)))


from yiwang.engines.procedures.models_flows import CaseFlow, FlowTimer, FlowVersion  # noqa: E402 - Django finds an app's tables in `models`; these build on Case

__all__ = ["ASIDE", "DRAWN", "Case", "CaseFlow", "Deadline", "DeadlineMove", "Event", "Extension", "FlowTimer", "FlowVersion", "Paper", "Task"]
