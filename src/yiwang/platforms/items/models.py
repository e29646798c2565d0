"""Service items as data: kinds, their dated versions, and where each is handled."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Item(Record):
    """A kind of service (基本目录): what people search for. Its content stands in versions."""

    class Handling(models.TextChoices):
        INSTANT = "即办件", "即办件"
        PROMISE = "承诺件", "承诺件"

    personal = ()
    key = models.CharField("标识", max_length=80, unique=True)
    code = models.CharField("基本编码", max_length=12, blank=True)  # given by the provincial catalogue; never invented
    name = models.CharField("事项名称", max_length=200)
    kind = models.CharField("事项类型", max_length=20)
    function = models.CharField("主管部门", max_length=60)
    levels = ArrayField(models.CharField(max_length=4), verbose_name="行使层级")
    objects_served = ArrayField(models.CharField(max_length=20), verbose_name="服务对象")
    person_topics = ArrayField(models.CharField(max_length=20), default=list, verbose_name="个人主题")
    legal_topics = ArrayField(models.CharField(max_length=20), default=list, verbose_name="法人主题")
    says = ArrayField(models.CharField(max_length=60), default=list, verbose_name="百姓说法")
    words = SearchVectorField("检索词", null=True)
    meaning = models.BinaryField("语义向量", null=True)  # float32 little-endian, unit length, one row per phrase

    class Meta:
        verbose_name = "政务服务事项"
        indexes = [GinIndex(fields=["words"])]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()

    def closed_to(self, kind: str) -> tuple[str, str] | None:
        """Why a party of this kind (parties.Party.Kind) cannot apply, and what to do; None where it can."""
        if kind == "person" and not self.for_persons:
            return "这一事项由企业或单位申请。", "请在页面右上角切换为您代表的企业；还没有企业的，请先办理营业执照。"
        if kind == "entity" and not self.for_entities:
            return "这一事项由个人申请。", "请在页面右上角切换为本人。"
        return None

    @property
    def for_persons(self) -> bool:
        return "自然人" in self.objects_served

    @property
    def for_entities(self) -> bool:
        return any(kind != "自然人" for kind in self.objects_served)


class ItemVersion(Record):
    """What an item asks and promises from a day on. A published version never changes; cases keep theirs."""

    class State(models.TextChoices):
        DRAFT = "draft", "草稿"
        PUBLISHED = "published", "已发布"
        WITHDRAWN = "withdrawn", "已停用"

    personal = ()
    item = models.ForeignKey(Item, models.PROTECT, related_name="versions", verbose_name="事项")
    number = models.PositiveIntegerField("版本")
    state = models.CharField("状态", max_length=10, choices=State.choices, default=State.DRAFT)
    valid_from = models.DateField("施行日期", null=True)
    handling = models.CharField("办件类型", max_length=3, choices=Item.Handling.choices)
    procedure = models.CharField("办理流程", max_length=20)
    limit_amount = models.PositiveIntegerField("法定时限", null=True)
    limit_unit = models.CharField("法定单位", max_length=10, blank=True)
    limit_basis = models.CharField("时限依据", max_length=200, blank=True)
    extension = models.PositiveSmallIntegerField("可延长", default=0)
    promise_amount = models.PositiveIntegerField("承诺时限", null=True)
    promise_unit = models.CharField("承诺单位", max_length=10, blank=True)
    visits = models.PositiveSmallIntegerField("到现场次数", default=0)
    area = models.CharField("通办范围", max_length=20, blank=True)
    conditions = models.JSONField("受理条件", default=list)  # ["…"]
    basis = models.JSONField("设定依据", default=list)  # ["《…》第…条"]
    questions = models.JSONField("情形", default=list)  # [{"code","text","options":[{"code","text"}]}]
    fields = models.JSONField("表单", default=list)  # [{"code","name","type","element","required","help","options","when"}]
    materials = models.JSONField("材料", default=list)  # [{"code","name","required","source","licence","register","deferrable","note","when"}]
    facts = models.JSONField("可核验条件", default=list)  # [{"element","test","value","words"}]: all hold → decided at once
    fees = models.JSONField("收费", default=list)  # [{"name","rate","times","choose","basis","price"}]
    joint = models.JSONField("会审部门", default=list)  # functions of the departments asked at the same time
    inspection = models.JSONField("现场核查", default=list)  # check-list: [{"code","name","key"}]; empty: none needed
    special = models.JSONField("特别程序", default=list)
    faq = models.JSONField("常见问题", default=list)  # [{"ask","answer"}]
    result_kind = models.CharField("结果类型", max_length=10)
    result_name = models.CharField("结果名称", max_length=120, blank=True)
    result_licence = models.CharField("结果证照", max_length=60, blank=True)
    result_fields = models.JSONField("证照内容", default=dict)  # licence field → form field, or "=text"
    result_until = models.JSONField("证照有效期", default=dict)  # {"years": 5} | {"field": code} | {}
    mark = models.CharField("核实", max_length=1, default="K")
    source = models.CharField("来源", max_length=300, blank=True)
    published_at = models.DateTimeField("发布时间", null=True)
    published_by = models.CharField("发布人", max_length=60, blank=True)
    edited_at = models.DateTimeField("修改时间", default=timezone.now)
    edited_by = models.CharField("修改人", max_length=60, blank=True)

    class Meta:
        verbose_name = "事项版本"
        constraints = [
            models.UniqueConstraint("item", "number", name="version_number_once"),
            models.UniqueConstraint("item", name="version_one_draft", condition=Q(state="draft")),
            models.CheckConstraint(condition=~Q(state="published") | Q(valid_from__isnull=False), name="version_published_dated"),
            models.CheckConstraint(condition=~Q(procedure="joint") | ~Q(joint=[]), name="version_joint_asks_somebody"),  # else it would wait for nobody, for ever
        ]

    def __str__(self) -> str:
        return f"{self.item} 第 {self.number} 版"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if "item-editor" in actor.roles else Q(state=cls.State.PUBLISHED)

    @property
    def needs_inspection(self) -> bool:
        return bool(self.inspection)


class Implementation(Record):
    """实施清单: an item handled by one office for one place."""

    personal = ()
    item = models.ForeignKey(Item, models.PROTECT, related_name="implementations", verbose_name="事项")
    organ = models.ForeignKey("parties.Organisation", models.PROTECT, related_name="+", verbose_name="实施机构")
    division = models.ForeignKey("parties.Division", models.PROTECT, related_name="+", verbose_name="区划")
    code = models.CharField("实施编码", max_length=31, blank=True)
    online = models.BooleanField("可网上申办", default=True)
    active = models.BooleanField("在用", default=True)

    class Meta:
        verbose_name = "实施清单"
        constraints = [models.UniqueConstraint("item", "organ", "division", name="implementation_once")]
        indexes = [models.Index(fields=["division", "item"])]

    def __str__(self) -> str:
        return f"{self.item} @ {self.organ}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Bundle(Record):
    """一件事: several items that people meet as one."""

    personal = ()
    key = models.CharField("标识", max_length=60, unique=True)
    name = models.CharField("名称", max_length=80)
    says = ArrayField(models.CharField(max_length=60), default=list, verbose_name="百姓说法")
    lead = models.CharField("牵头部门", max_length=60)
    who = ArrayField(models.CharField(max_length=20), default=list, verbose_name="服务对象")
    steps = models.JSONField("环节", default=list)  # [{"item","stage","optional"}]
    source = models.CharField("来源", max_length=120, blank=True)

    class Meta:
        verbose_name = "一件事"

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Synonym(models.Model):
    """A word that people use and the words that the catalogue uses for it; edited by the bureau."""

    personal = ()
    word = models.CharField("说法", max_length=30, primary_key=True)
    means = ArrayField(models.CharField(max_length=30), verbose_name="对应词")

    class Meta:
        verbose_name = "同义词"

    def __str__(self) -> str:
        return f"{self.word} → {'、'.join(self.means)}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class SearchVersion(models.Model):
    """One row: grows whenever the index changes, so that processes drop the matrix they keep."""

    personal = ()
    version = models.BigIntegerField("版次", default=1)

    class Meta:
        verbose_name = "检索版次"

    def __str__(self) -> str:
        return str(self.version)

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()
