"""What registers share: the working-day calendar, dated policy values, data elements with their source, and the history of corrections."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import Func, Q
from django.utils import timezone

from yiwang.base.ids import new_id
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record
from yiwang.kit.registry import registry

DATA_OFFICER = "data-officer"  # decides on exports


class CurrentTransaction(Func):
    """The number of the transaction that writes the row."""

    template = "pg_current_xact_id()::text::bigint"
    output_field = models.BigIntegerField()

    def deconstruct(self) -> tuple[str, list[object], dict[str, object]]:
        return "yiwang.engines.registers.models.CurrentTransaction", [], {}


class CalendarYear(models.Model):
    """A year whose weekends and holidays are entered. Until it is confirmed by the State Council's notice, deadlines do not run into it.

    `version` is another number after every edit, so that processes drop the days they keep; it is never used twice, even when an edit is rolled back.
    """

    personal = ()
    year = models.PositiveSmallIntegerField("年份", primary_key=True)
    version = models.BigIntegerField("版次", default=new_id)
    source = models.CharField("来源", max_length=200)
    confirmed = models.BooleanField("已公布", default=True)

    class Meta:
        verbose_name = "工作日历"

    def __str__(self) -> str:
        return f"{self.year} 年"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class CalendarDay(models.Model):
    """A date that is worked or not against its weekday (放假, 调休上班)."""

    personal = ()
    date = models.DateField("日期", primary_key=True)
    working = models.BooleanField("上班")
    name = models.CharField("名称", max_length=40, blank=True)

    class Meta:
        verbose_name = "特殊日期"

    def __str__(self) -> str:
        return f"{self.date} {'上班' if self.working else '放假'}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class CalendarEdit(Record):
    """Who changed which date, or entered or confirmed which year, when and why."""

    personal = ()
    year = models.PositiveSmallIntegerField("年份")
    date = models.DateField("日期", null=True)  # None: the year itself
    before = models.CharField("原为", max_length=60, blank=True)
    after = models.CharField("改为", max_length=60)
    reason = models.CharField("理由", max_length=200)
    by = models.CharField("修改人", max_length=60)
    at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "日历修改记录"
        indexes = [models.Index(fields=["year", "-at"], name="calendar_edit_of_year")]

    def __str__(self) -> str:
        return f"{self.date or self.year} {self.after}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class PolicyValue(Record):
    """A limit, tariff or rule value with the place, the days and the text it rests on. Two rows never answer for one day."""

    personal = ()
    key = models.CharField("参数", max_length=80)
    name = models.CharField("名称", max_length=80, blank=True)
    division = models.CharField("区划", max_length=12)  # prefix: "44", "4408", "440802"
    valid = DateRangeField("有效期")
    value = models.JSONField("取值")
    unit = models.CharField("单位", max_length=20, blank=True)
    source = models.CharField("来源", max_length=200)
    article = models.CharField("条款", max_length=60, blank=True)
    mark = models.CharField("核实", max_length=1, choices=[("V", "已核实"), ("K", "待核实")], default="K")
    reason = models.CharField("录入理由", max_length=200, blank=True)
    entered_by = models.CharField("录入人", max_length=60, blank=True)
    entered_at = models.DateTimeField("录入时间", default=timezone.now)

    class Meta:
        verbose_name = "政策参数"
        constraints = [
            ExclusionConstraint(
                name="policy_no_overlap",
                expressions=[("key", RangeOperators.EQUAL), ("division", RangeOperators.EQUAL), ("valid", RangeOperators.OVERLAPS)],
            )
        ]

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class DataElement(models.Model):
    """数据元: a fact that is kept once, by one source organ (一数一源), and asked of nobody twice."""

    personal = ()
    code = models.CharField("数据元", max_length=60, primary_key=True)
    name = models.CharField("名称", max_length=60)
    register = models.CharField("来源库", max_length=60, blank=True)  # 人口库, 法人库, 电子证照库; empty: no register keeps it
    organ = models.CharField("数源单位", max_length=60, blank=True)  # function key of the source organ
    sensitive = models.BooleanField("敏感个人信息", default=False)

    class Meta:
        verbose_name = "数据元"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Version(Record):
    """A correction of a register row: what it said before and after, since when that is true, when it was entered, by whom and why."""

    personal = ("before", "after")
    subject_type = models.CharField("对象类型", max_length=60)
    subject_id = models.CharField("对象", max_length=60)
    before = models.JSONField("原值")
    after = models.JSONField("新值")
    valid_from = models.DateField("生效日期")
    at = models.DateTimeField("录入时间", default=timezone.now)
    by = models.CharField("更正人", max_length=60)
    reason = models.CharField("理由", max_length=300)
    transaction = models.BigIntegerField("事务", db_default=CurrentTransaction(), editable=False)  # orders the change feed: see `feed`

    class Meta:
        verbose_name = "更正记录"
        indexes = [models.Index(fields=["subject_type", "subject_id"]), models.Index(fields=["subject_type", "transaction", "id"], name="version_feed")]

    def __str__(self) -> str:
        return f"{self.subject_type} {self.subject_id} {self.valid_from}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class SavedView(Record):
    """A list that somebody wants to find again: its filters, words and order; shared with the colleagues of one office or kept for oneself."""

    personal = ()
    owner = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="保存人")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, null=True, related_name="+", verbose_name="共享给")
    register = models.CharField("登记簿", max_length=60)
    name = models.CharField("名称", max_length=40)
    query = models.TextField("条件")  # as it stands in the address

    class Meta:
        verbose_name = "保存的列表"
        constraints = [models.UniqueConstraint("owner", "register", "name", name="view_named_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(owner=actor.party) | Q(organ__in=actor.organs) if actor.party else NOTHING


class WriteKey(Record):
    """One write that a machine asked for: the same key again is answered with the same row (IETF draft-ietf-httpapi-idempotency-key-header)."""

    personal = ()
    client = models.CharField("对接系统", max_length=40)
    key = models.CharField("请求标识", max_length=80)
    register = models.CharField("登记簿", max_length=60)
    digest = models.CharField("内容摘要", max_length=64)  # SHA-256 of the body: a key used for something else is refused
    row = models.BigIntegerField("记录")
    at = models.DateTimeField("时间", default=timezone.now)

    class Meta:
        verbose_name = "写入请求"
        constraints = [models.UniqueConstraint("client", "key", name="write_once")]

    def __str__(self) -> str:
        return f"{self.client} {self.key}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(client=actor.client) if actor.client else NOTHING


class Hook(Record):
    """An outside system that wants to be told of changes of a register. Told from where it was left; asked for by the system, let in by an administrator."""

    personal = ()
    client = models.CharField("对接系统", max_length=40)
    register = models.CharField("登记簿", max_length=60)
    url = models.URLField("接收地址", max_length=300)
    approved_by = models.CharField("批准人", max_length=60, blank=True)  # empty: waits, nothing is sent
    cursor = models.CharField("进度", max_length=60, blank=True)
    failures = models.PositiveIntegerField("连续失败", default=0)
    problem = models.CharField("最近的问题", max_length=200, blank=True)
    told_at = models.DateTimeField("最近通知", null=True)
    asked_at = models.DateTimeField("申请时间", default=timezone.now)

    class Meta:
        verbose_name = "变更通知"
        constraints = [models.UniqueConstraint("client", "register", "url", name="hook_once")]

    def __str__(self) -> str:
        return f"{self.client} {self.register}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        if "system-admin" in actor.roles:
            return Q()
        return Q(client=actor.client) if actor.client else NOTHING


class Import(Record):
    """A file of rows on its way into a register: read into lines, each line checked, then written as its owner decides."""

    class State(models.TextChoices):
        CHECKING = "checking", "正在检查"
        CHECKED = "checked", "已检查"
        WRITING = "writing", "正在写入"
        DONE = "done", "已完成"
        DROPPED = "dropped", "已放弃"

    class Matching(models.TextChoices):
        ADD = "add", "只增加，编码已有的算错误"
        UPDATE = "update", "编码已有的更新，没有的增加"

    class Mode(models.TextChoices):
        ALL = "all", "全部正确才写入"
        GOOD = "good", "只写入正确的"

    personal = ()
    register = models.CharField("登记簿", max_length=60)
    name = models.CharField("文件", max_length=200)
    by = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="导入人")
    by_name = models.CharField("导入人姓名", max_length=60)
    fields = models.JSONField("列")  # heading → field
    matching = models.CharField("已有的记录", max_length=6, choices=Matching.choices, default=Matching.ADD)
    mode = models.CharField("写入方式", max_length=4, choices=Mode.choices, blank=True)
    state = models.CharField("状态", max_length=8, choices=State.choices, default=State.CHECKING)
    total = models.PositiveIntegerField("行数", default=0)
    done = models.PositiveIntegerField("进度", default=0)  # number of the last line that was checked or written
    wrong = models.PositiveIntegerField("有错误", default=0)
    written = models.PositiveIntegerField("已写入", default=0)
    at = models.DateTimeField("时间", default=timezone.now)
    finished_at = models.DateTimeField("完成时间", null=True)

    class Meta:
        verbose_name = "导入"
        indexes = [models.Index(fields=["register", "-at"], name="import_of_register")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(by=actor.party) if actor.party else NOTHING

    @property
    def percent(self) -> int:
        return 100 * self.done // self.total if self.total else 100


class ImportLine(models.Model):
    """One line of the file as it was read, and what is wrong with it. Removed a month after the import has ended."""

    personal = ("data",)
    id = models.BigAutoField(primary_key=True)
    source = models.ForeignKey(Import, models.CASCADE, related_name="lines", verbose_name="导入")
    number = models.PositiveIntegerField("行号")
    data = models.JSONField("内容")
    error = models.TextField("问题", blank=True)

    class Meta:
        verbose_name = "导入的行"
        constraints = [models.UniqueConstraint("source", "number", name="line_once")]
        indexes = [models.Index(fields=["source", "number"], name="line_wrong", condition=~Q(error=""))]

    def __str__(self) -> str:
        return f"第 {self.number} 行"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(source__by=actor.party) if actor.party else NOTHING


class Export(Record):
    """Rows that somebody takes away: what, why, how many; above the register's limit or unmasked only with another's approval."""

    class State(models.TextChoices):
        WAITING = "waiting", "等待批准"
        MAKING = "making", "正在生成"
        READY = "ready", "可以下载"
        FAILED = "failed", "没有生成"
        REFUSED = "refused", "未批准"

    personal = ()
    register = models.CharField("登记簿", max_length=60)
    query = models.TextField("条件", blank=True)  # as it stands in an address
    format = models.CharField("格式", max_length=8, choices=[("csv", "CSV"), ("xlsx", "XLSX"), ("geojson", "GeoJSON")])
    clear = models.BooleanField("含完整个人信息", default=False)
    reason = models.CharField("用途", max_length=300)
    by = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="导出人")
    by_name = models.CharField("导出人姓名", max_length=60)
    rows = models.PositiveIntegerField("条数")
    done = models.PositiveIntegerField("已生成", default=0)  # rows, while a file is made
    rights = models.CharField("岗位摘要", max_length=64, blank=True)  # of the posts for which a file was made; empty: no file, it is streamed
    made_at = models.DateTimeField("生成时间", null=True)
    state = models.CharField("状态", max_length=8, choices=State.choices)
    decided_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="批准人")
    decided_at = models.DateTimeField("决定时间", null=True)
    at = models.DateTimeField("申请时间", default=timezone.now)
    taken_at = models.DateTimeField("下载时间", null=True)

    class Meta:
        verbose_name = "导出"
        constraints = [models.CheckConstraint(condition=Q(decided_by=None) | ~Q(decided_by=models.F("by")), name="export_decided_by_another")]

    def __str__(self) -> str:
        return f"{self.called} {self.rows} 条"

    @property
    def called(self) -> str:
        """What the register is called."""
        found = registry().registers.get(self.register)
        return found.name if found else self.register

    @property
    def percent(self) -> int:
        return min(100 * self.done // self.rows, 100) if self.rows else 100

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        seen = Q(by=actor.party) if actor.party else NOTHING
        return seen | Q(state=cls.State.WAITING) if DATA_OFFICER in actor.roles else seen


class CorrectionRequest(Record):
    """A person's request to correct or delete what a register says of them (个人信息保护法第四十六条、第四十七条), with the answer and the version it led to."""

    class Kind(models.TextChoices):
        CORRECT = "correct", "更正"
        ERASE = "erase", "删除"

    class State(models.TextChoices):
        WAITING = "waiting", "等待处理"
        GRANTED = "granted", "已按申请处理"
        REFUSED = "refused", "未同意"

    personal = ("words", "answer")
    register = models.CharField("登记簿", max_length=60)
    row = models.CharField("记录", max_length=60)
    party = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="申请人")
    kind = models.CharField("申请", max_length=7, choices=Kind.choices)
    words = models.TextField("申请内容", max_length=500)
    state = models.CharField("状态", max_length=7, choices=State.choices, default=State.WAITING)
    asked_at = models.DateTimeField("申请时间", default=timezone.now)
    due_on = models.DateField("答复期限")
    answer = models.TextField("答复", max_length=500, blank=True)
    decided_by = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="答复人")
    decided_at = models.DateTimeField("答复时间", null=True)
    version = models.ForeignKey(Version, models.PROTECT, null=True, related_name="+", verbose_name="所作的修改")

    class Meta:
        verbose_name = "更正删除申请"
        constraints = [
            models.UniqueConstraint("register", "row", "party", "kind", condition=Q(state="waiting"), name="asked_once_at_a_time"),
            models.CheckConstraint(condition=Q(state="waiting") | ~Q(answer=""), name="asked_is_answered", violation_error_message="请写明答复。"),
        ]
        indexes = [models.Index(fields=["register", "state", "due_on"], name="asked_waiting")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}申请 {self.asked_at:%Y-%m-%d}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """One's own; officials: of the registers that their roles keep (whether they may see the row itself is asked where it is answered)."""
        kept = [r.code for r in registry().registers.values() if r.subject and actor.roles & set(r.editors)]
        return (Q(party=actor.party) if actor.party else NOTHING) | (Q(register__in=kept) if kept else NOTHING)
