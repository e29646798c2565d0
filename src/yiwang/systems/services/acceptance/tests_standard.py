"""Items without a flow of their own, and what journeys do not reach: special procedure, hand-over, extension, express, 不予受理, 督办."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Membership, Party, Post
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures import papers
from yiwang.engines.procedures.models import Case, Deadline, Event, Paper, Task
from yiwang.kit.actors import Actor
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Implementation
from yiwang.systems.services.acceptance import applying, granting, inspecting
from yiwang.systems.services.acceptance.models import Delivery, Draft, InspectionPhoto, Material
from yiwang.systems.services.acceptance.tests import CHIKAN, firm, food_draft, give_food_materials, person, picture, record, submitted_food

pytestmark = pytest.mark.django_db
OWN = {"food_operation", "elderly_card_apply", "road_dig"}
TYPED = {"citizen": "440899195803120017", "phone": "19922220001", "number": "1", "date": "2026-12-01"}


def client(username: str) -> Client:
    """Somebody signed in at the door."""
    made = Client()
    made.force_login(get_user_model().objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return made


def catalogue_service(handling: str) -> Implementation:
    """The first office in Chikan for a catalogue item of this handling that a person may apply for and that is promised within ten days."""
    rows = Implementation.objects.filter(division=CHIKAN, item__versions__state="published", item__versions__handling=handling).exclude(item__key__in=OWN)
    return next(place for place in rows.select_related("item").order_by("item__key") if place.item.for_persons and (items.published(place.item_id).promise_amount or 0) <= 10)


def typed(draft: Draft) -> dict[str, object]:
    """Something true for every field that the registers did not fill."""
    number = draft.applicant.number
    made: dict[str, object] = {}
    for field in items.fields_for(draft.version, applying.situation_of(draft)):
        options = field.get("options") or ["无"]
        made[field["code"]] = {"choice": options[0], "multi": options[:1], "citizen": number}.get(field["type"]) or TYPED.get(field["type"], "说明")
    return {**made, **draft.answers}


def applied(actor: Actor, place: Implementation) -> Case:
    draft = applying.open_draft(actor, place.pk)
    questions = draft.version.questions
    applying.save(actor, draft.pk, situation={q["code"]: q["options"][0]["code"] for q in questions})
    applying.fill_in(actor, applying.draft_of(actor, draft.pk))
    draft = applying.draft_of(actor, draft.pk)
    applying.save(actor, draft.pk, answers=typed(draft))
    for wanted in items.materials_for(draft.version, applying.situation_of(draft)):
        applying.attach(actor, draft.pk, wanted["code"], content=picture(), name="材料.png")
    return applying.submit(actor, draft.pk)


def official(role: str, organ: int) -> Actor:
    """Somebody who holds this role in this office: a post is made for a citizen of the demo city who has none."""
    who = person("zhiqiu")
    post, _ = Post.objects.get_or_create(organisation_id=organ, title=f"{role}岗", defaults={"roles": [role], "division_id": CHIKAN})
    Membership.objects.get_or_create(party_id=who.party or 0, post=post, defaults={"valid_from": timezone.localdate()})
    return person("zhiqiu")


def test_a_promised_item_of_the_catalogue_runs_on_the_standard_flow() -> None:
    case = applied(person("ruoxi"), catalogue_service("承诺件"))
    assert (case.procedure, case.state) == ("promise", "submitted")
    procedures.perform(person("chikan_window"), case.pk, "accept")
    procedures.perform(official("approver", case.organ_id), case.pk, "propose", {"proposal": "grant", "opinion": "符合条件"})
    procedures.perform(official("reviewer", case.organ_id), case.pk, "grant", {})
    granting.make_licence(case.pk)
    assert Case.objects.get(pk=case.pk).outcome == "granted"


def test_an_instant_item_of_the_catalogue_is_decided_at_the_window() -> None:
    case = applied(person("ruoxi"), catalogue_service("即办件"))
    assert (case.procedure, case.state) == ("instant", "deciding")
    granting.decide(case.pk)
    assert Case.objects.get(pk=case.pk).state == "deciding"  # no register confirms its conditions: a person decides
    task = Task.objects.get(case=case, closed_at=None)
    procedures.perform(official("window-clerk", task.organ_id), case.pk, "grant", {})
    granting.make_licence(case.pk)
    assert Case.objects.get(pk=case.pk).outcome == "granted"


def reviewing() -> tuple[Actor, Case]:
    actor, case = submitted_food()
    return actor, procedures.perform(person("chikan_window"), case.pk, "accept")


def test_a_special_procedure_stops_the_clock_and_tells_the_applicant() -> None:
    _, case = reviewing()
    with pytest.raises(Invalid) as problem:
        procedures.perform(person("shichang"), case.pk, "begin_special", {"kind": "占卜", "days": 0})
    assert {"kind", "days"} <= set(problem.value.fields)
    procedures.perform(person("shichang"), case.pk, "begin_special", {"kind": "专家评审", "days": 10})
    clock = Deadline.objects.get(case=case, code="decide")
    assert clock.suspended_at is not None and clock.due_at is None
    event = Event.objects.get(case=case, step="begin_special")
    assert papers.make(event.pk).document is not None
    assert Message.objects.filter(case=case.pk, to=case.applicant, template="case-special").exists()
    procedures.perform(person("shichang"), case.pk, "end_special", {"opinion": "评审通过"})
    clock.refresh_from_db()
    assert clock.suspended_at is None and clock.due_at is not None


def test_a_task_is_handed_to_a_colleague_of_the_post_and_to_nobody_else() -> None:
    _, case = reviewing()
    task = procedures.open_task(person("shichang"), case.pk)
    with pytest.raises(Invalid, match="同一岗位"):
        procedures.hand_over(person("shichang"), task.pk, to=person("hecha").party or 0)
    with pytest.raises(NotFound):
        procedures.open_task(person("chengguan"), case.pk)
    colleague = official("approver", case.organ_id)
    assert {p.pk for p in procedures.colleagues(task)} == {person("shichang").party, colleague.party}
    answer = client("shichang").post(f"/work/cases/{case.pk}/hand-over", {"to": colleague.party, "reason": "休假"})
    assert answer.status_code == 302
    with pytest.raises(NotAllowed, match="已交给"):
        procedures.perform(person("shichang"), case.pk, "propose", {"proposal": "grant", "opinion": "x"})
    answer = client("shichang").post(f"/work/cases/{case.pk}/hand-over", {"to": "x"})
    assert answer.status_code == 422 and "同一岗位" in answer.content.decode()


def test_an_extension_is_asked_by_one_and_decided_by_another() -> None:
    _, case = reviewing()
    most = Deadline.objects.get(case=case, code="decide")
    page = client("shichang").post(f"/work/cases/{case.pk}/extend", {"clock": "decide", "amount": 900, "reason": ""})
    assert page.status_code == 422 and "请写明延期理由" in page.content.decode()
    extension = procedures.ask_extension(person("shichang"), case.pk, clock="decide", amount=3, reason="需要补充检验")
    with pytest.raises(NotAllowed):
        procedures.decide_extension(person("shichang"), extension.pk, granted=True)
    procedures.decide_extension(person("shichang_leader"), extension.pk, granted=True)
    longer = Deadline.objects.get(case=case, code="decide")
    assert longer.due_at is not None and most.due_at is not None and longer.due_at > most.due_at
    assert Message.objects.filter(case=case.pk, to=case.applicant, template="case-extended").exists()
    with pytest.raises(Conflict, match="已经有了决定"):
        procedures.decide_extension(person("shichang_leader"), extension.pk, granted=False)


def test_not_accepted_needs_a_reason_and_tells_the_remedies() -> None:
    actor, case = submitted_food()
    clerk = person("chikan_window")
    with pytest.raises(Invalid):
        procedures.perform(clerk, case.pk, "decline", {"reason": " "})
    procedures.perform(clerk, case.pk, "decline", {"reason": "不属于本机关职权"})
    assert Case.objects.get(pk=case.pk).outcome == "not-accepted"
    assert papers.make(Event.objects.get(case=case, step="decline").pk).document is not None
    page = client("xiaofan")
    page.post("/my/act-for", {"party": actor.acting_for})
    words = page.get(f"/my/cases/{case.pk}").content.decode()
    assert "行政复议" in words and "不属于本机关职权" in words and "重新申请" in words


def test_by_express_the_result_leaves_the_window_with_a_number() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    applying.save(actor, draft.pk, delivery={"way": "express", "address": ""})
    with pytest.raises(Invalid, match="邮寄地址"):
        applying.submit(actor, draft.pk)
    applying.save(actor, draft.pk, delivery={"way": "express", "receiver": "陈晓帆", "phone": "19911110001", "address": "中华街道演示路88号"})
    case = applying.submit(actor, draft.pk)
    Case.objects.filter(pk=case.pk).update(state="licensing")
    granting.make_licence(case.pk)
    assert Case.objects.get(pk=case.pk).state == "delivering"
    clerk = official("window-clerk", Task.objects.filter(case=case, closed_at=None).exclude(state="submitted").get().organ_id)
    with pytest.raises(Invalid):
        procedures.perform(clerk, case.pk, "deliver", {"receiver": ""})
    procedures.perform(clerk, case.pk, "deliver", {"receiver": "陈晓帆", "tracking": "EMS123"})
    handed = Delivery.objects.get(application__case=case)
    assert (handed.tracking, Case.objects.get(pk=case.pk).state) == ("EMS123", "done") and handed.handed_at is not None
    assert Paper.objects.filter(event__case=case, template="delivery-receipt").exists()


def test_a_late_case_is_listed_by_office_and_supervised_once_a_day() -> None:
    _, case = reviewing()
    with pytest.raises(Conflict, match="没有超期"):
        procedures.supervise(person("supervisor"), case.pk, "请办结")
    past = timezone.now() - timedelta(days=3)
    Case.objects.filter(pk=case.pk).update(due_at=past)
    with pytest.raises(NotAllowed):
        procedures.supervise(person("shichang"), case.pk, "请办结")
    page = client("supervisor")
    assert case.number in page.get("/work/late").content.decode()
    page.post(f"/work/cases/{case.pk}/supervise", {"words": "请今日办结"})
    assert Message.objects.filter(case=case.pk, to=person("shichang").party, template="case-supervised").exists()
    assert not Event.objects.get(case=case, step="supervise").public
    assert "请今日办结" in page.get("/work/late").content.decode()
    with pytest.raises(TooMany):
        procedures.supervise(person("supervisor"), case.pk, "请办结")


def test_a_correction_after_its_last_moment_is_refused_before_the_job_has_run() -> None:
    actor, case = submitted_food()
    procedures.perform(person("chikan_window"), case.pk, "ask_correction", {"points": '[{"code": "material:layout", "name": "布局图", "words": "补"}]'})
    Case.objects.filter(pk=case.pk).update(due_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(Conflict, match="期限已过"):
        applying.correct(actor, case.pk, code="layout", content=picture(), name="x.png")


def test_a_submitted_draft_leads_to_its_case_from_every_window() -> None:
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    give_food_materials(actor, draft)
    case = applying.submit(actor, draft.pk)
    page = client("xiaofan")
    page.post("/my/act-for", {"party": actor.acting_for})
    answer = page.post(f"/drafts/{draft.pk}/check", {"way": "electronic"})
    assert answer.status_code == 302 and answer.headers["Location"] == f"/my/cases/{case.pk}"
    assert client("ruoxi").get(f"/drafts/{draft.pk}/check").status_code == 404


def test_only_what_a_register_can_confirm_is_said_to_be_needless() -> None:
    """从业人员健康证明 names a register that is not connected: the page must ask for it."""
    actor = firm("xiaofan", "湛江望海餐饮店（演示）")
    draft = food_draft(actor)
    page = client("xiaofan")
    page.post("/my/act-for", {"party": actor.acting_for})
    words = page.get(f"/drafts/{draft.pk}/materials").content.decode()
    assert "还差 <strong>3</strong> 项" in words and "从业人员健康证明" in words.partition("还差")[2].partition("</p>")[0]
    Party.objects.filter(pk=draft.applicant_id).update(verified="")
    assert "还差 <strong>5</strong> 项" in page.get(f"/drafts/{draft.pk}/materials").content.decode()
    assert not Material.objects.filter(draft=draft).exists()


def test_a_promised_material_is_brought_later_once_and_only_by_the_applicant() -> None:
    actor, case = submitted_food()
    with pytest.raises(NotFound):
        applying.supply(person("ruoxi"), case.pk, code="health", content=picture(), name="x.png")
    with pytest.raises(NotAllowed):
        applying.supply(person("shichang"), case.pk, code="health", content=picture(), name="x.png")
    given = applying.supply(actor, case.pk, code="health", content=picture(), name="x.png")
    assert given.way == "upload" and given.file is not None
    with pytest.raises(Conflict, match="不用补交"):
        applying.supply(actor, case.pk, code="health", content=picture(), name="y.png")
    with pytest.raises(Conflict, match="不用补交"):
        applying.supply(actor, case.pk, code="layout", content=picture(), name="y.png")


def test_photographs_of_a_check_are_for_those_who_may_see_the_case() -> None:
    _, case = reviewing()
    procedures.perform(person("shichang"), case.pk, "order_inspection", {"planned_on": str(timezone.localdate()), "days": 3})
    waiting = inspecting.waiting(person("hecha"))[0]
    inspecting.receive(person("hecha"), waiting.pk, record())
    photo = InspectionPhoto.objects.get(inspection=waiting)
    assert client("shichang").get(f"/work/photos/{photo.pk}").headers["Content-Type"] == "image/png"
    assert client("chengguan").get(f"/work/photos/{photo.pk}").status_code == 404
    assert f"/work/photos/{photo.pk}" in client("shichang").get(f"/work/cases/{case.pk}").content.decode()
