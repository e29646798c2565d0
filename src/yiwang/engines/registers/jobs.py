"""What registers do beside the requests: tell outside systems of changes, take large files in and make them."""

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app


@app.periodic(cron="* * * * *")
@app.task(name="registers.tell", queueing_lock="registers.tell")
def tell(timestamp: int) -> None:
    """Every minute: hooks with something new are told."""
    from yiwang.engines.registers import hooks

    hooks.tell_all()


@app.task(name="registers.import", retry=RetryStrategy(max_attempts=5, exponential_wait=3))
def run_import(*, source: int) -> None:
    """Checks or writes an import on from where it stands."""
    from yiwang.engines.registers import imports

    imports.run(source)


@app.task(name="registers.export")
def make_export(*, export: int) -> None:
    """Writes the file of a large export; one that fails is said so to whoever asked, and not tried again by itself."""
    from yiwang.engines.registers import exports

    exports.make(export)


@app.periodic(cron="15 3 * * *")
@app.task(name="registers.sweep", queueing_lock="registers.sweep")
def sweep(timestamp: int) -> None:
    """Every night: lines of imports that ended a month ago go, files of exports that nobody may take any more, keys that nobody will retry."""
    from yiwang.engines.registers import exports, imports, machines

    for one in (imports, exports, machines):
        one.sweep()
