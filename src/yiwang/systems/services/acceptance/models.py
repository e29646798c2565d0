"""What an application adds to a case: the version of the item it was made under, the answers, the materials, inspections and the hand-over."""

import uuid

from django.contrib.gis.db.models import PointField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from yiwang.engines.procedures import api as procedures
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Draft(Record):
    """An application being filled in, saved as typed. Its key becomes the case's: submitting twice makes one case."""

    personal = ("answers",)
    applicant = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="申请人")
    author = models.ForeignKey("parties.Party", models.PROTECT, related_name="+", verbose_name="填写人")
    service = models.ForeignKey("items.Implementation", models.PROTECT, related_name="+", verbose_name="实施事项")
    version = models.ForeignKey("items.ItemVersion", models.PROTECT, related_name="+", verbose_name="事项版本")
    key = models.UUIDField("提交标识", default=uuid.uuid4, unique=True)
    situation = models.JSONField("情形", default=dict)
    answers = models.JSONField("填写内容", default=dict)
    sources = models.JSONField("数据来源", default=dict)  # field → {"source", "at"} of what the registers knew
    delivery = models.JSONField("领取方式", default=dict)
    saved_at = models.DateTimeField("保存时间", auto_now=True)
    submitted_as = models.ForeignKey("procedures.Case", models.PROTECT, null=True, related_name="+", verbose_name="办件")

    class Meta:
        verbose_name = "草稿"
        constraints = [models.UniqueConstraint("author", "applicant", "service", name="draft_open_once", condition=Q(submitted_as=None))]

    def __str__(self) -> str:
        return f"草稿 {self.version_id}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        mine = actor.acting_for or actor.party
        return Q(author=actor.party) | Q(applicant=mine, author__isnull=False) if mine else NOTHING


class Application(Record):
    """What was asked for, as it was submitted; corrections change answers only through a new round, which the case's events keep."""

    personal = ("answers",)
    case = models.OneToOneField("procedures.Case", models.PROTECT, related_name="+", verbose_name="办件")
    service = models.ForeignKey("items.Implementation", models.PROTECT, related_name="+", verbose_name="实施事项")
    version = models.ForeignKey("items.ItemVersion", models.PROTECT, related_name="+", verbose_name="事项版本")
    situation = models.JSONField("情形", default=dict)
    answers = models.JSONField("填写内容", default=dict)
    sources = models.JSONField("数据来源", default=dict)
    licence = models.ForeignKey("licences.Licence", models.PROTECT, null=True, related_name="+", verbose_name="结果证照")
    bill = models.BigIntegerField("缴费单", null=True)  # ledger.Bill
    proposal = models.CharField("拟办意见", max_length=10, blank=True)  # grant | refuse: what the approver proposed

    class Meta:
        verbose_name = "申请"

    def __str__(self) -> str:
        return str(self.case)

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(case__in=procedures.cases_of(actor))


class Material(Record):
    """One material as handed in: a file, an e-licence used by reference, a promise to bring it later, or a register's answer that makes it needless."""

    class Way(models.TextChoices):
        UPLOAD = "upload", "上传"
        LICENCE = "licence", "电子证照"
        PAPER = "paper", "窗口收取"
        PROMISE = "promise", "容缺后补"
        REGISTER = "register", "数据核验免提交"

    class Check(models.TextChoices):
        OPEN = "", "待核对"
        GOOD = "good", "符合"
        WRONG = "wrong", "需要补正"

    personal = ("file",)
    draft = models.ForeignKey(Draft, models.PROTECT, null=True, related_name="materials", verbose_name="草稿")
    application = models.ForeignKey(Application, models.PROTECT, null=True, related_name="materials", verbose_name="申请")
    code = models.CharField("材料", max_length=80)
    name = models.CharField("名称", max_length=200)
    way = models.CharField("提交方式", max_length=10, choices=Way.choices)
    file = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="文件")
    licence = models.ForeignKey("licences.Licence", models.PROTECT, null=True, related_name="+", verbose_name="证照")
    promised_by = models.DateField("承诺补交日期", null=True)
    round = models.PositiveSmallIntegerField("轮次", default=1)
    check_result = models.CharField("核对", max_length=10, choices=Check.choices, blank=True)
    note = models.CharField("核对意见", max_length=300, blank=True)
    given_at = models.DateTimeField("提交时间", default=timezone.now)

    class Meta:
        verbose_name = "申请材料"
        constraints = [models.CheckConstraint(condition=Q(draft__isnull=False) | Q(application__isnull=False), name="material_belongs")]
        indexes = [models.Index(fields=["application", "code"])]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(application__in=Application.objects.filter(Application.visible_to(actor))) | Q(draft__in=Draft.objects.filter(Draft.visible_to(actor)))


