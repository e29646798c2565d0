"""Questions that every request asks, made into SQL once.

Django builds a statement anew each time it is asked: on a case page that was half of the processor time. A `Statement` is built once for each
actor and kept; what differs from one asking to the next (a case, a moment) is put in where it stands in the statement.
"""

from collections.abc import Callable, Hashable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import QuerySet

from yiwang.kit.registry import registry

R = TypeVar("R")
Value = int | str | date | datetime | None
KEPT = 2_000  #: statements of one question in a process, the longest unused goes first
_INT, _TIME = -(2**62), datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class _Plan:
    """A statement that Django has made, and where each value belongs among its parameters."""

    iterable: Any
    compiler: Any  #: what turns rows into objects: one for all statements with the same columns
    converters: dict[int, Any]  #: of the columns
    sql: str  #: empty: no row can answer
    params: tuple[Any, ...]
    places: tuple[tuple[int, str, Callable[[Any], Any]], ...]  #: index of the parameter, name of the value, its database type

    def rows(self, given: dict[str, Value]) -> list[Any]:
        if not self.sql:
            return []
        params = list(self.params)
        for index, name, adapted in self.places:
            params[index] = adapted(given[name])
        compiler = copy(self.compiler)
        compiler.connection = connections[DEFAULT_DB_ALIAS]  # of this thread
        compiler.as_sql = lambda *_, **__: (self.sql, tuple(params))
        compiler.get_converters = lambda _: self.converters
        asked = SimpleNamespace(db=DEFAULT_DB_ALIAS, query=SimpleNamespace(get_compiler=lambda *_, **__: compiler), _known_related_objects={}, _fields=None)
        return list(self.iterable(asked))


class Statement(Generic[R]):
    """`Statement(lambda actor, case: restrict(actor, Event.objects.filter(case=case)))`, asked by `events(actor, case=1)`.

    What is given by place (hashable: an actor, a flag) may shape the statement, and each has one of its own; what is given by name is a value in it and may
    shape nothing but being None. Building must be a pure function of these: it may ask the database nothing and hold no moment of its own, or TypeError is
    raised, because what is kept would grow old. Prefetching is refused: ask a second statement.
    """

    def __init__(self, build: "Callable[..., QuerySet[Any, R]]") -> None:
        self._build = build
        self._plan = lru_cache(KEPT)(self._made)
        self._frames: dict[tuple[str, ...], tuple[Any, dict[int, Any]]] = {}

    def __call__(self, *fixed: Hashable, **given: Value) -> list[R]:
        shape = tuple((name, type(value)) for name, value in given.items())
        return self._plan(id(registry()), fixed, shape).rows(given)

    def first(self, *fixed: Hashable, **given: Value) -> R | None:
        return next(iter(self(*fixed, **given)), None)

    def _made(self, declarations: int, fixed: tuple[Hashable, ...], shape: tuple[tuple[str, type], ...]) -> _Plan:
        stand_ins = {name: _stand_in(name, kind, number) for number, (name, kind) in enumerate(shape)}
        with connections[DEFAULT_DB_ALIAS].execute_wrapper(_refuse):
            rows: Any = self._build(*fixed, **stand_ins)
        if rows._prefetch_related_lookups:
            raise TypeError("a kept statement does not prefetch: ask for the related rows by another one")
        compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        try:
            sql, params = compiler.as_sql()
        except EmptyResultSet:
            return _Plan(None, None, {}, "", (), ())
        marks: dict[Value, str] = {mark: name for name, mark in stand_ins.items() if mark is not None}
        places = tuple(_places(params, marks))
        if lost := {*marks.values()} - {name for _, name, _ in places}:
            raise TypeError(f"{', '.join(sorted(lost))} does not stand in the statement as given: {sql}")
        return _Plan(rows._iterable_class, *self._frame(compiler), sql, params, places)

    def _frame(self, compiler: Any) -> tuple[Any, dict[int, Any]]:
        """Statements of different actors differ in their conditions, seldom in their columns: what knows these is kept once."""
        columns = tuple(sql for _, (sql, _), _ in compiler.select)
        if columns not in self._frames:
            compiler.query = None  # done with, and large
            self._frames[columns] = compiler, compiler.get_converters([column for column, *_ in compiler.select])
        return self._frames[columns]


def _stand_in(name: str, kind: type, number: int) -> Value:
    """A value that no row holds, by which its place is found."""
    if kind is int:
        return _INT - number
    if kind is str:
        return f"\x01{number}"
    if kind is datetime:
        return _TIME.replace(microsecond=number)
    if kind is date:
        return date.fromordinal(number + 1)
    if kind is type(None):
        return None
    raise TypeError(f"{name} is a {kind.__name__}: give it by place")


def _places(params: tuple[Any, ...], names: dict[Value, str]) -> Iterator[tuple[int, str, Callable[[Any], Any]]]:
    for index, param in enumerate(params):
        if isinstance(param, int | str | date) and param in names:
            yield index, names[param], type(param) if isinstance(param, int) else _same
        elif isinstance(param, date):
            raise TypeError(f"{param} is a moment of the time of building: give it by name")


def _same(value: Any) -> Any:
    return value


def _refuse(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    raise TypeError(f"building a kept statement asks the database: {sql}")
