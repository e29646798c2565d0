"""The demo people: who can sign in, as what. Passwords are derived from the user name, so anybody can print them; they exist only in a demo city."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone

from demo import people
from yiwang.base import identifiers
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation, LegalEntity, Membership, Organisation, Party, Post
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.identity import api as identity

PHONES = 99_000_000  # beyond those of the other invented people
SINCE = date(2024, 1, 1)


@dataclass(frozen=True)
class Player:
    """One demo person: citizens have a number, officials a post."""

    username: str
    name: str
    role: str
    birth: date
    organ: str = ""
    title: str = ""
    roles: tuple[str, ...] = ()
    division: str = "440802001000"
    note: str = ""

    @property
    def password(self) -> str:
        return f"Yiwang-{self.username}-2026"


CITY, CHIKAN, TOWN = "440800000000", "440802000000", "440802001000"
CAST = (
    Player("haitang", "林海棠", "群众", date(1958, 3, 12), note="66 岁以上，可办老年人优待证"),
    Player("xiaofan", "陈晓帆", "企业法定代表人", date(1985, 7, 1), note="代表：湛江望海餐饮店（演示）"),
    Player("zhiqiu", "黄知秋", "企业代办人", date(1992, 9, 9), note="受托为湛江望海餐饮店（演示）办事"),
    Player("nanxing", "吴南星", "代办已到期的人", date(1990, 2, 2), note="委托已于上月到期"),
    Player("changfeng", "梁长风", "施工单位法定代表人", date(1979, 11, 3), note="代表：湛江南渡管网工程有限公司（演示）"),
    Player("ruoxi", "刘若溪", "群众", date(1999, 5, 20), note="不满 60 岁"),
    Player("chikan_window", "张予安", "窗口人员（赤坎区政务大厅）", date(1991, 1, 1), "admin_service_centre@440802", "综合窗口", ("window-clerk",), CHIKAN),
    Player("town_window", "王思齐", "窗口人员（中华街道）", date(1993, 1, 1), "town_government@440802001", "公共服务窗口", ("window-clerk", "approver"), TOWN),
    Player("shichang", "郑明远", "审批人员（赤坎区市场监管局）", date(1988, 1, 1), "market_regulation@440802", "食品许可审批", ("approver",), CHIKAN),
    Player("shichang_leader", "周怀瑾", "审批负责人（赤坎区市场监管局）", date(1976, 1, 1), "market_regulation@440802", "分管负责人", ("reviewer", "licence-officer"), CHIKAN),
    Player("hecha", "何乐山", "现场核查人员（赤坎区市场监管局）", date(1990, 1, 1), "market_regulation@440802", "食品现场核查", ("inspector",), CHIKAN),
    Player("chengguan", "罗景行", "审批人员（赤坎区城管局）", date(1987, 1, 1), "urban_management@440802", "市政设施审批", ("approver",), CHIKAN),
    Player("chengguan_leader", "许素心", "审批负责人（赤坎区城管局）", date(1975, 1, 1), "urban_management@440802", "分管负责人", ("reviewer", "licence-officer"), CHIKAN),
    Player("jiaojing", "蔡星野", "会审人员（市公安局交警支队）", date(1989, 1, 1), "traffic_police@440800", "占道审查", ("approver",), CITY),
    Player("ziran", "冯泊舟", "会审人员（赤坎区自然资源局）", date(1989, 2, 1), "natural_resources@440802", "规划审查", ("approver",), CHIKAN),
    Player("zhujian", "谢念慈", "会审人员（赤坎区住建局）", date(1989, 3, 1), "housing_construction@440802", "管线审查", ("approver",), CHIKAN),
    Player("supervisor", "庄书言", "效能监督人员", date(1980, 1, 1), "government_services_data@440800", "效能监督", ("supervisor",), CITY),
    Player("editor", "卢沐阳", "事项管理员", date(1984, 1, 1), "government_services_data@440800", "事项管理", ("item-editor", "flow-editor"), CITY),
    Player("pingjia", "杨听澜", "评价管理人员", date(1986, 1, 1), "government_services_data@440800", "评价管理", ("evaluation-officer",), CITY),
    Player("sysadmin", "陈子衿", "系统管理员", date(1983, 1, 1), "digital_operation@440800", "系统管理", ("system-admin",), CITY),
    Player("secadmin", "李清和", "安全管理员", date(1983, 2, 1), "digital_operation@440800", "安全管理", ("security-admin", "seal-keeper"), CITY),
    Player("auditadmin", "黄初晴", "审计管理员", date(1983, 3, 1), "digital_operation@440800", "审计管理", ("audit-admin",), CITY),
    Player("hezhangban", "徐听雨", "河长办工作人员（市河长办）", date(1985, 4, 1), "water_affairs@440800", "河长办综合岗", ("river-office", "river-verifier", "incident-officer"), CITY),
    Player("hezhang", "卢南渡", "区级河长（赤坎区）", date(1974, 5, 1), "county_government@440802", "区级河长", ("river-chief", "river-verifier"), CHIKAN),
    Player("zhenhezhang", "莫知夏", "镇级河长（中华街道）", date(1982, 6, 1), "town_government@440802001", "镇级河长", ("river-chief",), TOWN),
    Player("biaozhun", "罗云舟", "标准与日历管理员（兼数据管理，批准导出）", date(1982, 1, 1), "government_services_data@440800", "标准与日历管理", ("standards-officer", "data-officer"), CITY),
    Player("leader", "潘望川", "分管领导（市政府）", date(1972, 1, 1), "gov_office@440800", "分管政务服务", ("leader",), CITY),
    Player("xinfang", "潘晚晴", "信访登记分流人员（赤坎区信访局）", date(1988, 7, 1), "petition@440802", "接访登记", ("petition-clerk",), CHIKAN),
    Player("shixinfang", "方知远", "信访登记分流人员（市信访局）", date(1985, 7, 2), "petition@440800", "接访登记", ("petition-clerk",), CITY),
    Player("xinfang_leader", "余静波", "信访部门负责人（市信访局）", date(1972, 7, 3), "petition@440800", "分管负责人（信访）", ("petition-leader",), CITY),
    Player("zhuandan", "邓清越", "信访承办人员（赤坎区住建局）", date(1990, 7, 4), "housing_construction@440802", "信访承办", ("petition-handler",), CHIKAN),
    Player("zhuandan_head", "贺长庚", "信访承办负责人（赤坎区住建局）", date(1977, 7, 5), "housing_construction@440802", "信访分管负责人", ("petition-head",), CHIKAN),
    Player("fucha", "温若谷", "复查人员（市住建局）", date(1987, 7, 6), "housing_construction@440800", "信访复查", ("petition-handler",), CITY),
    Player("fucha_head", "韩松年", "复查负责人（市住建局）", date(1973, 7, 7), "housing_construction@440800", "信访分管负责人", ("petition-head",), CITY),
    Player("fuhe", "秦望舒", "复核人员（市政府办公室）", date(1986, 7, 8), "gov_office@440800", "信访复核", ("petition-handler",), CITY),
    Player("fuhe_head", "陆平章", "复核负责人（市政府办公室）", date(1971, 7, 9), "gov_office@440800", "信访分管负责人", ("petition-head",), CITY),
    Player("jijian", "程守正", "纪检监察信访人员（市纪委监委）", date(1981, 7, 10), "discipline_inspection@440800", "信访室", ("discipline-officer", "petition-clerk", "petition-handler"), CITY),
    Player("jijian_head", "严明理", "纪检监察负责人（市纪委监委）", date(1970, 7, 11), "discipline_inspection@440800", "信访室负责人", ("discipline-officer", "petition-head"), CITY),
    Player("beifanying", "钱世荣", "被反映的干部（赤坎区城管局，兼信访承办）", date(1975, 7, 12), "urban_management@440802", "信访承办", ("petition-handler", "petition-head", "approver", "reviewer"), CHIKAN),
    Player("zhen_xinfang", "阮小棠", "信访登记和承办人员（中华街道）", date(1994, 7, 13), "town_government@440802001", "信访工作岗", ("petition-clerk", "petition-handler"), TOWN),
    Player("shengtai", "江白鹭", "水功能区通报签收人员（市生态环境局赤坎分局）", date(1984, 6, 5), "ecology@440802", "水生态环境岗", ("river-zone-receiver",), CHIKAN),
    Player("hedao", "梁书言", "河湖整改人员（赤坎区水务局）", date(1987, 9, 1), "water_affairs@440802", "河湖整改岗", ("river-handler",), CHIKAN),
)
FIRMS = (("湛江望海餐饮店（演示）", "2", "M0000001", "xiaofan"), ("湛江南渡管网工程有限公司（演示）", "1", "M0000002", "changfeng"))


def listed() -> list[dict[str, str]]:
    """name, role, username, password, note — for `demo people --json`."""
    keep = ("name", "role", "username", "note")
    return [{k: str(v) for k, v in asdict(p).items() if k in keep} | {"password": p.password} for p in CAST]


@transaction.atomic
def load_cast() -> int:
    """Makes the persons, firms, posts, delegations and accounts that are not there yet."""
    made = {player.username: _person(number, player) for number, player in enumerate(CAST)}
    for name, kind, serial, owner in FIRMS:
        _firm(name, kind, serial, made[owner])
    firm = Party.objects.get(name=FIRMS[0][0])
    now = timezone.now()
    _delegate(firm, made["zhiqiu"], now + timedelta(days=365))
    _delegate(firm, made["nanxing"], now - timedelta(days=30))
    for player in CAST:
        _post(player, made[player.username])
        if identity.account_of(made[player.username].pk) is None:
            identity.create_account(party=made[player.username].pk, username=player.username, password=player.password)
    return len(CAST)


def _person(number: int, player: Player) -> Party:
    party, _ = parties.find_or_register_person(
        SYSTEM, name=player.name, number=people.number_of(player.birth, 901 + number), phone=people.phone_of(PHONES + number), division=TOWN,
        address=f"中华街道演示路{number + 1}号",
    )  # fmt: skip
    Party.objects.filter(pk=party.pk, verified="").update(verified="人口库", verified_at=timezone.now(), invented=True)
    party.as_person.household = party.address
    party.as_person.save(update_fields=["household"])
    return party


def _firm(name: str, kind: str, serial: str, owner: Party) -> None:
    code = identifiers.make_uscc(f"9{kind}{identifiers.INVENTED_REGION}", serial)
    party, fresh = parties.find_or_register_entity(SYSTEM, name=name, number=code, representative=owner.pk, division=TOWN, address="中华街道演示路88号", phone=owner.phone)
    if fresh:
        Party.objects.filter(pk=party.pk).update(verified="法人库", verified_at=timezone.now(), invented=True)
        LegalEntity.objects.filter(pk=party.pk).update(business="餐饮服务" if kind == "2" else "管道工程施工", established=date(2020, 6, 1))


def _delegate(principal: Party, agent: Party, until: datetime) -> None:
    if not Delegation.objects.filter(principal=principal, agent=agent).exists():
        Delegation.objects.create(principal=principal, agent=agent, scope=["*"], valid_from=until - timedelta(days=400), valid_to=until)


def _post(player: Player, party: Party) -> None:
    if not player.organ:
        return
    office = Organisation.objects.get(key=player.organ)
    post, _ = Post.objects.get_or_create(organisation=office, title=player.title, defaults={"roles": list(player.roles), "division_id": player.division})
    Membership.objects.get_or_create(party=party, post=post, defaults={"valid_from": SINCE})
