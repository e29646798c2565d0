"""What the engine of figures promises."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count, Q
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from yiwang.base.errors import NotAllowed
from yiwang.engines.indicators import api, jobs
from yiwang.engines.indicators.models import Series, Target
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.procedures.models import Case
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.declare import Indicator
from yiwang.kit.registry import _wrong_in_indicator

pytestmark = pytest.mark.django_db
CITY, CHIKAN, TOWN, XUWEN = "4408", "440802", "440802001", "440825"
DAY = date(2025, 3, 12)  # a Wednesday
MARCH = api.Period("month", date(2025, 3, 1))
serial = iter(range(1, 10**9))


def case(division: str = TOWN, day: date = DAY, **more: Any) -> Case:
    """A finished row as the engine of cases leaves it."""
    number, at = next(serial), timezone.make_aware(datetime(day.year, day.month, day.day, 10))
    organ = parties.organ_for("market_regulation", division.ljust(12, "0"))
    values = {"state": "done", "channel": "internet", "procedure": "promise", "opened_at": at} | more
    applicant = Party.objects.get(name="林海棠")
    return Case.objects.create(
        number=f"T{number:019d}", version=1, subject="试验", item_key="x", applicant=applicant, organ=organ, division_id=division.ljust(12, "0"), key=f"t{number}", **values
    )


def person(name: str) -> Actor:
    """One of the demo city's cast, with the posts held."""
    party = Party.objects.get(name=name)
    return parties.actor_for(0, party.pk, party.name)


def figure(code: str, division: str = CITY, period: api.Period = MARCH, actor: Actor = SYSTEM) -> api.Figure:
    found = api.latest(actor, code, division, period)
    assert found is not None
    return found


def compute(code: str, period: api.Period = MARCH) -> int:
    return api.compute(code, period.span, period.first, period.last)


@given(st.lists(st.sampled_from([CITY, CHIKAN, TOWN, "440802002", XUWEN, "440825102"]), max_size=12))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_children_always_sum_up_to_their_parent(db: None, divisions: list[str]) -> None:
    Case.objects.filter(subject="试验").delete()
    for division in divisions:
        case(division)
    compute("cases-opened")
    for parent in (CITY, CHIKAN, XUWEN):
        below = [one for _, one in api.children(SYSTEM, "cases-opened", parent, MARCH)]
        assert api.roll_up(below).total == figure("cases-opened", parent).total == sum(d.startswith(parent) for d in divisions)


def test_a_divisions_own_level_is_among_its_children_by_name() -> None:
    case(CHIKAN)
    compute("cases-opened")
    own = next(place for place, one in api.children(SYSTEM, "cases-opened", CHIKAN, MARCH) if one.total)
    assert (own.division, own.name) == ("440802000", "赤坎区本级")


def test_a_share_rolls_up_by_its_counts_and_not_as_a_mean_of_shares() -> None:
    case(TOWN)
    for _ in range(9):
        case(XUWEN, channel="counter")
    compute("online-share")
    assert figure("online-share", CHIKAN).value == 100 and figure("online-share", XUWEN).value == 0
    assert figure("online-share").value == 10
    assert figure("online-share", "440823").value is None and figure("online-share", "440823").words == "无"


def test_computing_again_changes_nothing_and_follows_rows_that_changed() -> None:
    kept, gone = case(), case()
    assert compute("cases-opened") == compute("cases-opened") == Series.objects.filter(indicator="cases-opened", span="month", start=MARCH.first).count()
    Case.objects.filter(pk=gone.pk).delete()
    compute("cases-opened")
    assert figure("cases-opened", TOWN).total == 1
    Case.objects.filter(pk=kept.pk).delete()
    compute("cases-opened")
    assert figure("cases-opened", TOWN).total == 0


def test_a_day_ends_at_local_midnight() -> None:
    late = timezone.make_aware(datetime(2025, 3, 12, 23, 59))
    case(opened_at=late)
    case(opened_at=late + timedelta(minutes=2))
    api.compute("cases-opened", "day", DAY, DAY + timedelta(days=1))
    assert [figure("cases-opened", TOWN, api.Period("day", DAY + timedelta(days=n))).total for n in (0, 1)] == [1, 1]


