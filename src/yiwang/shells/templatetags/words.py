"""Words for people in every template: time, money, masks, lamps, icons."""

from datetime import date, datetime, timedelta
from typing import Any

from django import template
from django.conf import settings
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from yiwang.base import identifiers, money, say
from yiwang.engines.procedures import api as procedures

register = template.Library()


@register.filter
def when(at: datetime | str | None) -> str:
    """今天 10:32; also of ISO text, as JSON keeps it."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at) if at else None
    return say.moment(at, timezone.now()) if at else ""


@register.filter
def day(value: date | datetime | None) -> str:
    """2026年3月2日"""
    return say.day(value) if value else ""


@register.filter
def last_day(moment: datetime | None) -> str:
    """The last day of what ends at `moment`: midnight belongs to the day before."""
    return say.last_day(moment) if moment else ""


@register.simple_tag(takes_context=True)
def lamp(context: Context, row: Any) -> SafeString:
    """The limit of anything with due_at and warn_at, by shape, colour and words: 还剩 2 个工作日. A page asks for the calendar once."""
    words = "不计时"
    if row.due_at is not None:
        last = timezone.localtime(row.due_at - timedelta(seconds=1)).date()
        words = say.left(context["chrome"].calendar.working_between(timezone.localdate(), last), "working")
    return format_html('<span class="lamp {}">{}</span>', procedures.lamp_of(row.due_at, row.warn_at), words)


@register.simple_tag(takes_context=True)
def task_rows(context: Context, tasks: list[procedures.Waiting], desk: str) -> SafeString:
    """The rows of a work list. It is the page that officials open most, and a template would take three times as long."""
    rows = ((lamp(context, t), t.title, _mark(t.assignee), _mark(t.urged_at and "已催办", " warn"), desk, t.case_id, t.subject, t.applicant, t.number, when(t.opened_at)) for t in tasks)
    return format_html_join("", '<tr><td>{}</td><td>{}{}{}</td><td><a href="{}cases/{}">{}</a></td><td data-label="申请人">{}</td><td data-label="编号">{}</td><td data-label="到达">{}</td></tr>', rows)


def _mark(words: Any, kind: str = "") -> SafeString | str:
    return format_html(' <span class="tag{}">{}</span>', kind, words) if words else ""


@register.filter
def yuan(fen: int | None) -> str:
    return money.yuan(fen or 0)


@register.filter
def limit(version: Any) -> str:
    """7 个工作日"""
    if version.promise_amount:
        return f"{version.promise_amount} {say.unit(version.promise_unit)}"
    return f"{version.limit_amount} {say.unit(version.limit_unit)}" if version.limit_amount else "法律未规定"


@register.filter
def legal_limit(version: Any) -> str:
    return f"{version.limit_amount} {say.unit(version.limit_unit)}" if version.limit_amount else "法律未规定"


@register.filter
def masked(value: str) -> str:
    """A number or phone with its middle hidden."""
    return identifiers.mask_phone(value) if identifiers.is_mobile(value or "") else identifiers.mask_number(value or "")


@register.filter
def masked_name(value: str) -> str:
    return identifiers.mask_name(value or "")


@register.filter
def get(mapping: Any, key: str) -> Any:
    return mapping.get(key, "")


@register.filter
def listed(value: Any) -> str:
    """Text of an answer: lists with commas, nothing as a dash."""
    if isinstance(value, list):
        return "、".join(str(v) for v in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "—" if value in (None, "") else str(value)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """An icon of the sprite; with a label it speaks, without it is hidden from readers."""
    address = f"{static('icons.svg')}#{name}"
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}"><use href="{}"></use></svg>', label, address)
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}"></use></svg>', address)


@register.simple_tag
def city() -> str:
    return settings.CITY_NAME


@register.filter
def state_words(procedure: Any, code: str) -> str:
    """The applicant's words for a state of a procedure."""
    state = procedure.state(code)
    return str(state.public or state.name)


@register.filter
def task_words(procedure: Any, code: str) -> str:
    """The officials' words for what waits in a state of a procedure."""
    state = procedure.state(code)
    return str(state.task or state.name)


@register.filter
def unit(code: str) -> str:
    """个工作日"""
    return say.unit(code)


@register.filter
def nth(sequence: Any, place: int) -> Any:
    return sequence[place]


@register.filter
def state_name(procedure: Any, code: str) -> str:
    """The official term for a state of a procedure."""
    return str(procedure.state(code).name)
