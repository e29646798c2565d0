"""Water that misses its target several times in a row: found, told to whoever answers for that stretch, acted on, ended when the water is good again."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.registers import api as registers
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.systems.governance.river_chief import chiefs, problems, rules
from yiwang.systems.governance.river_chief.flows import CHIEF, OFFICE
from yiwang.systems.governance.river_chief.models import Reach, Reading, RiverProblem, Section, WaterAlert

MOST = 50
UPWARDS = [Reach.Level.VILLAGE, Reach.Level.TOWN, Reach.Level.COUNTY, Reach.Level.CITY]
LOOK_BACK = timedelta(days=7)  # a station silent for longer says nothing of the water now


@transaction.atomic
def check(now: datetime | None = None) -> tuple[int, int]:
    """Raises and ends alerts by the readings up to now; returns how many of each. Harmless when repeated."""
    moment = now or timezone.now()
    with connection.cursor() as cursor:  # the button and the job one after the other
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('river_chief.alerting', 0))")
    standing = {alert.section_id: alert for alert in WaterAlert.objects.select_for_update().filter(closed_at=None)}
    raised = ended = 0
    for section, readings in _latest(moment).items():
        times = int(registers.policy("river.alert-readings", division=readings[0].division_id, on=timezone.localdate(moment)))
        what = rules.alarm([r.met for r in readings], times=times, standing=section in standing)
        if what == "raise":
            _raise(readings[0], times, moment)
            raised += 1
        elif what == "clear":
            WaterAlert.objects.filter(pk=standing[section].pk).update(closed_at=moment)
            ended += 1
    return raised, ended


@transaction.atomic
def note(actor: Actor, alert: int, words: str) -> WaterAlert:
    """Who answers for the stretch says what was done. Raises NotFound, NotAllowed, Invalid, Conflict when it has been said."""
    found = _lock(actor, alert)
    if found.noted_at:
        raise Conflict("已经填写过处置情况。")
    if not words.strip():
        raise Invalid("请写明处置情况。", fields={"words": "请写明原因和采取的措施"})
    found.note, found.noted_by, found.noted_at = words.strip()[:300], actor.name, timezone.now()
    found.save(update_fields=["note", "noted_by", "noted_at"])
    audit.record(actor, "river.note-alert", subject=found, summary=f"{found}：{found.note[:80]}")
    return found


@transaction.atomic
def make_problem(actor: Actor, alert: int, *, kind: str, text: str) -> RiverProblem:
    """What was found at the section becomes a problem with its clocks (感知设备发现). Raises NotFound, NotAllowed, Invalid, Conflict."""
    found = _lock(actor, alert)
    if found.problem_id:
        raise Conflict("已经立为问题。")
    if kind not in RiverProblem.Kind.values or not text.strip():
        raise Invalid("请选择类型并写明情况。", fields={"text": "请写明现场情况"} if kind in RiverProblem.Kind.values else {"kind": "请选择问题类型"})
    reaches = reaches_of(found.section)
    if not reaches:
        raise Invalid("断面所在的河段还没有登记，不能立为问题。")
    made = problems.found_by_device(reaches[0], key=uuid5(NAMESPACE_URL, f"river-alert:{found.pk}"), kind=kind, text=text.strip()[:500], place=found.section.place)
    found.problem = made
    found.save(update_fields=["problem"])
    audit.record(actor, "river.alert-problem", subject=found, summary=f"{found}：立为问题")
    return made


def reaches_by(sections: Iterable[Section]) -> dict[int, list[Reach]]:
    """By section the reaches that it lies on, the lowest level first: one query."""
    wanted = list(sections)
    rows = list(Reach.objects.filter(river__in={section.river_id for section in wanted}).select_related("river", "chief"))
    return {s.pk: sorted((r for r in rows if r.river_id == s.river_id and r.from_km <= s.km <= r.to_km), key=lambda r: UPWARDS.index(Reach.Level(r.level))) for s in wanted}


def reaches_of(section: Section) -> list[Reach]:
    return reaches_by([section])[section.pk]


def answers_for(actor: Actor, section: Section, reaches: list[Reach]) -> bool:
    """The chiefs of the reaches that the section lies on, and the river office of the place."""
    posts = {reach.chief_id for reach in reaches}
    chief = any(seat.post in posts and CHIEF in seat.roles for seat in actor.seats)
    return chief or any(OFFICE in seat.roles and section.division_id.startswith(seat.division) for seat in actor.seats)


def _latest(moment: datetime) -> dict[int, list[Reading]]:
    """The newest readings of the last days by section: enough of them for any number in a row that a policy names, however often a station measures."""
    found: dict[int, list[Reading]] = defaultdict(list)
    rows = Reading.objects.filter(at__lte=moment, at__gte=moment - LOOK_BACK, standing=Reading.Standing.LIVE).order_by("section", "-at").select_related("section")
    for row in rows.iterator(chunk_size=2_000):
        if len(found[row.section_id]) < MOST:
            found[row.section_id].append(row)
    return found


def _raise(reading: Reading, times: int, moment: datetime) -> None:
    section = reading.section
    alert = WaterAlert.objects.create(section=section, division_id=section.division_id, reading=reading, grade=reading.grade, by=reading.by, times=times, raised_at=moment)
    values = {
        "section": section.name, "times": str(times), "grade": reading.get_grade_display(), "by": reading.by or "—", "target": section.get_target_display(),
        "at": f"{timezone.localtime(reading.at):%m月%d日 %H:%M}",
    }  # fmt: skip
    for party in _told(section):
        messages.send(to=party, template="river-water-alert", values=values, key=f"river-alert:{alert.pk}:{party}")


def _told(section: Section) -> set[int]:
    """The chiefs of the stretch, at every level, and the river offices that cover the place."""
    held = {party for reach in reaches_of(section) if reach.chief_id for party in chiefs.holders(reach.chief_id)}
    return held | set(parties.holders_of(OFFICE, covering=section.division_id))


def _lock(actor: Actor, alert: int) -> WaterAlert:
    found = restrict(actor, WaterAlert.objects.select_for_update(of=("self",)).filter(pk=alert)).select_related("section__river").first()
    if found is None:
        raise NotFound("没有找到这条水质预警。")
    if not answers_for(actor, found.section, reaches_of(found.section)):
        raise NotAllowed("水质预警由断面所在河段的河长或者河长办处置。")
    return found


def open_alerts(actor: Actor) -> "list[WaterAlert]":
    """Those not ended first, then those of the last month; the newest first."""
    since = timezone.now() - timedelta(days=31)
    rows = restrict(actor, WaterAlert.objects.filter(Q(closed_at=None) | Q(raised_at__gte=since)))
    return list(rows.select_related("section__river", "reading", "problem").order_by(F("closed_at").desc(nulls_first=True), "-raised_at")[:100])