class Correction(Record):
    """The one notice that names everything to be corrected (一次性补正, 行政许可法第三十二条第四项), and its answer."""

    personal = ()
    application = models.OneToOneField(Application, models.PROTECT, related_name="correction", verbose_name="申请")
    points = models.JSONField("补正内容")  # [{"code": material or field, "name": …, "words": …}]
    asked_at = models.DateTimeField("告知时间", default=timezone.now)
    answered_at = models.DateTimeField("补正时间", null=True)

    class Meta:
        verbose_name = "补正告知"

    def __str__(self) -> str:
        return f"补正 {len(self.points)} 项"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(application__in=Application.objects.filter(Application.visible_to(actor)))


class Inspection(Record):
    """An on-site check: ordered in the office, filled in on a phone (its key is made there, so a repeated upload is harmless), signed on the spot."""

    personal = ("signature", "companion")
    application = models.ForeignKey(Application, models.PROTECT, related_name="inspections", verbose_name="申请")
    key = models.UUIDField("现场标识", null=True, unique=True)
    ordered_at = models.DateTimeField("安排时间", default=timezone.now)
    planned_on = models.DateField("计划日期")
    instructions = models.CharField("核查要求", max_length=300, blank=True)
    inspector = models.ForeignKey("parties.Party", models.PROTECT, null=True, related_name="+", verbose_name="核查人")
    started_at = models.DateTimeField("开始", null=True)
    finished_at = models.DateTimeField("结束", null=True)
    received_at = models.DateTimeField("收到", null=True)
    place = PointField("地点", srid=4490, null=True)
    accuracy = models.FloatField("定位精度(米)", null=True)
    findings = models.JSONField("检查项", default=list)  # [{"code", "name", "result": good|wrong|none, "note"}]
    passed = models.BooleanField("结论", null=True)
    remarks = models.TextField("说明", blank=True)
    companion = models.CharField("陪同人", max_length=60, blank=True)
    signature = models.ForeignKey("documents.File", models.PROTECT, null=True, related_name="+", verbose_name="陪同人签名")

    class Meta:
        verbose_name = "现场核查"
        constraints = [models.UniqueConstraint("application", name="inspection_open_once", condition=Q(received_at=None))]

    def __str__(self) -> str:
        return f"核查 {self.planned_on}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(application__in=Application.objects.filter(Application.visible_to(actor)))


class InspectionPhoto(Record):
    """A photograph taken at the check, with the moment and place the phone gave."""

    personal = ()
    inspection = models.ForeignKey(Inspection, models.PROTECT, related_name="photos", verbose_name="核查")
    file = models.ForeignKey("documents.File", models.PROTECT, related_name="+", verbose_name="照片")
    finding = models.CharField("检查项", max_length=80, blank=True)
    taken_at = models.DateTimeField("拍摄时间", null=True)
    place = PointField("地点", srid=4490, null=True)

    class Meta:
        verbose_name = "核查照片"
        constraints = [models.UniqueConstraint("inspection", "file", name="photo_once")]

    def __str__(self) -> str:
        return f"照片 {self.pk}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(inspection__in=Inspection.objects.filter(Inspection.visible_to(actor)))


class Delivery(Record):
    """How the result reached the applicant."""

    class Way(models.TextChoices):
        ELECTRONIC = "electronic", "电子证照"
        WINDOW = "window", "窗口领取"
        EXPRESS = "express", "邮寄"

    personal = ("address", "receiver", "phone")
    application = models.OneToOneField(Application, models.PROTECT, related_name="delivery", verbose_name="申请")
    way = models.CharField("方式", max_length=12, choices=Way.choices)
    receiver = models.CharField("收件人", max_length=60, blank=True)
    phone = models.CharField("电话", max_length=20, blank=True)
    address = models.CharField("地址", max_length=200, blank=True)
    tracking = models.CharField("运单号", max_length=40, blank=True)
    handed_at = models.DateTimeField("送达时间", null=True)

    class Meta:
        verbose_name = "送达"

    def __str__(self) -> str:
        return self.get_way_display()

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(application__in=Application.objects.filter(Application.visible_to(actor)))
