"""Looking begins nothing: an application is begun by what is sent (RFC 9110, 9.2.1: GET is safe), and only once."""

import pytest
from django.test import Client

from yiwang.engines.parties.models import Party
from yiwang.systems.services.acceptance.models import Draft
from yiwang.systems.services.acceptance.tests import CHIKAN, TOWN, service
from yiwang.systems.services.acceptance.tests_queries import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def elder() -> Client:
    Draft.objects.filter(author__name="林海棠", submitted_as=None).delete()
    return signed_in("haitang")


def drafts() -> list[Draft]:
    return list(Draft.objects.filter(author__name="林海棠", submitted_as=None))


def test_the_first_page_is_shown_without_a_row_and_begun_by_what_is_sent(elder: Client) -> None:
    address = f"/apply/{service('elderly_card_apply', TOWN)}"
    for _ in range(2):  # a browser that looks ahead, a crawler
        page = elder.get(address)
        assert page.status_code == 200 and "选择情形" in page.content.decode() and "/drafts/" not in page.content.decode() and not drafts()
    assert elder.head(address).status_code == 200 and not drafts()
    assert elder.post(address, {"who": ""}).status_code == 422 and len(drafts()) == 1, "what was sent is kept, though not everything is answered"
    led = elder.post(address, {"who": "self"})
    (kept,) = drafts()
    assert led["Location"] == f"/drafts/{kept.pk}/form" and kept.situation == {"who": "self"}
    assert elder.get(address)["Location"] == f"/drafts/{kept.pk}/situation", "begun: it goes on where it is"


def test_looking_at_the_form_keeps_nothing_but_the_look(elder: Client) -> None:
    address = f"/apply/{service('elderly_card_apply', TOWN)}"
    elder.post(address, {"who": "self"})
    (kept,) = drafts()
    page = elder.get(f"/drafts/{kept.pk}/form").content.decode()
    assert "林海棠" in page and "已经登记过的信息为您填好了" in page
    assert drafts()[0].answers == {} and drafts()[0].saved_at == kept.saved_at
    elder.post(f"/drafts/{kept.pk}/form", {})
    assert drafts()[0].answers["name"] == "林海棠" and drafts()[0].sources, "sent: now it is kept"


def test_what_is_typed_on_a_first_page_begins_the_application_once(elder: Client) -> None:
    place = service("elderly_card_apply", TOWN)
    answers = [elder.post(f"/apply/{place}/save/typed", {"who": "self", "phone": f"1380000000{n}"}) for n in range(3)]
    assert [a.status_code for a in answers] == [200] * 3 and len(drafts()) == 1
    assert elder.get(f"/apply/{place}/save/typed").status_code == 405


def test_the_window_begins_by_a_button(elder: Client) -> None:
    clerk, applicant = signed_in("town_window"), Party.objects.get(name="林海棠")
    address = f"/work/counter/{applicant.pk}/take/{service('elderly_card_apply', TOWN)}"
    before = Draft.objects.filter(applicant=applicant).count()
    assert clerk.get(address).status_code == 405 and Draft.objects.filter(applicant=applicant).count() == before
    assert clerk.post(address.replace(str(applicant.pk), "5")).status_code == 404
    assert clerk.post(address).status_code == 302 and Draft.objects.filter(applicant=applicant).count() == before + 1


def test_an_office_that_is_none_and_an_item_for_others_are_refused_in_words(elder: Client) -> None:
    assert elder.get("/apply/5").status_code == 404
    assert elder.get(f"/apply/{service('food_operation', CHIKAN)}").status_code == 422 and not drafts()
