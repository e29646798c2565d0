"""Jobs of the acceptance system."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

RETRY = RetryStrategy(max_attempts=10, exponential_wait=3)


@app.task(name="acceptance.decide", retry=RETRY)
def decide(*, case: int) -> None:
    """A decision that facts alone make."""
    from yiwang.systems.services.acceptance import granting

    granting.decide(case)


@app.task(name="acceptance.make_licence", retry=RETRY)
def make_licence(*, case: int) -> None:
    """The licence of a granted application."""
    from yiwang.systems.services.acceptance import granting

    granting.make_licence(case)
