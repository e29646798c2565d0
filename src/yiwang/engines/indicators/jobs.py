"""Figures under way every few minutes, what is over every night."""

from procrastinate.contrib.django import app


@app.periodic(cron="*/5 * * * *")
@app.task(name="indicators.refresh", queueing_lock="indicators.refresh")
def refresh(timestamp: int) -> None:
    """Today, this month, this year."""
    from yiwang.engines.indicators import computing

    computing.refresh()


@app.periodic(cron="11 0 * * *")
@app.task(name="indicators.catch_up", queueing_lock="indicators.catch_up")
def catch_up(timestamp: int) -> None:
    """After midnight: yesterday for good, and what was corrected or missed before it."""
    from yiwang.engines.indicators import computing

    computing.catch_up()
