"""What follows after commit: papers are rendered and sealed; silent deadlines speak."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.task(name="procedures.make_paper", retry=RetryStrategy(max_attempts=10, exponential_wait=3))
def make_paper(*, event: int) -> None:
    """Renders, numbers, seals and keeps the document of one event; a second run finds it made."""
    from yiwang.engines.procedures import papers

    papers.make(event)


@app.periodic(cron="* * * * *")
@app.task(name="procedures.expire", queueing_lock="procedures.expire")
def expire(timestamp: int) -> None:
    """Every minute: clocks whose moment has passed take their effect."""
    from yiwang.engines.procedures import timers

    timers.expire_due()
