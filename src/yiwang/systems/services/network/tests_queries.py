"""How many statements the guide of an item sends: as many for an item that many offices handle as for any other."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("key", ["food_operation", "elderly_card_apply", "road_dig"])
def test_a_guide(key: str) -> None:
    client, path = Client(), f"/items/{key}"
    client.get(path)
    with CaptureQueriesContext(connection) as sent:
        assert client.get(path).status_code == 200
    assert len(sent) <= 12
