"""Rating once by whom it concerns; the duty that a bad grade opens; the rated office does not learn who gave it; a false one is kept and not counted."""

from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Deadline
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import PolicyValue
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity import api as identity
from yiwang.systems.services.evaluation import rules
from yiwang.systems.services.evaluation.models import Rating

pytestmark = pytest.mark.django_db
TOWN = "440802001000"


def person(username: str) -> Actor:
    return identity.actor_of_account(username)


def finished(username: str = "haitang") -> Case:
    """A case that is over, at the office of the town."""
    actor = person(username)
    opening = procedures.Opening(
        procedure="promise", item_key="elderly_card_apply", subject="老年人优待证办理", applicant=actor.party or 0, organ=parties.organ_for("town_government", TOWN).pk,
        division=TOWN, key=f"finished-{username}",
    )  # fmt: skip
    case, _ = procedures.start(actor, opening)
    Case.objects.filter(pk=case.pk).update(state="done", outcome="granted", closed_at=timezone.now())
    return case


def client(username: str) -> Client:
    made = Client()
    made.force_login(get_user_model().objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return made


def duty(words: str = "字太小") -> Case:
    rating = rules.rate(person("haitang"), finished().pk, grade=1, words=words)
    assert rating.reply is not None
    return rating.reply


def test_the_applicant_rates_once_in_five_grades() -> None:
    case = finished()
    with pytest.raises(Invalid) as problem:
        rules.rate(person("haitang"), case.pk, grade=6)
    assert "grade" in problem.value.fields
    made = rules.rate(person("haitang"), case.pk, grade=5, words="很快")
    assert made.reply is None
    with pytest.raises(Conflict, match="已经评价过"):
        rules.rate(person("haitang"), case.pk, grade=1)
    assert Entry.objects.filter(case=case.pk, action="case.rate").count() == 1


def test_a_stranger_and_the_office_itself_may_not_rate() -> None:
    case = finished()
    with pytest.raises(NotFound):
        rules.rate(person("ruoxi"), case.pk, grade=1)
    with pytest.raises(NotAllowed, match="申请人"):
        rules.rate(person("town_window"), case.pk, grade=5)
    assert client("ruoxi").get(f"/my/cases/{case.pk}/rate").status_code == 404
    assert not Rating.objects.exists()


def test_an_open_case_is_not_rated() -> None:
    case = finished()
    Case.objects.filter(pk=case.pk).update(closed_at=None, state="submitted")
    with pytest.raises(Conflict, match="办结以后"):
        rules.rate(person("haitang"), case.pk, grade=3)


def test_a_bad_grade_opens_a_duty_with_local_clocks() -> None:
    case = duty()
    amounts = dict(Deadline.objects.filter(case=case).values_list("code", "amount"))
    today = timezone.localdate()
    assert amounts == {c: int(registers.policy(f"evaluation.{k}-days", division=TOWN, on=today)) for c, k in (("contact", "contact"), ("answer", "reply"))}
    assert case.state == "contacting" and case.organ_id == parties.organ_for("town_government", TOWN).pk


def test_the_days_are_those_of_the_policy_in_force() -> None:
    PolicyValue.objects.filter(key="evaluation.reply-days").update(value=7)
    assert Deadline.objects.get(case=duty(), code="answer").amount == 7


def test_the_rated_office_does_not_see_who_rated_and_the_revisiting_office_does() -> None:
    case = duty()
    for path in ("/work/", f"/work/cases/{case.pk}"):
        words = client("town_window").get(path).content.decode()
        assert "不显示评价人" in words and "林海棠" not in words
    procedures.perform(person("town_window"), case.pk, "contact", {"opinion": "请问是哪一页？"})
    procedures.perform(person("town_window"), case.pk, "answer", {"opinion": "已改"})
    assert "林海棠" in client("pingjia").get(f"/work/cases/{case.pk}").content.decode()


def test_contact_answer_revisit_and_again() -> None:
    case, office, officer = duty(), person("town_window"), person("pingjia")
    with pytest.raises(Conflict):
        procedures.perform(office, case.pk, "answer", {"opinion": "没有联系就答复"})
    procedures.perform(office, case.pk, "contact", {"opinion": "请问是哪一页？"})
    with pytest.raises(Invalid):
        procedures.perform(office, case.pk, "answer", {"opinion": ""})
    procedures.perform(office, case.pk, "answer", {"opinion": "已加大字号"})
    with pytest.raises(NotAllowed):
        procedures.perform(office, case.pk, "accept", {"opinion": "自己回访自己"})
    procedures.perform(officer, case.pk, "reject", {"reason": "本人说仍然看不清"})
    assert Deadline.objects.filter(case=case, code="answer").count() == 2  # a new round has its own clock
    procedures.perform(office, case.pk, "answer", {"opinion": "增加大字版"})
    procedures.perform(officer, case.pk, "accept", {"opinion": "满意"})
    assert Case.objects.get(pk=case.pk).state == "done"
    told = set(Message.objects.filter(to=person("haitang").party, case=case.pk).values_list("template", flat=True))
    assert {"rating-contacted", "rating-answered"} <= told


def test_a_false_grade_is_not_counted_and_never_deleted() -> None:
    case, office, officer = duty("同行恶意差评"), person("town_window"), person("pingjia")
    procedures.perform(office, case.pk, "appeal", {"opinion": "该用户未到过本窗口"})
    assert Deadline.objects.get(case=case, code="answer").suspended_at is not None
    with pytest.raises(NotAllowed):
        procedures.perform(office, case.pk, "set_aside", {"opinion": "自己裁决"})
    procedures.perform(officer, case.pk, "set_aside", {"opinion": "查实为恶意"})
    rating = Rating.objects.get(reply=case)
    assert not rating.counted and rating.grade == 1
    page = client("pingjia").get("/work/ratings").content.decode()
    assert "不纳入统计" in page and "共 0 条" in page
    assert Message.objects.filter(to=person("haitang").party, template="rating-set-aside").exists()


def test_an_appeal_without_ground_goes_back_to_work_on_the_same_clock() -> None:
    case, office = duty(), person("town_window")
    procedures.perform(office, case.pk, "contact", {"opinion": "您好"})
    procedures.perform(office, case.pk, "appeal", {"opinion": "不是我们的责任"})
    procedures.perform(person("pingjia"), case.pk, "dismiss", {"opinion": "情况属实"})
    clock = Deadline.objects.get(case=case, code="answer")
    assert clock.suspended_at is None and clock.finished_at is None
    with elevated():
        assert Rating.objects.get(reply=case).counted


def test_the_mean_is_of_counted_grades() -> None:
    rules.rate(person("haitang"), finished().pk, grade=5)
    rules.rate(person("ruoxi"), finished("ruoxi").pk, grade=4)
    assert f"{Decimal('4.50')}" in client("pingjia").get("/work/ratings").content.decode()
