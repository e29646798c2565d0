"""The accused finds nothing: every way in by which an official can come to a case, refused beside the same way for whoever handles it."""

from typing import Any

import pytest
from django.db import models
from django.test import Client

from demo.calendar import load_next_year
from yiwang.base.errors import Invalid, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.audit.models import Access, Entry, Withheld
from yiwang.engines.documents.models import Document, File
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Membership, Organisation, Post
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers as making
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Paper, Task
from yiwang.kit import live
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.identity.models import Account
from yiwang.systems.welfare.online_petition import filing
from yiwang.systems.welfare.online_petition.models import (
    Accused,
    Exchange,
    Hearing,
    Instance,
    Material,
    Member,
    Petition,
    Reply,
    Supervision,
    Transfer,
)
from yiwang.systems.welfare.online_petition.tests import filed, organ, person, sending

pytestmark = pytest.mark.django_db
ACCUSED = {"name": "钱世荣", "title": "副局长", "organ": "赤坎区城市管理和综合执法局"}
WORDS = "城管局副局长钱世荣收受商户好处，包庇违法占道经营，商户们都知道。"


def accusation(who: str = "haitang", **changes: Any) -> Petition:
    return filed(who, **{"kind": "accusation", "title": "举报钱世荣收受好处", "words": WORDS, "matter": "080101", "claims": "", "accused": (ACCUSED,), **changes})


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username))
    return client


def everything(actor: Actor, case: int) -> dict[str, int]:
    """How many rows of the case each model shows to the actor."""
    one = Case.objects.filter(pk=case)
    petition = Petition.objects.filter(case=case)
    return {
        "case": restrict(actor, one).count(),
        "task": restrict(actor, Task.objects.filter(case=case)).count(),
        "event": restrict(actor, Event.objects.filter(case=case)).count(),
        "deadline": restrict(actor, Deadline.objects.filter(case=case)).count(),
        "paper": restrict(actor, Paper.objects.filter(event__case=case)).count(),
        "document": restrict(actor, Document.objects.filter(case=case)).count(),
        "petition": restrict(actor, petition).count(),
        "instance": restrict(actor, Instance.objects.filter(case=case)).count(),
        "accused": restrict(actor, Accused.objects.filter(petition__in=petition)).count(),
        "member": restrict(actor, Member.objects.filter(petition__in=petition)).count(),
        "material": restrict(actor, Material.objects.filter(petition__in=petition)).count(),
        "transfer": restrict(actor, Transfer.objects.filter(petition__in=petition)).count(),
        "supervision": restrict(actor, Supervision.objects.filter(petition__in=petition)).count(),
        "exchange": restrict(actor, Exchange.objects.filter(petition__in=petition)).count(),
        "withheld": restrict(actor, Withheld.objects.filter(case=case)).count(),
    }


def colleague() -> Actor:
    """Another in the accused's office with every petition role there."""
    office = Organisation.objects.get(key="urban_management@440802")
    post = Post.objects.create(organisation=office, title="信访试岗", roles=["petition-clerk", "petition-handler", "petition-head", "petition-leader", "supervisor"], division_id="440802000000")
    account = Account.objects.get(username="editor")
    Membership.objects.create(party_id=account.party_id or 0, post=post, valid_from="2024-01-01")
    return person("editor")


@pytest.fixture(autouse=True)
def _next_year() -> None:
    load_next_year()


@pytest.fixture
def case() -> int:
    """An accusation that has come to the organ of discipline and been accepted there."""
    petition = accusation()
    to = sending("discipline_inspection@440800", kind="accusation", matter="080101", route="duty")
    procedures.perform(person("xinfang"), petition.case_id, "transfer", to)
    procedures.perform(person("jijian"), petition.case_id, "accept")
    for paper in Paper.objects.filter(event__case=petition.case_id):
        making.make(paper.event_id)
    return int(petition.case_id)


def test_no_table_shows_the_accused_a_row_and_their_office_neither(case: int) -> None:
    for actor in (person("beifanying"), colleague()):
        assert not any(everything(actor, case).values())
    seen = everything(person("jijian"), case)
    assert seen["case"] and seen["petition"] and seen["event"] and seen["accused"] and seen["document"] == 1


def test_nobody_without_a_petition_post_sees_it_whatever_else_they_hold(case: int) -> None:
    for name in ("supervisor", "chikan_window", "chengguan", "shichang_leader", "editor", "hezhang"):
        assert not any(everything(person(name), case).values()), name


