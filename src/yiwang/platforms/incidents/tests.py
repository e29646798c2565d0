"""Likeness by hand; one matter, one incident; the flow with its refusals; who sees the reporter."""

from datetime import date, timedelta
from math import exp
from pathlib import Path
from uuid import uuid4

import pytest
from django.contrib.gis.geos import Point
from django.db import IntegrityError, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party, Post
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Deadline, Event
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, Actor
from yiwang.platforms.incidents import api
from yiwang.platforms.incidents.models import Incident, Report, RoutingRule, Verification
from yiwang.platforms.incidents.rules import Candidate, decide, likeness, overlap

METRE = 1 / 111_320
SAMPLES = {"routing": lambda n: {"function": "water_affairs", "since": str(date(2025, 3, 3) + timedelta(days=n)), "until": "2099-12-31"}}  # once for a kind, a place and a day


def near(metres: float, hours: float = 0.0, text: str = "岸边有垃圾", same: bool = True) -> Candidate:
    return Candidate(incident=1, metres=metres, hours=hours, text=text, same_kind=same)


def test_likeness_by_hand() -> None:
    assert likeness("岸边有垃圾", near(0)) == pytest.approx(1.0)
    assert likeness("岸边有垃圾", near(50)) == pytest.approx(0.4 * exp(-1) + 0.6)
    assert likeness("岸边有垃圾", near(0, hours=24, same=False)) == pytest.approx(0.4 + 0.3 + 0.1 * exp(-1))
    assert likeness("岸边有垃圾", near(100.1)) == 0 and likeness("岸边有垃圾", near(0, hours=72.1)) == 0
    assert overlap("垃圾", "垃圾") == 1 and overlap("垃圾", "采砂") == 0


def test_joins_proposes_or_opens() -> None:
    assert decide("岸边有垃圾", [near(5), near(40)]) == ("join", 1)
    assert decide("岸边有垃圾", [near(40)])[0] == "propose"
    assert decide("有人采砂", [near(60)]) == ("new", None)
    assert decide("岸边有垃圾", []) == ("new", None)


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, name)


def told(*, text: str = "桥下有一堆垃圾", east: float = 0.0, anonymous: bool = False) -> api.Told:
    office, checker = (Organisation.objects.get(key=k).pk for k in ("water_affairs@440800", "county_government@440802"))
    return api.Told(
        key=uuid4(), procedure="river-problem", category="river-garbage", eye="crowd", text=text, place=Point(110.345 + east * METRE, 21.28, srid=4490),
        division="440802001000", office=office, checker=checker, phone="15400000001", anonymous=anonymous,
    )  # fmt: skip


@pytest.fixture
def report(db: None) -> Report:
    return api.tell(actor("林海棠"), told())[0]


def step(name: str, incident: int, code: str, **data: str) -> None:
    procedures.perform(actor(name), Incident.objects.get(pk=incident).case_id, code, data)


def to_closing(incident: int) -> None:
    step("徐听雨", incident, "file", opinion="属实")
    step("徐听雨", incident, "assign", opinion="三日内清理")
    step("梁书言", incident, "sign")
    step("梁书言", incident, "report_fixed", opinion="已清运")
    step("卢南渡", incident, "verify", passed="yes", opinion="现场已干净")


def test_four_reports_near_each_other_are_one_incident(db: None) -> None:
    incidents = {api.tell(actor(who), told(east=east))[0].incident_id for who, east in (("林海棠", 0), ("刘若溪", 3), ("黄知秋", 5), ("陈晓帆", 8))}
    assert len(incidents) == 1
    assert api.tell(NOBODY, told(east=150, anonymous=True))[1] == "new"


def test_the_same_report_twice_is_one(db: None) -> None:
    once = told()
    assert api.tell(actor("林海棠"), once)[0].pk == api.tell(actor("林海棠"), once)[0].pk
    with pytest.raises(Invalid):
        api.tell(actor("林海棠"), told(text="  "))


def test_four_people_take_it_to_its_end(report: Report) -> None:
    assert report.incident.owner and report.incident.owner.key == "water_affairs@440802" and report.incident.days == 3
    to_closing(report.incident_id)
    step("徐听雨", report.incident_id, "close", opinion="予以销号")
    closed = Incident.objects.get(pk=report.incident_id)
    assert (closed.stage, closed.on_time) == ("closed", True) and closed.closed_at and closed.handler and closed.handler.name == "梁书言"