def test_a_stock_is_what_was_there_at_the_end_of_the_period_whenever_it_is_computed() -> None:
    case(day=date(2025, 3, 3), closed_at=timezone.make_aware(datetime(2025, 3, 5, 9)))
    case(day=date(2025, 3, 4))
    api.compute("open-cases", "day", date(2025, 3, 2), date(2025, 3, 6))
    there = [figure("open-cases", TOWN, api.Period("day", date(2025, 3, n))).total for n in range(2, 7)]
    assert there == [0, 1, 2, 1, 1]


def test_a_mean_divides_by_the_rows_that_it_is_of() -> None:
    for days in (2, 4):
        case(closed_at=timezone.make_aware(datetime(2025, 3, 12 + days, 10)), outcome="granted")
    compute("handling-days")
    assert figure("handling-days").value == 3


def test_a_figure_opens_to_the_very_rows_that_it_counts() -> None:
    mine = {case().pk, case(CHIKAN, channel="counter").pk}
    case(XUWEN), case(day=date(2025, 4, 1)), case(parent=Case.objects.get(pk=min(mine)))
    compute("online-share")
    assert set(api.rows(SYSTEM, "online-share", CHIKAN, MARCH).values_list("pk", flat=True)) == mine
    one = figure("online-share", CHIKAN)
    assert api.rows(SYSTEM, "online-share", CHIKAN, MARCH, part="counted").count() == one.total == 1
    assert api.rows(SYSTEM, "online-share", CHIKAN, MARCH, part="rest").count() == 1


def test_rows_are_restricted_and_other_places_refused() -> None:
    case(TOWN), case(XUWEN)
    compute("cases-opened")
    supervisor, approver, town = (person(name) for name in ("庄书言", "罗景行", "王思齐"))
    assert api.rows(supervisor, "cases-opened", CITY, MARCH).count() == 2
    assert figure("cases-opened", CHIKAN, actor=approver).total == 1 and api.rows(approver, "cases-opened", CHIKAN, MARCH).count() == 0  # counted, not theirs to open
    refused: list[tuple[Actor, str]] = [(approver, CITY), (approver, XUWEN), (town, CHIKAN), (person("林海棠"), TOWN), (NOBODY, TOWN)]
    for actor, division in refused:
        with pytest.raises(NotAllowed):
            api.latest(actor, "cases-opened", division, MARCH)
        with pytest.raises(NotAllowed):
            api.rows(actor, "cases-opened", division, MARCH)
        assert not restrict(actor, Series.objects.filter(division=division)).exists()
    assert {p.division for p in api.places(town)} == {TOWN} and api.places(NOBODY) == []


def test_what_was_never_computed_is_not_called_nought() -> None:
    assert api.latest(SYSTEM, "cases-opened", CITY, api.Period("month", date(2019, 1, 1))) is None
    with pytest.raises(KeyError, match="did you mean 'cases-opened'"):
        api.compute("case-opened", "day", DAY, DAY)


def test_the_board_asks_few_questions_however_many_figures_there_are(django_assert_max_num_queries: Callable[[int], Any]) -> None:
    for code in ("cases-opened", "cases-closed", "online-share", "good-share"):
        compute(code)
    with django_assert_max_num_queries(4):
        readings = api.board(SYSTEM, CITY, MARCH)
    assert [r.figure.indicator.code for r in readings] == ["cases-opened", "cases-closed", "online-share", "good-share"]


def test_a_missed_target_is_said_in_a_sentence() -> None:
    for channel in ("internet", "counter"):
        case(channel=channel)
    compute("online-share")
    Target.objects.filter(indicator="online-share").delete()
    Target.objects.create(indicator="online-share", division=CITY, value=80, valid_from=date(2020, 1, 1), source="试验", mark="K")
    reading = next(r for r in api.board(SYSTEM, CITY, MARCH) if r.figure.indicator.code == "online-share")
    assert (reading.lamp, reading.state) == ("red", "未达目标")
    assert reading.warnings == ["网上办理率 50%，低于目标 80%，相差 30.0 个百分点。"]
    Target.objects.create(indicator="online-share", division=CHIKAN, value=50, valid_from=date(2020, 1, 1), source="试验", mark="K")
    near = next(r for r in api.board(SYSTEM, CHIKAN, MARCH) if r.figure.indicator.code == "online-share")
    assert near.lamp == "green" and near.target is not None and near.target.plain == 50


def trend(values: list[int], last: date = DAY, code: str = "cases-opened") -> list[api.Figure]:
    days = api.Period("day", last).back(len(values))
    return [api.Figure(api.declared(code), CITY, p, Decimal(v), None, timezone.now()) for p, v in zip(days, values, strict=True)]


