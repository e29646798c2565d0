"""Holders are told before a licence runs out."""

from datetime import timedelta

from procrastinate.contrib.django import app

AHEAD = (60, 30, 7)  # days


@app.periodic(cron="17 1 * * *")
@app.task(name="licences.remind", queueing_lock="licences.remind")
def remind(timestamp: int) -> None:
    """Every night: one message at 60, 30 and 7 days before the last day."""
    from django.utils import timezone

    from yiwang.engines.messages import api as messages
    from yiwang.platforms.licences.models import Licence

    today = timezone.localdate()
    for days in AHEAD:
        rows = Licence.objects.filter(state=Licence.State.VALID, valid_to=today + timedelta(days=days)).select_related("type")
        for row in rows.iterator():
            values = {"licence": str(row), "days": days, "date": str(row.valid_to)}
            messages.send(to=row.holder_id, template="licence-expiring", values=values, key=f"expiring:{row.pk}:{days}")
