"""The systems of single departments over the wire: what is sent to them, what they answer, each step as by hand, and what is refused them."""

import hashlib
import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from demo.calendar import load_next_year
from demo.peers import department, keys
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.documents.models import Document
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers as making
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.models import Case, Deadline, Event, Paper, Task
from yiwang.platforms.identity.models import Account
from yiwang.systems.welfare.online_petition import events, filing, peers, wire
from yiwang.systems.welfare.online_petition.models import Accused, Exchange, Peer, Petition, Reply, Supervision, Transfer
from yiwang.systems.welfare.online_petition.tests import REPLY, TOWN, filed, last_day, organ, person, sending
from yiwang.systems.welfare.online_petition.tests_secrecy import accusation

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PATH, OFFICE = "/petitions/peers/human_resources", "human_resources@440800"
ANSWER = {**REPLY, "what": "answered", "signed_by": "许怀谷"}
LODGED = {"what": "registered", "number": "RS-77", "kind": "claim", "title": "退休金少发", "words": "退休三年，每月少发两百元，多次询问没有结果。", "claims": "补发", "division": TOWN, "name": "李远山"}


@pytest.fixture(autouse=True)
def servers() -> Iterator[Any]:
    """The stand-ins, running, and known to the city."""
    load_next_year()
    folder = Path(settings.KEYS) / "peers"
    keys.make_keys(folder)
    server = department.serve(folder, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys.configure_province(folder, url=f"http://127.0.0.1:{server.server_address[1]}")
    yield server.RequestHandlerClass
    server.shutdown()
    server.server_close()


@pytest.fixture
def office(servers: Any) -> department.Office:
    return servers.offices["human_resources"]  # type: ignore[no-any-return]


def handed(office: department.Office, **changes: Any) -> Petition:
    """Transferred to the office with its own system, and sent."""
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE, **changes))
    arrive()
    return petition


def arrive() -> None:
    """What the jobs would send."""
    Exchange.objects.filter(done_at=None).update(made_at=timezone.now() - timedelta(minutes=5))
    wire.send_waiting()


def said(office: department.Office, petition: Petition | None, event: dict[str, Any], *, path: str = PATH, key: Any = None) -> Any:
    """What the office's server would post, through Django's test client."""
    number = {"number": petition.case.number} if petition else {}
    body = json.dumps({"id": f"E{Exchange.objects.count()}", "by": "林晓岚", "sequence": 1, **number, **event}, ensure_ascii=False).encode()
    signer = office if key is None else department.Office("x", "x", key, office.city_key)
    headers: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signer.signs(path, body).items()}
    return Client().post(path, body, content_type="application/json", **headers)


def state(petition: Petition) -> str:
    return Case.objects.get(pk=petition.case_id).state


def test_it_is_sent_what_it_needs_and_its_answers_take_the_steps_of_a_hand(office: department.Office, servers: Any) -> None:
    petition = handed(office, words="请依法办理")
    (letter,) = office.reports.values()
    assert (letter["number"], letter["words"], letter["claims"], letter["order"]) == (petition.case.number, petition.words, petition.claims, "请依法办理")
    assert letter["person"]["name"] == petition.petitioner.name and letter["tell_by"] > letter["object_by"] and letter["events"].endswith(PATH)
    assert Exchange.objects.get(petition=petition, what="transfer").answer["number"].startswith("HU-")
    assert said(office, petition, {"what": "accepted", "words": "请等待答复"}).json() == {"result": "ok", "number": petition.case.number, "state": "handling", "state_name": "办理中"}
    assert said(office, petition, {**ANSWER, "sequence": 2}).json()["state"] == "answered"
    names = list(Event.objects.filter(case=petition.case_id).order_by("sequence").values_list("step", "actor", "organ__key"))
    assert names[-3:] == [("accept", "林晓岚（市人社局信访办理系统）", OFFICE), ("propose", "林晓岚（市人社局信访办理系统）", OFFICE), ("sign", "许怀谷（市人社局信访办理系统）", OFFICE)]
    making.make(Paper.objects.get(event__case=petition.case_id, template="petition-opinion").event_id)
    opinion = Document.objects.get(case=petition.case_id, template="petition-opinion")
    assert opinion.organ_id == organ(OFFICE) and opinion.data["answer"] == ANSWER["answer"]
    assert Message.objects.filter(to=petition.petitioner_id, template="petition-answered").exists()
    arrive()
    assert [r["state"] for r in servers.bureau.reports.values()] == ["registered", "transferred", "accepted", "answered"]
    assert [r["what"] for r in office.reports.values()] == ["transfer"], "its own acts are not told to it"


