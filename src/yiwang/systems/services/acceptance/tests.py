"""The three items from draft to licence, and what is refused on the way."""

import io
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.gis.geos import Point
from django.utils import timezone
from PIL import Image

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Entry
from yiwang.engines.documents import api as documents
from yiwang.engines.documents.models import Document
from yiwang.engines.ledger.models import Bill
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Delegation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers, timers
from yiwang.engines.procedures.models import Case, Deadline, Paper
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.fieldwork import Shot
from yiwang.platforms.identity import api as identity
from yiwang.platforms.items.models import Item
from yiwang.platforms.items.places import service_for
from yiwang.platforms.licences.models import Licence
from yiwang.platforms.payments.api import BillSettled
from yiwang.systems.services.acceptance import applying, granting, inspecting, listeners
from yiwang.systems.services.acceptance.models import Application, Draft, Inspection, Material

pytestmark = pytest.mark.django_db
CHIKAN, TOWN = "440802000000", "440802001000"


def person(username: str) -> Actor:
    return identity.actor_of_account(username)


def firm(username: str, name: str) -> Actor:
    me = person(username)
    principal = Party.objects.get(name=name)
    return parties.actor_for(me.account or 0, me.party or 0, me.name, acting_for=principal.pk)


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 50), "white").save(out, "PNG")
    return out.getvalue()


def service(key: str, division: str) -> int:
    return service_for(Item.objects.get(key=key).pk, division).pk


def food_draft(actor: Actor) -> Draft:
    draft = applying.open_draft(actor, service("food_operation", CHIKAN))
    draft = applying.save(actor, draft.pk, situation={"form": "catering", "agent": "self", "place": "own"})
    applying.fill_in(actor, applying.draft_of(actor, draft.pk))
    number = Party.objects.get(pk=actor.party or 0).number
    return applying.save(
        actor, draft.pk,
        answers={"place": "中华街道演示路88号", "area": "86", "items": ["热食类食品制售", "自制饮品制售"], "manager": "陈晓帆", "manager_id": number, "phone": "19911110001"},
    )


def give_food_materials(actor: Actor, draft: Draft) -> None:
    for code in ("layout", "system"):
        applying.attach(actor, draft.pk, code, content=picture(), name=f"{code}.png")
    applying.choose(actor, draft.pk, "health", "promise")


def submitted_food() -> tuple[Actor, Case]:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    return actor, applying.submit(actor, draft.pk)


def record(**changes: Any) -> inspecting.Record:
    codes = ("site", "layout", "water", "storage", "waste", "staff")
    now = timezone.now()
    whole: dict[str, Any] = {
        "key": uuid4(), "started_at": now, "finished_at": now, "place": Point(110.36, 21.27, srid=4490), "accuracy": 12.0,
        "findings": {code: {"result": "good"} for code in codes}, "passed": True, "remarks": "符合要求", "companion": "陈晓帆",
        "signature": picture(), "photos": [Shot(content=picture(), name="1.jpg", taken_at=now)],
    }  # fmt: skip
    return inspecting.Record(**whole | changes)


def test_food_from_draft_to_licence() -> None:
    actor, case = submitted_food()
    assert case.state == "submitted" and case.applicant.name.startswith("湛江望海")
    assert {m.way for m in Material.objects.filter(application__case=case)} == {"upload", "promise", "register"}
    clerk, approver, leader, inspector = (person(n) for n in ("chikan_window", "shichang", "shichang_leader", "hecha"))
    points = '[{"code": "material:layout", "name": "设备布局图", "words": "请标明洗手池位置"}]'
    procedures.perform(clerk, case.pk, "ask_correction", {"points": points})
    with pytest.raises(Invalid, match="没有补交"):
        procedures.perform(actor, case.pk, "resubmit")
    applying.correct(actor, case.pk, code="layout", content=picture(), name="new.png")
    procedures.perform(actor, case.pk, "resubmit")
    with pytest.raises(Invalid, match="一次告知"):
        procedures.perform(clerk, case.pk, "ask_correction", {"points": points})
    procedures.perform(clerk, case.pk, "accept")
    procedures.perform(approver, case.pk, "order_inspection", {"planned_on": str(timezone.localdate() + timedelta(days=1)), "days": 5, "instructions": "看布局"})
    clock = Deadline.objects.get(case=case, code="decide")
    assert clock.suspended_at is not None and clock.due_at is None
    waiting = inspecting.waiting(inspector)
    sent = record()
    inspecting.receive(inspector, waiting[0].pk, sent)
    inspecting.receive(inspector, waiting[0].pk, sent)  # the phone tries again: nothing happens twice
    clock.refresh_from_db()
    assert clock.suspended_at is None and clock.due_at is not None
    procedures.perform(approver, case.pk, "propose", {"proposal": "grant", "opinion": "材料齐全，现场符合要求"})
    procedures.perform(leader, case.pk, "grant", {"opinion": ""})
    granting.make_licence(case.pk)
    case = Case.objects.get(pk=case.pk)
    assert (case.state, case.outcome) == ("done", "granted")
    licence = Licence.objects.get(case=case.pk)
    assert documents.verify(documents.read(licence.file)).holds
    assert licence.valid_to is not None and licence.valid_to.year == timezone.localdate().year + 5
    for paper in Paper.objects.filter(event__case=case):
        papers.make(paper.event_id)
    made = Document.objects.filter(case=case.pk)
    assert {d.template for d in made} >= {"receipt", "correction-notice", "acceptance", "special-procedure", "approval"}
    assert all(documents.verify(documents.read(d.file)).holds for d in made)
    assert Message.objects.filter(case=case.pk, to=case.applicant).count() >= 6
    assert Entry.objects.filter(case=case.pk, action="case.grant").exists()


