"""关于本系统: what a system is for, what it holds, who may do what. All of it read from the declaration, so that it is never out of date."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse

from yiwang.base.errors import NotFound
from yiwang.base.names import meant
from yiwang.engines.parties import api as parties
from yiwang.kit import plan
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Clock, Indicator, Page, Procedure, Register, Role, State, Step, System
from yiwang.kit.guards import ANYONE, OFFICIAL, SIGNED, SIGNED_IN
from yiwang.kit.registry import registry
from yiwang.kit.resources import Resource, describe

SHELLS = {"portal": "门户", "console": "工作台", "field": "移动", "api": "接口"}
DOORS = {ANYONE: "任何人", SIGNED_IN: "登录的人", OFFICIAL: "任何工作人员", SIGNED: "持凭据的系统", APPLICANT: "申请人", SYSTEM_ROLE: "系统"}
SEES = {"own": "本人经办的", "organ": "本单位的", "division": "本区划的", "city": "全市的"}
UNITS = {"working": "个工作日", "calendar": "天", "hour": "小时"}
HOW = {"count": "计数", "sum": "求和", "mean": "求平均", "share": "占比", "stock": "期末数"}
LAYERS = {"engine": "基础引擎", "platform": "公共平台", "system": "业务系统"}


@dataclass(frozen=True)
class Move:
    """A step as people read it."""

    step: Step
    sources: str
    targets: str
    by: str


@dataclass(frozen=True)
class Limit:
    """A clock as people read it."""

    clock: Clock
    amount: str
    basis: str


@dataclass(frozen=True)
class Flow:
    procedure: Procedure
    states: list[State]
    moves: list[Move]
    limits: list[Limit]


@dataclass(frozen=True)
class Kept:
    """A register with its description and who reads and keeps it."""

    register: Register
    resource: Resource
    readers: str
    editors: str
    link: str


@dataclass(frozen=True)
class Right:
    """One thing that a role may do, and how it is written in the table of permissions."""

    what: str
    kind: str


@dataclass(frozen=True)
class Holder:
    """A role and all that it may do, in every system."""

    role: Role
    system: System
    sees: str
    rights: list[Right]


@dataclass(frozen=True)
class Figure:
    indicator: Indicator
    how: str


@dataclass(frozen=True)
class Door:
    page: Page
    shell: str
    who: str
    link: str


@dataclass(frozen=True)
class AboutPage:
    system: System
    layer: str
    owner: str
    about: str
    plans: list[plan.Standing]
    registers: list[Kept]
    flows: list[Flow]
    figures: list[Figure]
    roles: list[Holder]
    pages: list[Door]


@dataclass(frozen=True)
class SystemLine:
    system: System
    layer: str
    owner: str


def systems(request: HttpRequest) -> HttpResponse:
    """All systems of this installation."""
    names = parties.office_names(s.owner for s in registry().systems.values())
    lines = [SystemLine(s, LAYERS[s.layer], names.get(s.owner, s.owner)) for s in registry().systems.values()]
    return render(request, "console/systems.html", {"lines": lines})


def system(request: HttpRequest, code: str) -> HttpResponse:
    """One system, whole."""
    found = registry().systems.get(code)
    if found is None:
        raise NotFound("没有这个系统。", hint=meant(code, registry().systems, "system"))
    page = AboutPage(
        system=found,
        layer=LAYERS[found.layer],
        owner=parties.office_names([found.owner]).get(found.owner, found.owner),
        about="；".join(found.basis),
        plans=[s for s in plan.ledger(registry()) if s.entry.id in found.plan],
        registers=[_kept(found, r) for r in found.registers],
        flows=[_flow(p) for p in found.procedures],
        figures=[Figure(i, HOW[i.kind]) for i in found.indicators],
        roles=[Holder(r, found, SEES[r.sees], list(rights(r.code))) for r in found.roles],
        pages=[_door(found, p) for p in found.pages],
    )
    return render(request, "console/system.html", {"page": page})


def roles(request: HttpRequest) -> HttpResponse:
    """The matrix of all roles: what each may read, keep, do and open."""
    holders = [Holder(r, s, SEES[r.sees], list(rights(r.code))) for s in registry().systems.values() for r in s.roles]
    return render(request, "console/roles.html", {"holders": holders})


def rights(role: str) -> Iterator[Right]:
    """Everything that a role may do, by the declarations of all systems."""
    for register in registry().registers.values():
        if role in register.editors:
            yield Right(register.name, "登记和修改")
        elif role in register.readers:
            yield Right(register.name, "查看")
    for procedure in _newest():
        yield from (Right(f"{procedure.name}：{step.name}", "办理") for step in procedure.steps if role in step.roles)
        yield from (Right(f"{procedure.name}：延长{clock.name}", "批准") for clock in procedure.clocks if clock.extension_by == role)
    for owner in registry().systems.values():
        yield from (Right(f"{owner.name}：{page.menu or page.name}", "进入") for page in owner.pages if role in page.guard)


def named(roles: tuple[str, ...]) -> str:
    """Roles and doors in people's words."""
    declared = registry().roles
    return "、".join(declared[r].name if r in declared else DOORS.get(r, r) for r in roles) or "无"


def _newest() -> Iterator[Procedure]:
    return (registry().procedure(code) for code in dict.fromkeys(code for code, _ in registry().procedures))


def _kept(owner: System, register: Register) -> Kept:
    return Kept(register, describe(register, owner), named(register.readers), named(register.editors), reverse("register:list", args=[register.code]))


def _flow(procedure: Procedure) -> Flow:
    states = {s.code: s.name for s in procedure.states}
    moves = [Move(s, "、".join(states[c] for c in s.sources), "、".join(states[c] for c in s.goals), named(s.roles)) for s in procedure.steps]
    return Flow(procedure, list(procedure.states), moves, [_limit(c) for c in procedure.clocks])


def _limit(clock: Clock) -> Limit:
    unit = "（单位按事项）" if callable(clock.unit) else UNITS[clock.unit]
    amount = "按事项规定" if callable(clock.amount) else f"{clock.amount} {unit}"
    return Limit(clock, amount, "按事项的设定依据" if callable(clock.basis) else clock.basis)


def _door(owner: System, page: Page) -> Door:
    try:
        link = reverse(f"{owner.code}:{page.name}")
    except NoReverseMatch:  # needs a row, or belongs to another zone
        link = ""
    guard = page.guard or ((OFFICIAL,) if page.shell in {"console", "field"} else (ANYONE,))
    return Door(page, SHELLS[page.shell], named(guard), link)