def test_an_event_is_taken_once_and_in_order(office: department.Office) -> None:
    petition = handed(office)
    early = said(office, petition, {"id": "A2", **ANSWER, "sequence": 2})
    assert early.status_code == 409 and "第 1 号" in early.json()["problem"] and early.json()["state"] == "transferred"
    first, again = (said(office, petition, {"id": "A1", "what": "accepted"}) for _ in range(2))
    assert first.json() == again.json() and Event.objects.filter(case=petition.case_id, step="accept").count() == 1
    assert said(office, petition, {"id": "A2", **ANSWER, "sequence": 2}).json()["state"] == "answered", "the same event, now in its turn"
    row = Exchange.objects.get(key="A2")
    assert row.done_at and row.problem == "" and row.signature and row.body["answer"] == ANSWER["answer"]


def test_what_the_state_refuses_is_refused_in_words_and_writes_nothing(office: department.Office) -> None:
    petition = handed(office)
    refused = said(office, petition, dict(ANSWER))
    assert refused.status_code == 409 and refused.json()["state_name"] == "待受理" and "待受理" in refused.json()["problem"]
    said(office, petition, {"id": "ok", "what": "accepted"})
    for wrong in ({"signed_by": "林晓岚"}, {"signed_by": ""}, {"basis": ""}, {"result": "perhaps"}):
        assert said(office, petition, {**ANSWER, "sequence": 2, "id": f"w{wrong}", **wrong}).status_code == 422
    assert state(petition) == "handling" and not Reply.objects.filter(case=petition.case_id).exists()
    assert Exchange.objects.filter(petition=petition, done_at=None, direction="in").count() == 5, "each refusal is kept with its reason"


