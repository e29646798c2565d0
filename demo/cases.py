"""Cases in flight: some months of applications, each made by the people whose work it is, through the same verbs as on the pages, at a clock set back.

The stories of a cohort run side by side in the order of their moments, so that case numbers, events and audit follow one another as they would have.
A cohort is one transaction: an unfinished load goes on with the cohort at which it stopped. Papers are left to the worker, behind everything fresh.
"""

import gc
import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count, islice
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from django.db import connection, transaction
from django.utils import timezone

from demo.clock import Clock, office_time
from demo.stories import Officials, Story
from yiwang.base.errors import CalendarUnknown, NotFound
from yiwang.engines.parties.models import LegalEntity, Party, Person
from yiwang.engines.procedures import timers
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Task
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item
from yiwang.systems.services.acceptance.models import Application, Correction, Delivery, Draft, Inspection, Material

SEED = 20260401
COHORT = 160  #: cases for each unit of scale
BACK = 84  #: days
BUILT = (("food_operation", 17), ("road_dig", 8), ("elderly_card_apply", 9))
OTHERS = (
    "employment_hardship", "temporary_relief", "maintenance_fund_use", "school_transfer", "credit_repair", "abnormal_remove", "land_temp_use", "env_facility_close",
    "civil_air", "bus_elderly_card", "medical_remote_filing", "medical_resident_enroll", "resident_pension_enroll", "flexible_employment_enroll", "real_estate_query",
    "hukou_certificate", "residence_registration", "funeral_subsidy", "veteran_register", "employment_register", "tax_invoice_apply", "tax_new_taxpayer",
    "credit_report_public", "quality_supervision", "fee_refund", "gov_info_disclosure", "waste_outfall_river", "water_facility",
)  # fmt: skip
GROWING = (Case, Task, Deadline, DeadlineMove, Event, Application, Material, Correction, Inspection, Delivery, Draft)
FIRMS_ONLY = {"road_dig", "fee_refund"}  #: open to persons too, but asked for by firms
COUNTIES = (("440802", 44), ("440803", 14), ("440804", 6), ("440811", 8), ("440823", 7), ("440825", 5), ("440881", 6), ("440882", 6), ("440883", 4))
FATES = (("done", 74), ("correction", 11), ("refused", 4), ("declined", 3), ("withdrawn", 3), ("lapsed", 2), ("special", 3), ("stuck", 4), ("unseen", 1))
OWN = (("xiaofan", "food_operation", 62, "done"), ("xiaofan", "credit_repair", 2, "done"), ("haitang", "medical_remote_filing", 40, "done"),
       ("haitang", "employment_hardship", 1, "correction"), ("changfeng", "road_dig", 33, "done"), ("changfeng", "road_dig", 2, "done"))  # fmt: skip
QUEUES = (  #: what waits today for those who can sign in: item, division, days ago, state it rests in
    *(("food_operation", "440802000000", days, state) for days, state in (
        (0, "submitted"), (1, "submitted"), (1, "reviewing"), (2, "reviewing"), (4, "reviewing"), (8, "reviewing"), (10, "reviewing"), (13, "reviewing"),
        (3, "inspecting"), (5, "inspecting"), (6, "inspecting"), (6, "deciding"), (9, "deciding"), (12, "deciding"),
    )),
    *(("road_dig", "440802001000", days, state) for days, state in (
        (0, "submitted"), (1, "consulting"), (2, "consulting"), (5, "consulting"), (4, "reviewing"), (6, "reviewing"), (9, "reviewing"), (5, "deciding"), (8, "deciding"),
    )),
    *(("elderly_card_apply", "440802001000", days, "done") for days in (0, 1)),
    *((item, "440802001000", days, "deciding") for days, item in enumerate(("residence_registration", "funeral_subsidy", "employment_register"))),
    ("temporary_relief", "440802001000", 3, "reviewing"), ("credit_repair", "440802001000", 1, "submitted"), ("abnormal_remove", "440802001000", 2, "submitted"),
)  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """A case before it happens."""

    key: UUID
    item: str
    division: str  #: 12 digits
    applicant: Party
    opened: datetime
    fate: str
    rest: str = ""  #: the state in which it waits for somebody who can sign in


def load_cases(scale: int, most: int = COHORT) -> str:
    """Makes the cohorts that are not there yet, the first `most` cases of each; says how many cases came into which end."""
    made: Counter[str] = Counter()
    for cohort in range(scale):
        if not Case.objects.filter(key=str(_key(cohort, 0))).exists():
            made += _cohort(cohort, most)
    return "、".join(f"{state} {number}" for state, number in made.most_common()) or "已有"


@transaction.atomic
def _cohort(cohort: int, most: int) -> "Counter[str]":
    now, rng, clock, officials = timezone.now(), Random(SEED + cohort), Clock(), Officials()
    job = last_job()
    gc.disable()  # millions of short-lived rows and not a cycle among them that matters: a tenth of the time
    plans = list(islice(_plans(cohort, now, rng), most))
    with clock.running():
        clock.set(now - timedelta(days=BACK + 1))
        stories = [Story(plan, Random(f"{SEED}:{plan.key}"), officials, now) for plan in plans]
        play([(story.plan.opened, story.run()) for story in stories] + [(now - timedelta(days=BACK), _evenings(now))], clock, now)
    gc.enable()
    put_behind(job)
    ended = Case.objects.filter(key__in=[str(p.key) for p in plans])
    return Counter(case.declared.state(case.state).name for case in ended)