def test_submitting_twice_makes_one_case() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    assert applying.submit(actor, draft.pk).pk == applying.submit(actor, draft.pk).pk
    assert Case.objects.filter(applicant=actor.acting_for, item_key="food_operation").count() == 1


def test_missing_material_is_named_and_nothing_is_written() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    with pytest.raises(Invalid) as problem:
        applying.submit(actor, draft.pk)
    assert {"material:layout", "material:system"} <= set(problem.value.fields)
    assert not Case.objects.filter(applicant=actor.acting_for).exists()


def test_false_number_is_refused() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    applying.save(actor, draft.pk, answers={"manager_id": "440899198507010011"})
    with pytest.raises(Invalid) as problem:
        applying.submit(actor, draft.pk)
    assert "manager_id" in problem.value.fields


def test_a_person_cannot_apply_for_an_enterprise_item() -> None:
    with pytest.raises(Invalid, match="企业或单位"):
        applying.open_draft(person("ruoxi"), service("food_operation", CHIKAN))


def test_nobody_sees_or_moves_somebody_elses_case() -> None:
    _, case = submitted_food()
    for stranger in ("ruoxi", "haitang", "ziran"):
        with pytest.raises(NotFound):
            procedures.find(person(stranger), case.pk)
        with pytest.raises(NotFound):
            procedures.perform(person(stranger), case.pk, "withdraw", {"reason": "x"})


def test_the_wrong_role_is_refused_by_name() -> None:
    _, case = submitted_food()
    with pytest.raises(NotAllowed, match="窗口人员"):
        procedures.perform(person("shichang"), case.pk, "accept")


def test_the_second_click_is_told_who_was_first() -> None:
    _, case = submitted_food()
    clerk = person("chikan_window")
    procedures.perform(clerk, case.pk, "accept", revision=case.revision)
    with pytest.raises(Conflict, match="张予安已于"):
        procedures.perform(clerk, case.pk, "accept", revision=case.revision)


def test_an_expired_delegation_gives_nothing_and_a_live_one_does() -> None:
    with pytest.raises(NotAllowed, match="到期或被撤回"):
        firm("nanxing", "湛江望海餐饮店（演示）")
    agent = firm("zhiqiu", "湛江望海餐饮店（演示）")
    draft = food_draft(agent)
    give_food_materials(agent, draft)
    case = applying.submit(agent, draft.pk)
    assert case.agent_id == agent.party
    Delegation.objects.filter(agent=agent.party).update(withdrawn_at=timezone.now())
    with pytest.raises(NotAllowed):
        firm("zhiqiu", "湛江望海餐饮店（演示）")


def test_a_late_correction_is_refused() -> None:
    actor, case = submitted_food()
    procedures.perform(person("chikan_window"), case.pk, "ask_correction", {"points": '[{"code": "material:layout", "name": "布局图", "words": "补"}]'})
    Deadline.objects.filter(case=case, code="correct").update(due_at=timezone.now() - timedelta(minutes=1))
    assert timers.expire_due() == 1
    assert Case.objects.get(pk=case.pk).state == "lapsed"
    with pytest.raises(Conflict, match="不能补正"):
        applying.correct(actor, case.pk, code="layout", content=picture(), name="x.png")


def test_silence_is_acceptance_on_the_day_of_receipt() -> None:
    _, case = submitted_food()
    Deadline.objects.filter(case=case, code="accept").update(due_at=timezone.now() - timedelta(minutes=1))
    timers.expire_due()
    found = Case.objects.get(pk=case.pk)
    assert found.state == "reviewing" and found.accepted_at == found.opened_at