def test_who_is_not_the_office_and_what_is_not_theirs_is_refused(office: department.Office, servers: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    petition, other = handed(office), filed("ruoxi")
    assert said(office, petition, {"what": "accepted"}, key=Ed25519PrivateKey.generate()).status_code >= 400
    assert said(servers.offices["public_security"], petition, {"what": "accepted"}).status_code >= 400, "another office's key"
    police = servers.offices["public_security"]
    assert said(police, petition, {"what": "accepted"}, path="/petitions/peers/public_security").status_code == 404, "another office's petition"
    assert said(office, other, {"what": "accepted"}).status_code == 404 and said(office, petition, {"what": "closed"}).status_code == 422
    assert state(petition) == "transferred" and Peer.objects.get(pk="human_resources").refusal
    Peer.objects.filter(pk="human_resources").update(active=False)
    assert said(office, petition, {"what": "accepted"}).status_code == 404


def test_objection_within_five_working_days_and_not_after_the_second_transfer(office: department.Office) -> None:
    petition = handed(office)
    assert said(office, petition, {"what": "objected", "words": "不属于我局职权"}).json()["state"] == "objecting"
    procedures.perform(person("xinfang"), petition.case_id, "agree")
    arrive()
    assert [r.get("state") for r in office.reports.values()] == [None, "returned"], "it is told that everything went back"
    assert Transfer.objects.get(petition=petition, manner="return").words == "不属于我局职权"
    assert said(office, petition, {"id": "o2", "what": "accepted", "sequence": 2}).status_code == 409, "it lies there no longer"
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    Deadline.objects.filter(case=petition.case_id, code="object", finished_at=None).update(due_at=timezone.now() - timedelta(minutes=1))
    timers.expire_due()
    refused = said(office, petition, {"id": "o2", "what": "objected", "words": "不属于我局职权", "sequence": 2})
    assert refused.status_code == 422 and "5 个工作日已过" in refused.json()["problem"] and state(petition) == "transferred"


def test_declined_with_the_route_and_ended_by_the_head(office: department.Office) -> None:
    petition = handed(office)
    assert said(office, petition, {"what": "declined", "words": "应当先申请仲裁", "route": "arbitration"}).status_code == 422, "whose door it is was not said"
    sent = {"what": "declined", "words": "应当先申请仲裁", "route": "arbitration", "body": "arbitration-440802"}
    assert said(office, petition, sent).json()["state"] == "not-accepted"
    assert Petition.objects.get(pk=petition.pk).route == "arbitration"
    other = handed(office)
    said(office, other, {"id": "e1", "what": "accepted"})
    ended = {"what": "ended", "words": "信访人去世", "sequence": 2}
    assert said(office, other, {**ended, "id": "e2"}).status_code == 422 and state(other) == "handling", "nobody signed"
    assert said(office, other, {**ended, "id": "e2", "signed_by": "许怀谷"}).json()["state"] == "ended"


def test_more_time_as_the_law_allows_told_with_its_reason(office: department.Office) -> None:
    petition = handed(office)
    early = said(office, petition, {"id": "x0", "what": "extended", "days": 30, "words": "情况复杂", "signed_by": "许怀谷"})
    assert early.status_code == 409 and "待受理" in early.json()["problem"]
    said(office, petition, {"id": "x1", "what": "accepted"})
    before = last_day(petition.case_id, "handle")
    assert said(office, petition, {"id": "x2", "what": "extended", "days": 31, "words": "情况复杂", "signed_by": "许怀谷", "sequence": 2}).status_code == 422
    assert said(office, petition, {"id": "x2", "what": "extended", "days": 30, "words": "", "signed_by": "许怀谷", "sequence": 2}).status_code == 422
    assert said(office, petition, {"id": "x2", "what": "extended", "days": 30, "words": "情况复杂", "signed_by": "许怀谷", "sequence": 2}).status_code == 200
    assert last_day(petition.case_id, "handle") > before + timedelta(days=20) and Deadline.objects.get(case=petition.case_id, code="handle").extended == 30
    made = making.make(Paper.objects.get(event__case=petition.case_id, template="petition-extension").event_id).document
    assert made and made.data["opinion"] == "情况复杂" and made.organ_id == organ(OFFICE)


def test_what_was_assigned_is_reported_and_supervision_comes_back(office: department.Office) -> None:
    petition = handed(office, manner="assign")
    said(office, petition, {"id": "r1", "what": "accepted"})
    asked = filing.supervise(person("xinfang"), petition.case_id, kind="press", reason="群众反映集中")
    arrive()
    assert [r["what"] for r in office.reports.values()] == ["transfer", "supervision"]
    pressed = {"what": "supervision-answered", "words": "本周办结", "sequence": 2}
    assert said(office, petition, {**pressed, "id": "r2", "supervision": "12"}).status_code == 404
    assert said(office, petition, {**pressed, "id": "r2", "supervision": str(asked.pk)}).status_code == 200
    assert Supervision.objects.get(pk=asked.pk).answer == "本周办结"
    assert said(office, petition, {**ANSWER, "id": "r3", "sequence": 3}).json()["state"] == "reporting"
    assert said(office, petition, {"id": "r4", "what": "reported", "words": "已经办结", "sequence": 4}).json()["state"] == "answered"


def test_what_others_do_meanwhile_is_told_to_it_after_what_went_before(office: department.Office) -> None:
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    filing.urge(person("haitang"), petition.case_id, words="请快些")
    procedures.perform(person("haitang"), petition.case_id, "withdraw", {"reason": "已经解决"})
    last = Exchange.objects.filter(petition=petition, what="state").latest("pk")
    assert wire.send(last.pk) and [r.get("state") for r in office.reports.values()] == [None, "urged", "withdrawn"]
    assert said(office, petition, {"what": "accepted"}).json()["state_name"] == "已撤回"


def test_a_cut_wire_loses_nothing_and_doubles_nothing(office: department.Office, servers: Any) -> None:
    office.broken = 2
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    row = Exchange.objects.get(petition=petition, what="transfer")
    with pytest.raises(httpx.HTTPError):
        wire.send(row.pk)
    row.refresh_from_db()
    assert row.done_at is None and row.tries == 1 and "503" in row.problem
    arrive()
    assert len(servers.bureau.reports) == 2 and not office.reports, "the province is not kept waiting by a department"
    arrive()
    Exchange.objects.filter(pk=row.pk).update(done_at=None)  # as if our side had died before it wrote that down
    wire.send(row.pk)
    assert len(office.reports) == 1


def test_registered_there_is_entered_here_once_and_lies_with_that_office(office: department.Office) -> None:
    first, again = said(office, None, {"id": "g1", **LODGED}), said(office, None, {"id": "g1", **LODGED})
    assert first.status_code == 200 and first.json() == again.json() and first.json()["state"] == "transferred"
    made = Petition.objects.get(outside="human_resources:RS-77")
    assert made.channel == "office" and made.case.organ.key == OFFICE and made.desk.key == "petition@440802"
    assert Task.objects.get(case=made.case_id, closed_at=None).organ.key == OFFICE and last_day(made.case_id, "tell")
    assert said(office, made, {"id": "g2", "what": "accepted"}).json()["state"] == "handling"
    for wrong in ({"kind": "x"}, {"words": ""}, {"division": "1"}):
        assert said(office, None, {"id": "g9", **LODGED, "number": "RS-78", **wrong}).status_code == 422


def test_a_repeat_registered_there_joins_what_is_under_way_here(office: department.Office) -> None:
    number = person("haitang").party
    here = filed(title=LODGED["title"], words=LODGED["words"], matter="", claims="补发")
    own = Party.objects.get(pk=number or 0)
    answer = said(office, None, {"id": "p1", **LODGED, "name": own.name, "id_number": own.number})
    assert answer.json()["state"] == "joined" and Petition.objects.get(outside="human_resources:RS-77").joined_to == here


def test_an_accusation_never_leaves_but_for_the_organ_of_discipline(office: department.Office) -> None:
    petition = accusation()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE, kind="accusation", matter="080101", route="duty"))
    assert not Exchange.objects.filter(petition=petition, what="transfer").exists() and state(petition) == "transferred", "handled here, by hand"
    assert said(office, petition, {"what": "accepted"}).status_code == 404
    Peer.objects.filter(pk="public_security").update(organ=organ("discipline_inspection@440800"))
    other = accusation("ruoxi")
    procedures.perform(person("xinfang"), other.case_id, "transfer", sending("discipline_inspection@440800", kind="accusation", matter="080101", route="duty"))
    assert Exchange.objects.filter(petition=other, what="transfer", peer="public_security").exists()


