"""A round comes in from a phone: once for its key, judged by the rules of its day, counted into its period."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import shapely
from django.contrib.gis.geos import LineString, Point
from django.db import connection, transaction
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.documents import api as documents
from yiwang.engines.registers import api as registers
from yiwang.kit import events
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.patrols import planning, rules
from yiwang.platforms.patrols.models import SRID, CheckItem, Finding, PatrolPlan, Round

FIXES = 20_000  # of one round: a fix each second for more than five hours
OLDEST = timedelta(days=31)  # a phone that was without a network longer than that has lost its round
AHEAD = timedelta(minutes=5)  # a phone's clock may be fast
SLACK = 60.0  # seconds that a receiver's clock and the phone's may differ
FARTHEST = 10_000_000.0  # metres: nobody walks that in a month
RESULTS = ("good", "wrong", "none")


@dataclass(frozen=True, kw_only=True)
class RoundReceived:
    """A round stands, with its findings. Told once, after commit."""

    round: int


def plan_for(actor: Actor, plan: int) -> PatrolPlan:
    """A plan that the actor may see. Raises NotFound."""
    found = restrict(actor, PatrolPlan.objects.filter(pk=plan)).select_related("post", "division").first()
    if found is None:
        raise NotFound("没有找到这个巡查计划。", hint="只能查看自己岗位和所督查区划的巡查计划。")
    return found


@transaction.atomic
def receive(actor: Actor, plan: int, record: Mapping[str, Any], *, key: str) -> Round:
    """Keeps a finished round of the actor's plan and judges it. The same key again gives the same round and changes nothing.

    record: started_at, finished_at (ISO), track {points: [[lon, lat, ISO time, accuracy m, segment]]}, checks {code: {result, note}}, note, delegated,
    findings [{kind, place [lon, lat], accuracy, note, photo (bytes), seen_at}]. An invalid round is kept with its reasons: it does not count.
    Who held the plan's post on the day of the walk may still send it when the post is another's.
    Raises NotFound, NotAllowed (not one's post, and not delegated), Conflict (the key is another person's or plan's), Invalid naming what is missing.
    """
    own = _own(actor, plan, record)
    wanted = own or plan_for(actor, plan)
    if actor.party is None or not (own or wanted.overseer in actor.roles):
        raise NotAllowed("巡查由这个岗位的人员进行，或者由督查岗位代巡。")
    with elevated():  # who left the last post is no official any more; the period counts everybody's rounds
        return _kept(actor, actor.party, wanted, record, key, delegated=own is None or record.get("delegated") is True)


def _own(actor: Actor, plan: int, record: Mapping[str, Any]) -> PatrolPlan | None:
    """The plan, if its post is the actor's, or was when the walk began."""
    found = PatrolPlan.objects.filter(pk=plan).select_related("post", "division").first() if actor.party else None
    if found is None or any(seat.post == found.post_id for seat in actor.seats):
        return found
    day = timezone.localdate(_moment(record.get("started_at"), "started_at"))
    return found if actor.party in planning.holders(found.post_id, day) else None


def _kept(actor: Actor, walker: int, wanted: PatrolPlan, record: Mapping[str, Any], key: str, *, delegated: bool) -> Round:
    mark = _uuid(key)
    with connection.cursor() as cursor:  # the same record arriving twice at once: the second waits and finds the first's round
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [str(mark)])
    known = Round.objects.filter(key=mark).first()
    if known:
        if known.walker_id != walker or known.plan_id != wanted.pk:
            raise Conflict("这份记录的标识已经用于另一次巡查。")
        return known
    made = _fill(Round(plan=wanted, walker_id=walker, delegated=delegated, key=mark, division_id=wanted.division_id), record)
    made.save(force_insert=True)
    Finding.objects.bulk_create([_finding(made, number, row) for number, row in enumerate(_rows(record.get("findings")))])
    planning.count(wanted, timezone.localtime(made.started_at).date())
    words = f"{wanted.name}：{'有效' if made.valid else '无效，' + '；'.join(made.reasons)}"
    audit.record(actor, "patrol.receive", subject=made, summary=words[:300])
    events.publish(RoundReceived(round=made.pk))
    return made


def limits_for(division: str, day: date) -> rules.Limits:
    """The thresholds in force there on that day. Raises PolicyMissing."""
    def value(name: str) -> float:
        return float(registers.policy(f"patrols.{name}", division=division, on=day))

    return rules.Limits(
        near=value("near-metres"), share=value("share") / 100, minutes_per_5km=value("minutes-per-5km"), fast_kmh=value("fast-kmh"),
        fast_seconds=value("fast-seconds"), jump_kmh=value("jump-kmh"), gap=value("gap-metres"), accuracy=value("accuracy-metres"),
        longest_hours=value("longest-hours"),
    )  # fmt: skip


