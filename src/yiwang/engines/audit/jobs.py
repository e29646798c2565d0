"""Jobs of the record."""

from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(name="audit.seal", queueing_lock="audit.seal")
def seal(timestamp: int) -> None:
    """Every minute: seals until nothing is left."""
    from yiwang.engines.audit.sealing import LIMIT, seal_batch

    while (batch := seal_batch()) and batch.size >= LIMIT:
        continue


@app.periodic(cron="30 3 * * *")
@app.task(name="audit.nightly", queueing_lock="audit.nightly")
def nightly(timestamp: int) -> None:
    """Every night: goes through the whole chain."""
    from yiwang.engines.audit.checking import start

    start("系统")


@app.task(name="audit.check", lock="audit.check")
def check(*, check: int) -> None:
    """Goes through the whole chain and keeps what was found."""
    from yiwang.engines.audit.checking import run

    run(check)
