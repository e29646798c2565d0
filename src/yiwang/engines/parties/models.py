"""People, enterprises, offices and places of authority. Two trees: the statutory divisions, and what a zone manages inside others' divisions."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from yiwang.kit.access import NOTHING
from yiwang.kit.actors import Actor
from yiwang.kit.records import Record


class Division(models.Model):
    """A statutory division of GB/T 2260 and the 12-digit statistical code. Abolished ones stay, closed by `valid_to`."""

    class Level(models.IntegerChoices):
        PROVINCE, CITY, COUNTY, TOWN, VILLAGE = 1, 2, 3, 4, 5

    personal = ()
    code = models.CharField("区划代码", max_length=12, primary_key=True)  # always 12 digits
    name = models.CharField("名称", max_length=60)
    level = models.PositiveSmallIntegerField("级别", choices=Level.choices)
    kind = models.CharField("类型", max_length=20, blank=True)  # 市辖区 县 县级市 镇 街道 村 社区 类似乡级单位
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children", verbose_name="上级")
    pinyin = models.CharField("拼音", max_length=120, blank=True)
    valid_from = models.DateField("启用", null=True)
    valid_to = models.DateField("停用", null=True)
    source = models.CharField("来源", max_length=120, blank=True)

    class Meta:
        verbose_name = "行政区划"
        indexes = [models.Index(fields=["parent", "code"])]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()

    @property
    def prefix(self) -> str:
        """The code without the zeros of lower levels: every division below begins with it."""
        return self.code[: {1: 2, 2: 4, 3: 6, 4: 9, 5: 12}[self.level]]


class Organisation(Record):
    """An office of the city: department, town government, hall, development zone, utility."""

    personal = ()
    key = models.CharField("标识", max_length=80, unique=True)  # "market_regulation@440803"
    function = models.CharField("职能标识", max_length=60)  # key of domain/data/organisations.yaml: the same in every county
    name = models.CharField("名称", max_length=120)
    short = models.CharField("简称", max_length=60)
    kind = models.CharField("性质", max_length=30)
    uscc = models.CharField("统一社会信用代码", max_length=18, blank=True)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name="所在区划")
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children", verbose_name="上级")
    duty = models.TextField("职责", blank=True)
    phone = models.CharField("电话", max_length=40, blank=True)
    address = models.CharField("地址", max_length=200, blank=True)
    source = models.CharField("来源", max_length=120, blank=True)
    invented = models.BooleanField("演示数据", default=False)

    class Meta:
        verbose_name = "机构"
        constraints = [models.UniqueConstraint("function", "division", name="organisation_once_per_division", condition=~Q(function="village_committee"))]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Management(models.Model):
    """The managing tree (管理区划): since when a zone's committee manages a unit that lies in another county's statutory tree."""

    personal = ()
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="manages", verbose_name="管理机构")
    division = models.ForeignKey(Division, models.PROTECT, related_name="managed", verbose_name="受管单元")
    valid_from = models.DateField("起", null=True)
    valid_to = models.DateField("止", null=True)
    source = models.CharField("来源", max_length=120, blank=True)

    class Meta:
        verbose_name = "管理关系"
        constraints = [models.UniqueConstraint("division", name="managed_by_one", condition=Q(valid_to=None))]

    def __str__(self) -> str:
        return f"{self.organisation} 管理 {self.division}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q()


class Party(Record):
    """Whoever can have rights here: one row per natural person and per legal entity; the key that cases and licences hold."""

    class Kind(models.TextChoices):
        PERSON = "person", "自然人"
        ENTITY = "entity", "法人或非法人组织"

    personal = ("name", "number", "phone")
    kind = models.CharField("类别", max_length=6, choices=Kind.choices)
    name = models.CharField("姓名或名称", max_length=120)
    scheme = models.CharField("证件类型", max_length=10, default="111")  # GA/T 2000.156 (111 = 居民身份证) or "uscc"
    number = models.CharField("证件号码", max_length=40)
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name="区划")
    phone = models.CharField("联系电话", max_length=20, blank=True)
    address = models.CharField("住址或住所", max_length=200, blank=True)
    verified = models.CharField("核验来源", max_length=60, blank=True)  # which register confirmed name and number; empty = declared only
    verified_at = models.DateTimeField("核验时间", null=True)
    invented = models.BooleanField("演示数据", default=False)

    class Meta:
        verbose_name = "主体"
        constraints = [models.UniqueConstraint("scheme", "number", name="party_number_once")]

    def __str__(self) -> str:
        return self.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """Oneself, those one acts for, and, to officials who take applications in, the parties of the city."""
        mine = [p for p in (actor.party, actor.acting_for) if p]
        if actor.roles & {"window-clerk", "approver", "reviewer", "inspector", "licence-officer"}:
            return Q()
        return Q(pk__in=mine) if mine else NOTHING


class Person(models.Model):
    """What the population register says of a natural person. Not a copy of it: only what services ask for."""

    personal = ("sex", "birth", "nation", "household")
    party = models.OneToOneField(Party, models.PROTECT, primary_key=True, related_name="as_person")
    sex = models.CharField("性别", max_length=1, choices=[("男", "男"), ("女", "女")])
    birth = models.DateField("出生日期")
    nation = models.CharField("民族", max_length=20, default="汉族")
    household = models.CharField("户籍地址", max_length=200, blank=True)

    class Meta:
        verbose_name = "自然人"

    def __str__(self) -> str:
        return self.party.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return _through_party(actor)


class LegalEntity(models.Model):
    """What the register of legal entities says of an enterprise, institution or self-employed household."""

    personal = ("representative",)
    party = models.OneToOneField(Party, models.PROTECT, primary_key=True, related_name="as_entity")
    kind = models.CharField("类型", max_length=30)  # 企业法人 个体工商户 事业法人 社会组织
    representative = models.ForeignKey(Party, models.PROTECT, null=True, related_name="represents", verbose_name="法定代表人")
    business = models.TextField("经营范围", blank=True)
    capital = models.BigIntegerField("注册资本(分)", null=True)
    established = models.DateField("成立日期", null=True)
    status = models.CharField("登记状态", max_length=20, default="存续")

    class Meta:
        verbose_name = "法人"

    def __str__(self) -> str:
        return self.party.name

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return _through_party(actor)


def _through_party(actor: Actor) -> Q:
    return Q(party__in=Party.objects.filter(Party.visible_to(actor)))


class Post(Record):
    """A place in an office with the roles that go with it. Authority comes from a post in a place; people come and go."""

    personal = ()
    called_by = ("organisation",)  # keys that `__str__` reads
    organisation = models.ForeignKey(Organisation, models.PROTECT, related_name="posts", verbose_name="机构")
    title = models.CharField("岗位", max_length=60)
    roles = ArrayField(models.CharField(max_length=40), verbose_name="角色")
    division = models.ForeignKey(Division, models.PROTECT, related_name="+", verbose_name="管辖区划")

    class Meta:
        verbose_name = "岗位"
        constraints = [models.UniqueConstraint("organisation", "title", name="post_title_once")]

    def __str__(self) -> str:
        return f"{self.organisation.short} {self.title}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q() if actor.seats else NOTHING


class Membership(Record):
    """A person holds a post from a day to a day."""

    personal = ()
    party = models.ForeignKey(Party, models.PROTECT, related_name="memberships", verbose_name="人员")
    post = models.ForeignKey(Post, models.PROTECT, related_name="holders", verbose_name="岗位")
    valid_from = models.DateField("起")
    valid_to = models.DateField("止", null=True)

    class Meta:
        verbose_name = "任职"
        constraints = [models.CheckConstraint(condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")), name="membership_ends_after_start")]

    def __str__(self) -> str:
        return f"{self.party} 任 {self.post}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        """One's own; all of them to whoever keeps the posts."""
        if "system-admin" in actor.roles:
            return Q()
        return Q(party=actor.party) if actor.party else NOTHING


class Delegation(Record):
    """A principal lets an agent act: for these items, until this moment, or until withdrawn."""

    personal = ()
    principal = models.ForeignKey(Party, models.PROTECT, related_name="delegations", verbose_name="委托人")
    agent = models.ForeignKey(Party, models.PROTECT, related_name="agencies", verbose_name="代理人")
    scope = ArrayField(models.CharField(max_length=80), verbose_name="事项范围")  # item keys, or ["*"]
    valid_from = models.DateTimeField("起", default=timezone.now)
    valid_to = models.DateTimeField("止")
    withdrawn_at = models.DateTimeField("撤回时间", null=True)

    class Meta:
        verbose_name = "委托授权"
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gt=F("valid_from")), name="delegation_ends_after_start"),
            models.CheckConstraint(condition=~Q(principal=F("agent")), name="delegation_to_another"),
        ]

    def __str__(self) -> str:
        return f"{self.principal} 委托 {self.agent}"

    @classmethod
    def visible_to(cls, actor: Actor) -> Q:
        return Q(principal=actor.party) | Q(agent=actor.party) | Q(principal=actor.acting_for) if actor.party else NOTHING
