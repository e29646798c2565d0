"""A petition from its first word to the last instance: who may do what when, each allowed step beside the refused one."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from demo.calendar import load_next_year
from demo.petitions import key_of, letters, load_petitions
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.documents.models import Document
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers as making
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.models import Case, Deadline, Paper, Task
from yiwang.kit.actors import NOBODY, Actor
from yiwang.platforms.identity.models import Account
from yiwang.systems.welfare.online_petition import clusters, filing, forms, limits
from yiwang.systems.welfare.online_petition.models import Instance, Petition, Supervision, Transfer, Warning

pytestmark = pytest.mark.django_db
TOWN, CHIKAN = "440802001000", "440802000000"
WORDS = "我家在中华街道，去年十月房屋被征收，协议写明三个月内支付补偿款，到现在没有拿到，多次询问都说在走流程。"
REPLY = {"claims": "支付补偿款", "found": "协议属实，款项未付", "result": "support", "answer": "十五日内支付", "basis": "国有土地上房屋征收与补偿条例第二十五条"}


@pytest.fixture(autouse=True)
def _next_year() -> None:
    """Sixty days may run beyond New Year."""
    load_next_year()


def person(username: str) -> Actor:
    account = Account.objects.get(username=username)
    assert account.party_id
    return parties.actor_for(account.pk, account.party_id)


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username))
    return client


def organ(key: str) -> int:
    return int(Organisation.objects.get(key=key).pk)


def filed(who: str = "haitang", **changes: Any) -> Petition:
    asked = {"kind": "claim", "title": "房屋征收补偿款没有支付", "words": WORDS, "claims": "请支付补偿款", "division": TOWN, "matter": "010101", "key": str(uuid4()), **changes}
    return filing.file(person(who), filing.Filing(**asked))


def sending(key: str = "housing_construction@440802", **changes: Any) -> dict[str, Any]:
    return {"kind": "claim", "matter": "010101", "route": "petition", "organ": organ(key), "manner": "forward", "words": "", **changes}


def transferred(**changes: Any) -> Petition:
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(**changes))
    return petition


def answered(petition: Petition) -> Case:
    """Accepted, handled, signed by the county's bureau for housing."""
    handler, head = person("zhuandan"), person("zhuandan_head")
    procedures.perform(handler, petition.case_id, "accept")
    procedures.perform(handler, petition.case_id, "propose", REPLY)
    return procedures.perform(head, petition.case_id, "sign")


def last_day(case: int, code: str) -> date:
    due = Deadline.objects.filter(case=case, code=code).latest("started_at").due_at
    assert due
    return timezone.localtime(due - timedelta(seconds=1)).date()


def at_least(days: int) -> date:
    return timezone.localdate() + timedelta(days=days)


def test_registered_divided_accepted_answered_and_rated() -> None:
    petition = filed()
    case = petition.case
    assert case.organ.key == "petition@440802" and case.state == "registering" and last_day(case.pk, "divert") >= at_least(15)
    with pytest.raises(NotAllowed):
        procedures.perform(person("haitang"), case.pk, "transfer", sending())
    procedures.perform(person("xinfang"), case.pk, "transfer", sending())
    assert last_day(case.pk, "tell") >= at_least(15)
    with pytest.raises(NotAllowed):
        procedures.perform(person("xinfang"), case.pk, "accept")  # the desk does not accept for the bureau
    done = answered(petition)
    assert done.state == "answered" and done.outcome == "answered" and last_day(case.pk, "handle") >= at_least(60)
    for paper in Paper.objects.filter(event__case=case).order_by("event__sequence"):
        making.make(paper.event_id)
    titles = list(Document.objects.filter(case=case.pk).order_by("issued_at").values_list("title", flat=True))
    assert titles == ["信访事项转送告知书", "信访事项受理告知书", "信访事项处理意见书"]
    made = Document.objects.get(case=case.pk, template="petition-opinion")
    assert made.number.startswith("赤坎区住房城乡建设局信处〔") or "信处〔" in made.number
    assert made.data["result"] == "支持" and made.data["next_organ"] == "湛江市住房和城乡建设局"
    rated = filing.rate(person("haitang"), case.pk, grade=3)
    assert rated.grade == Instance.Grade.GOOD
    with pytest.raises(Conflict):
        filing.rate(person("haitang"), case.pk, grade=1)
    with pytest.raises(NotFound):
        filing.rate(person("ruoxi"), case.pk, grade=1)