def test_a_post_taken_later_opens_nothing_to_the_accused(case: int) -> None:
    accused = person("beifanying")
    for number, key in enumerate(("petition@440802", "petition@440800", "discipline_inspection@440800")):
        post = Post.objects.create(organisation_id=organ(key), title=f"新岗{number}", roles=["petition-clerk", "petition-handler", "petition-leader", "supervisor", "audit-admin"], division_id="440800000000")
        Membership.objects.create(party_id=accused.party or 0, post=post, valid_from="2024-01-01")
    promoted = person("beifanying")
    assert promoted.holds("petition-leader") and not any(everything(promoted, case).values())
    assert not restrict(promoted, Entry.objects.filter(case=case)).exists() and restrict(person("auditadmin"), Entry.objects.filter(case=case)).exists()
    assert not restrict(promoted, Access.objects.filter(case=case)).exists()


def test_the_database_itself_refuses_the_accused(case: int) -> None:
    with acting(person("beifanying")):
        assert not Petition.objects.filter(case=case).exists()
        assert not Accused.objects.exists() and not Transfer.objects.exists()
    with acting(person("jijian")):
        assert Petition.objects.filter(case=case).exists()


HANGING = (Accused, Instance, Material, Member, Transfer, Exchange, Supervision)


def test_the_database_itself_refuses_the_accused_office(case: int) -> None:
    """Without `restrict`: whatever is asked, by whomever of that office, whoever they are."""
    open_one = filed("ruoxi")
    procedures.perform(person("xinfang"), open_one.case_id, "transfer", sending("urban_management@440802", matter="010302"))
    filing.supervise(person("xinfang"), open_one.case_id, kind="press", reason="请尽快办理")
    Member.objects.create(petition=Petition.objects.get(case=case), name="联名人")
    barred = colleague()
    assert barred.party not in Withheld.objects.filter(case=case).values_list("party", flat=True), "shut out by the office, not by name"
    with acting(barred):
        assert list(Petition.objects.values_list("pk", flat=True)) == [open_one.pk], "what accuses nobody of them stays theirs"
        for model in HANGING:
            assert not model._default_manager.exclude(petition=open_one).exists(), model.__name__
        assert not Reply.objects.exclude(case=open_one.case_id).exists() and not Hearing.objects.exists()
        assert Petition.objects.filter(case=case).update(title="改") == 0, "neither read nor written"
    with acting(person("jijian")):
        assert Petition.objects.filter(case=case).exists() and Member.objects.filter(petition__case=case).exists() and Accused.objects.filter(petition__case=case).exists()


ENGINES: dict[type[models.Model], str] = {
    Case: "pk", Event: "case", Task: "case", Deadline: "case", DeadlineMove: "deadline__case", Paper: "event__case", Document: "case", File: "case", Message: "case", Entry: "case", Access: "case",
}  # fmt: skip


def test_the_database_itself_shuts_the_engines_rows_of_a_case(case: int) -> None:
    """The case, its record, limits, papers, documents, messages and accesses: without `restrict`, each is there for who handles it and for nobody of an accused office."""
    audit.record_access(person("xinfang"), party=Petition.objects.get(case=case).petitioner_id or 0, what="信访人", purpose="办理", case=case)
    with acting(person("jijian")):
        seen = {model.__name__: model._default_manager.filter(**{way: case}).count() for model, way in ENGINES.items()}
        assert all(seen.values()), seen
    for barred in (colleague(), person("beifanying")):
        with acting(barred):
            assert not any(model._default_manager.filter(**{way: case}).exists() for model, way in ENGINES.items())
            assert Case.objects.filter(pk=case).update(subject="改") == 0 and Task.objects.filter(case=case).update(title="改") == 0, "neither read nor written"
            assert Entry.objects.filter(case=None).exists(), "what belongs to no case stays theirs"


def test_a_post_left_opens_it_again_and_a_second_office_does_not_help(case: int) -> None:
    barred = colleague()
    Membership.objects.filter(party=barred.party, post__organisation=organ("urban_management@440802")).update(valid_to="2024-02-01")
    with acting(person("editor")):
        assert Petition.objects.filter(case=case).exists(), "the office is shut out, they are no longer of it: what is left is for `restrict`"
    assert not any(everything(person("editor"), case).values())
    both = person("beifanying")
    post = Post.objects.create(organisation_id=organ("petition@440802"), title="兼任", roles=["petition-leader"], division_id="440802000000")
    Membership.objects.create(party_id=both.party or 0, post=post, valid_from="2024-01-01")
    with acting(person("beifanying")):
        assert not Petition.objects.filter(case=case).exists()


