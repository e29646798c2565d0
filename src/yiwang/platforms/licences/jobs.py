"""Holders are told before a licence runs out."""

from datetime import timedelta

from procrastinate.contrib.django import app

AHEAD = (60, 30, 7)  # days


@app.periodic(cron="17 1 * * *")
@app.task(name="licences.remind", queueing_lock="licences.remind")
def remind(timestamp: int) -> None:
    """Every night: one message within 60, 30 and 7 days of the last day, also after nights on which nothing ran; none for a term shorter than the notice."""
    from django.db.models import F
    from django.utils import timezone

    from yiwang.engines.messages import api as messages
    from yiwang.platforms.licences.models import Licence

    today = timezone.localdate()
    for days, nearer in zip(AHEAD, (*AHEAD[1:], -1), strict=True):
        rows = Licence.objects.filter(
            state=Licence.State.VALID,
            valid_to__gt=today + timedelta(days=nearer),
            valid_to__lte=today + timedelta(days=days),
            valid_from__lt=F("valid_to") - timedelta(days=days),
        ).select_related("type")
        for row in rows.iterator():
            values = {"licence": str(row), "days": (row.valid_to - today).days, "date": str(row.valid_to)}  # type: ignore[operator]  # filtered above
            messages.send(to=row.holder_id, template="licence-expiring", values=values, key=f"expiring:{row.pk}:{days}")