def test_papers_come_with_a_petition_and_are_seen_with_it() -> None:
    sent = {"kind": "claim", "title": "有照片的信", "words": "路面塌了一个洞，照片在附件。", "claims": "修好", "division": TOWN, "people": "1"}
    client = signed_in("haitang")
    files = [SimpleUploadedFile("洞.pdf", b"%PDF-1.4 hole"), SimpleUploadedFile("洞二.pdf", b"%PDF-1.4 another")]
    wrong = client.post("/petitions/write", {**sent, "key": str(uuid4()), "papers": [SimpleUploadedFile("坏.exe", b"MZ")]})
    assert wrong.status_code == 422 and "不支持这种文件" in wrong.content.decode() and not Petition.objects.filter(title="有照片的信").exists()
    many = [SimpleUploadedFile(f"{n}.pdf", b"%PDF-1.4") for n in range(11)]
    assert client.post("/petitions/write", {**sent, "key": str(uuid4()), "papers": many}).status_code == 422
    assert client.post("/petitions/write", {**sent, "key": str(uuid4()), "papers": files}).status_code == 302
    made = Petition.objects.get(title="有照片的信")
    first = made.materials.order_by("pk")[0]
    assert made.materials.count() == 2 and first.file.owner == made.petitioner_id
    assert "洞.pdf" in client.get(f"/petitions/{made.case_id}").content.decode()
    for name, status in (("haitang", 200), ("xinfang", 200), ("ruoxi", 404), ("zhuandan", 404)):
        assert signed_in(name).get(f"/petitions/materials/{first.pk}").status_code == status, name


def test_sending_twice_is_one_petition() -> None:
    key = str(uuid4())
    assert filed(key=key).pk == filed(key=key).pk


def test_who_wrote_the_answer_does_not_sign_it() -> None:
    petition = filed()
    both = person("beifanying")  # handles and heads in one office
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending("urban_management@440802"))
    procedures.perform(both, petition.case_id, "accept")
    procedures.perform(both, petition.case_id, "propose", REPLY)
    with pytest.raises(Invalid, match="拟稿人不能签发"):
        procedures.perform(both, petition.case_id, "sign")


def test_an_organ_objects_within_five_working_days_and_not_after() -> None:
    petition = transferred()
    back = procedures.perform(person("zhuandan"), petition.case_id, "object", {"reason": "不属于本单位职权"})
    assert back.state == "objecting" and Task.objects.get(case=back, closed_at=None).organ.key == "petition@440802"
    with pytest.raises(NotAllowed):
        procedures.perform(person("zhuandan"), petition.case_id, "agree")  # the desk looks into it, not who objects
    kept = procedures.perform(person("xinfang"), petition.case_id, "insist", {"reason": "三定方案第五条是你局职责"})
    assert kept.state == "transferred" and any(d.code == "tell" for d in procedures.running_deadlines(kept))
    with pytest.raises(Invalid, match="异议没有被同意"):
        procedures.perform(person("zhuandan"), petition.case_id, "object", {"reason": "再次提出"})


def test_an_objection_that_is_agreed_to_brings_everything_back() -> None:
    petition = transferred()
    procedures.perform(person("zhuandan"), petition.case_id, "object", {"reason": "不属于本单位职权"})
    back = procedures.perform(person("xinfang"), petition.case_id, "agree")
    assert back.state == "registering" and back.organ.key == "petition@440802"
    returned = Transfer.objects.get(petition=petition, manner="return")
    assert returned.sender.key == "housing_construction@440802" and returned.words == "不属于本单位职权"
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending())
    Deadline.objects.filter(case=petition.case_id, code="object", finished_at=None).update(due_at=timezone.now() - timedelta(minutes=1))
    timers.expire_due()
    with pytest.raises(Invalid, match="5 个工作日已过"):
        procedures.perform(person("zhuandan"), petition.case_id, "object", {"reason": "不属于本单位职权"})


def test_a_hearing_while_handling_stops_no_clock() -> None:
    petition = transferred()
    handler = person("zhuandan")
    procedures.perform(handler, petition.case_id, "accept")
    before = last_day(petition.case_id, "handle")
    procedures.perform(handler, petition.case_id, "open_hearing", {"planned_on": "2026-12-10"})
    with pytest.raises(Conflict):
        procedures.perform(handler, petition.case_id, "propose", REPLY)
    case = procedures.perform(handler, petition.case_id, "close_hearing", {"held_on": "2026-12-10", "record": "双方陈述"})
    assert case.state == "handling" and last_day(petition.case_id, "handle") == before


