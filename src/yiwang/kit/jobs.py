"""Jobs of the kit: delivery of events to their listeners; jobs of a worker that died are taken up again, old ones cleared away."""

from typing import Any

from django.conf import settings
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from yiwang.kit import events

KEEP_HOURS = 72  # how long done jobs can be looked at


@app.task(name="events.deliver", retry=RetryStrategy(max_attempts=12, exponential_wait=2))
def deliver(*, event: str, values: dict[str, Any], handler: str) -> None:
    """One event to one listener; tried again with growing pauses for about an hour and a half."""
    events.handle(event=event, values=values, handler=handler)


@app.periodic(cron="* * * * * */10")
@app.task(name="kit.take_up", queueing_lock="kit.take_up", pass_context=True)
async def take_up(context: JobContext, timestamp: int) -> None:
    """Jobs of workers that gave no sign of life for a while run again: every job is harmless to repeat."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=settings.PROCRASTINATE_WORKER_DEFAULTS["stalled_worker_timeout"]):
        try:
            await manager.retry_job(job)
        except UniqueViolation:  # a periodic job whose next turn waits already
            await manager.finish_job(job, status=Status.FAILED, delete_job=True)


@app.periodic(cron="17 3 * * *")
@app.task(name="kit.clear_jobs", queueing_lock="kit.clear_jobs", pass_context=True)
async def clear_jobs(context: JobContext, timestamp: int) -> None:
    """Forgets jobs that were done days ago; failed ones stay to be looked at."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEEP_HOURS)
