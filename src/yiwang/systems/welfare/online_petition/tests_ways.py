"""The other legal ways: an inspection opened and followed without naming anybody, an item to apply for, a body to go to; the refused cases beside."""

from typing import Any

import pytest
from django.contrib.gis.geos import Point
from procrastinate.contrib.django.models import ProcrastinateJob

from demo.calendar import load_next_year
from yiwang.base.errors import Invalid, NotAllowed, NotFound
from yiwang.engines.documents import api as documents
from yiwang.engines.messages.models import Message
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers as making
from yiwang.engines.procedures.models import Case, Paper
from yiwang.kit.access import restrict
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Incident, Report
from yiwang.platforms.items.models import Item
from yiwang.systems.welfare.online_petition import ways
from yiwang.systems.welfare.online_petition.models import Body, Petition
from yiwang.systems.welfare.online_petition.tests import filed, person, sending
from yiwang.systems.welfare.online_petition.tests_offices import signed_in
from yiwang.systems.welfare.online_petition.tests_secrecy import accusation

pytestmark = pytest.mark.django_db
WORDS = "隔壁在公共天井搭建两层铁皮房，挡住采光和消防通道，社区劝过没有用，请求查处。"
PLACE = Point(110.3581, 21.2712, srid=4490)
ASKED = {"matter": "010301", "summary": "中华街道某小区天井搭建两层铁皮房", "point": '{"type":"Point","coordinates":[110.3581,21.2712]}', "opinion": ""}


@pytest.fixture(autouse=True)
def _next_year() -> None:
    load_next_year()


def built(**changes: Any) -> Petition:
    return filed(**{"title": "隔壁搭建铁皮房", "words": WORDS, "claims": "查处违建", "matter": "010301", **changes})


def inspected(petition: Petition, **changes: Any) -> Incident:
    procedures.perform(person("xinfang"), petition.case_id, "inspect", {**ASKED, **changes})
    found = Petition.objects.select_related("incident__case", "incident__owner").get(pk=petition.pk).incident
    assert found
    return found


def heard(incident: Incident, *, closed: bool, words: str) -> None:
    """What the job would hand on after the commit."""
    ways.followed(incidents.IncidentClosed(incident=incident.pk, closed=closed, words=words))


def test_an_inspection_is_opened_followed_and_told() -> None:
    petition = built()
    incident = inspected(petition)
    assert (incident.owner and incident.owner.key, incident.days, incident.stage) == ("urban_management@440802", 60, "filing")
    assert petition.case.number in incident.text and incident.place.x == 110.3581
    petition.refresh_from_db()
    assert (petition.route, petition.handed_to) == ("duty", incident.case.number) and Case.objects.get(pk=petition.case_id).state == "inspecting"
    paper = making.make(Paper.objects.get(event__case=petition.case_id, template="petition-inspection").event_id).document
    assert paper and paper.data["incident"] == incident.case.number and paper.data["to_organ"] == "赤坎区城市管理和综合执法局"
    assert documents.read(paper.file).startswith(b"%PDF")
    mine = signed_in("haitang").get(f"/petitions/{petition.case_id}").content.decode()
    assert incident.case.number in mine and "正在核实" in mine and "赤坎区城市管理和综合执法局" in mine
    clerk = person("xinfang")
    for step, data in (("file", {"opinion": "立案"}), ("assign", {"opinion": "请查处"})):
        procedures.perform(clerk, incident.case_id, step, data)
    handler = person("beifanying")
    procedures.perform(handler, incident.case_id, "sign", {})
    procedures.perform(handler, incident.case_id, "report_fixed", {"opinion": "已责令拆除"})
    procedures.perform(clerk, incident.case_id, "verify", {"passed": "yes", "opinion": "已拆除"})
    assert "正在核查" in signed_in("haitang").get(f"/petitions/{petition.case_id}").content.decode()
    procedures.perform(clerk, incident.case_id, "close", {"opinion": "违建已拆除"})
    for _ in range(2):
        heard(incident, closed=True, words="违建已拆除")
    done = Case.objects.get(pk=petition.case_id)
    assert (done.state, done.outcome) == ("inspected", "answered")
    assert "违建已拆除" in Message.objects.get(to=petition.petitioner_id, template="petition-inspected").body


def test_who_inspects_learns_nothing_of_who_wrote() -> None:
    petition = built(contact="19900002222")
    name = petition.case.applicant.name
    for told in (f"{name}家隔壁", "电话19900002222"):
        with pytest.raises(Invalid) as problem:
            inspected(petition, summary=told)
        assert set(problem.value.fields) == {"summary"}
    incident = inspected(petition)
    handler = person("beifanying")
    assert restrict(handler, Incident.objects.filter(pk=incident.pk)).exists() and not procedures.cases_of(handler).filter(pk=petition.case_id).exists()
    report = Report.objects.get(incident=incident)
    assert report.reporter_id is None and not report.phone and incident.case.applicant_id != petition.petitioner_id
    procedures.perform(person("xinfang"), incident.case_id, "file", {"opinion": "立案"})
    procedures.perform(person("xinfang"), incident.case_id, "assign", {"opinion": "请查处"})
    page = signed_in("beifanying").get(f"/work/cases/{incident.case_id}").content.decode()
    assert name not in page and petition.title not in page


def test_who_has_no_post_in_petitions_learns_nothing_of_an_inspection() -> None:
    """Whoever looks after rivers covers the same place, and reads what the public told of its incidents."""
    incident = inspected(built())
    for barred in ("hezhangban", "shichang", "chikan_window", "leader"):
        assert not restrict(person(barred), Incident.objects.filter(pk=incident.pk)).exists(), barred
        assert not restrict(person(barred), Report.objects.filter(incident=incident)).exists(), barred
    assert restrict(person("xinfang"), Incident.objects.filter(pk=incident.pk)).exists()


