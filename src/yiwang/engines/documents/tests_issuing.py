"""Numbered documents: no gap, no double, immutable, public facts only."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from yiwang.base import crypto
from yiwang.base.errors import NotAllowed, NotFound
from yiwang.engines.documents import api, issuing
from yiwang.engines.documents.models import Document, Series
from yiwang.engines.documents.tests import NOTICE
from yiwang.engines.parties.models import Organisation
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db


@pytest.fixture
def office() -> Organisation:
    return Organisation.objects.order_by("key")[0]


def test_a_document_is_numbered_dated_sealed_and_kept(office: Organisation) -> None:
    made = api.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM, case=7, owner=11)
    following = api.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM)
    year = timezone.localdate().year
    assert made.number == f"{office.short}受理〔{year}〕1号" and following.number == f"{office.short}受理〔{year}〕2号"
    content = api.read(made.file)
    assert api.verify(content).holds and made.data["applicant"] == "陈一" and (made.case, made.file.owner) == (7, 11)
    facts = api.about(made.pk)
    assert facts is not None and (facts.number, facts.organ, facts.digest) == (made.number, office.name, crypto.sha256(content).hex())
    assert api.about(made.pk + 1) is None


def test_what_fails_uses_no_number(office: Organisation) -> None:
    for stranger in (Actor(account=1, party=2), Actor()):
        with pytest.raises(NotAllowed):
            api.issue("acceptance", NOTICE, organ=office.pk, actor=stranger)
    with pytest.raises(NotFound):
        api.issue("love-letter", NOTICE, organ=office.pk, actor=SYSTEM)
    with pytest.raises(NotFound):
        api.issue("acceptance", NOTICE, organ=1, actor=SYSTEM)
    assert api.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM).number.endswith("〕1号")


def test_documents_never_change(office: Organisation) -> None:
    made = api.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM)
    with pytest.raises(IntegrityError), transaction.atomic():
        Document.objects.filter(pk=made.pk).update(title="改")
    with pytest.raises(IntegrityError), transaction.atomic():
        made.delete()


def test_a_document_is_read_by_whom_it_is_written_to(office: Organisation) -> None:
    made = api.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM, owner=11)
    with acting(Actor(account=1, party=11, acting_for=11)):
        assert Document.objects.filter(pk=made.pk).exists()
    with acting(Actor(account=2, party=12, acting_for=12)):
        assert not Document.objects.filter(pk=made.pk).exists()
        assert api.about(made.pk) is not None  # its QR code answers anybody, without the person


def test_numbers_have_no_gap_and_no_double_under_concurrency(office: Organisation) -> None:
    kind = "并发试验"

    def take(n: int) -> str | None:
        try:
            with transaction.atomic():
                number = issuing._next_number(office, kind)
                if n % 3 == 0:
                    raise ArithmeticError
                return number
        except ArithmeticError:  # this document was not made: its number is taken by the next
            return None
        finally:
            connections["default"].close()

    try:
        with ThreadPoolExecutor(8) as pool:
            taken = [number for number in pool.map(take, range(30)) if number]
        assert sorted(int(t.split("〕")[1][:-1]) for t in taken) == list(range(1, 21))
    finally:
        with ThreadPoolExecutor(1) as pool:  # what other connections committed is taken back
            pool.submit(_forget, kind).result()


def _forget(kind: str) -> None:
    Series.objects.filter(kind=kind).delete()
    connections["default"].close()


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/documents.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