def test_thirty_more_days_by_the_head_told_by_letter() -> None:
    petition = transferred()
    procedures.perform(person("zhuandan"), petition.case_id, "accept")
    with pytest.raises(Invalid):
        procedures.ask_extension(person("zhuandan"), petition.case_id, clock="handle", amount=31, reason="情况复杂")
    asked = procedures.ask_extension(person("zhuandan"), petition.case_id, clock="handle", amount=30, reason="情况复杂，需要评估")
    procedures.decide_extension(person("zhuandan_head"), asked.pk, granted=True)
    assert last_day(petition.case_id, "handle") >= at_least(90)
    paper = Paper.objects.get(event__case=petition.case_id, template="petition-extension")
    made = making.make(paper.event_id).document
    assert made and made.title == "信访事项延期办理告知书" and made.data["opinion"] == "情况复杂，需要评估"


def test_down_from_the_city_to_the_county_to_the_town_and_the_result_reported_up() -> None:
    petition = filed(division="440800000000")
    case = petition.case_id
    assert petition.desk.key == "petition@440800"
    with pytest.raises(NotFound):
        procedures.find(person("xinfang"), case)  # not yet the county's
    procedures.perform(person("shixinfang"), case, "send_down", sending("petition@440802", manner="assign"))
    assert procedures.find(person("xinfang"), case).state == "received" and last_day(case, "report") >= at_least(75)
    procedures.perform(person("xinfang"), case, "send_down", sending("town_government@440802001"))
    town = person("zhen_xinfang")
    assert procedures.find(town, case).state == "registering"
    choice: Any = forms.transfer_form(procedures.find(town, case), down=False)().fields["organ"]
    assert organ("town_government@440802001") in dict(choice.choices)
    back = procedures.perform(person("zhen_xinfang"), case, "return_up", {"reason": "超出镇街职权"})
    assert back.organ.key == "petition@440802"
    with pytest.raises(Invalid):
        procedures.perform(person("xinfang"), case, "transfer", sending("water_affairs@440800", matter="nonsense"))


def test_what_was_assigned_is_reported_before_it_is_closed() -> None:
    petition = transferred(manner="assign")
    assert answered(petition).state == "reporting"
    done = procedures.perform(person("zhuandan"), petition.case_id, "report", {"opinion": "已支付"})
    assert done.state == "answered" and not Transfer.objects.filter(petition=petition, closed_at=None).exists()
    assert Transfer.objects.get(petition=petition, manner="report").receiver_id == petition.desk_id


def test_review_re_review_and_then_no_more() -> None:
    petition = transferred()
    with pytest.raises(Conflict):
        filing.ask_review(person("haitang"), petition.pk, grounds="太慢")  # no answer yet
    answered(petition)
    with pytest.raises(NotFound):
        filing.ask_review(person("ruoxi"), petition.pk, grounds="不是我的信")
    with pytest.raises(Invalid):
        filing.ask_review(person("haitang"), petition.pk, grounds=" ")
    review = filing.ask_review(person("haitang"), petition.pk, grounds="金额不对")
    assert review.case.organ.key == "housing_construction@440800" and last_day(review.case_id, "review") >= at_least(30)
    with pytest.raises(NotFound):
        procedures.find(person("zhuandan"), review.case_id)  # who is reviewed does not see the review
    procedures.perform(person("fucha"), review.case_id, "propose", REPLY | {"result": "refuse"})
    procedures.perform(person("fucha_head"), review.case_id, "sign")
    again = filing.ask_review(person("haitang"), petition.pk, grounds="仍然不对")
    assert again.level == 3 and again.case.organ.key == "gov_office@440800"
    handler = person("fuhe")
    procedures.perform(handler, again.case_id, "open_hearing", {"planned_on": "2026-12-10"})
    assert Deadline.objects.get(case=again.case_id, code="review").due_at is None  # its days are not counted
    procedures.perform(handler, again.case_id, "close_hearing", {"held_on": "2026-12-10", "record": "双方陈述"})
    procedures.perform(handler, again.case_id, "propose", REPLY | {"result": "explain"})
    procedures.perform(person("fuhe_head"), again.case_id, "sign")
    with pytest.raises(Conflict, match="最终意见"):
        filing.ask_review(person("haitang"), petition.pk, grounds="还是不服")
    repeated = filed()
    assert repeated.previous == petition and repeated.case.state == "registering"
    with pytest.raises(Invalid, match="复核终结"):
        procedures.perform(person("xinfang"), repeated.case_id, "transfer", sending())
    told = procedures.perform(person("xinfang"), repeated.case_id, "decline_here", {"route": "ended", "reason": "已经复核终结", "way": "", "handed_to": ""})
    assert told.outcome == "not-accepted"


