"""When a channel is silent we ask; every morning the day before is compared."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.periodic(cron="*/5 * * * *")
@app.task(name="payments.ask", queueing_lock="payments.ask")
def ask(timestamp: int) -> None:
    """Every five minutes."""
    from yiwang.platforms.payments import api

    api.ask_open_orders()


@app.periodic(cron="30 2 * * *")
@app.task(name="payments.reconcile", retry=RetryStrategy(max_attempts=8, exponential_wait=4))
def reconcile(timestamp: int) -> None:
    """Every night for the day before the one it was planned on; tried again until the statement is there."""
    from datetime import datetime, timedelta

    from django.utils import timezone

    from yiwang.platforms.payments import api

    planned = timezone.localtime(datetime.fromtimestamp(timestamp, tz=timezone.get_default_timezone()))
    api.reconcile(planned.date() - timedelta(days=1))
