"""Deliveries outside: tried again with growing pauses, held back in quiet hours."""

from datetime import datetime, time, timedelta

from django.utils.timezone import localtime
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.task(name="messages.dispatch", retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def dispatch(*, dispatch: int) -> None:
    """Hands one message to its channel. Raises what the channel raises, so that it is tried again."""
    from yiwang.engines.messages import gateways
    from yiwang.engines.messages.models import Dispatch, Gateway
    from yiwang.kit.registry import registry

    found = Dispatch.objects.select_related("message").get(pk=dispatch)
    if found.state == Dispatch.State.SENT:
        return
    gateway = Gateway.objects.get(channel=found.channel)
    wait = quiet_until(localtime(), gateway.quiet_from, gateway.quiet_to)
    if wait and not registry().messages[found.message.template].urgent:
        _later(dispatch, wait)
        return
    gateways.deliver(gateway, found)


def quiet_until(now: datetime, start: time | None, end: time | None) -> datetime | None:
    """The end of the quiet hours that `now` lies in, which may span midnight; None outside them."""
    if start is None or end is None or start == end:
        return None
    inside = start <= now.time() < end if start < end else now.time() >= start or now.time() < end
    if not inside:
        return None
    day = now.date() + timedelta(days=int(start > end and now.time() >= start))
    return datetime.combine(day, end, now.tzinfo)


def _later(dispatch_id: int, at: datetime) -> None:
    app.configure_task("messages.dispatch", schedule_at=at).defer(dispatch=dispatch_id)
