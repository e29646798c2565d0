"""The declarations: what a system is made of. Frozen, typed, holding no strings that are parsed; conditions and effects are Python functions.

A system's `system.py` builds one `System`; `config/systems.py` lists them in order; `kit.registry` resolves every name at start
and says what is wrong with a did-you-mean. Everything generic (work lists, case pages, menus, documentation, tests) is read from here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from django.db.models import Model, Q
from django.db.models.expressions import Combinable
from django.forms import BaseForm, Form
from django.http import HttpResponseBase

from yiwang.kit.actors import Actor

APPLICANT = "applicant"  #: the role of whoever the case is about, or their agent
SYSTEM_ROLE = "system"  #: steps that no person takes: timers, children gathered, payment settled


@dataclass(frozen=True, kw_only=True)
class Role:
    """A kind of work that a post may carry. People hold posts; nobody is given a role directly."""

    code: str  #: e.g. "approver"
    name: str  #: Chinese, as officials say it: 审批人员
    sees: Literal["own", "organ", "division", "city"] = "organ"  #: how far the holder sees cases


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A statutory limit that runs on a case. Amounts come from the case's own data when `amount` is a function (item versions are data)."""

    code: str  #: "decide"
    name: str  #: 办理时限
    amount: int | Callable[[Any], int]  #: number of units, or a function of the case
    unit: Literal["working", "calendar", "hour"] | Callable[[Any], str] = "working"
    basis: str | Callable[[Any], str] = ""  #: 行政许可法第四十二条
    extendable: int | Callable[[Any], int] = 0  #: largest extension in the same unit
    since: Callable[[Any], Any] | None = None  #: (case) → the moment it runs from, where the law names another than the step's own; None keeps that
    extension_by: str = ""  #: role that approves an extension
    extension_paper: str = ""  #: template of the document that tells a granted extension
    expiry: Literal["alert", "deem"] = "alert"  #: what silence means: an alarm, or the step named by `deems` is taken
    deems: str = ""  #: step the system takes at expiry (e.g. accept: 逾期视为受理)


    def longest_extension(self, case: Any) -> int:
        return self.extendable(case) if callable(self.extendable) else self.extendable


@dataclass(frozen=True, kw_only=True)
class State:
    """A state of a case. A state exists only if it is declared."""

    code: str
    name: str  #: official term: 已受理
    public: str = ""  #: the applicant's words: 正在审查，预计 {due} 前有结果
    stage: str = ""  #: which of the procedure's stages lights up
    awaits: str = ""  #: role whose task is open in this state; "" for none
    organ: Callable[[Any], int] | None = None  #: organ of that task; None = the case's own organ
    task: str = ""  #: title of that task: 审查
    final: bool = False


@dataclass(frozen=True, kw_only=True)
class Step:
    """A move of a case from one state to another, by one role, in one transaction."""

    code: str  #: "accept"
    name: str  #: the button: 受理
    source: str | tuple[str, ...]
    target: str | Callable[[Any, dict[str, Any]], str]  #: a state, or a function (case, data) → state
    targets: tuple[str, ...] = ()  #: when `target` is a function: every state it may give
    by: str | tuple[str, ...]  #: roles
    form: type[Form] | Callable[[Any], type[Form]] | None = None  #: what is asked; validated before the verb runs
    when: Callable[[Any, Actor], str | None] | None = None  #: None = allowed, else the reason why not, for people
    effect: Callable[[Any, Actor, dict[str, Any]], None] | None = None  #: further writes, inside the same transaction
    starts: tuple[str, ...] = ()  #: clocks
    suspends: tuple[str, ...] = ()
    resumes: tuple[str, ...] = ()
    finishes: tuple[str, ...] = ()
    document: str = ""  #: template code of the numbered, dated, sealed document this step produces after commit
    paper: Callable[[Any, Any], dict[str, Any]] | None = None  #: (case, event) → what that template holds
    message: str = ""  #: message template sent to the applicant
    style: Literal["primary", "secondary", "danger"] = "secondary"
    needs_reason: bool = False
    public: bool = True  #: the applicant sees it in the timeline
    after_children: bool = False  #: the system takes it when the last child case has closed (联合审批)

    @property
    def sources(self) -> tuple[str, ...]:
        return (self.source,) if isinstance(self.source, str) else self.source

    @property
    def goals(self) -> tuple[str, ...]:
        """Every state it may lead to."""
        return (self.target,) if isinstance(self.target, str) else self.targets

    @property
    def roles(self) -> tuple[str, ...]:
        return (self.by,) if isinstance(self.by, str) else self.by