def test_after_thirty_days_an_answer_stands() -> None:
    petition = transferred()
    answered(petition)
    Instance.objects.filter(petition=petition).update(answered_at=timezone.now() - timedelta(days=45))
    with pytest.raises(Conflict, match="期限已过"):
        filing.ask_review(person("haitang"), petition.pk, grounds="太晚了")
    moment = Instance.objects.get(petition=petition).answered_at
    assert moment and limits.review_until(moment, level=1, division=TOWN) < timezone.now()


def test_the_same_again_is_attached_and_told_and_something_else_is_not() -> None:
    first = filed()
    again = filed(words=WORDS + "请尽快处理。")
    assert again.joined_to == first and again.case.state == "joined" and again.case.closed_at
    assert Message.objects.filter(to=first.petitioner_id, template="petition-repeated").count() == 1
    assert Petition.objects.get(pk=first.pk).people == 1
    other = filed(title="电梯坏了没人修", words="我们楼的电梯坏了两个月，物业一直不来修，老人上下楼很困难。", matter="010201")
    assert other.joined_to is None and other.previous is None


def test_several_people_about_one_matter_are_proposed_and_joined_by_the_clerk() -> None:
    lead, other = filed(), filed("ruoxi", title="征收补偿款拖欠", words=WORDS.replace("我家", "我们家"))
    clerk = person("xinfang")
    assert filing.same_by_others(clerk, other) == [lead]
    with pytest.raises(Invalid):
        procedures.perform(clerk, other.case_id, "join", {"number": other.case.number})
    procedures.perform(clerk, other.case_id, "join", {"number": lead.case.number})
    assert Petition.objects.get(pk=lead.pk).people == 2 and Petition.objects.get(pk=other.pk).joined_to == lead


def test_a_joint_visit_sends_at_most_five() -> None:
    clerk = person("xinfang")
    names = tuple((f"村民{n}", n < 6) for n in range(8))
    visit = {"kind": "claim", "title": "土地流转费", "words": WORDS, "claims": "兑现", "division": TOWN, "matter": "030101", "channel": "visit", "people": 8}
    party = filing.stranger("村民0", "", TOWN).pk
    with pytest.raises(Invalid):
        filing.file(clerk, filing.Filing(key="v1", members=names, **visit), petitioner=party)  # type: ignore[arg-type]  # six of them
    made = filing.file(clerk, filing.Filing(key="v1", members=names[1:], **visit), petitioner=party)  # type: ignore[arg-type]
    assert made.members.filter(represents=True).count() == 5
    with pytest.raises(NotAllowed):
        filing.file(person("haitang"), filing.Filing(key="v2", **visit), petitioner=party)  # type: ignore[arg-type]  # only the desk registers visits


def test_nobody_may_suggest_without_a_name_but_not_accuse() -> None:
    advice = filing.Filing(key=str(uuid4()), kind="advice", title="增加公交班次", words="建议早高峰增加公交班次。", division=TOWN)
    made = filing.file(NOBODY, advice)
    assert made.anonymous and Party.objects.get(pk=made.petitioner_id).scheme == "none" and made.matter_id == "060101"
    with pytest.raises(NotAllowed):
        filing.file(NOBODY, filing.Filing(key=str(uuid4()), kind="accusation", title="举报", words="有人受贿", division=TOWN))


def test_supervision_by_letter_once_and_answered_by_the_organ() -> None:
    petition = transferred()
    case = petition.case_id
    with pytest.raises(NotAllowed):
        filing.supervise(person("zhuandan"), case, kind="press", reason="太慢")
    made = filing.supervise(person("xinfang"), case, kind="press", reason="超过承诺时间")
    assert made.document and made.document.organ_id == petition.desk_id
    with pytest.raises(Conflict):
        filing.supervise(person("xinfang"), case, kind="press", reason="再催")
    with pytest.raises(NotAllowed):
        filing.answer_supervision(person("xinfang"), made.pk, words="替你们答")
    assert filing.answer_supervision(person("zhuandan"), made.pk, words="本周办结").answered_at
    assert Supervision.objects.get(pk=made.pk).answer == "本周办结"


