"""Jobs of the shells."""

from procrastinate.contrib.django import app


@app.periodic(cron="27 3 * * *")
@app.task(name="shells.forget_forms", queueing_lock="shells.forget_forms")
def forget_forms(timestamp: int) -> None:
    """Every night: what was sent days ago is not sent again."""
    from yiwang.shells.once import forget_old

    forget_old()
