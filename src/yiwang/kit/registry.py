"""All declarations of this installation, resolved once. A wrong name is found at start, all of them at once, each with what was probably meant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar, cast

from django.conf import settings
from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured
from django.db.models import DateField, Field, Model, Q
from django.db.models.constants import LOOKUP_SEP
from django.utils.module_loading import import_string

from yiwang.base.names import meant
from yiwang.kit.declare import APPLICANT, SYSTEM_ROLE, Indicator, Listen, MessageTemplate, Page, Procedure, Register, Role, Step, System
from yiwang.kit.fields import wrong_in_register
from yiwang.kit.guards import ANYONE, OFFICIAL, SIGNED, SIGNED_IN

K = TypeVar("K")
V = TypeVar("V")
CHANNELS = {"inbox", "sms", "email", "webhook"}
DOORS = {ANYONE, SIGNED_IN, OFFICIAL, SIGNED}


@dataclass(frozen=True)
class Registry:
    """The declared systems and everything in them by code."""

    systems: dict[str, System]
    roles: dict[str, Role]
    procedures: dict[tuple[str, int], Procedure]
    registers: dict[str, Register]
    indicators: dict[str, Indicator]
    messages: dict[str, MessageTemplate]
    listens: tuple[Listen, ...]

    def procedure(self, code: str, version: int | None = None) -> Procedure:
        """The procedure of an open case (its own version) or, without one, the newest. Raises KeyError with a did-you-mean."""
        versions = [v for c, v in self.procedures if c == code]
        if not versions:
            raise KeyError(meant(code, {c for c, _ in self.procedures}, "procedure"))
        return self.procedures[code, version or max(versions)]

    def pages(self, shell: str) -> Iterator[tuple[System, Page]]:
        """The pages that systems bring to a shell, in the order of the list of systems."""
        return ((system, page) for system in self.systems.values() for page in system.pages if page.shell == shell)


@cache
def registry() -> Registry:
    """The resolved declarations of `settings.DECLARATIONS`. Raises ImproperlyConfigured naming every mistake."""
    return resolve(import_string(settings.DECLARATIONS))


def resolve(declared: tuple[System, ...]) -> Registry:
    """The declarations by code, every name in them found. Raises ImproperlyConfigured naming every mistake."""
    problems: list[str] = []
    built = Registry(
        systems=_unique(((s.code, s) for s in declared), "system", problems),
        roles=_unique(((r.code, r) for s in declared for r in s.roles), "role", problems),
        procedures=_unique((((p.code, p.version), p) for s in declared for p in s.procedures), "procedure", problems),
        registers=_unique(((r.code, r) for s in declared for r in s.registers), "register", problems),
        indicators=_unique(((i.code, i) for s in declared for i in s.indicators), "indicator", problems),
        messages=_unique(((m.code, m) for s in declared for m in s.messages), "message", problems),
        listens=tuple(listen for s in declared for listen in s.listens),
    )
    problems += _wrong_names(built)
    if problems:
        raise ImproperlyConfigured("declarations do not resolve:\n  " + "\n  ".join(problems))
    return built


def _unique(pairs: Iterable[tuple[K, V]], what: str, problems: list[str]) -> dict[K, V]:
    found: dict[K, V] = {}
    for key, value in pairs:
        if key in found:
            problems.append(f"{what} {key!r} is declared twice")
        found[key] = value
    return found


def _wrong_names(built: Registry) -> Iterator[str]:
    owners: dict[str, str] = {}
    for system in built.systems.values():
        for plan in system.plan:
            if plan in owners:
                yield f"{system.code}: plan id {plan!r} already belongs to {owners[plan]}"
            owners[plan] = system.code
        for page in system.pages:
            for role in set(page.guard) - DOORS - set(built.roles):
                yield f"{system.code}.{page.name}: {meant(role, built.roles, 'role')}"
        for message in system.messages:
            for channel in set(message.channels) - CHANNELS:
                yield f"message {message.code}: {meant(channel, CHANNELS, 'channel')}"
        for register in system.registers:
            yield from (f"register {register.code}: {problem}" for problem in wrong_in_register(register, set(built.roles)))
        for procedure in system.procedures:
            yield from (f"{procedure.code}: {problem}" for problem in _wrong_in(procedure, built))
        for indicator in system.indicators:
            yield from (f"{indicator.code}: {problem}" for problem in _wrong_in_indicator(indicator))


def _wrong_in(procedure: Procedure, built: Registry) -> Iterator[str]:
    states = {s.code for s in procedure.states}
    steps = {s.code for s in procedure.steps}
    clocks = {c.code for c in procedure.clocks}
    roles = {*built.roles, APPLICANT, SYSTEM_ROLE}
    if procedure.start not in states:
        yield meant(procedure.start, states, "state")
    for state in procedure.states:
        if state.awaits and state.awaits not in roles:
            yield f"{state.code}: {meant(state.awaits, roles, 'role')}"
        if state.stage and state.stage not in procedure.stages:
            yield f"{state.code}: {meant(state.stage, procedure.stages, 'stage')}"
    for clock in procedure.clocks:
        if clock.deems and clock.deems not in steps:
            yield f"{clock.code}: {meant(clock.deems, steps, 'step')}"
        if clock.extension_by and clock.extension_by not in roles:
            yield f"{clock.code}: {meant(clock.extension_by, roles, 'role')}"
    for step in procedure.steps:
        yield from (f"{step.code}: {problem}" for problem in _wrong_in_step(step, states, clocks, roles, set(built.messages)))
    for lost in states - _reachable(procedure):
        yield f"state {lost!r} is never reached"


def _wrong_in_step(step: Step, states: set[str], clocks: set[str], roles: set[str], messages: set[str]) -> Iterator[str]:
    for state in (*step.sources, *step.goals):
        if state not in states:
            yield meant(state, states, "state")
    for clock in (*step.starts, *step.suspends, *step.resumes, *step.finishes):
        if clock not in clocks:
            yield meant(clock, clocks, "clock")
    for role in step.roles:
        if role not in roles:
            yield meant(role, roles, "role")
    if step.message and step.message not in messages:
        yield meant(step.message, messages, "message")


def _reachable(procedure: Procedure) -> set[str]:
    reached, grown = {procedure.start}, True
    while grown:
        more = {goal for step in procedure.steps if reached & set(step.sources) for goal in step.goals}
        grown = not more <= reached
        reached |= more
    return reached


def _wrong_in_indicator(indicator: Indicator) -> Iterator[str]:
    """Paths that do not exist, that lead to many rows (which would then be counted more than once), and kinds that lack what they are made of."""
    needs = {"sum": ("measure",), "mean": ("measure",), "share": ("part",), "stock": ("until",)}.get(indicator.kind, ())
    yield from (f"a {indicator.kind} needs {name!r}" for name in needs if not getattr(indicator, name))
    yield from (f"a {indicator.kind} has no {name!r}" for name in ("part", "measure", "until") if name not in needs and getattr(indicator, name))
    measure = [indicator.measure] if isinstance(indicator.measure, str) else []
    for path in filter(None, (indicator.at, indicator.until, indicator.division, indicator.case, *measure)):
        yield from _wrong_path(indicator.of, path)
    for path in (indicator.at, indicator.until):
        found = None if any(_wrong_path(indicator.of, path)) or not path else field_at(indicator.of, path)
        if found and not isinstance(found, DateField):
            yield f"{path!r} is no date"
    for asked in (indicator.where, indicator.part or Q()):
        for path in _paths(asked):
            yield from _wrong_path(indicator.of, path)


def field_at(model: type[Model], path: str) -> "Field[Any, Any]":
    """The field that a path such as `case__division` leads to; what follows a plain field is a lookup. Raises FieldDoesNotExist."""
    found: Any = None
    for name in path.split(LOOKUP_SEP):
        if found is not None and not found.is_relation:
            break
        options = (found.related_model if found is not None else model)._meta
        found = options.pk if name == "pk" else options.get_field(name)
    return cast("Field[Any, Any]", found)


def _wrong_path(model: type[Model], path: str) -> Iterator[str]:
    names, here = path.split(LOOKUP_SEP), model
    for place, name in enumerate(names):
        known = {"pk", *(f.name for f in here._meta.get_fields())}
        try:
            found: Any = here._meta.pk if name == "pk" else here._meta.get_field(name)
        except FieldDoesNotExist:
            before = field_at(model, LOOKUP_SEP.join(names[:place])) if place else None
            if before is None or before.get_lookup(name) is None:
                yield f"{path!r}: {meant(name, known, f'field of {here.__name__}')}"
            return
        if found.is_relation and (found.one_to_many or found.many_to_many):
            yield f"{path!r}: {name!r} leads to many rows, which would be counted more than once"
            return
        if not found.is_relation:
            yield from _wrong_lookups(found, path, names[place + 1 :])
            return
        here = found.related_model


def _wrong_lookups(found: Any, path: str, names: list[str]) -> Iterator[str]:
    for name in names:
        if found.get_lookup(name) is None and found.get_transform(name) is None:
            yield f"{path!r}: {meant(name, found.get_lookups(), 'lookup')}"
            return


def _paths(condition: Q) -> Iterator[str]:
    for child in condition.children:
        if isinstance(child, Q):
            yield from _paths(child)
        elif isinstance(child, tuple):
            yield str(child[0])
