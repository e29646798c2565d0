"""When a channel is silent we ask; every morning the day before is compared."""

from procrastinate.contrib.django import app


@app.periodic(cron="*/5 * * * *")
@app.task(name="payments.ask", queueing_lock="payments.ask")
def ask(timestamp: int) -> None:
    """Every five minutes."""
    from yiwang.platforms.payments import api

    api.ask_open_orders()


@app.periodic(cron="30 2 * * *")
@app.task(name="payments.reconcile", queueing_lock="payments.reconcile")
def reconcile(timestamp: int) -> None:
    """Every night for yesterday."""
    from datetime import timedelta

    from django.utils import timezone

    from yiwang.platforms.payments import api

    api.reconcile(timezone.localdate() - timedelta(days=1))