@dataclass(frozen=True, kw_only=True)
class Fact:
    """What a drawn flow and its decision tables may ask of a case: the only data that conditions see beside the steps taken."""

    code: str  #: a Python name: "materials"
    name: str  #: 材料件数
    value: Callable[[Any], str | int | float | bool | None]  #: of the case
    kind: Literal["text", "number", "count", "yes"] = "text"  #: a count is a whole number from 0
    choices: tuple[tuple[str, str], ...] = ()  #: every text it can be and what people call it; none: any text
    empty: bool = False  #: a case may have none


@dataclass(frozen=True, kw_only=True)
class Procedure:
    """A flow of a case: states, steps, clocks. Open cases stay on the version they began under."""

    code: str
    name: str
    start: str  #: state of a fresh case
    states: tuple[State, ...]
    steps: tuple[Step, ...]
    clocks: tuple[Clock, ...] = ()
    stages: tuple[str, ...] = ()  #: the stage bar, in order
    version: int = 1
    seen_by: tuple[str, ...] = ()  #: roles of an office that are shown its cases; (): everybody who has a post in it
    alarms: str = "supervisor"  #: the role that is told when a clock has run out
    page: str = ""  #: the page of such a case in the console, reversed with `case`; "": the one that all share
    follow: str = ""  #: the same for the applicant
    applicant_seen_by: str = ""  #: the one role of officials that is shown whom the case is about; empty: all who work on it
    panels: tuple["Panel", ...] = ()  #: further blocks of the case page
    facts: tuple[Fact, ...] = ()  #: what drawn flows may ask of its cases

    def state(self, code: str) -> State:
        return next(s for s in self.states if s.code == code)

    def step(self, code: str) -> Step:
        return next(s for s in self.steps if s.code == code)

    def clock(self, code: str) -> Clock:
        return next(c for c in self.clocks if c.code == code)

    def steps_from(self, state: str) -> list[Step]:
        return [s for s in self.steps if state in s.sources]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A block of a detail or case page: a template and the function that makes its context dataclass."""

    code: str
    title: str
    template: str
    context: Callable[[Any, Actor], Any]  #: (row, actor) → context dataclass; None leaves the panel out
    order: int = 50


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column that is more than a field: computed, renamed, or shown otherwise."""

    code: str  #: a field path ("reach__river") or, with `show`, any name
    name: str = ""  #: heading; "" = the field's own verbose name
    show: Callable[[Any], Any] | None = None  #: what stands in the cell, a function of the row; None = the field's value


@dataclass(frozen=True, kw_only=True, eq=False)  # one declaration is one thing: what is made from it once is kept by it
class Register:
    """A noun kept as a table. From it follow list, detail, form, import, export, map, calendar, board, interface, change feed and their tests.

    Four grades of override: an option here; a Column or Panel object; a Form class; a view of one's own (`System.pages` with the same route wins).
    """

    code: str  #: unique among registers; part of its addresses: "river"
    name: str  #: 河流
    model: type[Model]  #: a kit.records.Kept where officials edit it, else a Record that is only listed
    columns: tuple[str | Column, ...]
    filters: tuple[str, ...] = ()  #: fields: choices, keys, dates (from, to), booleans, plain text (equal)
    search: tuple[str, ...] = ()  #: fields whose words are found, the weightiest first (at most four weights, PostgreSQL's A to D)
    fields: tuple[str, ...] = ()  #: what the form asks; () = nobody edits it by form
    form: type[BaseForm] | None = None  #: a ModelForm of its own instead of the one made from `fields`, or a KeptForm that brings some of them
    derive: Callable[[Any], Mapping[str, Any]] | None = None  #: (row as given) → fields that follow from the others, set whichever way it is kept; a pure reading; raises Invalid
    readers: tuple[str, ...] = ()  #: roles that may list it; rows are still restricted
    editors: tuple[str, ...] = ()  #: roles that may add and change
    order: str = "-pk"  #: the field lists begin with; it and every sortable column needs an index that begins with it
    sorts: tuple[str, ...] = ()  #: further fields a list can be ordered by, each non-null and indexed
    place: str = ""  #: geometry field: the map
    day: str = ""  #: date field: calendar and timeline
    groups: str = ""  #: field with choices: the board's columns
    panels: tuple["Panel", ...] = ()  #: further blocks of the detail page
    subject: str = ""  #: path to the parties.Party whom a personal row is about: they see it, ask for corrections, are erased
    share: Literal["none", "conditional", "open"] = "none"  #: 不予共享, 有条件共享, 无条件共享 (政务数据共享条例): open rows may be read without sign-in
    open_export: int = 1_000  #: rows that may be exported without another's approval
    icon: str = "list"

    @property
    def personal(self) -> tuple[str, ...]:
        """Fields of the model that hold personal data."""
        return tuple(getattr(self.model, "personal", ()))

    def column(self, code: str) -> Column:
        """The column of that code. Raises StopIteration for none."""
        return next(c for c in self.shown if c.code == code)

    @cached_property
    def shown(self) -> tuple[Column, ...]:
        return tuple(Column(code=c) if isinstance(c, str) else c for c in self.columns)