def test_a_cluster_is_told_and_settled_by_whoever_watches_the_place() -> None:
    for number in range(6):
        party = filing.stranger(f"住户{number}", "", TOWN).pk
        letter = filing.Filing(key=f"c{number}", kind="claim", title="夜市油烟", words=f"楼下夜市油烟扰民{number}", claims="治理", division=TOWN, matter="010302", channel="letter")
        filing.file(person("xinfang"), letter, petitioner=party)
    found = clusters.look()
    assert [(c.division, c.matter, c.count) for c in found] == [(CHIKAN, "010302", 6)]
    warning = Warning.objects.get()
    with pytest.raises(NotFound):
        clusters.settle(person("zhuandan"), warning.pk, note="与我无关")
    assert clusters.settle(person("xinfang_leader"), warning.pk, note="约谈").closed_at


def test_the_handler_asks_to_end_it_and_the_head_decides() -> None:
    petition = transferred()
    handler, head = person("zhuandan"), person("zhuandan_head")
    procedures.perform(handler, petition.case_id, "accept")
    with pytest.raises(Conflict):
        procedures.perform(head, petition.case_id, "terminate", {"reason": "信访人去世"})
    procedures.perform(handler, petition.case_id, "ask_end", {"reason": "信访人去世，没有继承人主张"})
    with pytest.raises(NotAllowed):
        procedures.perform(handler, petition.case_id, "terminate", {"reason": "自己决定"})
    assert procedures.perform(head, petition.case_id, "go_on", {"reason": "请先核实继承人"}).state == "handling"
    procedures.perform(handler, petition.case_id, "ask_end", {"reason": "已经核实"})
    done = procedures.perform(head, petition.case_id, "terminate", {"reason": "信访人去世，没有继承人主张"})
    assert done.outcome == "ended" and not procedures.running_deadlines(done)


def test_withdrawn_by_the_petitioner_only() -> None:
    petition = transferred()
    with pytest.raises(NotAllowed):
        procedures.perform(person("zhuandan"), petition.case_id, "withdraw", {"reason": "替他撤"})
    assert procedures.perform(person("haitang"), petition.case_id, "withdraw", {"reason": "已解决"}).outcome == "withdrawn"


def test_the_list_leads_to_the_newest_instance_that_one_may_see() -> None:
    petition = transferred()
    answered(petition)
    review = filing.ask_review(person("haitang"), petition.pk, grounds="金额不对")
    for name, case in (("fucha", review.case_id), ("zhuandan", petition.case_id)):
        client = Client()
        client.force_login(Account.objects.get(username=name))
        page = client.get("/work/petitions").content.decode()
        assert f'href="/work/petitions/{case}"' in page and client.get(f"/work/petitions/{case}").status_code == 200
        assert (f"/work/petitions/{review.case_id}" in page) == (case == review.case_id)


def test_a_point_on_the_map_is_kept_and_a_wrong_one_refused() -> None:
    client = Client()
    client.force_login(Account.objects.get(username="haitang"))
    sent = {"kind": "claim", "title": "路灯坏了", "words": WORDS, "claims": "修好", "division": TOWN, "people": "1", "key": str(uuid4())}
    assert client.post("/petitions/write", {**sent, "point": '{"type":"Polygon"}'}).status_code == 422
    assert client.post("/petitions/write", {**sent, "point": '{"type":"Point","coordinates":[110.36,21.27]}'}).status_code == 302
    point = Petition.objects.get(title="路灯坏了", petitioner=person("haitang").party or 0).point
    assert point and (point.x, point.y, point.srid) == (110.36, 21.27, 4490)


def test_comparing_now_is_for_petition_offices() -> None:
    for name, status in (("xinfang_leader", 302), ("zhuandan", 403)):
        client = Client()
        client.force_login(Account.objects.get(username=name))
        assert client.post("/work/petitions/warnings/look").status_code == status


def test_the_demo_letters_are_played_once() -> None:
    load_petitions()
    made = Petition.objects.filter(case__key__in=[f"petition:{key_of(n)}" for n in range(len(letters()))])
    assert made.count() == len(letters()) > 40 and {i.level for p in made for i in p.instances.all()} == {1, 2, 3}
    assert Supervision.objects.filter(petition__in=made).exists() and Warning.objects.filter(closed_at=None).exists()
    assert load_petitions() == "已有"


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[5] / "docs" / "systems" / "online_petition.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