def play(acts: list[tuple[datetime, Iterator[datetime]]], clock: Clock, now: datetime) -> None:
    """Always the earliest next: a story says when it goes on, and rests for good when that is still to come."""
    order = count()
    waiting = [(at, next(order), story) for at, story in acts]
    heapq.heapify(waiting)
    while waiting:
        at, _, story = heapq.heappop(waiting)
        clock.set(at)
        try:
            later = next(story)
        except (StopIteration, CalendarUnknown):  # over; or its limit lies in a year whose holidays nobody knows yet
            continue
        if later < now:
            heapq.heappush(waiting, (max(later, at), next(order), story))


def _evenings(now: datetime) -> Iterator[datetime]:
    """What the worker does every minute is done once a day: silent limits speak."""
    at = timezone.localtime().replace(hour=18, minute=10)
    while at < now:
        yield at
        timers.expire_due()
        if at.weekday() in {1, 4}:
            _analyse()
        at += timedelta(days=1)


def _plans(cohort: int, now: datetime, rng: Random) -> Iterator[Plan]:
    """Half of the cases fall into the last three weeks; working days, in and out of office hours."""
    number = count()
    everybody, known = _Applicants(), {item.key: item for item in Item.objects.filter(key__in=[*OTHERS, *(k for k, _ in BUILT)])}
    if cohort == 0:
        for username, item, days, fate in OWN:
            who = everybody.of(username)
            yield Plan(_key(cohort, next(number)), item, _division(known[item], who, "440802"), who, _opening(now, days, rng), fate)
        for item, division, days, rest in QUEUES:
            yield Plan(_key(cohort, next(number)), item, division, everybody.any(known[item], division[:6], rng), _opening(now, days, rng), "done", rest)
    for serial in range(next(number), COHORT):
        item, county = _item(rng), _weighted(COUNTIES, rng)
        back = rng.triangular(0, BACK, 4) if rng.random() < 0.5 else rng.uniform(0, 21)
        applicant = everybody.any(known[item], county, rng)
        division = _division(known[item], applicant, county)
        if division:
            yield Plan(_key(cohort, serial), item, division, applicant, _opening(now, int(back), rng), _weighted(FATES, rng))


def _division(item: Item, applicant: Party, county: str) -> str:
    """Where the applicant asks: in the own town if it answers, else in the county; "" where nobody does. Food in the county, where the cast has its posts."""
    home = applicant.division_id or ""
    for place in (home if home.startswith(county) and item.key != "food_operation" else "", county.ljust(12, "0"), home):
        try:
            if place:
                items.service_for(item.pk, place)
                return place
        except NotFound:
            continue
    return ""


def _item(rng: Random) -> str:
    return _weighted((*BUILT, ("", 66)), rng) or rng.choice(OTHERS)


def _opening(now: datetime, days: int, rng: Random) -> datetime:
    day = now - timedelta(days=days)
    opened = office_time(day - timedelta(days=1), 1, rng) - timedelta(minutes=rng.choice((0, 0, 0, 30, 60)))
    return opened if opened < now - timedelta(minutes=40) else now - timedelta(minutes=rng.randint(41, 240))


def _weighted(pairs: tuple[tuple[str, int], ...], rng: Random) -> str:
    return rng.choices([name for name, _ in pairs], [weight for _, weight in pairs])[0]


def _key(cohort: int, serial: int) -> UUID:
    return uuid5(NAMESPACE_URL, f"yiwang-demo-case:{cohort}:{serial}")


def _analyse() -> None:
    """Nobody analyses tables that a transaction is still filling; without it the planner takes them for empty and joins row by row."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(model._meta.db_table for model in GROWING)}")


def last_job() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM procrastinate_jobs")
        found: Any = cursor.fetchone()
    return int(found[0])


def put_behind(job: int) -> None:
    """What the worker owes the past, all jobs after this one, waits behind what people ask for today."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET priority = -10 WHERE id > %s AND status = 'todo'", [job])


class _Applicants:
    """The invented people, by where they live, old enough where age matters; those of the cast apply only where it is said."""

    def __init__(self) -> None:
        from demo.cast import CAST, FIRMS
        from yiwang.platforms.identity.models import Account

        accounts = Account.objects.filter(username__in=[p.username for p in CAST])
        self.cast = {a.username: a.party for a in accounts.select_related("party")}
        self.firms = {owner: Party.objects.get(name=name) for name, _, _, owner in FIRMS}
        ours = [p.pk for p in self.cast.values() if p]
        old = timezone.localdate() - timedelta(days=61 * 366)
        people = Party.objects.filter(invented=True, kind="person", verified="人口库", number__lt="440899199").exclude(pk__in=ours).order_by("number")
        elders = set(Person.objects.filter(birth__lt=old).values_list("party", flat=True))
        self.persons = list(people[:4000])
        self.elders = [p for p in self.persons if p.pk in elders]
        self.entities = [e.party for e in LegalEntity.objects.select_related("party").exclude(party__in=self.firms.values()).order_by("party__number")[:1500]]

    def of(self, username: str) -> Party:
        party = self.firms.get(username) or self.cast[username]
        assert party is not None
        return party

    def any(self, item: Item, county: str, rng: Random) -> Party:
        among = self.elders if "elderly" in item.key or "pension" in item.key else self.entities if not item.for_persons or item.key in FIRMS_ONLY else self.persons
        near = [p for p in among if p.division_id and p.division_id.startswith(county)]
        return rng.choice(near or among)