def test_a_day_far_from_the_same_weekdays_before_is_named_and_an_ordinary_one_is_not() -> None:
    usual = [40, 42, 38, 41, 39, 10, 8] * 8 + [40]
    assert api.warn(trend(usual), None) == []
    words = api.warn(trend([*usual[:-1], 4]), None)
    assert len(words) == 1 and "明显低于往常" in words[0] and "星期三" in words[0] and "28 到 52 件" in words[0]
    assert "明显高于往常" in api.warn(trend([*usual[:-1], 90]), None)[0]
    once_odd = [*usual]
    once_odd[-8] = 400  # one odd Wednesday moves neither median nor spread
    assert api.warn(trend(once_odd), None) == []
    assert api.warn(trend([*usual[-15:][:-1], 400]), None) == []  # two Wednesdays are not yet a habit


def test_a_forecast_carries_its_measured_error() -> None:
    steady = api.forecast(trend([40, 42, 38, 41, 39, 10, 8] * 9))
    assert steady is not None and steady.error == 0
    assert [round(v) for _, v in steady.days] == [40, 42, 38, 41, 39, 10, 8] and steady.days[0][0] == DAY + timedelta(days=1)
    odd = api.forecast(trend([40, 42, 38, 41, 39, 10, 8] * 8 + [68, 42, 38, 41, 39, 10, 8]))
    assert odd is not None and odd.error == 1  # 28 too many on one day of 28
    assert api.forecast(trend([1] * 55)) is None and api.forecast(trend([1] * 70, code="open-cases")) is None


def test_targets_are_loaded_once_and_name_their_source() -> None:
    assert api.load_targets() == api.load_targets() == Target.objects.count()
    assert not Target.objects.filter(Q(source="") | ~Q(mark__in=("V", "K"))).exists()


def test_targets_of_unknown_indicators_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "targets.yaml"
    wrong.write_text("- {indicator: nothing, division: '4408', from: 2020-01-01, value: 1, source: x, mark: K}\n", encoding="utf-8")
    with pytest.raises(KeyError):
        api.load_targets(wrong)


def test_the_jobs_fill_what_is_open_and_what_was_missed() -> None:
    today = timezone.localdate()
    case(day=today - timedelta(days=3))
    jobs.catch_up(timestamp=0)
    jobs.refresh(timestamp=0)
    assert figure("cases-opened", TOWN, api.Period("day", today - timedelta(days=3))).total == 1
    for span in api.SPANS:
        assert api.latest(SYSTEM, "cases-opened", CITY, api.Period.of(span, today)) is not None


def declaration(**more: Any) -> Indicator:
    values: dict[str, Any] = {"code": "x", "name": "x", "unit": "件", "note": "x", "of": Case, "at": "opened_at"}
    return Indicator(**(values | more))


@pytest.mark.parametrize(
    "wrong, said",
    [
        ({"at": "opend_at"}, "did you mean 'opened_at'"),
        ({"at": "number"}, "'number' is no date"),
        ({"division": "organ__divison"}, "did you mean 'division'"),
        ({"where": Q(chanel="internet")}, "did you mean 'channel'"),
        ({"where": ~Q(Q(parent__stat="x"))}, "did you mean 'state'"),
        ({"where": Q(channel__startwith="i")}, "did you mean 'startswith'"),
        ({"where": Q(tasks__role="x")}, "leads to many rows"),
        ({"kind": "share"}, "a share needs 'part'"),
        ({"kind": "stock"}, "a stock needs 'until'"),
        ({"kind": "sum", "measure": "amont"}, "unknown field of Case 'amont'"),
        ({"measure": "revision"}, "a count has no 'measure'"),
    ],
)
def test_a_wrong_declaration_is_said_with_what_was_meant(wrong: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in _wrong_in_indicator(declaration(**wrong)))


def test_a_right_declaration_is_not_complained_of() -> None:
    good = declaration(kind="share", division="organ__division", where=Q(parent__isnull=True) & ~Q(applicant__kind="x"), part=Q(closed_at__lte=timezone.now()), case="pk")
    assert list(_wrong_in_indicator(good)) == []


def test_every_declared_figure_can_be_computed_and_opened() -> None:
    from yiwang.kit.registry import registry

    for code in registry().indicators:
        compute(code)
        assert figure(code).indicator.note
        assert api.rows(SYSTEM, code, CITY, MARCH).aggregate(n=Count("pk"))["n"] == 0


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/indicators.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
