"""Lists of a register: filters, words, order, and pages by key. One query for the page, one bounded count, whatever the size of the table."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time
from functools import cache, reduce
from itertools import islice
from operator import or_
from typing import Any

from django.contrib.gis.db.models import GeometryField
from django.contrib.postgres.search import SearchQuery
from django.core.exceptions import EmptyResultSet, FieldDoesNotExist, ValidationError
from django.db import connection, models
from django.db.models import QuerySet, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.utils import timezone
from django.utils.dateparse import parse_date

from yiwang.base import words
from yiwang.base.errors import Invalid
from yiwang.engines.registers.rows import rows
from yiwang.kit import cells
from yiwang.kit.access import restrict
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import KeyField
from yiwang.kit.records import Kept

EXACT = 2_000  #: rows counted exactly; beyond, the planner's estimate is shown as such
DEAR = 2_000  #: cost, in the planner's units, beyond which nothing is counted: about 5 ms of rows in memory
SIZE, LARGEST = 50, 500
LONGEST = 200  # characters of a filter


@dataclass(frozen=True, kw_only=True)
class Query:
    """What a list asks for. Made by `parse` from an address, or by hand."""

    filters: Mapping[str, str] = field(default_factory=dict)  #: "state": "open", "day__from": "2026-01-01"
    search: str = ""
    order: str = ""
    after: str = ""  #: opaque key of the last row of the page before
    size: int = SIZE
    ready: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)  #: `filters` as `parse` read them, so that a key is looked up once


@dataclass(frozen=True)
class Count:
    """How many rows: exact up to EXACT, above it an estimate of at least that."""

    number: int
    exact: bool

    def __str__(self) -> str:
        return f"{self.number:,} 条" if self.exact else f"约 {self.number:,} 条"


@dataclass(frozen=True)
class Listed:
    """One page: its rows, the key of the next ("" at the end)."""

    rows: list[Any]
    after: str


def parse(register: Register, asked: Mapping[str, str], actor: Actor = SYSTEM) -> Query:
    """The query of an address; names that the register does not declare are ignored. Rows of other tables are looked up among those that the actor may see.

    Raises Invalid for a value that cannot be.
    """
    wanted = {n: asked[n].strip() for n in names(register) if asked.get(n, "").strip()}
    size = asked.get("size", "")
    query = Query(
        filters=wanted, search=asked.get("q", "").strip()[:100], order=_order(register, asked.get("order", "")), after=asked.get("after", ""),
        size=min(max(int(size), 1), LARGEST) if size.isascii() and size.isdecimal() and len(size) < 9 else SIZE,
    )  # fmt: skip
    return replace(query, ready=_conditions(register, query, actor))


def page(actor: Actor, register: Register, query: Query, *, whole: bool = False) -> Listed:
    """One page in the query's order, by key: what its columns show, or the `whole` rows with nothing joined to them."""
    found = matching(actor, register, query)
    return _paged(register, _every_field(register, found) if whole else shown(register, found), query.order or register.order, query.after, query.size)


def by_day(actor: Actor, register: Register, *, after: str = "", size: int = SIZE) -> Listed:
    """One page of the rows that have a day, the latest first, by key. Raises Invalid for a false key."""
    dated = rows(actor, register).exclude(**{register.day: None})
    return _paged(register, shown(register, dated), f"-{register.day}", after, size)


def every(actor: Actor, register: Register, query: Query, paths: Sequence[str], *, size: int = LARGEST) -> Iterator[list[tuple[Any, ...]]]:
    """What all the query's rows say at these paths, some `size` at a time, as tuples: for what is too many to be made into rows.

    All as they were at one moment, whatever is changed while they are read: a cursor that PostgreSQL keeps for us. No transaction stays open for a slow reader.
    """
    order = query.order or register.order
    found = matching(actor, register, query).order_by(*_keys(order, _column(register, order))).values_list(*paths)
    read = found.iterator(chunk_size=size)
    while taken := list(islice(read, size)):
        yield taken


def _paged(register: Register, found: "QuerySet[Any]", order: str, after: str, size: int) -> Listed:
    if after:
        found = found.filter(_beyond(register, order, *_read(register, order, after)))
    name = _column(register, order)
    taken = list(found.order_by(*_keys(order, name))[: size + 1])
    more = len(taken) > size
    taken = taken[:size]
    return Listed(taken, _key(taken[-1], name) if more else "")


def _keys(order: str, name: str) -> list[str]:
    sign = "-" if order.startswith("-") else ""
    return [f"{sign}pk"] if name == "pk" else [f"{sign}{name}", f"{sign}pk"]


def count(actor: Actor, register: Register, query: Query, listed: Listed | None = None) -> Count:
    """Exact while small and cheap; else the planner's estimate, never less than what was counted. A first page (`listed`) that is the last has counted already.

    The planner is asked first: where no index picks out the rows, finding the first EXACT of them is the dearest part of a list.
    """
    if listed is not None and not (query.after or listed.after):
        return Count(len(listed.rows), True)
    found = matching(actor, register, query).order_by()[: EXACT + 1]
    if any(cells.field_at(register.model, name).is_relation for name in query.filters if name in register.filters) and (few := found.count()) <= EXACT:
        return Count(few, True)  # the index of a key picks them out
    expected, cost = _expected(found)
    if cost > DEAR:
        return Count(expected, False)
    seen = found.count()
    return Count(seen, True) if seen <= EXACT else Count(max(expected, EXACT), False)


