"""Jobs of the kit: delivery of events to their listeners."""

from typing import Any

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from yiwang.kit import events


@app.task(name="events.deliver", retry=RetryStrategy(max_attempts=12, exponential_wait=2))
def deliver(*, event: str, values: dict[str, Any], handler: str) -> None:
    """One event to one listener; tried again with growing pauses for about an hour and a half."""
    events.handle(event=event, values=values, handler=handler)
