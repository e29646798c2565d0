"""Every declared figure is computed, says in Chinese what it counts, and opens to the rows behind it; who may not look is refused."""

from datetime import date

import pytest
from django.core.exceptions import FieldDoesNotExist

from tests.conformance.samples import CITY, office_of, person
from yiwang.base.errors import NotAllowed
from yiwang.engines.indicators import api as indicators
from yiwang.engines.indicators.computing import chosen
from yiwang.engines.indicators.periods import between
from yiwang.kit import cells
from yiwang.kit.declare import Indicator
from yiwang.kit.registry import registry

pytestmark = pytest.mark.django_db
EVERY = list(registry().indicators.values())
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


def named(figure: Indicator) -> str:
    return figure.code


@pytest.mark.parametrize("figure", EVERY, ids=named)
def test_it_computes_and_a_second_time_changes_nothing(figure: Indicator) -> None:
    for span in ("month", "year"):
        assert indicators.compute(figure.code, span, FIRST, LAST) == indicators.compute(figure.code, span, FIRST, LAST)


@pytest.mark.parametrize("figure", EVERY, ids=named)
def test_it_opens_to_its_rows_within_ones_rights(figure: Indicator) -> None:
    period = next(iter(between("year", FIRST, LAST)))
    assert chosen(figure, period).count() >= 0
    leader = person("分管领导样例", "leader", organ=office_of(registry().systems["acceptance"]))
    assert indicators.rows(leader, figure.code, CITY[:4], period).count() <= chosen(figure, period).count()
    with pytest.raises(NotAllowed):
        indicators.rows(person("群众"), figure.code, CITY[:4], period)


@pytest.mark.parametrize("figure", EVERY, ids=named)
def test_it_says_what_it_counts(figure: Indicator) -> None:
    assert figure.name and figure.unit and any("一" <= c <= "鿿" for c in figure.note)
    for path in filter(None, (figure.at, figure.until, figure.division)):
        try:
            cells.field_at(figure.of, path)
        except FieldDoesNotExist as wrong:
            pytest.fail(f"{figure.code}: {wrong}")
