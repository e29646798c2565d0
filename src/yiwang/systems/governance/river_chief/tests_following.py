"""What follows by itself: plans from their reach, figures of chiefs above from what lies on their kilometres, scores from what comes late."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from yiwang.base.errors import Conflict, NotAllowed
from yiwang.engines.parties.models import Membership, Post
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.incidents.models import Incident
from yiwang.platforms.patrols.api import window
from yiwang.platforms.patrols.models import PatrolPlan
from yiwang.systems.governance.river_chief import alerting, assessing, chiefs, monthly, standards
from yiwang.systems.governance.river_chief.models import Assessment, Clause, Reach, Reading, Sample, Section, StandardDoc, WaterAlert
from yiwang.systems.governance.river_chief.tests import actor, found

pytestmark = pytest.mark.django_db


@pytest.fixture
def reach() -> Reach:
    return Reach.objects.get(code="ZJ4408CK01Z1")


def of(reach: Reach) -> dict[int, PatrolPlan]:
    return {plan.post_id: plan for plan in PatrolPlan.objects.filter(subject="reach", subject_row=reach.pk)}


def test_a_plan_follows_the_chief_the_frequency_and_the_course_of_its_reach(reach: Reach) -> None:
    assert chiefs.follow(SYSTEM) == 0, "nothing has changed"
    old = reach.chief
    assert old and reach.course
    new = Post.objects.create(organisation=old.organisation, title="另一位河长", roles=old.roles, division_id=old.division_id)
    shorter = reach.course.clone()
    shorter.reverse()
    Reach.objects.filter(pk=reach.pk).update(chief=new, course=shorter)
    assert chiefs.follow(SYSTEM) == 2
    today, plans = timezone.localdate(), of(reach)
    assert plans[old.pk].until == max(plans[old.pk].since, today - timedelta(days=1)), "the post before owes nothing any more"
    assert plans[new.pk].until is None and plans[new.pk].since == today and plans[new.pk].course[0].coords == shorter.coords
    Reach.objects.filter(pk=reach.pk).update(chief=old, course=reach.course)
    chiefs.follow(SYSTEM)
    assert of(reach)[old.pk].until is None and of(reach)[new.pk].until, "and the other way round"
    assert chiefs.follow(SYSTEM) == 0


def test_what_lies_on_a_town_s_kilometres_is_the_county_s_too(reach: Reach) -> None:
    above = Reach.objects.get(river=reach.river, level="county", from_km__lte=reach.from_km, to_km__gte=reach.to_km)
    beside = Reach.objects.filter(river=reach.river, level=reach.level).exclude(pk=reach.pk)
    before = monthly.by_month(above)[0].found
    problem = found(reach, share=0.5)
    assert problem.reach == reach
    assert problem in chiefs.problems_on(above) and problem in chiefs.problems_on(reach) and problem not in chiefs.problems_on(*beside)
    assert monthly.by_month(above)[0].found == before + 1
    assert above.chief and assessing.counts_of(above.chief, *_month())["recurrence"][1] >= 1
    Incident.objects.filter(pk=problem.incident_id).update(stage="void")
    assert problem not in chiefs.problems_on(above), "what was not taken up is no problem"


def test_a_score_stands_until_what_it_counts_changes(reach: Reach) -> None:
    month = timezone.localdate().replace(day=1)
    assessing.assess(month)
    Assessment.objects.filter(month=month).update(computed_at=timezone.now() - timedelta(days=3))
    assert assessing.assess(month) == 0
    found(reach)  # walked in time, received now
    assert assessing.assess(month) >= 1
    assert Assessment.objects.get(post=reach.chief, month=month).computed_at > timezone.now() - timedelta(minutes=1), "published anew"


def test_nobody_decides_on_their_own_score_nor_another_place_s_office(reach: Reach) -> None:
    month = timezone.localdate().replace(day=1)
    assessing.assess(month)
    row = Assessment.objects.get(post=reach.chief, month=month)
    assessing.object_to(actor("莫知夏"), row.pk, "本旬已经巡河")
    office = Post.objects.filter(roles__contains=["river-office"]).order_by("pk")[0]
    elsewhere = Post.objects.create(organisation=office.organisation, title="别处河长办", roles=office.roles, division_id="440825000000")
    for post, words in ((elsewhere, "当地河长办"), (office, "对自己考核")):
        Membership.objects.create(party_id=actor("莫知夏").party or 0, post=post, valid_from="2024-01-01")
        with pytest.raises(NotAllowed, match=words):
            assessing.decide(actor("莫知夏"), row.pk, "我同意")


def test_a_month_with_some_items_only_counts_in_no_figure(reach: Reach) -> None:
    section = Section.objects.filter(river=reach.river, km__range=(reach.from_km, reach.to_km)).first()
    assert section
    month = _month()[0]
    Sample.objects.filter(section=section, month=month).delete()
    before = monthly.by_month(reach)[0].water
    Sample.objects.create(section=section, month=month, division_id=section.division_id, ph=7, grade="1", met=True, source="试验")
    assert monthly.by_month(reach)[0].water == before


def test_a_clause_that_was_changed_is_tried_again_before_it_is_adopted(reach: Reach) -> None:
    doc = StandardDoc.objects.create(number="T 9", version="1", title="试验", field="form")
    clause = Clause.objects.create(doc=doc, number="1", text="公示牌", rule="reach-board")
    Clause.objects.create(doc=doc, number="2", text="停用的条款", rule="reach-board", standing="frozen")
    standards.advance(actor("徐听雨"), doc.pk)
    standards.run(actor("徐听雨"), doc.pk)
    Clause.objects.filter(pk=clause.pk).update(rule="reach-chief", changed_at=timezone.now())
    with pytest.raises(Conflict, match="条款 1"):
        standards.advance(actor("徐听雨"), doc.pk)
    standards.run(actor("徐听雨"), doc.pk)
    assert standards.advance(actor("徐听雨"), doc.pk).state == "adopted", "one that is out of use holds nothing up"


def test_what_is_open_stands_before_what_has_ended() -> None:
    now = timezone.now()
    sections = list(Section.objects.order_by("pk")[:2])
    WaterAlert.objects.filter(section__in=sections).delete()
    for section, closed in zip(sections, (None, now), strict=True):
        reading = Reading.objects.filter(section=section).first() or Reading.objects.create(section=section, at=now, division_id=section.division_id, ph=7, grade="6", by="氨氮", met=False, source="试验")
        WaterAlert.objects.create(section=section, division_id=section.division_id, reading=reading, grade="6", by="氨氮", times=2, raised_at=now - timedelta(days=9), closed_at=closed)
    rows = alerting.open_alerts(actor("徐听雨"))
    ended = [row.closed_at is not None for row in rows]
    assert ended == sorted(ended) and not ended[0]


def _month() -> tuple[date, date]:
    return window("month", timezone.localdate())