@pytest.mark.parametrize(("who", "code"), [("梁书言", "file"), ("林海棠", "file"), ("卢南渡", "file")])
def test_only_the_office_files(report: Report, who: str, code: str) -> None:
    with pytest.raises((NotAllowed, NotFound)):
        step(who, report.incident_id, code, opinion="我来")


def test_the_handler_cannot_verify_not_even_in_the_table(report: Report) -> None:
    step("徐听雨", report.incident_id, "file", opinion="属实")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    step("梁书言", report.incident_id, "sign")
    Incident.objects.filter(pk=report.incident_id).update(handler=actor("卢南渡").party)
    procedures.perform(actor("梁书言"), report.incident.case_id, "report_fixed", {"opinion": "已清"})
    Incident.objects.filter(pk=report.incident_id).update(handler=actor("卢南渡").party)
    with pytest.raises(Invalid, match="没有参加整改"):
        step("卢南渡", report.incident_id, "verify", passed="yes", opinion="好")
    party = Party.objects.get(name="卢南渡").pk
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.create(incident=report.incident, verifier_id=party, handler_id=party, passed=True, note="自己查自己")


def test_a_failed_check_goes_back_to_be_mended(report: Report) -> None:
    step("徐听雨", report.incident_id, "file", opinion="属实")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    step("梁书言", report.incident_id, "sign")
    step("梁书言", report.incident_id, "report_fixed", opinion="已清运")
    step("卢南渡", report.incident_id, "verify", passed="no", opinion="还有")
    assert Incident.objects.get(pk=report.incident_id).stage == "fixing"
    running = report.incident.case.deadlines.get(code="fix", finished_at=None)
    assert running.amount == report.incident.days and running.due_at and running.due_at > timezone.now(), "a limit runs again"
    Deadline.objects.filter(pk=running.pk).update(due_at=timezone.now() - timedelta(minutes=1))  # and nobody has looked at it yet
    step("梁书言", report.incident_id, "report_fixed", opinion="又清运一次")
    assert Incident.objects.get(pk=report.incident_id).on_time is False
    step("卢南渡", report.incident_id, "verify", passed="yes", opinion="干净了")
    assert not report.incident.case.deadlines.filter(code="fix", finished_at=None).exists()


def test_who_signed_for_it_does_not_check_what_a_colleague_handed_in(report: Report) -> None:
    to_closing(report.incident_id)
    first = report.incident.case.events.get(step="sign")
    step("徐听雨", report.incident_id, "close", opinion="销号")
    api.reopen(actor("林海棠"), report.key, "又堆满了")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    step("梁书言", report.incident_id, "sign")
    step("梁书言", report.incident_id, "report_fixed", opinion="已清运")
    Incident.objects.filter(pk=report.incident_id).update(handler=Party.objects.get(name="徐听雨").pk)
    Event.objects.create(case=report.incident.case, sequence=99, step="sign", name="签收", target="fixing", actor="卢南渡", party=actor("卢南渡").party, organ=first.organ)
    with pytest.raises(Invalid, match="没有参加整改"):
        step("卢南渡", report.incident_id, "verify", passed="yes", opinion="好")


def test_it_can_be_sent_back_once_with_a_reason(report: Report) -> None:
    step("徐听雨", report.incident_id, "file", opinion="属实")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    with pytest.raises(Invalid):
        step("梁书言", report.incident_id, "send_back")
    step("梁书言", report.incident_id, "send_back", reason="不在辖区")
    step("徐听雨", report.incident_id, "assign", opinion="仍由你局办理")
    with pytest.raises(Invalid, match="只能退回一次"):
        step("梁书言", report.incident_id, "send_back", reason="还是不在")


def test_what_was_sent_back_goes_to_another_office_which_may_send_it_back_too(report: Report) -> None:
    step("徐听雨", report.incident_id, "file", opinion="属实")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    first = Incident.objects.get(pk=report.incident_id).owner
    assert first
    step("梁书言", report.incident_id, "send_back", reason="不在辖区")
    other = Organisation.objects.get(key="housing_construction@440802")
    Post.objects.create(organisation=other, title="整改岗", roles=["river-handler"], division_id="440802000000")
    with pytest.raises(Invalid):
        step("徐听雨", report.incident_id, "assign", opinion="给不办理的单位", owner=str(Organisation.objects.get(key="petition@440802").pk))
    step("徐听雨", report.incident_id, "assign", opinion="由你局办理", owner=str(other.pk))
    given = Incident.objects.get(pk=report.incident_id)
    assert given.owner == other and given.returned == 0
    assert given.case.tasks.get(closed_at=None).organ == other


