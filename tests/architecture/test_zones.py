"""Every zone's pages lead only to what the zone serves, and answer whoever opens them; the other shells' addresses are not there."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from django.urls import URLPattern, URLResolver, clear_url_caches, resolve
from django.urls.exceptions import Resolver404

from tests.conformance.samples import browser, office_of, person, strong_browser
from yiwang.config import urls
from yiwang.kit.registry import registry
from yiwang.shells import routes
from yiwang.shells.chrome import _menu_pages

ROOT = Path(__file__).resolve().parents[2] / "src" / "yiwang"
TEMPLATES = {file.as_posix().partition("/templates/")[2]: file.read_text(encoding="utf-8") for file in ROOT.rglob("templates/**/*.html")}
SHELLS = {f"{s.code}:{p.name}": p.shell for s in registry().systems.values() for p in s.pages if not p.everywhere}
GENERIC = {"field": "field", "mine": "portal", "corrections": "console", "about": "console", "plan": "console", "flows": "console", "exports": "console", "register": "console"}
OUTSIDE = {"portal": ("console", "field"), "console": ("portal",), "field": ("portal",)}  # what a zone that opens the shell may not serve
LINK = re.compile(r"{% if (?P<guard>chrome\.[a-z_]+)[^%]*%}(?:(?!{% endif %}).)*|{% url '(?P<name>[\w-]+:[\w-]+)'(?![^%]* as )", re.DOTALL)


def shell_of(template: str) -> str:
    """The shell whose page a template is: its base's; of a part that pages include, ""."""
    if template.endswith("/base.html"):
        return template.removesuffix("/base.html")
    base = re.search(r'{% extends "([^"]+)" %}', TEMPLATES[template])
    return shell_of(base[1]) if base else ""


def unguarded(text: str) -> Iterator[str]:
    """Names that a template reverses whatever the zone."""
    yield from (found["name"] for found in LINK.finditer(text) if found["name"])


def test_a_shells_templates_reverse_only_what_every_zone_with_that_shell_serves() -> None:
    wrong = []
    for name, text in TEMPLATES.items():
        forbidden = OUTSIDE.get(shell_of(name), ())
        reached = {link: SHELLS.get(link) or GENERIC.get(link.partition(":")[0], "") for link in unguarded(text)}
        wrong += [f"{name} → {link}" for link, shell in reached.items() if shell in forbidden]
    assert not wrong


def test_the_scan_sees_an_unguarded_link() -> None:
    assert list(unguarded("<a href=\"{% url 'network:home' %}\">")) == ["network:home"]
    assert list(unguarded("{% if chrome.portal %}<a href=\"{% url 'network:home' %}\">{% endif %}{% url 'acceptance:desk' %}")) == ["acceptance:desk"]


@pytest.fixture(params=["internet", "extranet", "all"])
def zone(request: pytest.FixtureRequest, settings: object) -> Iterator[str]:
    """A process of that zone."""
    made = ModuleType(f"urls_{request.param}")
    made.__dict__.update({name: value for name, value in vars(urls).items() if name.startswith("handler")})
    kept = [p for p in urls.urlpatterns if not isinstance(p, URLResolver) or str(p.pattern) in {"accounts/", "api/"}]
    made.urlpatterns = [p for p in kept if isinstance(p, URLResolver) or p.name == "healthz"] + list(routes.system_pages(request.param))  # type: ignore[attr-defined]
    settings.ZONE, settings.ROOT_URLCONF = request.param, made  # type: ignore[attr-defined]
    _menu_pages.cache_clear()
    clear_url_caches()
    yield request.param
    _menu_pages.cache_clear()
    clear_url_caches()


def addresses(patterns: list[URLPattern | URLResolver], prefix: str = "/") -> Iterator[str]:
    """Every address that needs no row."""
    for one in patterns:
        route = str(one.pattern)
        if "<" in route or route.startswith(("accounts/", "api/", "^")) or route == "healthz" or "precache" in route:
            continue
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, prefix + route)
        else:
            yield prefix + route


@pytest.mark.django_db
def test_every_page_of_a_zone_answers_and_the_other_shells_are_not_there(zone: str, settings: object) -> None:
    found = list(dict.fromkeys(addresses(settings.ROOT_URLCONF.urlpatterns)))  # type: ignore[attr-defined]
    organ = office_of(registry().systems["acceptance"])
    everything = strong_browser(person("样样都管", *registry().roles, organ=organ))
    wrong = [(path, status) for client in (browser(), browser(person("群众")), everything) for path in found if (status := client.get(path).status_code) >= 500]
    assert not wrong and len(found) > 10
    assert everything.get("/", follow=True).status_code == 200
    assert {shell: any(p.startswith(shell) for p in found) for shell in ("/work/", "/field/")} == dict.fromkeys(("/work/", "/field/"), zone != "internet")
    for closed in {"internet": ["/work/", "/field/"], "extranet": ["/search", "/my/data"], "all": []}[zone]:
        with pytest.raises(Resolver404):
            resolve(closed)
        assert everything.get(closed).status_code == 404, "and the page that says so renders"


@pytest.mark.django_db
def test_maps_and_ones_account_are_served_where_the_portal_is_not(zone: str) -> None:
    official = strong_browser(person("河长办的人", "river-office", organ=office_of(registry().systems["river_chief"])))
    assert {p: official.get(p).status_code for p in ("/places/counties.geojson", "/my/account", "/my/messages")} == dict.fromkeys(("/places/counties.geojson", "/my/account", "/my/messages"), 200)
    if zone == "extranet":
        assert "data-ground" in official.get("/work/r/river/map").content.decode()