@dataclass(frozen=True, kw_only=True)
class Indicator:
    """One figure, one definition, many divisions and periods. Every kind adds up: divisions, and the days of a month, by plain addition of what is stored.

    count: rows. sum: `measure` over the rows. mean: that sum for each row. share: the rows of which `part` holds, of a hundred.
    stock: the rows that are there at the end of the period, from `at` until `until`. All paths lead to one row, never to many.
    """

    code: str
    name: str  #: 按时办结率
    unit: str  #: 件, %, 元: what is printed behind the figure
    note: str  #: 口径: what is counted, by which date, what is left out; printed under the figure
    kind: Literal["count", "sum", "mean", "share", "stock"] = "count"
    of: type[Model]
    where: Q = field(default_factory=Q)  #: the rows that the figure is about
    part: Q | None = None  #: share: those of them that count
    measure: str | Combinable = ""  #: sum, mean: a number of each row
    scale: int = 1  #: sum, mean: how many of `measure` make one of `unit` (fen → 元: 100)
    at: str  #: the date or moment that puts a row into a period; of a stock: when it begins
    until: str = ""  #: stock: when it ends; null while it lasts
    division: str = "division"  #: the division of a row
    case: str = ""  #: the case that a row belongs to ("pk" when the row is one), so that a figure opens down to it; "" = none
    better: Literal["more", "less", "neither"] = "neither"


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of a system's own. `shell` decides the door, the chrome and who may pass."""

    shell: Literal["portal", "console", "field", "api"]
    route: str  #: Django path below the shell's root: "apply/<int:item>"
    name: str  #: reversed as "<system>:<name>"
    view: Callable[..., HttpResponseBase]
    guard: tuple[str, ...] = ()  #: roles that may pass; () in portal = anyone; ("signed-in",) = any account
    menu: str = ""  #: label in the shell's menu; "" = not in the menu
    icon: str = ""
    everywhere: bool = False  #: also where a zone does not open its shell: what pages of several shells show (a paper, a material, one's account)


@dataclass(frozen=True, kw_only=True)
class Errand:
    """Something to do at a place (今天的任务): made by `System.errands` for one person, shown first on their phone and kept there for places without a network."""

    title: str  #: 食品经营许可现场核查
    page: str  #: address of the field page where it is done
    sends_to: str = ""  #: address that page's form is sent to; what waits on the phone for it is marked
    where: str = ""  #: address in words
    note: str = ""
    due_at: datetime | None = None
    place: tuple[float, float] | None = None  #: longitude, latitude (EPSG:4490); None where nobody knows it


@dataclass(frozen=True, kw_only=True)
class Listen:
    """An effect of another part's event: `handler` gets the event after commit, at least once, so it must be idempotent."""

    event: type
    handler: Callable[[Any], None]


@dataclass(frozen=True, kw_only=True)
class MessageTemplate:
    """Words sent to a person. `{…}` are named values; no logic."""

    code: str
    title: str
    body: str
    channels: tuple[str, ...] = ("inbox", "sms", "email", "webhook")  #: beyond inbox and SMS only where somebody subscribed
    urgent: bool = False  #: asked for by the person this moment (a code): quiet hours do not hold it back


@dataclass(frozen=True, kw_only=True)
class Health:
    """A part whose working is shown at /healthz."""

    code: str
    name: str  #: 电子印章
    check: Callable[[], tuple[bool, str]]  #: whether it works, and a sentence for whoever has to mend it
    vital: bool = True  #: without it the node cannot serve


@dataclass(frozen=True, kw_only=True)
class System:
    """One system of the plan, whole."""

    code: str
    name: str
    owner: str  #: key of the organisation that answers for it (domain/data/organisations.yaml)
    layer: Literal["engine", "platform", "system"] = "system"
    plan: tuple[str, ...] = ()  #: ids of ../shared/plan/systems.yaml that it answers; one owner each
    basis: tuple[str, ...] = ()  #: laws and documents it rests on
    roles: tuple[Role, ...] = ()
    registers: tuple[Register, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    indicators: tuple[Indicator, ...] = ()
    messages: tuple[MessageTemplate, ...] = ()
    pages: tuple[Page, ...] = ()
    errands: Callable[[Actor], Sequence[Errand]] | None = None  #: what waits for this person outside the office, the soonest first
    listens: tuple[Listen, ...] = ()
    journeys: tuple[str, ...] = ()  #: names of the journey tests that exercise it: "tests/journeys/test_food.py::test_whole"
    health: tuple[Health, ...] = ()
    api: Sequence[tuple[str, Any]] = ()  #: (prefix, ninja Router)