def test_who_sends_away_what_accuses_their_own_office_is_shut_out_by_that_very_step() -> None:
    petition = filed(words=WORDS.replace("钱世荣", "老潘"), title="反映信访局")
    Accused.objects.create(petition=petition, name="老潘", organ_id=organ("petition@440802"))
    to = sending("discipline_inspection@440800", kind="accusation", matter="080101", route="duty")
    clerk = person("xinfang")
    with acting(clerk):
        procedures.perform(clerk, petition.case_id, "transfer", to)
        assert not Petition.objects.filter(pk=petition.pk).exists()
    assert Transfer.objects.get(petition=petition).receiver_id == organ("discipline_inspection@440800")
    with acting(person("jijian")):
        assert Petition.objects.filter(pk=petition.pk).exists()


def test_nothing_counts_for_the_accused() -> None:
    accused = person("beifanying")
    before = procedures.counts(accused)
    petition = accusation(accused=({"name": "钱世荣", "title": "", "organ": ""},))  # no office named: shut out by name
    assert procedures.counts(accused) == before and procedures.waiting(accused).tasks == procedures.waiting(accused).tasks
    assert petition.pk not in restrict(accused, Petition.objects.all()).values_list("pk", flat=True)


def test_every_page_refuses_the_accused_as_if_there_were_nothing(case: int) -> None:
    petition, accused = Petition.objects.get(case=case), signed_in("beifanying")
    paper = Paper.objects.filter(event__case=case).first()
    assert paper
    row = petition.accused.get()
    for path in (f"/work/petitions/{case}", f"/work/cases/{case}", f"/petitions/{case}", f"/my/cases/{case}", f"/petitions/letters/{paper.pk}", f"/papers/{paper.pk}", f"/work/r/petition-accused/{row.pk}"):
        answer = accused.get(path)
        assert answer.status_code == 404, path
        assert petition.title not in answer.content.decode() and "林海棠" not in answer.content.decode()
    for path, data in (
        (f"/work/petitions/{case}/act/propose", {}), (f"/work/cases/{case}/act/accept", {}), (f"/work/petitions/{case}/extend", {"clock": "handle", "amount": "1", "reason": "x"}),
        (f"/petitions/{case}/act/withdraw", {"reason": "x"}), (f"/petitions/{case}/rate", {"grade": "1"}), (f"/petitions/review/{petition.pk}", {"grounds": "x"}),
    ):  # fmt: skip
        assert accused.post(path, data).status_code == 404, path
    assert signed_in("jijian").get(f"/work/petitions/{case}").status_code == 200


def test_no_list_search_register_or_inbox_shows_it_to_the_accused(case: int) -> None:
    petition, accused = Petition.objects.get(case=case), signed_in("beifanying")
    number = petition.case.number
    pages = ("/work/", "/work/petitions", f"/work/petitions?q={number}", "/work/petitions?q=钱世荣", "/work/petitions?kind=accusation", "/work/petitions/supervisions", "/work/r/petition-accused/", "/work/r/petition/", "/work/r/petition-instance/", "/work/r/petition-transfer/", "/work/r/petition-supervision/", "/my/cases", "/my/messages", "/petitions", "/my/accesses")
    for path in pages:
        text = accused.get(path, follow=True).content.decode()
        assert number not in text.replace(f'value="{number}"', "") and petition.title not in text and "林海棠" not in text, path
    assert number in signed_in("jijian").get("/work/petitions").content.decode()


def test_the_interface_and_the_feed_give_the_accused_nothing(case: int) -> None:
    accused = person("beifanying")
    register = registry().registers["petition-accused"]
    assert not restrict(accused, register.model._default_manager.all()).exists()
    assert restrict(person("jijian"), register.model._default_manager.all()).exists()


def test_no_alarm_and_no_message_reaches_the_accused(case: int) -> None:
    accused = person("beifanying")
    post = Post.objects.create(organisation_id=organ("petition@440802"), title="负责人", roles=["petition-leader", "supervisor"], division_id="440802000000")
    Membership.objects.create(party_id=accused.party or 0, post=post, valid_from="2024-01-01")
    Deadline.objects.filter(case=case, finished_at=None).update(due_at="2026-01-01T00:00:00Z")
    timers.expire_due()
    assert not Message.objects.filter(to=accused.party, case=case).exists()
    assert Message.objects.filter(to=person("xinfang_leader").party, case=case, template="case-overdue").exists()
    assert not Message.objects.filter(to=person("supervisor").party, case=case).exists()
    assert "钱世荣" not in "".join(Message.objects.filter(case=case).values_list("body", flat=True))


