"""What follows by itself: plans from their reach, figures of chiefs above from what lies on their kilometres, scores from what comes late."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.utils import timezone

from yiwang.base.errors import Conflict, NotAllowed
from yiwang.engines.parties.models import Membership, Post
from yiwang.kit.actors import NOBODY, SYSTEM
from yiwang.platforms.incidents.models import Incident, Report
from yiwang.platforms.patrols.api import window
from yiwang.platforms.patrols.models import PatrolPlan
from yiwang.systems.governance.river_chief import alerting, assessing, chiefs, filing, handing, loads, monthly, problems, standards
from yiwang.systems.governance.river_chief.models import (
    Assessment,
    Clause,
    HandOver,
    LoadBasis,
    LoadSource,
    Reach,
    Reading,
    Sample,
    Section,
    StandardDoc,
    WaterAlert,
)
from yiwang.systems.governance.river_chief.tests import actor, browser, found

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


def test_who_was_there_beside_them_takes_over_on_the_day_after_they_left(reach: Reach) -> None:
    today = timezone.localdate()
    post = Post.objects.create(organisation=reach.chief.organisation, title="有副职的河长", roles=["river-chief"], division_id=reach.division_id)  # type: ignore[union-attr]
    for name, since, until in (("莫知夏", 400, 1), ("卢南渡", 60, None)):
        Membership.objects.create(party_id=actor(name).party or 0, post=post, valid_from=today - timedelta(days=since), valid_to=today - timedelta(days=until) if until else None)
    Reach.objects.filter(pk=reach.pk).update(chief=post)
    assert handing.look(today) >= 1
    made = HandOver.objects.get(post=post)
    assert (made.changed_on, made.taker.name) == (today, "卢南渡") and made.due_at > timezone.now(), "its days begin when the other has left, not when the second came"


def test_what_nobody_answered_stands_before_what_was_answered(reach: Reach) -> None:
    kinds = [problems.tell_by_citizen(NOBODY, reach, key=uuid4(), kind=kind, text=f"反映{kind}", place=None, photo=None, phone="", anonymous=True) for kind in ("dig", "heap")]
    Report.objects.filter(pk=kinds[0].pk).update(answered_at=timezone.now())
    rows = filing.reports_waiting(actor("徐听雨"))
    answered = [row.answered_at is not None for row in rows]
    assert answered == sorted(answered) and kinds[1] in rows


def test_what_a_reach_can_take_follows_its_target(reach: Reach) -> None:
    loads.follow(SYSTEM)
    basis = LoadBasis.objects.select_related("reach").filter(reach__target__gt="1").order_by("pk")[0]
    Reach.objects.filter(pk=basis.reach_id).update(target="1")
    assert loads.follow(SYSTEM) == LoadBasis.objects.filter(reach=basis.reach_id).count()
    assert LoadBasis.objects.get(pk=basis.pk).limit < basis.limit and loads.follow(SYSTEM) == 0


def test_sources_without_an_outfall_come_in_too() -> None:
    sources = [LoadSource(outfall=None, reach=Reach(pk=1, from_km=10, to_km=20), year=year, load=load) for year, load in ((2023, 5), (2024, 2), (2024, 1))]
    assert loads._lateral(sources, Decimal(0), Decimal(90)) == 3, "of the newest year all, of earlier ones none"
    assert loads._lateral(sources, Decimal(15), Decimal(90)) == 0, "what lies only partly between is not counted"


@pytest.mark.parametrize("path", ["/work/river-scores?month=2026-13", "/work/river-scores?month=0001-01", "/work/river-scores?month=9999-12", "/work/river-scores?month=x"])
def test_a_month_that_is_none_shows_this_one(path: str) -> None:
    assert browser("hezhangban").get(path).status_code == 200


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
