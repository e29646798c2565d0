"""Jobs of the record."""

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(name="audit.seal", queueing_lock="audit.seal")
def seal(timestamp: int) -> None:
    """Every minute: seals until nothing is left."""
    from yiwang.engines.audit.sealing import LIMIT, seal_batch

    while (batch := seal_batch()) and batch.size >= LIMIT:
        continue