def test_open_pages_are_told_of_it_only_where_it_may_be_known(case: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(live, "tell", lambda address, what: told.append((address, what)))
    accused = person("beifanying")
    office = Organisation.objects.get(key="discipline_inspection@440800")
    post = Post.objects.create(organisation=office, title="新岗", roles=["petition-handler", "petition-head"], division_id="440800000000")
    Membership.objects.create(party_id=accused.party or 0, post=post, valid_from="2024-01-01")
    procedures.perform(person("jijian"), case, "propose", {"claims": "查处", "found": "正在核查", "result": "explain", "answer": "依法处理", "basis": "监察法"})
    addresses = {address for address, _ in told}
    assert f"official:{person('jijian_head').party}" in addresses
    assert f"official:{accused.party}" not in addresses and not any(address.startswith("organ:") for address in addresses)


def test_looking_into_an_accusation_is_no_look_at_the_accused(case: int) -> None:
    signed_in("jijian").get(f"/work/petitions/{case}")
    assert Access.objects.filter(case=case, party=person("haitang").party or 0).exists()
    assert not audit.accesses(person("beifanying")).exists()


def test_it_is_never_sent_to_the_accused_office(case: int) -> None:
    petition = accusation("ruoxi")
    with pytest.raises(Invalid):
        procedures.perform(person("xinfang"), petition.case_id, "transfer", sending("urban_management@440802", kind="accusation", matter="080101", route="duty"))
    assert Petition.objects.get(pk=petition.pk).case.state == "registering"


def test_the_office_that_is_accused_does_not_register_it() -> None:
    petition = accusation(accused=({"name": "潘晚晴", "title": "", "organ": ""},), title="举报潘晚晴", words="信访局潘晚晴泄露举报人信息，滥用职权。")
    assert petition.desk.key == "discipline_inspection@440800"
    with pytest.raises(NotFound):
        procedures.find(person("xinfang"), petition.case_id)
    assert procedures.find(person("jijian"), petition.case_id)


def test_a_claim_divided_as_an_accusation_is_shut_at_that_moment() -> None:
    petition = filed(words=WORDS, title="城管不作为")
    Accused.objects.create(petition=petition, name="钱世荣")
    to = sending("discipline_inspection@440800", kind="accusation", matter="080101", route="duty")
    procedures.perform(person("xinfang"), petition.case_id, "transfer", to)
    assert not any(everything(person("beifanying"), petition.case_id).values())
    assert not any(everything(colleague(), petition.case_id).values())


def test_once_identified_the_office_is_shut_out() -> None:
    petition = accusation(accused=({"name": "老钱", "title": "城管干部", "organ": ""},))
    other = colleague()
    row = petition.accused.get()
    assert procedures.find(other, petition.case_id)  # a leader of the place: a nickname alone shuts out nobody
    filing.identify(person("xinfang"), row.pk, organ=organ("urban_management@440802"))
    assert set(Withheld.objects.filter(case=petition.case_id).values_list("organ", flat=True)) == {organ("urban_management@440802")}
    assert not any(everything(other, petition.case_id).values())
    with pytest.raises(NotFound):
        filing.identify(other, row.pk, organ=organ("water_affairs@440800"))


def test_the_subject_on_shared_lists_says_nothing(case: int) -> None:
    assert Case.objects.get(pk=case).subject == "检举控告类信访件"
    assert "钱世荣" not in " ".join(Entry.objects.filter(case=case).values_list("summary", flat=True))


def test_the_petitioner_follows_it_and_a_stranger_does_not(case: int) -> None:
    assert signed_in("haitang").get(f"/petitions/{case}").status_code == 200
    assert signed_in("ruoxi").get(f"/petitions/{case}").status_code == 404
    assert Client().get(f"/petitions/{case}").status_code in (302, 401, 403)


def test_a_petition_seen_by_the_wrong_office_is_refused() -> None:
    petition = filed()
    for name in ("zhuandan", "fucha", "zhen_xinfang", "jijian"):
        with pytest.raises(NotFound):
            procedures.find(person(name), petition.case_id)
    assert procedures.find(person("xinfang"), petition.case_id) and procedures.find(person("xinfang_leader"), petition.case_id)


def test_who_acts_for_somebody_is_still_the_accused(case: int) -> None:
    accused = person("beifanying")
    account = Account.objects.get(username="beifanying")
    acting_as = Actor(account=account.pk, party=accused.party, acting_for=person("haitang").party, name="钱世荣")
    assert not any(everything(acting_as, case).values())
