"""Every declared role: somebody can hold it by a post, every page that its menu shows answers, and without it the same pages do not."""

import pytest
from django.test import RequestFactory

from tests.conformance.samples import browser, office_of, person, strong_browser
from yiwang.kit.declare import Role
from yiwang.kit.registry import registry
from yiwang.shells.chrome import Chrome

pytestmark = pytest.mark.django_db
EVERY = [(s, r) for s in registry().systems.values() for r in s.roles]


@pytest.mark.parametrize(("system", "role"), EVERY, ids=[r.code for _, r in EVERY])
def test_it_is_held_by_a_post_and_its_menu_answers(system: object, role: Role) -> None:
    owner = next(s for s in registry().systems.values() if role in s.roles)
    holder = person(f"任{role.code}", role.code, organ=office_of(owner))
    assert holder.holds(role.code) and any("一" <= c <= "鿿" for c in role.name)
    chrome = Chrome(RequestFactory().get("/work/"), holder)
    client = strong_browser(holder)
    paths = [entry.url for entry in (*chrome.console_menu, *chrome.field_menu, *chrome.portal_menu)]
    assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 200)


def test_without_a_role_an_official_is_shown_only_what_every_official_may_open() -> None:
    nothing = person("无角色", organ=office_of(registry().systems["acceptance"]))
    citizen = person("群众")
    everybodys = {entry.url for entry in Chrome(RequestFactory().get("/work/"), nothing).console_menu}
    client, outside = browser(nothing), browser(citizen)
    assert all(client.get(path).status_code == 200 for path in everybodys)
    assert all(outside.get(path).status_code == 403 for path in everybodys)
    assert Chrome(RequestFactory().get("/"), citizen).console_menu == []