def test_what_becomes_secret_on_the_way_is_dropped_unsent_and_its_answers_refused(office: department.Office) -> None:
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    Petition.objects.filter(pk=petition.pk).update(kind="accusation")
    accused = Accused.objects.create(petition=petition, name="某人")
    filing.identify(person("xinfang"), accused.pk, organ=organ(OFFICE))
    arrive()
    row = Exchange.objects.get(petition=petition, what="transfer")
    assert not office.reports and row.dropped_at and row.body == {}
    assert said(office, petition, {"what": "accepted"}).status_code == 404


def test_who_asked_for_secrecy_is_not_named_there(office: department.Office) -> None:
    petition = filed(secret=True, contact="19900001111")
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    arrive()
    assert petition.petitioner.name not in json.dumps(office.reports, ensure_ascii=False) and "19900001111" not in json.dumps(office.reports)


def fetched(office: department.Office, url: str) -> Any:
    """What the office's server would ask for, through Django's test client."""
    path = urlsplit(url).path
    headers: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in office.signs(path, b"", method="GET").items()}
    return Client().get(path, **headers)


def test_files_are_named_in_the_message_and_fetched_by_who_has_the_petition(office: department.Office, servers: Any) -> None:
    petition = filed(files=(("证明.pdf", PDF),))
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    arrive()
    (file,) = next(iter(office.reports.values()))["files"]
    assert (file["name"], file["media_type"], file["sha256"]) == ("证明.pdf", "application/pdf", hashlib.sha256(PDF).hexdigest())
    got = fetched(office, file["url"])
    assert got.status_code == 200 and b"".join(got.streaming_content) == PDF
    assert fetched(servers.offices["public_security"], file["url"].replace("human_resources", "public_security")).status_code == 404
    assert fetched(servers.offices["public_security"], file["url"]).status_code >= 400 and Client().get(urlsplit(file["url"]).path).status_code >= 400
    said(office, petition, {"what": "objected", "words": "不属于我局职权"})
    procedures.perform(person("xinfang"), petition.case_id, "agree")
    assert fetched(office, file["url"]).status_code == 404, "it lies there no longer"


def test_only_the_wire_registers_for_an_office() -> None:
    letter = filing.Filing(key="no", kind="claim", title="退休金", words="少发", division=TOWN, channel="office", lodged=organ(OFFICE))
    for actor in (person("xinfang"), person("haitang")):
        with pytest.raises(Exception, match="系统对接登记"):
            filing.file(actor, letter, petitioner=person("haitang").party)


def test_an_official_of_the_office_may_still_act_by_hand_and_the_late_event_is_refused(office: department.Office) -> None:
    petition = handed(office)
    by_hand = events.actor_of(Peer.objects.get(pk="human_resources"), "甲")
    procedures.perform(by_hand, petition.case_id, "accept")
    refused = said(office, petition, {"what": "accepted"})
    assert refused.status_code == 409 and refused.json()["state"] == "handling"
    with pytest.raises(Conflict):
        procedures.perform(by_hand, petition.case_id, "accept")


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username))
    return client


