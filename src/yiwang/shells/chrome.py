"""What every page shows around its content: the menu of the actor's pages, unread messages, whom they act for, whether the city is invented."""

from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from yiwang.base.calendar import WorkingCalendar
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import Actor
from yiwang.kit.declare import System
from yiwang.kit.guards import OFFICIAL, SIGNED_IN, actor_of, may_pass
from yiwang.kit.registry import registry
from yiwang.shells.field import app
from yiwang.shells.zones import opens

OWN = "/my/"  # below it lies what is one's own
HEADED = 3  # lines from which a system's part of the console's menu has its own heading
FIRST = 6  # registers of one system that the console's menu shows at once; the later ones are folded


@dataclass(frozen=True)
class Entry:
    """A line of a menu."""

    label: str
    url: str
    icon: str
    here: bool


@dataclass(frozen=True)
class Group:
    """A part of the console's menu: what one system brings, or without a name what stands for itself."""

    name: str
    entries: list[Entry]
    more: list[Entry]  #: the later of many registers: folded, unless one is among them

    @property
    def open(self) -> bool:
        return any(entry.here for entry in self.more)


@dataclass
class Chrome:
    """Computed only where a template asks."""

    request: HttpRequest
    actor: Actor

    @cached_property
    def large(self) -> bool:
        return self.request.COOKIES.get("large") == "1"

    @property
    def home(self) -> str:
        """Where this process begins: the portal, or the desk where there is none."""
        return reverse("network:home" if opens("portal") else "acceptance:desk")

    @property
    def portal(self) -> bool:
        """Whether the portal can be reached from here."""
        return opens("portal")

    @cached_property
    def notice(self) -> str:
        return settings.CITY_NOTICE

    @cached_property
    def stream(self) -> str:
        return f"{settings.STREAM_URL}/stream" if settings.STREAM_URL and not self.actor.is_anonymous else ""

    @cached_property
    def unread(self) -> int:
        return messages.unread(self.actor)

    @cached_property
    def principals(self) -> list[parties.Principal]:
        return parties.principals_of(self.actor.party) if self.actor.party else []

    @cached_property
    def acting(self) -> bool:
        return self.actor.acting_for not in (None, self.actor.party)

    @cached_property
    def calendar(self) -> WorkingCalendar:
        """The working days by which this page counts what is left."""
        return registers.working_calendar()

    def menu(self, shell: str, system: str = "") -> list[Entry]:
        """The pages with a label that this actor may enter here, in declared order; of one system, or of all."""
        if not opens(shell):
            return []
        pages = [page for page in _menu_pages(shell) if not system or page[0] == system]
        return [Entry(label, url, icon, self.request.path == url) for _, label, url, icon, guard in pages if may_pass(self.actor, guard)]

    @cached_property
    def portal_menu(self) -> list[Entry]:
        if self.actor.is_anonymous or not opens("portal"):
            return self.menu("portal")
        return [*self.menu("portal"), self._entry("我的个人信息", "mine:data", "id"), self._entry("谁看过我的信息", "network:accesses", "eye")]

    @property
    def public_menu(self) -> list[Entry]:
        """What everybody finds in the first row, and the way to one's own."""
        return [entry for entry in self.portal_menu if not entry.url.startswith(OWN)]

    @property
    def own_menu(self) -> list[Entry]:
        """The second row, where one is among one's own pages."""
        return [entry for entry in self.portal_menu if entry.url.startswith(OWN)] if f"{self.request.path}/".startswith(OWN) else []

    @property
    def console_menu(self) -> list[Entry]:
        """Every line of the console's menu."""
        return [entry for group in self.console_groups for entry in (*group.entries, *group.more)]

    @cached_property
    def console_groups(self) -> list[Group]:
        """Pages for themselves, then system by system its pages and the registers that the actor's roles read or keep, last what all share."""
        if not opens("console"):
            return []
        alone: list[Entry] = []
        rest: list[Entry] = []
        headed: list[Group] = []
        for system in registry().systems.values():
            pages, lists = self.menu("console", system.code), self._lists(system)
            if len(pages) + len(lists) < HEADED or not lists:
                alone, rest = alone + pages, rest + lists
            else:
                headed.append(Group(system.name, pages + lists[:FIRST], lists[FIRST:]))
        return [group for group in (Group("", alone, []), *headed, Group("", rest + self._shared(), [])) if group.entries]

    def _lists(self, system: System) -> list[Entry]:
        kept = [r for r in system.registers if self.actor.roles & {*r.readers, *r.editors}]
        return [Entry(r.name, url, r.icon, self.request.path.startswith(url)) for r in kept if (url := reverse("register:list", args=[r.code]))]

    def _shared(self) -> list[Entry]:
        """What is nobody's own: flows, requests about personal data, exports, the plan, what there is."""
        kept = [r for r in registry().registers.values() if self.actor.roles & {*r.readers, *r.editors}]
        flows = [Entry("流程管理", url, "sitemap", self.request.path.startswith(url))] if "flow-editor" in self.actor.roles and (url := reverse("flows:list")) else []
        asked = [self._entry("更正删除申请", "corrections:waiting", "message")] if any(r.subject and self.actor.roles & set(r.editors) for r in kept) else []
        exports = [self._entry("数据导出", "exports:mine", "download")] if kept or "data-officer" in self.actor.roles else []
        about = [self._entry("规划任务台账", "plan:ledger", "checklist"), self._entry("系统与权限", "about:systems", "info-circle")] if self.actor.seats else []
        return flows + asked + exports + about

    def _entry(self, label: str, name: str, icon: str) -> Entry:
        return Entry(label, reverse(name), icon, self.request.path == reverse(name))

    @property
    def device(self) -> str:
        """Whose page this is, as the phone's store tells accounts apart."""
        return app.tag_of(self.actor)

    @cached_property
    def outdoors(self) -> bool:
        """Whether some page of the phone's shell is meant for this actor: then the console leads there."""
        return opens("field") and any(SIGNED_IN not in page.guard and may_pass(self.actor, page.guard or (OFFICIAL,)) for _, page in registry().pages("field"))

    @cached_property
    def field_menu(self) -> list[Entry]:
        return self.menu("field")


@cache
def _menu_pages(shell: str) -> tuple[tuple[str, str, str, str, tuple[str, ...]], ...]:
    """System, label, address, icon and guard of every page with a label: the same for everybody, as long as the process lives."""
    doors = ("official",) if shell in {"console", "field"} else ()
    return tuple((system.code, page.menu, reverse(f"{system.code}:{page.name}"), page.icon, page.guard or doors) for system, page in registry().pages(shell) if page.menu)


def chrome(request: HttpRequest) -> dict[str, Any]:
    return {"chrome": Chrome(request, actor_of(request))}
