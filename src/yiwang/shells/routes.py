"""The doors: every page that a system declares, mounted below the root of its shell and behind its guard; and the generic pages of every register and of the phone."""

from collections.abc import Callable, Iterator

from django.http import HttpRequest, HttpResponseBase
from django.urls import URLPattern, URLResolver, include, path
from django.views.decorators.cache import never_cache
from django.views.generic import RedirectView

from yiwang.base.errors import NotAllowed
from yiwang.engines.procedures.api import flows as drawn
from yiwang.engines.registers import api as registers
from yiwang.kit.declare import Page
from yiwang.kit.guards import ANYONE, OFFICIAL, SIGNED_IN, actor_of, guarded
from yiwang.kit.registry import registry
from yiwang.shells.console import about, boards, corrections, flows, lists, names, plan, rows, tables, transfers
from yiwang.shells.field import app, pages
from yiwang.shells.portal import mine
from yiwang.shells.zones import ZONES

ROOTS = {"portal": "", "console": "work/", "field": "field/", "api": "api/"}
View = Callable[..., HttpResponseBase]
GENERIC: tuple[tuple[str, str, View], ...] = (
    ("", "list", lists.listing),
    ("views", "keep-view", lists.keep_view),
    ("views/<int:view>/drop", "drop-view", lists.drop_view),
    ("bulk", "bulk", lists.change_many),
    ("board", "board", boards.board),
    ("calendar", "calendar", boards.month),
    ("timeline", "timeline", boards.timeline),
    ("map", "map", boards.place),
    ("features.geojson", "features", boards.features),
    ("import", "import", transfers.bring),
    ("import/<int:source>", "imported", transfers.imported),
    ("import/<int:source>/confirm", "confirm-import", transfers.confirm),
    ("import/<int:source>/drop", "drop-import", transfers.drop),
    ("import/<int:source>/wrong.csv", "wrong-lines", transfers.wrong),
    ("import/sample.csv", "sample", transfers.sample),
    ("export", "export", transfers.take_away),
    ("new", "new", rows.new),
    ("names/<slug:field>", "names", names.names),
    ("<slug:row>", "row", rows.row),
    ("<slug:row>/edit", "edit", rows.edit),
    ("<slug:row>/reveal", "reveal", rows.reveal),
    ("<slug:row>/freeze", "freeze", rows.freeze),
    ("<slug:row>/erase", "erase", rows.erase),
)


EXPORTS = [
    path("", guarded(OFFICIAL)(transfers.exports), name="mine"),
    path("<int:export>/decide", guarded("data-officer")(transfers.decide), name="decide"),
    path("<int:export>/file", guarded(OFFICIAL)(transfers.download), name="file"),
]
FIELD = [
    path("", guarded(OFFICIAL)(never_cache(pages.today)), name="today"),
    path("queue", guarded(SIGNED_IN)(never_cache(pages.queue)), name="queue"),
    path("offline", guarded(ANYONE)(app.offline), name="offline"),
    path("account", guarded(ANYONE)(app.account), name="account"),
    path("precache.json", guarded(ANYONE)(app.precache), name="precache"),
    path("manifest.webmanifest", guarded(ANYONE)(app.manifest), name="manifest"),
    path("worker.js", guarded(ANYONE)(app.worker), name="worker"),
]
ABOUT = [
    path("systems", guarded(OFFICIAL)(about.systems), name="systems"),
    path("systems/<slug:code>", guarded(OFFICIAL)(about.system), name="system"),
    path("roles", guarded(OFFICIAL)(about.roles), name="roles"),
]
CORRECTIONS = [
    path("corrections", guarded(OFFICIAL)(corrections.corrections), name="waiting"),
    path("corrections/<int:asked>/answer", guarded(OFFICIAL)(corrections.answer), name="answer"),
]
MINE = [path("data", guarded(SIGNED_IN)(mine.mine), name="data"), path("data/<slug:register>/<slug:row>", guarded(SIGNED_IN)(mine.ask), name="ask")]
PLAN = [path("plan", guarded(OFFICIAL)(plan.ledger), name="ledger"), path("plan/text", guarded(OFFICIAL)(plan.text), name="text"), path("plan.csv", guarded(OFFICIAL)(plan.table), name="table")]


def system_pages(zone: str) -> Iterator[URLPattern | URLResolver]:
    """One namespace per system, holding its pages of the shells that `zone` opens; then the generic pages, which a page of one's own with the same route hides."""
    for system in registry().systems.values():
        routes = [_route(page) for page in system.pages if page.shell in ZONES[zone] or (page.everywhere and zone != "exchange")]
        if routes:
            yield path("", include((routes, system.code)))
    if zone == "extranet":
        yield path("", RedirectView.as_view(pattern_name="acceptance:desk"))
    if "field" in ZONES[zone]:
        yield path("field/", include((FIELD, "field")))
    if "portal" in ZONES[zone]:
        yield path("my/", include((MINE, "mine")))
    if "console" in ZONES[zone]:
        yield path("work/", include((CORRECTIONS, "corrections")))
        yield path("work/", include((ABOUT, "about")))
        yield path("work/", include((PLAN, "plan")))
        yield path("work/flows/", include(([path(route, guarded(drawn.EDITOR)(view), name=name) for route, name, view in (*flows.ROUTES, *tables.ROUTES)], "flows")))
        yield path("work/exports/", include((EXPORTS, "exports")))
        yield path("work/r/<slug:register>/", include(([path(route, _of_register(view), name=name) for route, name, view in GENERIC], "register")))


def _route(page: Page) -> URLPattern:
    guard = page.guard or ((OFFICIAL,) if page.shell in {"console", "field"} else (ANYONE,))
    view = never_cache(page.view) if page.shell == "field" else page.view  # on a phone, what is personal lies in the sealed store and nowhere else
    return path(ROOTS[page.shell] + page.route, guarded(*guard)(view), name=page.name)


def _of_register(view: View) -> View:
    """For officials whose role reads the register, also where its rows are open to everybody through the interface."""

    def checked(request: HttpRequest, register: str, **more: object) -> HttpResponseBase:
        found = lists.declared(register)
        actor = actor_of(request)
        if not actor.roles & {*found.readers, *found.editors} or not registers.may_read(actor, found):
            raise NotAllowed(f"您当前的身份不能查看“{found.name}”。", hint="如需查看，请联系本单位的系统管理员核对岗位。")
        return view(request, register=register, **more)

    return guarded(OFFICIAL)(checked)
