"""An open page learns that its case moved: only the applicant's own, without reloading, and again after the stream was down."""

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable

import pytest

from tests.city import ROOT, City
from tests.journeys.conftest import Person

OPEN = """
import django, sys; django.setup()
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.identity.models import Account
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item
from yiwang.systems.services.acceptance import applying
party = Account.objects.get(username="haitang").party_id
actor = parties.actor_for(Account.objects.get(username="haitang").pk, party, "林海棠")
service = items.service_for(Item.objects.get(key="elderly_card_apply").pk, "440802001000")
draft = applying.open_draft(actor, service.pk)
applying.save(actor, draft.pk, situation={"who": "self"})
applying.attach(actor, draft.pk, "photo", content=b"%PDF-1.4", name="照片.pdf")
applying.fill_in(actor, applying.draft_of(actor, draft.pk))
print(applying.submit(actor, draft.pk).pk)
"""
WITHDRAW = """
import django, sys; django.setup()
from yiwang.engines.parties import api as parties
from yiwang.engines.procedures import api as procedures
from yiwang.platforms.identity.models import Account
account = Account.objects.get(username="haitang")
actor = parties.actor_for(account.pk, account.party_id, "林海棠")
getattr(procedures, sys.argv[2])(actor, int(sys.argv[1]), *sys.argv[3:], **({"data": {"reason": "改天再办"}} if sys.argv[2] == "perform" else {}))
"""
LISTEN = "url => { window.heard = []; const s = new EventSource(url, {withCredentials: true}); s.addEventListener('changed', e => window.heard.push(e.data)); return new Promise(r => s.onopen = () => r(true)); }"


def _do(city: City, script: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", script, *arguments], cwd=ROOT, env=city.environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_page_of_a_case_says_that_it_moved(city: City, person: Callable[..., Person]) -> None:
    city.kill("worker", signal.SIGTERM)  # it would decide at once what we want to see moving
    case = _do(city, OPEN)
    elder, stranger = person("haitang"), person("ruoxi")
    note = "办件有新进展"
    assert stranger.page.evaluate(LISTEN, f"http://localhost:{city.stream_port}/stream")
    elder.go(f"/my/cases/{case}")
    elder.page.wait_for_function("document.body.dataset.stream")
    assert not elder.page.get_by_text(note).is_visible()
    _stream_is_open(elder)

    _do(city, WITHDRAW, case, "urge")
    elder.page.get_by_text(note).wait_for(state="visible")

    city.kill("stream", signal.SIGKILL)
    city.start("stream")
    elder.page.reload()
    _stream_is_open(elder)  # the page's own EventSource came back by itself
    _do(city, WITHDRAW, case, "perform", "withdraw")
    elder.page.get_by_text(note).wait_for(state="visible")
    assert not [heard for heard in stranger.page.evaluate("window.heard") if "case" in heard or "messages" in heard]
    city.start("worker")


def test_nobody_listens_without_a_session(city: City) -> None:
    for cookie in ("", "sessionid=nonsense"):
        request = urllib.request.Request(f"http://localhost:{city.stream_port}/stream", headers={"Cookie": cookie})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=20)
        assert refused.value.code == 401


def _stream_is_open(somebody: Person) -> None:
    """A second listener of the same session that opens shows that the stream answers; the page's own is opened before it."""
    assert somebody.page.evaluate(LISTEN, somebody.page.locator("body").get_attribute("data-stream"))
