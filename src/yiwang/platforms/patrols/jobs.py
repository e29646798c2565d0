"""What patrols do beside the requests: open the day's periods, remind, tell of what was missed."""

from procrastinate.contrib.django import app


@app.periodic(cron="10 7 * * *")
@app.task(name="patrols.remind", queueing_lock="patrols.remind")
def remind(timestamp: int) -> None:
    """Every morning."""
    from django.utils import timezone

    from yiwang.platforms.patrols import planning

    planning.open_duties(timezone.localdate())
    planning.remind(timezone.localdate())