@pytest.mark.parametrize(
    ("reading", "words"),
    [((False, 9, 9, timedelta(1)), "暂停"), ((True, 1, 1, timedelta()), "中断"), ((True, 1, 0, timedelta(hours=1)), "积压"), ((True, 60, 0, timedelta()), "积压"), ((True, 1, 0, timedelta()), "连通"), ((True, 0, 0, None), "连通")],
)
def test_the_lamp_of_a_wire(reading: tuple[Any, ...], words: str) -> None:
    assert peers.lamp(*reading)[1] == words


def test_the_page_shows_what_waits_and_why_and_sends_it_again(office: department.Office) -> None:
    office.broken = 1
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    arrive()
    row = Exchange.objects.get(petition=petition, what="transfer")
    clerk = signed_in("xinfang")
    page = clerk.get("/work/petitions/peers").content.decode()
    assert "中断" in page and "状态 503" in page and petition.case.number in page
    assert clerk.post(f"/work/petitions/exchanges/{row.pk}").status_code == 302
    row.refresh_from_db()
    assert row.done_at and len(office.reports) == 1
    assert petition.case.number in clerk.get("/work/petitions/peers/human_resources").content.decode()
    assert "在“市人社局信访办理系统”中办理" in clerk.get(f"/work/petitions/{petition.case_id}").content.decode()
    assert peers.send_again(person("xinfang"), row.pk).done_at == row.done_at and len(office.reports) == 1
    with pytest.raises(NotFound):
        peers.send_again(person("zhen_xinfang"), row.pk)
    for name, status in (("zhuandan", 403), ("haitang", 403)):
        assert signed_in(name).get("/work/petitions/peers").status_code == status
        assert signed_in(name).post(f"/work/petitions/exchanges/{row.pk}").status_code == status


def test_the_administrator_registers_pauses_and_changes_keys(office: department.Office, settings: Any, tmp_path: Path) -> None:
    settings.KEYS = tmp_path
    admin, key = person("sysadmin"), Peer.objects.get(pk="human_resources").public_key
    asked: dict[str, Any] = {"name": "市教育局信访系统", "organ": organ("education@440800"), "url": "https://jyj.example.cn/xf/", "account": "zj", "public_key": key}
    made = peers.keep(admin, "education", **asked)
    assert (made.kind, made.url, made.active) == ("office", "https://jyj.example.cn/xf", True) and peers.our_key(made).startswith("-----BEGIN PUBLIC")
    for wrong, field in (({"url": "http://jyj.example.cn"}, "url"), ({"public_key": "x"}, "public_key"), ({"organ": organ(OFFICE)}, "organ")):
        with pytest.raises(Invalid) as problem:
            peers.keep(admin, "education", **{**asked, **wrong})
        assert set(problem.value.fields) == {field}
    before = peers.our_key(made)
    assert peers.our_key(peers.change_key(admin, "education")) not in ("", before)
    assert not peers.switch(admin, "education", active=False).active and peers.switch(admin, "education", active=True).active
    leader = person("xinfang_leader")
    with pytest.raises(NotAllowed):
        peers.keep(leader, "x", **asked)
    with pytest.raises(NotAllowed):
        peers.switch(leader, "education", active=False)
    with pytest.raises(NotAllowed):
        peers.change_key(leader, "education")


def test_a_paused_system_is_sent_nothing_and_what_waits_leaves_afterwards(office: department.Office) -> None:
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    Peer.objects.filter(pk="human_resources").update(active=False)
    row = Exchange.objects.get(petition=petition, what="transfer")
    assert not wire.send(row.pk)
    with pytest.raises(Conflict, match="暂停"):
        peers.send_again(person("xinfang"), row.pk)
    other = filed("ruoxi", title="工资拖欠", words="工地拖欠工资三个月没有发。")
    procedures.perform(person("xinfang"), other.case_id, "transfer", sending(OFFICE))
    assert not Exchange.objects.filter(petition=other, what="transfer").exists(), "handled here while the other system is paused"
    Peer.objects.filter(pk="human_resources").update(active=True)
    arrive()
    assert len(office.reports) == 1


@pytest.mark.parametrize(("path", "most"), [("/work/petitions/peers", 22), ("/work/petitions/peers/human_resources", 22)])
def test_pages_ask_the_database_a_fixed_number_of_times(office: department.Office, path: str, most: int) -> None:
    for title in ("其一", "其二", "其三"):
        petition = filed(title=title, words=f"{title}：{title * 12}")
        procedures.perform(person("xinfang"), petition.case_id, "transfer", sending(OFFICE))
    client = signed_in("xinfang")
    client.get(path)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(path).status_code == 200
    assert len(asked) <= most, "\n".join(q["sql"][:120] for q in asked)
