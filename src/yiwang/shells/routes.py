"""The doors: every page that a system declares, mounted below the root of its shell and behind its guard."""

from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, include, path

from yiwang.kit.declare import Page
from yiwang.kit.guards import ANYONE, OFFICIAL, guarded
from yiwang.kit.registry import registry

ROOTS = {"portal": "", "console": "work/", "field": "field/", "api": "api/"}
ZONES = {"internet": {"portal", "api"}, "extranet": {"console", "field", "api"}, "exchange": {"api"}, "all": set(ROOTS)}


def system_pages(zone: str) -> Iterator[URLResolver]:
    """One namespace per system, holding its pages of the shells that `zone` opens."""
    for system in registry().systems.values():
        routes = [_route(page) for page in system.pages if page.shell in ZONES[zone]]
        if routes:
            yield path("", include((routes, system.code)))


def _route(page: Page) -> URLPattern:
    guard = page.guard or ((OFFICIAL,) if page.shell in {"console", "field"} else (ANYONE,))
    return path(ROOTS[page.shell] + page.route, guarded(*guard)(page.view), name=page.name)
