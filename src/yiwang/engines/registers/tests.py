"""Calendar, policies, what is known, corrections: published vectors, gaps that are named, nothing overwritten, every look on the record."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connections, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from yiwang.base.errors import CalendarUnknown, Conflict, Invalid, NotAllowed, NotFound, PolicyMissing
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.registers import api, days
from yiwang.engines.registers.models import CalendarDay, CalendarEdit, CalendarYear, PolicyValue, Version
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[4]


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(1, party.pk, name)


@pytest.fixture
def officer() -> Actor:
    return actor("罗云舟")


def span(year: int, *parts: tuple[int, int, int, int]) -> set[date]:
    """Dates from (month, day) to (month, day)."""
    found: set[date] = set()
    for m1, d1, m2, d2 in parts:
        first, last = date(year, m1, d1), date(year, m2, d2)
        found |= {first + timedelta(n) for n in range((last - first).days + 1)}
    return found


# 国务院办公厅关于2024年部分节假日安排的通知（国办发明电〔2023〕7号）
REST_2024 = span(2024, (1, 1, 1, 1), (2, 10, 2, 17), (4, 4, 4, 6), (5, 1, 5, 5), (6, 10, 6, 10), (9, 15, 9, 17), (10, 1, 10, 7))
WORK_2024 = {date(2024, m, d) for m, d in ((2, 4), (2, 18), (4, 7), (4, 28), (5, 11), (9, 14), (9, 29), (10, 12))}
# 国务院办公厅关于2026年部分节假日安排的通知（国办发明电〔2025〕7号）
REST_2026 = span(2026, (1, 1, 1, 3), (2, 15, 2, 23), (4, 4, 4, 6), (5, 1, 5, 5), (6, 19, 6, 21), (9, 25, 9, 27), (10, 1, 10, 7))
WORK_2026 = {date(2026, m, d) for m, d in ((1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10))}


# --- calendar ----------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("year, rest, work", [(2024, REST_2024, WORK_2024), (2026, REST_2026, WORK_2026)])
def test_every_day_of_a_published_year(year: int, rest: set[date], work: set[date]) -> None:
    calendar = api.working_calendar()
    for n in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
        day = date(year, 1, 1) + timedelta(n)
        assert calendar.is_working(day) is (day in work or (day.weekday() < 5 and day not in rest)), day


def test_a_year_that_is_not_entered_is_a_named_error() -> None:
    calendar = api.working_calendar()
    with pytest.raises(CalendarUnknown, match="2031"):
        calendar.is_working(date(2031, 1, 1))
    with pytest.raises(CalendarUnknown):
        next(day for day in calendar.days_after(date(2026, 12, 30)) if day.year > 2027)  # a limit that runs into it


def test_a_year_counts_only_when_it_is_confirmed(officer: Actor) -> None:
    api.open_year(officer, 2031, reason="提前准备")
    with pytest.raises(CalendarUnknown):
        api.working_calendar().is_working(date(2031, 1, 1))
    api.set_day(officer, date(2031, 1, 1), working=False, name="元旦", reason="国办发明电〔2030〕9号")
    with pytest.raises(CalendarUnknown):
        api.working_calendar().is_working(date(2031, 1, 1))
    api.confirm_year(officer, 2031, source="国办发明电〔2030〕9号")
    calendar = api.working_calendar()
    assert not calendar.is_working(date(2031, 1, 1)) and calendar.is_working(date(2031, 1, 2)) and not calendar.is_working(date(2031, 1, 4))
    assert [e.after for e in CalendarEdit.objects.filter(year=2031).order_by("at")] == ["按周末录入，待国务院公布", "放假（元旦）", "已公布，开始用于计算期限"]
    with pytest.raises(Conflict):
        api.open_year(officer, 2031, reason="再录")
    with pytest.raises(Conflict):
        api.confirm_year(officer, 2031, source="再确认")


def test_an_edit_is_used_at_once_and_the_old_value_stays_readable(officer: Actor) -> None:
    day = date(2026, 10, 8)
    assert api.working_calendar().is_working(day)
    api.set_day(officer, day, working=False, name="台风停工", reason="市政府通告")
    assert not api.working_calendar().is_working(day)
    edit = CalendarEdit.objects.get(date=day)
    assert (edit.before, edit.after, edit.by, edit.reason) == ("上班", "放假（台风停工）", "罗云舟", "市政府通告")
    assert Entry.objects.filter(action="calendar.set-day", summary__contains="2026-10-08").count() == 1
    api.set_day(officer, day, working=True, reason="通告撤销")
    assert api.working_calendar().is_working(day) and not CalendarDay.objects.filter(date=day).exists()
    assert CalendarEdit.objects.filter(date=day).count() == 2


def test_an_edit_that_is_rolled_back_leaves_nothing_behind(officer: Actor) -> None:
    day = date(2026, 10, 8)
    with pytest.raises(RuntimeError), transaction.atomic():
        api.set_day(officer, day, working=False, reason="撤回")
        assert not api.working_calendar().is_working(day)  # the process keeps these days under a number that never comes again
        raise RuntimeError
    assert api.working_calendar().is_working(day)
    api.set_day(officer, date(2026, 10, 9), working=False, reason="别的一天")
    assert api.working_calendar().is_working(day)


def test_only_the_officer_keeps_the_calendar(officer: Actor) -> None:
    for who in (actor("张予安"), actor("卢沐阳"), actor("陈子衿"), NOBODY):
        with pytest.raises(NotAllowed):
            api.set_day(who, date(2026, 10, 8), working=False, reason="不行")
        with pytest.raises(NotAllowed):
            api.open_year(who, 2031, reason="不行")
    for day, working, reason in ((date(2026, 10, 8), False, " "), (date(2026, 10, 8), True, "没有变化"), (date(2031, 1, 1), False, "年份没有录入")):
        with pytest.raises(Invalid):
            api.set_day(officer, day, working=working, reason=reason)
    with pytest.raises(Invalid):
        api.open_year(officer, 1234, reason="年份不对")


def test_reading_again_is_one_small_query(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    api.working_calendar()
    with django_assert_num_queries(1):
        api.working_calendar()


def test_seeding_again_changes_nothing(officer: Actor) -> None:
    api.set_day(officer, date(2026, 10, 8), working=False, reason="通告")
    assert api.seed_calendar() == 0 and not api.working_calendar().is_working(date(2026, 10, 8))


# --- policies ----------------------------------------------------------------------------------------------------------------------------------

DAY = date(2026, 3, 2)


def value(division: str, amount: Any, since: date = date(2020, 1, 1), until: date | None = None, key: str = "test.limit") -> PolicyValue:
    return PolicyValue.objects.create(key=key, name="试验", division=division, valid=DateRange(since, until), value=amount, source="文", unit="天")


def test_the_nearest_enclosing_division_answers() -> None:
    for division, amount in (("", 1), ("44", 2), ("4408", 3), ("440802", 4)):
        value(division, amount)
    for division, wanted in (("440802001000", 4), ("440803001000", 3), ("440100000000", 2), ("110000000000", 1)):
        assert api.policy("test.limit", division=division, on=DAY) == wanted


def test_a_gap_is_a_named_error() -> None:
    value("4408", 3, date(2020, 1, 1), date(2025, 1, 1))
    value("4408", 4, date(2026, 1, 1))
    for division, on in (("440802", date(2019, 12, 31)), ("440802", date(2025, 6, 1)), ("110000", DAY)):
        with pytest.raises(PolicyMissing, match=r"test\.limit"):
            api.policy("test.limit", division=division, on=on)
    with pytest.raises(PolicyMissing):
        api.policy("no.such", division="4408", on=DAY)
    assert api.policy("test.limit", division="440802", on=date(2024, 12, 31)) == 3  # the last day
    assert api.policy("test.limit", division="440802", on=date(2026, 1, 1)) == 4  # the first


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), min_size=2, max_size=8))
def test_two_values_never_answer_for_one_day(spans: list[tuple[int, int]]) -> None:
    """Whatever is entered: the database takes a row if and only if it overlaps none before it."""
    taken: list[tuple[int, int]] = []
    with transaction.atomic():
        for start, length in spans:
            clash = any(start < s + n and s < start + length for s, n in taken)
            first = date(2020, 1, 1) + timedelta(start)
            try:
                with transaction.atomic():
                    value("44", 1, first, first + timedelta(length), key="test.overlap")
                assert not clash
                taken.append((start, length))
            except IntegrityError:
                assert clash
        transaction.set_rollback(True)


def test_a_new_value_follows_the_one_before_which_stays(officer: Actor) -> None:
    before = value("4408", 5)
    made = api.add_policy(officer, "test.limit", division="4408", valid_from=date(2027, 1, 1), value=3, source="湛府〔2026〕1号", verified=True, reason="缩短时限")
    before.refresh_from_db()
    assert (before.value, before.valid.upper) == (5, date(2027, 1, 1)) and (made.unit, made.mark, made.entered_by) == ("天", "V", "罗云舟")
    assert api.policy("test.limit", division="440802", on=date(2026, 12, 31)) == 5 and api.policy("test.limit", division="440802", on=date(2027, 1, 1)) == 3
    assert Entry.objects.filter(action="policy.add", subject_id=str(made.pk)).count() == 1
    for since in (date(2027, 1, 1), date(2026, 6, 1)):  # the same day; before what is entered already
        with pytest.raises(Conflict):
            api.add_policy(officer, "test.limit", division="4408", valid_from=since, value=4, source="文", verified=False, reason="改")
    api.add_policy(officer, "test.limit", division="440802", valid_from=date(2026, 6, 1), value=4, source="文", verified=False, reason="区里更短")
    assert api.policy("test.limit", division="440802", on=date(2027, 1, 1)) == 4 and api.policy("test.limit", division="440803", on=date(2027, 1, 1)) == 3


@pytest.mark.parametrize(
    "changes, field",
    [({"value": "三"}, "value"), ({"value": {"甲": 1}}, "value"), ({"source": " "}, "source"), ({"reason": ""}, "reason"), ({"division": "9999"}, "division")],
)
def test_what_is_wrong_with_a_value_is_named(officer: Actor, changes: dict[str, Any], field: str) -> None:
    value("4408", 5)
    asked: dict[str, Any] = {"division": "4408", "valid_from": date(2027, 1, 1), "value": 3, "source": "文", "verified": False, "reason": "改", **changes}
    with pytest.raises(Invalid) as caught:
        api.add_policy(officer, "test.limit", **asked)
    assert list(caught.value.fields) == [field] and PolicyValue.objects.filter(key="test.limit").count() == 1


def test_a_table_of_values_keeps_its_lines(officer: Actor) -> None:
    value("4408", {"甲": 1, "乙": 2})
    common: dict[str, Any] = {"division": "4408", "valid_from": date(2027, 1, 1), "source": "文", "verified": False, "reason": "改"}
    with pytest.raises(Invalid):
        api.add_policy(officer, "test.limit", value={"甲": 1}, **common)
    assert api.add_policy(officer, "test.limit", value={"乙": 3, "甲": 2}, **common).value == {"乙": 3, "甲": 2}


def test_only_the_officer_keeps_policies(officer: Actor) -> None:
    row = value("4408", 5)
    for who in (actor("张予安"), actor("卢沐阳"), NOBODY):
        with pytest.raises(NotAllowed):
            api.add_policy(who, "test.limit", division="4408", valid_from=date(2027, 1, 1), value=3, source="文", verified=False, reason="改")
        with pytest.raises(NotAllowed):
            api.verify_policy(who, row.pk, source="文", article="", reason="核对")
    with pytest.raises(NotFound):
        api.add_policy(officer, "no.such", division="4408", valid_from=DAY, value=1, source="文", verified=False, reason="改")


def test_checking_against_the_text_keeps_what_was_said_before(officer: Actor) -> None:
    row = value("4408", 5)
    checked = api.verify_policy(officer, row.pk, source="湛府〔2025〕3号", article="第六条", reason="与原文核对")
    assert (checked.mark, checked.source, checked.value) == ("V", "湛府〔2025〕3号", 5)
    kept = Version.objects.get(subject_id=str(row.pk))
    assert kept.before == {"source": "文", "article": "", "mark": "K"} and (kept.by, kept.reason) == ("罗云舟", "与原文核对")


def test_of_two_at_once_one_enters(django_db_blocker: Any, officer: Actor) -> None:
    """Each on a connection of its own; what they committed is taken away."""

    def prepare() -> None:
        value("4408", 5, key="test.race")
        connections["default"].close()

    def enter(amount: int) -> bool:
        try:
            api.add_policy(officer, "test.race", division="4408", valid_from=date(2027, 1, 1), value=amount, source="文", verified=False, reason="改")
            return True
        except Conflict:
            return False
        finally:
            connections["default"].close()

    def forget() -> None:
        PolicyValue.objects.filter(key="test.race").delete()
        connections["default"].close()

    with ThreadPoolExecutor(4) as pool:
        pool.submit(prepare).result()
        try:
            assert sorted(pool.map(enter, range(4))) == [False, False, False, True]
        finally:
            pool.submit(forget).result()


# --- what registers know -----------------------------------------------------------------------------------------------------------------------


def test_what_is_known_comes_with_source_and_time_and_is_on_the_record() -> None:
    person = Party.objects.get(name="刘若溪")
    clerk = actor("张予安")
    found = api.known(clerk, person.pk, ["person.name", "person.birth_date", "person.sex", "unit.name", "no.such"], purpose="申请优待证", case=7)
    assert set(found) == {"person.name", "person.birth_date", "person.sex"}  # a person has no name in the register of legal entities
    assert (found["person.name"].value, found["person.name"].source, found["person.name"].at) == ("刘若溪", "人口库", person.verified_at)
    assert found["person.birth_date"].value == "1999-05-20"
    look = Access.objects.get(party=person.pk, purpose="申请优待证")
    assert (look.actor, look.case, look.fields) == ("张予安", 7, sorted(found))


def test_what_people_say_of_themselves_is_not_the_registers() -> None:
    person = Party.objects.get(name="刘若溪")
    Party.objects.filter(pk=person.pk).update(verified="", verified_at=None)
    assert api.known(SYSTEM, person.pk, ["person.name"], purpose="测试")["person.name"].source == api.DECLARED


def test_looking_at_nothing_leaves_no_trace() -> None:
    person = Party.objects.get(name="刘若溪")
    assert api.known(actor("张予安"), person.pk, ["unit.scope", "no.such"], purpose="测试") == {}
    assert not Access.objects.filter(party=person.pk, purpose="测试").exists()


# --- corrections -------------------------------------------------------------------------------------------------------------------------------


def test_a_correction_keeps_both_times_and_its_reason(officer: Actor) -> None:
    office = Organisation.objects.get(key="market_regulation@440802")
    was = office.phone
    made = api.correct(officer, office, {"phone": "0759-1"}, reason="换了电话", valid_from=date(2026, 1, 1))
    office.refresh_from_db()
    assert office.phone == "0759-1" and (made.before, made.after, made.by) == ({"phone": was}, {"phone": "0759-1"}, "罗云舟") and made.valid_from < made.at.date()
    assert restrict(officer, Version.objects.all()).exists() and not restrict(NOBODY, Version.objects.all()).exists()
    with acting(actor("刘若溪")):
        assert not Version.objects.exists()


def test_a_correction_without_reason_of_an_old_copy_or_with_a_false_value_is_refused(officer: Actor) -> None:
    office, copy = (Organisation.objects.get(key="market_regulation@440802") for _ in range(2))
    with pytest.raises(Invalid):
        api.correct(officer, office, {"phone": "1"}, reason=" ", valid_from=DAY)
    with pytest.raises(Invalid) as caught:
        api.correct(officer, office, {"name": "长" * 200}, reason="太长", valid_from=DAY)
    assert list(caught.value.fields) == ["name"]
    api.correct(officer, office, {"phone": "1"}, reason="换了", valid_from=DAY)
    with pytest.raises(Conflict):
        api.correct(officer, copy, {"phone": "2"}, reason="不知道已经换了", valid_from=DAY)


# --- the officer's desk ------------------------------------------------------------------------------------------------------------------------


def visit(client: Client, name: str) -> Client:
    client.force_login(get_user_model().objects.get(username=name), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


@pytest.mark.parametrize("path", ["/work/calendar", "/work/policies", "/work/policies/elderly-card.age"])
@pytest.mark.parametrize("name", ["chikan_window", "editor", "sysadmin", "auditadmin"])
def test_the_desk_is_closed_to_others(client: Client, name: str, path: str) -> None:
    visit(client, name)
    assert client.get(path).status_code == 403 and client.post(path, {"do": "day"}).status_code == 403


def test_every_day_of_the_year_stands_once_on_the_page(client: Client) -> None:
    page = visit(client, "biaozhun").get("/work/calendar?year=2026").context["page"]
    shown = [day for _, weeks in page.months for week in weeks for day in week if day]
    assert len(shown) == 365 == len({day.date for day in shown})
    assert {day.date for day in shown if day.special and not day.working} == {d for d in REST_2026 if d.weekday() < 5}
    assert {day.date for day in shown if day.special and day.working} == WORK_2026 and page.worked == sum(day.working for day in shown)


@pytest.mark.parametrize(
    "start, amount, unit, wanted",
    [("2026-02-10", 5, "working", "2026年2月24日"), ("2026-09-24", 1, "working", "2026年9月28日"), ("2026-09-30", 3, "calendar", "2026年10月8日")],
)
def test_where_a_limit_would_end(client: Client, start: str, amount: int, unit: str, wanted: str) -> None:
    answer = visit(client, "biaozhun").get("/work/calendar", {"start": start, "amount": str(amount), "unit": unit}).context["page"].answer
    assert wanted in answer


def test_a_limit_into_an_unknown_year_is_said_to_be_unknown(client: Client) -> None:
    page = visit(client, "biaozhun").get("/work/calendar", {"start": "2026-12-30", "amount": "30", "unit": "working"}).context["page"]
    assert page.answer == "" and "2027 年的工作日安排尚未录入" in page.problem


def test_money_is_entered_in_yuan_and_kept_in_fen(client: Client) -> None:
    sent = {"division": "4408", "valid_from": "2027-01-01", "value-0": "0.60", "source": "粤发改〔2026〕1号", "article": "", "reason": "调整"}
    assert visit(client, "biaozhun").post("/work/policies/road.occupy-per-m2-day", sent).status_code == 302
    assert api.policy("road.occupy-per-m2-day", division="440802", on=date(2027, 1, 1)) == 60
    refused = client.post("/work/policies/road.occupy-per-m2-day", {**sent, "value-0": "0.605", "source": ""})
    assert refused.status_code == 422 and set(refused.context["page"].form.errors) == {"value-0", "source"}


def test_the_calendar_of_the_installation_is_the_published_one() -> None:
    assert {2024, 2025, 2026} <= set(CalendarYear.objects.filter(confirmed=True).values_list("year", flat=True))
    assert days.KEEPER in {role for seat in actor("罗云舟").seats for role in seat.roles}


def test_the_example_of_the_page_runs() -> None:
    page = (ROOT / "docs" / "engines/registers.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})


def test_only_the_fields_that_change_are_judged(officer: Actor) -> None:
    """A party entered at a window has no `verified_at`; correcting its phone does not ask for one."""
    party = Party.objects.filter(kind=Party.Kind.PERSON).first()
    assert party is not None
    Party.objects.filter(pk=party.pk).update(verified_at=None, name="")  # a row older than today's rules
    party.refresh_from_db()
    api.correct(officer, party, {"phone": "19911110077"}, reason="本人来电", valid_from=date(2026, 3, 1))
    party.refresh_from_db()
    assert party.phone == "19911110077"
    with pytest.raises(Invalid) as refused:
        api.correct(officer, party, {"phone": "1" * 99}, reason="本人来电", valid_from=date(2026, 3, 1))
    assert set(refused.value.fields) == {"phone"}
