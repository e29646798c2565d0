"""What the system does beside the requests: scores of the month that ended, and the standards run on the data."""

from procrastinate.contrib.django import app


@app.periodic(cron="30 2 * * *")
@app.task(name="river_chief.assess", queueing_lock="river_chief.assess")
def assess(timestamp: int) -> None:
    """Every night: the month before, into which rounds may still come."""
    from datetime import timedelta

    from django.utils import timezone

    from yiwang.systems.governance.river_chief import assessing

    assessing.assess(timezone.localdate().replace(day=1) - timedelta(days=1))


@app.periodic(cron="40 2 * * 1")
@app.task(name="river_chief.check_standards", queueing_lock="river_chief.check_standards")
def check_standards(timestamp: int) -> None:
    """Every Monday: standards on trial and in force."""
    from yiwang.kit.actors import SYSTEM
    from yiwang.systems.governance.river_chief import standards
    from yiwang.systems.governance.river_chief.models import StandardDoc

    for doc in StandardDoc.objects.filter(state__in=["trial", "adopted"], clauses__isnull=False).distinct():
        standards.run(SYSTEM, doc.pk)


@app.periodic(cron="*/10 * * * *")
@app.task(name="river_chief.check_water", queueing_lock="river_chief.check_water")
def check_water(timestamp: int) -> None:
    """Every ten minutes: readings that miss their target in a row."""
    from yiwang.systems.governance.river_chief import alerting

    alerting.check()


@app.periodic(cron="20 7 * * *")
@app.task(name="river_chief.look_after", queueing_lock="river_chief.look_after")
def look_after(timestamp: int) -> None:
    """Every morning: plans by the chiefs and frequencies in force, orders and hand-overs past their day, posts that changed hands or stand empty."""
    from django.utils import timezone

    from yiwang.kit.actors import SYSTEM
    from yiwang.systems.governance.river_chief import chiefs, handing, loads, orders, vacant

    chiefs.follow(SYSTEM)
    loads.follow(SYSTEM)
    orders.tell_late(timezone.localdate())
    handing.look(timezone.localdate())
    handing.tell_late()
    vacant.look(timezone.localdate())


@app.periodic(cron="10 3 * * 1")
@app.task(name="river_chief.assess_zones", queueing_lock="river_chief.assess_zones")
def assess_zones(timestamp: int) -> None:
    """Every Monday: the water functional zones of the last three months, for samples come in late."""
    from django.utils import timezone

    from yiwang.systems.governance.river_chief import zones

    zones.assess(timezone.localdate())
