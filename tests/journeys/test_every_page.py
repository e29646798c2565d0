"""Every page of a city with a past: what the pages offer answers, in Chinese; who is not meant is refused; each fits a phone and a screen, and axe finds nothing."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from django.urls import resolve
from lxml import html
from playwright.sync_api import Browser, Page

from demo.cast import CAST, FIRMS, Player
from tests.city import City, copy_of, open_city
from tests.journeys.conftest import AXE
from tests.journeys.crawling import SECRET, Visit, Walk, Walker, filled_in, name_of
from yiwang.kit.actors import NOBODY, Actor, Seat
from yiwang.kit.guards import ANYONE, OFFICIAL, SIGNED_IN, may_pass
from yiwang.kit.registry import registry
from yiwang.shells.once import TOGGLES

PEOPLE = list({frozenset(p.roles) or p.username: p for p in reversed(CAST)}.values())  # one for each set of roles, and every citizen
STRONG = ("sysadmin", "secadmin")  # their pages ask for a second factor
ENROL = f"""
import django; django.setup()
from allauth.mfa.totp.internal.auth import TOTP
from yiwang.platforms.identity.models import Account
for account in Account.objects.filter(username__in={STRONG}): TOTP.activate(account, {SECRET!r})
"""
NOT_OFFERED = {  # pages that a link of no page leads to in this city, with the reason
    "acceptance:photo": "pictures of an inspection: taken on a phone",
    "acceptance:receipt": "after somebody applied at a window",
    "identity:prove": "of an account that is not proven yet",
    "licences:shown": "behind the code that a holder shows",
    "network:suggest": "names for the search box",
    "network:counties": "boundaries for the maps",
    "online_petition:office-file": "a department's system fetches it with its signature",
    "online_petition:supervision-letter": "after a supervision was answered",
    "river_chief:handover": "after a chief changed: a message leads there",
    "river_chief:photo": "pictures of a patrol: taken on a phone",
    "river_chief:receipt": "after somebody reported by the sign",
}
EACH_REGISTERS = ("register:list:", "register:new:", "register:row:")  # generic pages whose columns and fields differ
ANYBODYS = {"acceptance:apply", "identity:prove"}  # pages with a parameter that are every citizen's
LETTER_OF = (
    "SELECT p.id FROM procedures_paper p JOIN procedures_event e ON e.id = p.event_id JOIN online_petition_petition t ON t.case_id = e.case_id"
    " JOIN identity_account a ON a.party_id = t.petitioner_id WHERE a.username = %s AND p.document_id IS NOT NULL LIMIT 1"
)
OFFICES = {"about:system", "register:wrong-lines"}  # and every official's


@pytest.fixture(scope="module")
def lived_in(pristine: City) -> Iterator[City]:
    """A city with some months behind it."""
    city = copy_of(pristine)
    city.load("--cases-at-most", "45")
    city.run("-c", ENROL)
    open_city(city)
    yield city
    city.stop()


@pytest.fixture(scope="module")
def walk(lived_in: City) -> Walk:
    """Everybody has been everywhere."""
    found = Walk(lived_in.url)
    firms = {owner: lived_in.sql("SELECT id FROM parties_party WHERE name = %s", name)[0][0] for name, _, _, owner in FIRMS}
    issued = wait_for(lambda: lived_in.sql("SELECT identifier FROM licences_licence WHERE holder_id = %s", firms["xiaofan"]))
    elderly = lived_in.sql("SELECT s.id FROM items_implementation s JOIN items_item i ON i.id = s.item_id WHERE i.key = 'elderly_card_apply' ORDER BY s.id")[0][0]
    bill = lived_in.sql("SELECT id FROM ledger_bill WHERE payer_id = %s ORDER BY id", firms["changfeng"])[0][0]
    wait_for(lambda: lived_in.sql(LETTER_OF, "haitang"))  # else the first letter that somebody sees may be the stranger's own
    with_papers = "SELECT p.case_id FROM online_petition_material m JOIN online_petition_petition p ON p.id = m.petition_id"
    letters = [f"/work/petitions/{case}" for (case,) in lived_in.sql(with_papers)]  # of so many letters nobody comes to these by chance
    sealed = wait_for(lambda: lived_in.sql("SELECT row FROM audit_leaf WHERE kind = 'entry' LIMIT 1"))  # the newest on the page are not sealed yet
    Walker(found, None).go("/", "/my", f"/verify/{issued[0][0]}", "/field/offline")
    for player in PEOPLE:
        walker = Walker(found, player)
        walker.go(*(letters if "petition-leader" in player.roles else ()), "/", "/my", *(("/work/", "/field/") if player.roles else ()))
        if player.username in firms:
            walker.act_for(str(firms[player.username]))
            walker.go("/my", *([f"/pay/{bill}"] if player.username == "changfeng" else []))
        if player.username == "haitang":  # looking begins nothing: the further pages are there for who sends the first
            walker.press(f"/apply/{elderly}", "acceptance:apply", who="self")
        if "audit-admin" in player.roles:
            walker.go(f"/work/audit/{sealed[0][0]}/proof")
        if "item-editor" in player.roles:
            walker.press("/work/items", "items:draft")
            walker.press("/work/flows/", "flows:begin")
        if player.roles == ("window-clerk",):
            walker.press("/work/counter", "acceptance:counter", number=number_of("haitang", lived_in))
    return found


def wait_for(ask: Callable[[], list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    """What a job makes comes a moment later."""
    for _ in range(1_200):
        if found := ask():
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


def number_of(username: str, city: City) -> str:
    return str(city.sql("SELECT p.number FROM parties_party p JOIN identity_account a ON a.party_id = p.id WHERE a.username = %s", username)[0][0])


def test_what_the_pages_offer_answers_and_speaks_chinese(walk: Walk) -> None:
    assert not walk.problems, "\n".join(sorted(walk.problems))
    assert len(walk.visits) > 700


def test_every_declared_page_is_offered_by_some_page(walk: Walk) -> None:
    pages = {f"{s.code}:{p.name}": p for s in registry().systems.values() for p in s.pages}
    reached = walk.names()
    unseen = {name for name, page in pages.items() if name not in reached and methods_of(page.view) != ["POST"]}
    assert unseen - NOT_OFFERED.keys() == set(), "no page leads there"
    assert NOT_OFFERED.keys() - unseen == set(), "reached: take them from the list"


def methods_of(view: Any) -> list[str]:
    """What `require_http_methods` lets through, read from its closure; [] where the view takes everything."""
    while view is not None:
        cells = {name: cell.cell_contents for name, cell in zip(view.__code__.co_freevars, view.__closure__ or (), strict=True)}
        if "request_method_list" in cells:
            return list(cells["request_method_list"])
        view = getattr(view, "__wrapped__", None)
    return []


def test_who_is_not_meant_is_refused_at_every_door(walk: Walk) -> None:
    """Nobody, a citizen and an official of one small office try what the others were shown."""
    stranger, official = (next(p for p in CAST if p.username == name) for name in ("ruoxi", "hedao"))
    others = {official.username, stranger.username}
    seen = {v.name.rstrip("?"): v for v in reversed(walk.visits) if v.status == 200 and v.who not in others}
    wrong = []
    for player in (None, stranger, official):
        client = Walker(walk, player).client
        for visit in seen.values():
            if must_refuse(visit, player):
                answer = client.get(visit.address)
                if not refused(answer, player):
                    wrong.append(f"{player.username if player else 'nobody'} opens {visit.address} of {visit.who}: {answer.status_code}")
    assert not wrong, "\n".join(wrong)


def must_refuse(visit: Visit, player: Player | None) -> bool:
    """By the declared guard; behind it, rows of other people and other offices."""
    found = resolve(visit.address.partition("?")[0])
    guard = getattr(found.func, "guard", None)
    if guard is None or ANYONE in guard:
        return False
    actor = actor_like(player)
    readers = registry().registers[found.kwargs["register"]] if "register" in found.kwargs else None
    if not may_pass(actor, guard) or (readers and not actor.roles & {*readers.readers, *readers.editors}):
        return True
    row = bool(found.kwargs) and not readers
    return row and (found.view_name not in ANYBODYS if guard == (SIGNED_IN,) else OFFICIAL in guard and found.view_name not in OFFICES)


def actor_like(player: Player | None) -> Actor:
    if player is None:
        return NOBODY
    seat = Seat(post=1, title="", organ=1, organ_name="", division="4408", roles=frozenset(player.roles))
    return Actor(account=1, party=1, seats=(seat,) if player.roles else ())


def refused(answer: Any, player: Player | None) -> bool:
    if answer.is_redirect and player is None:
        return "/accounts/login/" in answer.headers["location"]
    return answer.status_code in {403, 404}


def test_each_page_fits_a_phone_and_a_screen_and_axe_finds_nothing(walk: Walk, browser: Browser) -> None:
    wrong: list[str] = []
    heard = {"access-control-allow-origin": walk.url, "access-control-allow-credentials": "true"}
    for who, visits in to_look_at(walk).items():
        context = browser.new_context(viewport={"width": 360, "height": 800}, locale="zh-CN")
        context.add_cookies([{"name": name, "value": value, "url": walk.url} for name, value in walk.cookies.get(who, {}).items()])
        context.route("**/stream", lambda route: route.fulfill(content_type="text/event-stream", headers=heard, body="retry: 60000\n\n"))  # test_live listens to it
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error, said=said: said.append(str(error)))
        for visit in visits:
            wrong += [f"{visit.name} ({visit.address}, {who or 'nobody'}): {words}" for words in looked_at(page, walk.url + visit.address, said)]
        context.close()
    assert not wrong, "\n".join(wrong)


def to_look_at(walk: Walk) -> dict[str, list[Visit]]:
    """The fullest page of each route, by visitor; list, form and row of each register, its other generic pages once. What allauth brings is looked at in test_identity.

    The session of somebody who went on as another is over.
    """
    over = {v.who.rstrip("+") for v in walk.visits if v.who.endswith("+")}
    largest: dict[str, Visit] = {}
    for visit in sorted((v for v in walk.visits if v.page and ":" in v.name and v.who not in over), key=lambda v: v.size):
        name = visit.name.rstrip("?")
        largest[name if not name.startswith("register:") or name.startswith(EACH_REGISTERS) else name.rpartition(":")[0]] = visit
    chosen: dict[str, list[Visit]] = {}
    for visit in largest.values():
        chosen.setdefault(visit.who, []).append(visit)
    return chosen


def looked_at(page: Page, address: str, said: list[str]) -> Iterator[str]:
    """What is wrong with one page at the width of a screen and of a phone, where axe reads it; the journeys have it read what they look at in both."""
    said.clear()
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(address)
    for width in (1280, 360):
        page.set_viewport_size({"width": width, "height": 800})
        for _ in range(30):  # a chart is drawn anew when it has less room
            if (wide := page.evaluate("document.scrollingElement.scrollWidth - innerWidth")) <= 0:
                break
            page.wait_for_timeout(100)
        else:
            yield f"{wide} px wider than {width}"
    page.evaluate(AXE)
    found = page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})")
    yield from (f"{v['id']}: {v['help']} {[n['html'][:120] for n in v['nodes'][:2]]}" for v in found["violations"])
    yield from (f"console: {words}" for words in said)


def test_every_form_sent_twice_is_done_once_and_says_so(walk: Walk) -> None:
    """Whatever a page of this city lets somebody send, filled in with little: nothing breaks, and what was done is not done again."""
    wrong, done = [], 0
    for name, (who, address) in sorted(walk.forms.items()):
        if ":" not in name or name in TOGGLES:
            continue
        client = httpx.Client(base_url=walk.url, cookies=walk.cookies.get(who), timeout=60, headers={"Referer": walk.url + address})
        tree = html.fromstring(client.get(address).text)
        form = next((f for f in tree.xpath("//form[@method='post']") if name_of((f.get("action") or address).partition("?")[0]) == name.rstrip("?")), None)
        if form is None:  # another form of this test has moved the row on
            continue
        action = str(client.base_url.join(address).join(form.get("action") or address))
        first, second = (client.post(action, data=filled_in(form)) for _ in range(2))
        if first.is_redirect:
            done += 1
            said = client.get(second.headers["location"], follow_redirects=True).text if second.is_redirect else ""
            if "没有重复办理" not in said or second.headers["location"] != first.headers["location"]:
                wrong.append(f"{name} at {address} ({who}): {second.status_code}")
        elif first.status_code >= 500 or second.status_code >= 500:
            wrong.append(f"{name} at {address} ({who}): {first.status_code}, {second.status_code}")
    assert not wrong, "\n".join(wrong)
    assert done > 15