def matching(actor: Actor, register: Register, query: Query) -> "QuerySet[Any]":
    """The actor's rows that fit the filters and hold every word."""
    found = rows(actor, register).filter(**(_conditions(register, query, actor) if query.ready is None else query.ready))
    if not (query.search and register.search):
        return found
    if not issubclass(register.model, Kept):  # small tables of other engines, without an index of words
        return found.filter(reduce(or_, (models.Q(**{f"{path}__icontains": query.search}) for path in register.search)))
    asked = words.query(query.search)
    return found.filter(words=SearchQuery(Value(asked), config="simple", search_type="raw")) if asked else found


def names(register: Register) -> list[str]:
    """The filters as an address names them: dates have a from and a to."""
    found = []
    for path in register.filters:
        dated = isinstance(cells.field_at(register.model, path), models.DateField)
        found += [f"{path}__from", f"{path}__to"] if dated else [path]
    return found


def _order(register: Register, asked: str) -> str:
    allowed = {register.order.lstrip("-"), *register.sorts}
    return asked if asked.lstrip("-") in allowed and asked.count("-") <= 1 else ""


def _conditions(register: Register, query: Query, actor: Actor) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, text in query.filters.items():
        path, _, end = name.rpartition("__") if name.endswith(("__from", "__to")) else (name, "", "")
        column = cells.field_at(register.model, path)
        try:
            if len(text) > LONGEST:
                raise ValueError(text)
            if end:
                made[f"{path}__{'gte' if end == 'from' else 'lte'}"] = _moment(column, text, end)
            else:
                made[path] = _key_named(column, text, actor) if column.is_relation else column.to_python(text)
        except (ValidationError, ValueError, TypeError, ArithmeticError):
            raise Invalid(f"“{column.verbose_name}”的筛选条件不正确。", fields={name: "请重新选择"}) from None
    return made


def _key_named(column: Any, text: str, actor: Actor) -> Any:
    """The row of another table by number, code or name; for who may not see it there is none."""
    every = column.related_model._default_manager.all()
    return KeyField(queryset=restrict(actor, every) if hasattr(column.related_model, "visible_to") else every).clean(text)


def _moment(column: Any, text: str, end: str) -> date | datetime:
    day = parse_date(text)
    if day is None:
        raise ValueError(text)
    if not isinstance(column, models.DateTimeField):
        return day
    return timezone.make_aware(datetime.combine(day, time.min if end == "from" else time.max))


def shown(register: Register, found: "QuerySet[Any]", *, shapes: bool = False) -> "QuerySet[Any]":
    """Rows with every key that a column shows, and those by which a shown row is called (`called_by` of its model), so that they are one query; with `shapes` or without."""
    needed = joins(register)
    heavy = [] if shapes else [f.name for f in register.model._meta.concrete_fields if isinstance(f, GeometryField) and f.name not in {c.code for c in register.shown}]
    lean = _every_field(register, found).defer(*heavy)
    return lean.select_related(*needed) if needed else lean


@cache
def joins(register: Register) -> tuple[str, ...]:
    """The keys that its columns lead through, for `select_related`."""
    needed = set()
    for column in register.shown:
        try:
            ends_in_key = cells.field_at(register.model, column.code).is_relation
        except FieldDoesNotExist:
            continue
        path = column.code if ends_in_key else column.code.rpartition("__")[0]
        needed |= {path} - {""}
        if ends_in_key:
            needed |= {f"{path}__{key}" for key in getattr(cells.field_at(register.model, path).related_model, "called_by", ())}
    return tuple(sorted(needed))


def _every_field(register: Register, found: "QuerySet[Any]") -> "QuerySet[Any]":
    """All but the index of words, which nobody reads."""
    return found.defer("words") if issubclass(register.model, Kept) else found


def _column(register: Register, order: str) -> str:
    """What an order compares: of a key to another table the key itself, which has an index, not how that table sorts."""
    name = order.lstrip("-")
    plain = name != "pk" and "__" not in name
    return str(register.model._meta.get_field(name).attname) if plain else name  # type: ignore[union-attr]  # a column


def _key(row: Any, name: str) -> str:
    value = getattr(row, name)
    return base64.urlsafe_b64encode(json.dumps([value, row.pk], default=str).encode()).decode().rstrip("=")


def _read(register: Register, order: str, after: str) -> tuple[Any, Any]:
    """Value and number of the row that a key names. Raises Invalid."""
    try:
        value, pk = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
        json.dumps([value, pk], ensure_ascii=False, allow_nan=False).encode()  # half a character, or what is no number, is of nobody's making
        if isinstance(value, dict | list) or isinstance(pk, dict | list):
            raise ValueError(after)
        name = _column(register, order)
        key = register.model._meta.pk
        return (key if name == "pk" else cells.field_at(register.model, name)).to_python(value), key.to_python(pk)
    except (ValueError, ValidationError, TypeError, ArithmeticError, RecursionError):
        raise Invalid("翻页位置不正确，请从第一页开始。") from None


def _beyond(register: Register, order: str, value: Any, pk: Any) -> Any:
    name, down = _column(register, order), order.startswith("-")
    if name == "pk":
        return models.Q(pk__lt=pk) if down else models.Q(pk__gt=pk)
    compare = TupleLessThan if down else TupleGreaterThan
    return compare(Tuple(name, register.model._meta.pk.name), (value, pk))


def _expected(found: "QuerySet[Any]") -> tuple[int, float]:
    """Of a limited query: how many rows the planner expects without the limit, and what it thinks the limited ones cost."""
    try:
        sql, parameters = found.values("pk").query.sql_with_params()
    except EmptyResultSet:  # known to be none without asking
        return 0, 0.0
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        plan = cursor.fetchone()[0]
    limit = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(limit.get("Plans", [limit])[0]["Plan Rows"]), float(limit["Total Cost"])