def test_inspection_that_is_not_whole_is_refused_and_keeps_waiting() -> None:
    _, case = submitted_food()
    procedures.perform(person("chikan_window"), case.pk, "accept")
    with pytest.raises(Invalid, match="需要现场核查"):
        procedures.perform(person("shichang"), case.pk, "propose", {"proposal": "grant", "opinion": "好"})
    procedures.perform(person("shichang"), case.pk, "order_inspection", {"planned_on": str(timezone.localdate()), "days": 3})
    inspection = Inspection.objects.get(application__case=case)
    bad = record(findings={"site": {"result": "wrong"}}, companion="")
    with pytest.raises(Invalid) as problem:
        inspecting.receive(person("hecha"), inspection.pk, bad)
    assert {"finding:layout", "companion", "passed"} <= set(problem.value.fields)
    assert Case.objects.get(pk=case.pk).state == "inspecting"


def test_elder_gets_the_card_at_once_and_the_young_wait_for_a_person() -> None:
    for username, state in (("haitang", "done"), ("ruoxi", "deciding")):
        actor = person(username)
        draft = applying.open_draft(actor, service("elderly_card_apply", TOWN))
        applying.save(actor, draft.pk, situation={"who": "self"})
        applying.fill_in(actor, applying.draft_of(actor, draft.pk))
        applying.attach(actor, draft.pk, "photo", content=picture(), name="me.png")
        case = applying.submit(actor, draft.pk)
        granting.decide(case.pk)
        granting.make_licence(case.pk)
        assert Case.objects.get(pk=case.pk).state == state
    assert Licence.objects.filter(type="elderly_card").count() == 1


def test_road_by_three_departments_with_a_fee() -> None:
    actor = firm("changfeng", "湛江南渡管网工程有限公司（演示）")
    draft = applying.open_draft(actor, service("road_dig", CHIKAN))
    applying.save(actor, draft.pk, situation={"kind": "dig", "traffic": "yes"})
    applying.fill_in(actor, applying.draft_of(actor, draft.pk))
    today = timezone.localdate()
    applying.save(
        actor, draft.pk,
        answers={
            "road": "人民大道中", "place": "海滨路口东侧", "purpose": "供水管道", "area": "60", "days": "15", "dig_area": "40", "surface": "沥青混凝土车行道",
            "start": str(today), "finish": str(today + timedelta(days=14)), "chief": "梁长风", "phone": "19911110004",
        },
    )  # fmt: skip
    for code in ("plan", "traffic", "protect"):
        applying.attach(actor, draft.pk, code, content=picture(), name="x.png")
    applying.choose(actor, draft.pk, "approval", "promise")
    case = applying.submit(actor, draft.pk)
    procedures.perform(person("chikan_window"), case.pk, "accept")
    children = list(Case.objects.filter(parent=case))
    assert len(children) == 3
    for username in ("jiaojing", "ziran", "zhujian"):
        child = next(c for c in children if c.organ_id in person(username).organs)
        procedures.perform(person(username), child.pk, "agree", {"opinion": "同意"})
    assert Case.objects.get(pk=case.pk).state == "reviewing"
    procedures.perform(person("chengguan"), case.pk, "propose", {"proposal": "grant", "opinion": "三部门均同意"})
    procedures.perform(person("chengguan_leader"), case.pk, "grant", {})
    assert Case.objects.get(pk=case.pk).state == "paying"
    bill = Bill.objects.get(case=case.pk)
    assert bill.amount == 60 * 15 * 50 + 40 * 28000
    listeners.bill_settled(BillSettled(bill.pk, case.pk))
    granting.make_licence(case.pk)
    done = Case.objects.get(pk=case.pk)
    assert done.state == "done"
    assert Licence.objects.get(case=case.pk).valid_to == today + timedelta(days=14)


def test_withdrawing_ends_the_departments_work() -> None:
    actor = firm("changfeng", "湛江南渡管网工程有限公司（演示）")
    opening = procedures.Opening(
        procedure="joint", item_key="road_dig", subject="x", applicant=actor.acting_for or 0, organ=parties.organ_for("urban_management", CHIKAN).pk,
        division=CHIKAN, key="k1",
    )  # fmt: skip
    case, _ = procedures.start(actor, opening)
    place = service_for(Item.objects.get(key="road_dig").pk, CHIKAN)
    Application.objects.create(case=case, service=place, version=place.item.versions.get(), situation={}, answers={})
    procedures.move(actor, case, case.declared.step("submit"), {})
    procedures.perform(person("chikan_window"), case.pk, "accept")
    procedures.perform(actor, case.pk, "withdraw", {"reason": "工程取消"})
    assert Case.objects.get(pk=case.pk).state == "withdrawn"
    assert set(Case.objects.filter(parent=case).values_list("state", flat=True)) == {"ended"}
    assert SYSTEM.system
