"""What registers do beside the requests: tell outside systems of changes."""

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(name="registers.tell", queueing_lock="registers.tell")
def tell(timestamp: int) -> None:
    """Every minute: hooks with something new are told."""
    from yiwang.engines.registers import hooks

    hooks.tell_all()