def _fill(row: Round, record: Mapping[str, Any]) -> Round:
    row.started_at, row.finished_at = _moment(record.get("started_at"), "started_at"), _moment(record.get("finished_at"), "finished_at")
    now = timezone.now()
    if row.finished_at < row.started_at or row.finished_at > now + AHEAD:
        raise Invalid("巡查的时间不正确。", hint="请核对手机的日期和时间后重新提交。", fields={"finished_at": "结束时间应当晚于开始、不晚于现在"})
    if row.started_at < now - OLDEST:
        raise Invalid("这次巡查已超过 31 天，不能再补交。", fields={"started_at": "巡查后应当及时上传"})
    fixes = list(_fixes(record.get("track"), row.started_at, row.finished_at))
    row.track = LineString([(f.longitude, f.latitude) for f in fixes], srid=SRID) if len(fixes) > 1 else None
    row.seconds = [round(f.at, 1) for f in fixes]
    course = shapely.from_wkb(bytes(row.plan.course.wkb))
    verdict = rules.judge(fixes, course, limits_for(row.division_id, timezone.localtime(row.started_at).date()))
    if verdict.metres > FARTHEST or verdict.minutes * 60 > OLDEST.total_seconds():
        raise Invalid("轨迹有不可能的点。", fields={"track": "全程超过一万公里或者 31 天"})
    row.metres, row.minutes, row.coverage = verdict.metres, verdict.minutes, verdict.coverage
    row.valid, row.reasons = verdict.valid, list(verdict.reasons)
    row.checks, row.note = list(_checks(row.plan, record.get("checks"))), str(record.get("note") or "").strip()[:500]
    return row


def _fixes(track: Any, begun: datetime, ended: datetime) -> Iterator[rules.Fix]:
    points = track.get("points") if isinstance(track, dict) else None
    if not isinstance(points, list) or not points or len(points) > FIXES:
        raise Invalid("没有收到巡查轨迹。", fields={"track": "请记录轨迹后再提交"})
    for row in points:
        try:
            longitude, latitude, accuracy, segment = float(row[0]), float(row[1]), float(row[3]), int(row[4])
            at = (_moment(row[2], "track") - begun).total_seconds()
        except (TypeError, ValueError, OverflowError, IndexError, KeyError):
            raise Invalid("轨迹格式不正确。", fields={"track": "每个点应为 经度、纬度、时间、误差、段"}) from None
        inside = -180 <= longitude <= 180 and -90 <= latitude <= 90 and accuracy >= 0
        if not inside or not -SLACK <= at <= (ended - begun).total_seconds() + SLACK:
            raise Invalid("轨迹有不可能的点。", fields={"track": "位置超出范围，或者时间在巡查以外"})
        yield rules.Fix(longitude, latitude, at, accuracy, segment)


def _checks(plan: PatrolPlan, answers: Any) -> Iterator[dict[str, str]]:
    given = answers if isinstance(answers, dict) else {}
    for item in CheckItem.objects.filter(listing=plan.checks).order_by("place", "code") if plan.checks else ():
        one = given.get(item.code)
        answer = one if isinstance(one, dict) else {}
        result = answer.get("result")
        yield {"code": item.code, "name": item.name, "result": result if result in RESULTS else "none", "note": str(answer.get("note") or "")[:300]}


def _finding(made: Round, number: int, row: Mapping[str, Any]) -> Finding:
    place, note = row.get("place"), str(row.get("note") or "").strip()
    problems = {} if note else {"note": "请说明看到了什么"}
    if not place:
        problems["place"] = "请在现场记录位置"
    if problems:
        raise Invalid("发现的问题还不完整。", fields=problems)
    photo = documents.store(row["photo"], name="巡查照片.jpg") if row.get("photo") else None
    return Finding(
        round=made, key=uuid5(made.key, str(number)), kind=str(row.get("kind") or "")[:40], place=_point(place), accuracy=row.get("accuracy"), note=note[:500], photo=photo,
        seen_at=_seen(made, row.get("seen_at")),
    )  # fmt: skip


def _seen(made: Round, value: Any) -> datetime:
    """When it was seen: on the round. What claims another moment, such as a picture of last month, or none, counts from the round's end."""
    at, slack = _moment(value, "seen_at") if value else made.finished_at, timedelta(seconds=SLACK)
    return at if made.started_at - slack <= at <= made.finished_at + slack else made.finished_at


def _point(value: Any) -> Point:
    try:
        longitude, latitude = (float(v) for v in value)
    except (TypeError, ValueError):
        raise Invalid("位置格式不正确。", fields={"place": "应为 经度、纬度"}) from None
    if not (-180 <= longitude <= 180 and -90 <= latitude <= 90):
        raise Invalid("位置超出范围。", fields={"place": "经纬度超出范围"})
    return Point(longitude, latitude, srid=SRID)


def _uuid(value: Any) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise Invalid("巡查记录缺少标识。", fields={"key": "应为手机生成的唯一标识"}) from None


def _moment(value: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
        return timezone.localtime(moment if moment.tzinfo else timezone.make_aware(moment))
    except (ValueError, OverflowError):
        raise Invalid("时间格式不正确。", fields={name: "请提供完整的日期和时间"}) from None


def _rows(value: Any) -> Sequence[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []
