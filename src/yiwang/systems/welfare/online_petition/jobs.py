"""Messages to other systems leave after commit; every morning the week under way is compared."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.task(name="online_petition.send_exchange", retry=RetryStrategy(max_attempts=6, exponential_wait=4))
def send_exchange(*, exchange: int) -> None:
    """One message; the round below takes up what these tries did not get through."""
    from yiwang.systems.welfare.online_petition import wire

    wire.send(exchange)


@app.periodic(cron="*/10 * * * *")
@app.task(name="online_petition.send_waiting", queueing_lock="online_petition.send_waiting")
def send_waiting(timestamp: int) -> None:
    from yiwang.systems.welfare.online_petition import wire

    wire.send_waiting()


@app.periodic(cron="15 6 * * *")
@app.task(name="online_petition.warn", queueing_lock="online_petition.warn")
def warn(timestamp: int) -> None:
    """Every morning for the week under way: a cluster is told while it grows."""
    from yiwang.systems.welfare.online_petition import clusters

    clusters.look()