def test_an_accusation_and_a_suggestion_open_no_inspection() -> None:
    for petition in (accusation(), built(kind="advice", words="建议加强巡查。", title="建议巡查")):
        with pytest.raises(Invalid, match="只有申诉求决"):
            procedures.perform(person("xinfang"), petition.case_id, "inspect", dict(ASKED))
    assert not Incident.objects.filter(text__contains="铁皮房").exists()


def test_without_a_place_or_an_office_nothing_is_opened() -> None:
    petition = built()
    for wrong, field in (({"point": ""}, "point"), ({"matter": "990101"}, "matter"), ({"summary": ""}, "summary")):
        with pytest.raises(Invalid) as problem:
            inspected(petition, **wrong)
        assert set(problem.value.fields) == {field}
    assert Case.objects.get(pk=petition.case_id).state == "registering" and not Incident.objects.filter(text__contains=petition.case.number).exists()
    assert inspected(built(who="ruoxi", point=PLACE), point="").place == PLACE, "the place the petitioner gave"
    with pytest.raises(NotFound):
        procedures.perform(person("zhuandan"), petition.case_id, "inspect", dict(ASKED))
    with pytest.raises(NotAllowed):
        procedures.perform(person("haitang"), petition.case_id, "inspect", dict(ASKED))


def test_two_petitions_about_one_thing_open_one_inspection_and_both_are_told() -> None:
    one, other = built(), built(who="ruoxi")
    assert inspected(one) == inspected(other)
    incident = Petition.objects.get(pk=one.pk).incident
    assert incident
    heard(incident, closed=True, words="违建已拆除")
    assert {Case.objects.get(pk=p.case_id).state for p in (one, other)} == {"inspected"}


def test_what_is_not_taken_up_comes_back_to_the_desk() -> None:
    petition = built()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(matter="010301"))
    procedures.perform(person("zhuandan"), petition.case_id, "inspect", dict(ASKED))
    incident = Petition.objects.get(pk=petition.pk).incident
    assert incident and incident.case.organ.key == "petition@440802"
    procedures.perform(person("xinfang"), incident.case_id, "refuse", {"reason": "现场没有发现违建"})
    job = ProcrastinateJob.objects.filter(args__handler__endswith="ways.followed").latest("id")
    assert job.args["values"] == {"incident": incident.pk, "closed": False, "words": "现场没有发现违建"}
    heard(incident, closed=False, words="现场没有发现违建")
    case = Case.objects.get(pk=petition.case_id)
    assert case.state == "registering" and case.organ.key == "petition@440802" and any(d.code == "divert" for d in procedures.running_deadlines(case))
    assert inspected(petition) != incident, "handed over anew it is a new one"


def declined(petition: Petition, **data: Any) -> Case:
    return procedures.perform(person("xinfang"), petition.case_id, "decline_here", {"reason": "依法应当通过其他途径提出", **data})


def test_an_application_is_led_to_its_item_and_form() -> None:
    petition = filed(matter="010301", title="申请占道", words="我想临时占用门口的道路施工，要怎样批准。", claims="批准")
    item = ways.items_for(petition)[0]
    with pytest.raises(Invalid) as problem:
        declined(petition, route="procedure")
    assert set(problem.value.fields) == {"item"}
    with pytest.raises(Invalid) as problem:
        declined(petition, route="procedure", item_name="没有这个事项")
    assert "item_name" in problem.value.fields
    declined(petition, route="procedure", item_name=item.name)
    assert Petition.objects.get(pk=petition.pk).item_key == item.key
    made = making.make(Paper.objects.get(event__case=petition.case_id, template="petition-declined").event_id).document
    assert made and item.name in made.data["way"] and f"/items/{item.key}" in made.data["way"]
    client = signed_in("haitang")
    page = client.get(f"/petitions/{petition.case_id}").content.decode()
    led = ways.service_of(Petition.objects.get(pk=petition.pk))
    assert led and led[1] and f"/items/{item.key}" in page and f"/apply/{led[1]}" in page
    assert client.get(f"/items/{item.key}").status_code == 200 and Item.objects.filter(key=item.key).exists()


def test_a_lawsuit_is_told_whose_door_it_is() -> None:
    petition = filed(title="不服判决", words="不服法院判决，请求推翻。", claims="推翻判决", matter="990101")
    with pytest.raises(Invalid) as problem:
        declined(petition, route="lawsuit")
    assert set(problem.value.fields) == {"body"}
    with pytest.raises(Invalid, match="需要补充") as problem:
        declined(petition, route="arbitration", body="court-440802")
    assert "诉讼" in problem.value.fields["body"]
    declined(petition, route="lawsuit", body="court-440802")
    made = making.make(Paper.objects.get(event__case=petition.case_id, template="petition-declined").event_id).document
    assert made and "赤坎区人民法院" in made.data["way"] and "12368" in made.data["way"] and made.data["article"] == "第三十一条第一项"
    assert "请到赤坎区人民法院提出" in signed_in("haitang").get(f"/petitions/{petition.case_id}").content.decode()


def test_bodies_are_of_the_place_and_above_and_each_says_where_it_is_from() -> None:
    names = [b.name for b in ways.bodies_for("440802001000")]
    assert "赤坎区人民法院" in names and "湛江市人民检察院" in names and "霞山区人民法院" not in names
    assert all(b.source and b.address and b.phone and b.how for b in Body.objects.all())
    assert {b.route for b in Body.objects.all()} == {"lawsuit", "arbitration", "party", "procedure"}


def test_an_inspection_is_no_refusal() -> None:
    with pytest.raises(Invalid) as problem:
        declined(built(), route="duty", way="城管局")
    assert set(problem.value.fields) == {"route"}
