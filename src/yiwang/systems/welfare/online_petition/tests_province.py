"""The province over the wire: told once of everything, whatever breaks; what it sends down is registered once; a false signature leaves nothing."""

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone

from demo.calendar import load_next_year
from demo.peers import keys
from demo.peers import province as standin
from yiwang.base import signed
from yiwang.engines.audit.models import Entry
from yiwang.engines.procedures import api as procedures
from yiwang.systems.welfare.online_petition import wire
from yiwang.systems.welfare.online_petition.models import Exchange, Petition
from yiwang.systems.welfare.online_petition.tests import TOWN, filed, person, sending
from yiwang.systems.welfare.online_petition.tests_secrecy import accusation

pytestmark = pytest.mark.django_db
DOWN = {"number": "GD2026-000001", "kind": "claim", "title": "工资拖欠", "words": "工地拖欠农民工工资三个月，请求支付。", "division": TOWN, "name": "李远山", "phone": "19900001111"}


@pytest.fixture
def above() -> Iterator[Any]:
    """The stand-in, running, and known to the city."""
    load_next_year()
    folder = Path(settings.KEYS) / "peers"
    keys.make_keys(folder)
    server = standin.serve(folder, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    keys.configure_province(folder, url=f"http://127.0.0.1:{server.server_address[1]}")
    yield server.RequestHandlerClass.bureau  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def handed_down(bureau: Any, petition: dict[str, Any], *, path: str = "/petitions/above/province", key: Any = None) -> Any:
    """What the province's server would post, through Django's test client."""
    body = json.dumps(petition, ensure_ascii=False).encode()
    headers: dict[str, Any] = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed.sign(key or bureau.key, "POST", path, body).items()}
    return Client().post(path, body, content_type="application/json", **headers)


def test_each_move_is_told_once_in_order(above: Any) -> None:
    petition = filed()
    procedures.perform(person("xinfang"), petition.case_id, "transfer", sending())
    rows = list(Exchange.objects.filter(petition=petition).order_by("made_at"))
    assert [r.body["state"] for r in rows] == ["registered", "transferred"]
    assert wire.send(rows[0].pk) and not wire.send(rows[0].pk)
    assert [r["number"] for r in above.reports.values()] == [petition.case.number]


def test_a_lost_answer_is_sent_again_and_taken_once(above: Any) -> None:
    row = Exchange.objects.get(petition=filed())
    above.broken = 1
    with pytest.raises(httpx.HTTPError):
        wire.send(row.pk)
    row.refresh_from_db()
    assert row.tries == 1 and row.problem and row.done_at is None
    Exchange.objects.filter(pk=row.pk).update(made_at=timezone.now() - timedelta(minutes=5))
    assert wire.send_waiting() == 1 and wire.send_waiting() == 0
    Exchange.objects.filter(pk=row.pk).update(done_at=None)  # as if our side had died before it wrote that down
    wire.send(row.pk)
    assert len(above.reports) == 1


def test_an_accusation_goes_up_without_its_words(above: Any) -> None:
    row = Exchange.objects.get(petition=accusation())
    assert row.body["title"] == "" and "钱世荣" not in json.dumps(row.body, ensure_ascii=False)


def test_what_is_sent_down_is_registered_once(above: Any) -> None:
    first, again = handed_down(above, DOWN), handed_down(above, DOWN)
    assert first.status_code == again.status_code == 200 and first.json() == again.json()
    made = Petition.objects.get(outside=DOWN["number"])
    assert Exchange.objects.get(petition=made, direction="in").answer["number"] == made.case.number
    assert made.channel == "above" and made.matter_id == "020101" and procedures.find(person("xinfang"), made.case_id)


@pytest.mark.parametrize("wrong", [{"kind": "nonsense"}, {"words": ""}, {"division": "999999999999"}, {"name": 5}])
def test_what_is_incomplete_is_refused_with_the_reason(above: Any, wrong: dict[str, Any]) -> None:
    assert handed_down(above, DOWN | wrong).status_code == 422
    assert not Petition.objects.filter(outside=DOWN["number"]).exists()


def test_a_false_signature_is_refused_and_on_the_record(above: Any) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    before = Petition.objects.count()
    assert handed_down(above, DOWN, key=Ed25519PrivateKey.generate()).status_code >= 400
    assert Petition.objects.count() == before and Entry.objects.filter(action="petition.above-refused").exists()
    assert handed_down(above, DOWN, path="/petitions/above/nobody").status_code == 404


def test_the_province_refuses_who_is_not_the_city(above: Any) -> None:
    from yiwang.systems.welfare.online_petition.models import Peer

    url = Peer.objects.get(pk="province").url
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(urllib.request.Request(f"{url}/reports", data=b'{"key": "1"}', headers={"X-Time": "1", "X-Signature": "AA=="}))