def test_an_incident_without_a_rule_is_given_to_who_mends_such_things(report: Report) -> None:
    RoutingRule.objects.filter(category=report.incident.category).delete()
    Incident.objects.filter(pk=report.incident_id).update(owner=None)
    step("徐听雨", report.incident_id, "file", opinion="属实")
    with pytest.raises(Invalid, match="还没有主办单位"):
        step("徐听雨", report.incident_id, "assign", opinion="清理")
    office = parties.offices_with("river-handler", place=report.incident.division_id)[0]
    step("徐听雨", report.incident_id, "assign", opinion="清理", owner=str(office.pk))
    assert Incident.objects.get(pk=report.incident_id).owner == office


def test_who_told_it_is_shown_to_the_caller_only_and_recorded(report: Report) -> None:
    assert api.caller(actor("徐听雨"), report.pk) == ("林海棠", "15400000001")
    assert Access.objects.filter(party=report.reporter_id or 0, what__contains="反映人").exists()
    for who in ("梁书言", "卢南渡", "莫知夏"):
        with pytest.raises((NotAllowed, NotFound)):
            api.caller(actor(who), report.pk)
    anonymous = api.tell(NOBODY, told(east=200, anonymous=True))[0]
    assert api.caller(actor("徐听雨"), anonymous.pk) == ("匿名", "15400000001")
    assert Entry.objects.filter(action="incident.caller", subject_id=str(anonymous.pk)).exists()
    case = procedures.find(actor("徐听雨"), report.incident.case_id)
    assert "林海棠" not in f"{case.subject}{case.applicant.name}{list(case.events.values_list('actor', flat=True))}"
    assert not restrict(actor("刘若溪"), Report.objects.filter(pk=report.pk)).exists()


def test_the_office_urges_whoever_holds_it_once_a_day(report: Report) -> None:
    step("徐听雨", report.incident_id, "file", opinion="属实")
    step("徐听雨", report.incident_id, "assign", opinion="清理")
    assert api.urge(actor("徐听雨"), report.incident_id, "请今天签收") >= 1
    with pytest.raises(Conflict, match="今天已经催办过"):
        api.urge(actor("徐听雨"), report.incident_id, "请今天签收")
    assert Message.objects.filter(template="incident-urged", to__name="梁书言").count() == 1
    with pytest.raises(NotAllowed):
        api.urge(actor("梁书言"), report.incident_id, "快")
    with pytest.raises(Invalid):
        api.urge(actor("徐听雨"), report.incident_id, "")


def test_answer_rating_and_reopening(report: Report) -> None:
    citizen = actor("林海棠")
    with pytest.raises(Conflict):
        api.rate(citizen, report.key, grade=5)
    with pytest.raises(NotAllowed):
        api.answer(actor("莫知夏"), report.pk, "我来答")
    api.answer(actor("徐听雨"), report.pk, "已安排清理")
    with pytest.raises(NotFound):
        api.rate(actor("刘若溪"), report.key, grade=5)
    with pytest.raises(Invalid):
        api.rate(citizen, report.key, grade=9)
    with pytest.raises(Conflict, match="徐听雨已于"):
        api.answer(actor("徐听雨"), report.pk, "换一个说法")
    assert api.rate(citizen, report.key, grade=4).grade == 4
    with pytest.raises(Conflict):
        api.rate(citizen, report.key, grade=1)
    with pytest.raises(Conflict):
        api.reopen(citizen, report.key, "没有解决")
    to_closing(report.incident_id)
    step("徐听雨", report.incident_id, "close", opinion="销号")
    api.reopen(citizen, report.key, "又堆满了")
    again = Incident.objects.select_related("case").get(pk=report.incident_id)
    assert (again.stage, again.reopened, again.case.closed_at) == ("assigning", 1, None)
    answered = api.answer(actor("徐听雨"), report.pk, "已经派人再次清理")
    assert answered.grade is None and api.rate(citizen, report.key, grade=5).grade == 5
    kept = Entry.objects.filter(action="incident.answer", subject_id=str(report.pk)).latest("pk")
    assert kept.detail["before"]["answer"] == "已安排清理" and kept.detail["before"]["grade"] == 4


def test_after_seven_days_it_is_too_late(report: Report) -> None:
    to_closing(report.incident_id)
    step("徐听雨", report.incident_id, "close", opinion="销号")
    Incident.objects.filter(pk=report.incident_id).update(closed_at=timezone.now() - timedelta(days=8))
    with pytest.raises(Gone):
        api.reopen(actor("林海棠"), report.key, "没有解决")


def test_the_page_s_example_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "platforms" / "incidents.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
