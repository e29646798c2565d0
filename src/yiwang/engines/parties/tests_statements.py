"""A kept statement answers as the plain query does, for each actor its own, and refuses to keep what grows old."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Count, DateTimeField, F, QuerySet, Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from yiwang.engines.parties.models import Division, Membership, Organisation, Party
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.statements import Statement

pytestmark = pytest.mark.django_db
Rows = Callable[..., "QuerySet[Any, Any]"]


def organs() -> list[int]:
    return list(Organisation.objects.order_by("pk").values_list("pk", flat=True)[:20])


def test_each_asking_gets_its_own_rows_by_one_statement() -> None:
    made: list[int] = []

    def build(*, organ: int) -> "QuerySet[Organisation]":
        made.append(organ)
        return Organisation.objects.select_related("division").filter(pk=organ)

    asked = Statement(build)
    for pk in organs():
        with CaptureQueriesContext(connection) as sent:
            (found,) = asked(organ=pk)
            plain = Organisation.objects.get(pk=pk)
            assert (found, found.name, found.division) == (plain, plain.name, plain.division)
        assert len(sent) == 3  # the relation of the plain row is the third
    assert len(made) == 1
    assert asked(organ=-1) == [] and asked.first(organ=-1) is None


@pytest.mark.parametrize(
    "build",
    [
        lambda *, prefix: Division.objects.filter(code__gte=prefix).order_by("code")[:7],
        lambda *, prefix: Division.objects.filter(code__gte=prefix).order_by("code").values_list("code", "name")[:7],
        lambda *, prefix: Division.objects.filter(code__gte=prefix).order_by("code").values_list("code", flat=True)[:7],
        lambda *, prefix: Division.objects.filter(code__gte=prefix).order_by().values("level").annotate(many=Count("pk"), first=F("level")).values_list("first", "many").order_by("level"),
    ],
)
def test_rows_tuples_single_columns_and_counts(build: Rows) -> None:
    asked = Statement(build)
    for prefix in ("440802", "440811", "4408"):
        plain = list(build(prefix=prefix))
        assert plain and asked(prefix=prefix) == plain


def test_moments_and_missing_values() -> None:
    def build(*, on: date, organ: int | None) -> "QuerySet[Membership]":
        rows = Membership.objects.filter(valid_from__lte=on).order_by("pk")
        return rows if organ is None else rows.filter(post__organisation=organ)

    asked, today = Statement(build), timezone.localdate()
    organ = Membership.objects.filter(valid_from__lte=today)[0].post.organisation_id
    for on in (today, today - timedelta(days=9000)):
        assert asked(on=on, organ=organ) == list(build(on=on, organ=organ))
        assert asked(on=on, organ=None) == list(build(on=on, organ=None))


def test_moments_of_the_day() -> None:
    def build(*, at: datetime) -> "QuerySet[Division, datetime]":
        return Division.objects.filter(code="440802000000").annotate(now=Value(at, output_field=DateTimeField())).values_list("now", flat=True)

    asked, noon = Statement(build), timezone.now()
    for at in (noon, noon + timedelta(hours=1)):
        assert asked(at=at) == [at]


def test_what_one_actor_may_see_is_never_shown_to_another() -> None:
    asked = Statement(lambda actor, *, pk: restrict(actor, Party.objects.filter(pk=pk)))
    one, other = Party.objects.filter(kind=Party.Kind.PERSON).order_by("pk")[:2]
    actors = [Actor(party=p.pk, acting_for=p.pk, name=p.name, account=1) for p in (one, other)]
    for _ in range(2):
        assert [asked(a, pk=one.pk) for a in actors] == [[one], []]
        assert [asked(a, pk=other.pk) for a in actors] == [[], [other]]
        assert asked(NOBODY, pk=one.pk) == [] and asked(SYSTEM, pk=one.pk) == [one]


def asks_while_built(*, pk: int) -> "QuerySet[Party]":
    return Party.objects.filter(pk=pk, name__in=list(Party.objects.values_list("name", flat=True)[:1]))


def holds_a_moment(*, pk: int) -> "QuerySet[Membership]":
    return Membership.objects.filter(pk=pk, valid_from__lte=timezone.now())


def loses_a_value(*, pk: int, unused: int) -> "QuerySet[Party]":
    return Party.objects.filter(pk=pk)


def changes_a_value(*, name: str) -> "QuerySet[Party]":
    return Party.objects.filter(name__icontains=name)


def prefetches(*, pk: int) -> "QuerySet[Party]":
    return Party.objects.filter(pk=pk).prefetch_related("memberships")


@pytest.mark.parametrize(
    ("build", "given", "words"),
    [
        (asks_while_built, {"pk": 1}, "asks the database"),
        (holds_a_moment, {"pk": 1}, "time of building"),
        (loses_a_value, {"pk": 1, "unused": 2}, "unused"),
        (changes_a_value, {"name": "林"}, "name"),
        (prefetches, {"pk": 1}, "prefetch"),
        (loses_a_value, {"pk": True, "unused": 2}, "by place"),
    ],
)
def test_what_would_grow_old_or_be_lost_is_refused(build: Rows, given: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        Statement(build)(**given)


def test_a_statement_that_no_row_can_answer_is_not_sent() -> None:
    asked = Statement(lambda *, pk: Party.objects.filter(pk=pk, name__in=[]))
    with CaptureQueriesContext(connection) as sent:
        assert asked(pk=1) == []
    assert len(sent) == 0
