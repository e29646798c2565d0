"""Identifiers against published vectors; calendars, deadlines, money and proofs by property."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yiwang.base import crypto, deadlines, identifiers, merkle, money, say
from yiwang.base.calendar import WorkingCalendar
from yiwang.base.deadlines import ZONE, Term
from yiwang.base.errors import CalendarUnknown, Invalid
from yiwang.base.ids import new_id

# 2024: the State Council's arrangement around the National Day (国办发明电〔2023〕7号)
YEAR = WorkingCalendar(
    frozenset({2024}),
    {
        **{date(2024, 10, d): False for d in range(1, 8)},
        date(2024, 9, 29): True, date(2024, 10, 12): True,
    },
)
LONG = WorkingCalendar(frozenset(range(2000, 2100)), {})


def at(month: int, day: int, hour: int = 10) -> datetime:
    return datetime(2024, month, day, hour, tzinfo=ZONE)


def test_citizen_number_of_the_standard() -> None:
    read = identifiers.read_citizen_number("11010519491231002X")  # the example in GB 11643
    assert read is not None and (read.birth, read.sex, read.region) == (date(1949, 12, 31), "女", "110105")


@pytest.mark.parametrize("wrong", ["110105194912310021", "11010519491331002X", "1101051949123100", "44089919800101001x", ""])
def test_citizen_number_refused(wrong: str) -> None:
    assert not identifiers.is_citizen_number(wrong)


@pytest.mark.parametrize("number", ["440899198001010010", "440899199002150028", "440899200002290034"])
def test_invented_numbers_are_valid(number: str) -> None:
    assert identifiers.is_citizen_number(number)


@pytest.mark.parametrize(
    "code", ["91350100M000100Y43", "12441500196720244T", "11430000006122244L", "11100000000013338W", "11330105002500287C", "11110000000021135M", "11370800MB28559184"]
)
def test_uscc_of_real_organs(code: str) -> None:
    assert identifiers.is_uscc(code)


def test_uscc_misprinted_in_web_copies_is_refused() -> None:
    assert not identifiers.is_uscc("91350100M000100Y4Z")


@pytest.mark.parametrize(("first", "check"), [("D2143569", "X"), ("00001333", "8"), ("MB285591", "8"), ("19672024", "4")])
def test_organisation_code(first: str, check: str) -> None:
    assert identifiers.organisation_check(first) == check


def test_iso_7064_vectors() -> None:
    assert identifiers.mod11_2("079") == "X"
    assert identifiers.mod11_10("0794") == "5"
    assert identifiers.mod37_36("A12425GABC1234002") == "M"


def test_licence_identifier_of_a_real_licence() -> None:
    made = identifiers.licence_identifier("11100000000013338W011", "11430000006122244L", "20230000403", 1)
    assert made == "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"
    assert identifiers.is_licence_identifier(made)
    assert not identifiers.is_licence_identifier(made[:-1] + "V")


def test_implementation_code_of_a_real_item() -> None:
    made = identifiers.implementation_code("12441500196720244T", 3, "442199806003")
    assert made == "12441500196720244T3442199806003" and identifiers.is_item_code(made)


def test_age_is_reached_on_the_birthday() -> None:
    assert [identifiers.age(date(1964, 11, 24), date(2024, 11, d)) for d in (23, 24, 25)] == [59, 60, 60]


def test_masks() -> None:
    assert [identifiers.mask_name(n) for n in ("张三", "欧阳明月", "王")] == ["张*", "欧**月", "*"]
    assert identifiers.mask_number("440899198001010010") == "4408**********0010"
    assert identifiers.mask_phone("13812341234") == "138****1234"


def test_sm3_vectors_of_the_standard() -> None:
    assert crypto.sm3(b"abc").hex() == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert crypto.sm3(b"abcd" * 16).hex() == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"


def test_working_days_skip_the_holiday() -> None:
    assert deadlines.due_at(Term(5, "working"), at(9, 27), calendar=YEAR) == at(10, 11, 0)  # 29, 30 Sept, 8, 9, 10 Oct


def test_calendar_days_end_on_the_next_working_day() -> None:
    assert deadlines.due_at(Term(3, "calendar"), at(9, 29), calendar=YEAR) == datetime(2024, 10, 9, tzinfo=ZONE)  # 2 Oct rests until the 8th


def test_a_year_not_entered_is_an_error() -> None:
    with pytest.raises(CalendarUnknown, match="2025"):
        deadlines.due_at(Term(5, "working"), datetime(2024, 12, 30, tzinfo=ZONE), calendar=YEAR)


def test_a_stopped_clock_does_not_count() -> None:
    stopped = [(at(9, 30), at(10, 9))]
    assert deadlines.due_at(Term(2, "working"), at(9, 27), calendar=YEAR, suspensions=stopped) == datetime(2024, 10, 10, tzinfo=ZONE)


def test_hours_run_through_the_night_and_stand_when_stopped() -> None:
    due = deadlines.due_at(Term(24, "hour"), at(9, 27), calendar=YEAR, suspensions=[(at(9, 27, 12), at(9, 27, 15))])
    assert due == at(9, 28, 13)


def test_months_end_on_the_corresponding_day() -> None:
    assert deadlines.due_at(Term(1, "month"), datetime(2024, 1, 31, tzinfo=ZONE), calendar=YEAR) == datetime(2024, 3, 1, tzinfo=ZONE)


def test_warning_comes_with_a_fifth_left() -> None:
    assert deadlines.warn_at(Term(10, "calendar"), at(9, 1), calendar=YEAR) == datetime(2024, 9, 10, tzinfo=ZONE)


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)).map(lambda d: d.replace(tzinfo=ZONE))
TERMS = st.builds(Term, st.integers(1, 90), st.sampled_from(["working", "calendar", "month", "hour"]))


@given(TERMS, MOMENTS)
def test_warning_never_after_the_limit(term: Term, start: datetime) -> None:
    assert start <= deadlines.warn_at(term, start, calendar=LONG) <= deadlines.due_at(term, start, calendar=LONG)


@given(TERMS, MOMENTS, st.integers(1, 20))
def test_longer_terms_never_end_sooner(term: Term, start: datetime, more: int) -> None:
    longer = Term(term.amount + more, term.unit)
    assert deadlines.due_at(longer, start, calendar=LONG) >= deadlines.due_at(term, start, calendar=LONG)


@given(TERMS, MOMENTS, st.integers(0, 30), st.integers(0, 30))
def test_a_stop_never_shortens(term: Term, start: datetime, after: int, days: int) -> None:
    stop = (start + timedelta(days=after), start + timedelta(days=after + days))
    assert deadlines.due_at(term, start, calendar=LONG, suspensions=[stop]) >= deadlines.due_at(term, start, calendar=LONG)


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "零元整"), (5, "伍分"), (150, "壹元伍角整"), (105, "壹元零伍分"), (123450, "壹仟贰佰叁拾肆元伍角整"), (10_070_000_00, "壹仟零柒万元整"),
        (100_000_000_00, "壹亿元整"), (100_000_001_00, "壹亿零壹元整"), (20_050_30, "贰万零伍拾元叁角整"),
    ],
)
def test_capitals(amount: int, words: str) -> None:
    assert money.capitals(amount) == words


@given(st.integers(0, 10**12))
def test_yuan_reads_back(amount: int) -> None:
    assert money.fen(money.yuan(amount)) == amount


@pytest.mark.parametrize("wrong", ["", "一百", "1.005", "NaN"])
def test_amounts_refused(wrong: str) -> None:
    with pytest.raises(Invalid):
        money.fen(wrong)


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=40), st.data())
def test_inclusion_proofs(entries: list[bytes], data: st.DataObject) -> None:
    leaves = [merkle.leaf(e) for e in entries]
    index = data.draw(st.integers(0, len(leaves) - 1))
    steps = merkle.proof(leaves, index)
    assert merkle.climb(leaves[index], steps) == merkle.root(leaves)
    assert merkle.climb(merkle.leaf(entries[index] + b"!"), steps) != merkle.root(leaves)


def test_words_for_time() -> None:
    now = at(9, 27)
    assert say.moment(now - timedelta(seconds=20), now) == "刚刚"
    assert say.moment(now - timedelta(minutes=5), now) == "5 分钟前"
    assert say.moment(at(9, 26, 18), now) == "昨天 18:00"
    assert say.day(date(2026, 3, 2)) == "2026年3月2日" and say.last_day(at(9, 27, 0)) == "2024年9月26日"
    assert [say.left(n, "working") for n in (2, 0, -1)] == ["还剩 2 个工作日", "今天到期", "已超期 1 个工作日"]


def test_identifiers_made_at_once_differ_and_grow() -> None:
    with ThreadPoolExecutor(4) as pool:
        made = [n for part in pool.map(lambda _: [new_id() for _ in range(20_000)], range(4)) for n in part]
    assert len(set(made)) == len(made) and all(0 < n < 2**63 for n in made)
    assert new_id() > max(made)
