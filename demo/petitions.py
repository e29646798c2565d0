"""Petitions of the demo city: three months of invented letters, played through the verbs by the people whose work it is, at a clock set back.

Everything is made up; no letter is about a real person, firm or event. The same letters come out every time: only the dates follow today.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import yaml
from django.db import transaction
from django.utils import timezone
from PIL import Image

from demo import people
from demo.cases import last_job, play, put_behind
from demo.clock import Clock, office_time
from demo.stories import Officials
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.platforms.identity.models import Account
from yiwang.systems.welfare.online_petition import clusters, filing, rules, ways
from yiwang.systems.welfare.online_petition.models import Instance, Matter, Petition, Reply, Warning

SEED = 20260701
LETTERS = Path(__file__).parent / "data" / "petitions.yaml"
CLERK, HANDLER, HEAD, LEADER = "petition-clerk", "petition-handler", "petition-head", "petition-leader"
REPLIES = {
    "support": ("经核查，反映情况属实。", "支持您的诉求，已经要求责任单位限期办结并书面报告结果。"),
    "explain": ("经核查，反映的情况部分属实，已经有处理安排。", "有关安排和时间已经向您当面说明，将按计划办理。"),
    "refuse": ("经核查，反映的情况与现有材料不一致。", "没有法律和政策依据支持您的诉求，理由已经书面说明。"),
}
RATINGS = {3: ("办得快，谢谢。", ""), 2: ("结果可以，等得久了一点。", ""), 1: ("没有解决实际问题。", "答复太笼统。")}


@dataclass(frozen=True)
class Letter:
    """One row of data/petitions.yaml: what somebody writes, from where, how long ago and how far it has come."""

    title: str
    words: str
    matter: str
    place: str  #: six digits of a county, nine of a town
    days: float  #: ago
    fate: str
    claims: str = ""
    kind: str = "claim"
    channel: str = "online"
    who: str = ""  #: somebody of the cast; "" for an invented person of the place
    people: int = 1
    result: str = "support"
    basis: str = ""
    grade: int = 0
    accused: tuple[str, str, str] = ("", "", "")  #: name, title, office
    way: str = ""
    item: str = ""  #: name of a service item
    point: tuple[float, float] = (0.0, 0.0)
    photo: str = ""  #: name of a picture that comes with it
    number: int = 0

    @property
    def division(self) -> str:
        return self.place.ljust(12, "0")


def load_petitions() -> str:
    """Plays the letters that are not there yet, all or none; says how many came to which end."""
    if Case.objects.filter(key=f"petition:{key_of(0)}").exists():
        return "已有"
    with transaction.atomic():
        return _load(letters())


def _load(written: list[Letter]) -> str:
    now, clock, officials, job = timezone.now(), Clock(), Officials(), last_job()
    writers = _Writers()
    with clock.running():
        clock.set(now - timedelta(days=max(letter.days for letter in written) + 1))
        acts = [(_moment(letter, now), _Life(letter, writers.of(letter), officials).run()) for letter in written]
        play([*acts, (now - timedelta(days=13), _settled(officials))], clock, now)
    clusters.look()
    put_behind(job)
    states = Instance.objects.filter(case__key__in=[f"petition:{key_of(letter.number)}" for letter in written]).select_related("case")
    return "、".join(f"{name} {n}" for name, n in Counter(i.case.declared.state(i.case.state).name for i in states).most_common())


def letters() -> list[Letter]:
    """What data/petitions.yaml holds, one for each writer."""
    rows: list[dict[str, Any]] = yaml.safe_load(LETTERS.read_text(encoding="utf-8"))
    made: list[Letter] = []
    for row in rows:
        row["point"] = tuple(row.get("point", (0.0, 0.0)))
        row["accused"] = tuple(row.get("accused", ("", "", "")))
        copies = row.pop("copies", 1)  # several people about one thing
        for copy in range(copies):
            letter = Letter(**{**row, "number": len(made), "matter": str(row["matter"]), "place": str(row["place"])})
            made.append(replace(letter, days=letter.days - copy * (0.02 if letter.days >= 3 else letter.days / (copies + 1))))
    return made


def _moment(letter: Letter, now: datetime) -> datetime:
    """When it is written. What came in the last days stays within this week, so that the early warning of the week finds it on a Monday too."""
    if letter.days >= 3:
        return now - timedelta(days=letter.days, minutes=letter.number * 7)
    monday = timezone.make_aware(datetime.combine(rules.monday(timezone.localdate(now)), time()))
    return max(now - timedelta(days=letter.days, minutes=letter.number), monday + (now - monday) * letter.number / 1000)


def _settled(officials: Officials) -> Iterator[datetime]:
    """Two weeks ago a cluster was seen and dealt with."""
    clusters.look(timezone.localdate() - timedelta(days=2))
    office = Organisation.objects.get(key="petition@440800")
    yield office_time(timezone.now(), 1, Random(SEED))
    for warning in Warning.objects.filter(closed_at=None):
        clusters.settle(officials.of(office.pk, LEADER), warning.pk, note="已会同人社、住建约谈总包单位，工资专户补足，逐人发放。")


class _Writers:
    """Who writes: the cast where named, else people of the place, each once."""

    def __init__(self) -> None:
        self.cast = {a.username: a.party for a in Account.objects.select_related("party")}
        own = [party.pk for party in self.cast.values() if party]
        self.people = list(Party.objects.filter(invented=True, kind="person", verified="人口库").exclude(pk__in=own).order_by("number")[:3000])
        self.rng = Random(SEED)

    def of(self, letter: Letter) -> Party:
        named = self.cast.get(letter.who)
        if named:
            return named
        near = [p for p in self.people if (p.division_id or "").startswith(letter.place[:6])] or self.people
        if not near:  # a city with hardly anybody in it
            return self._newcomer(letter)
        chosen = self.rng.choice(near)
        self.people.remove(chosen)
        return chosen

    def _newcomer(self, letter: Letter) -> Party:
        number = people.number_of(date(1970, 1, 1) + timedelta(days=letter.number), 870)
        name = self.rng.choice(people.SURNAMES) + self.rng.choice(people.GIVEN)
        party, _ = parties.find_or_register_person(SYSTEM, name=name, number=number, phone=people.phone_of(97_000_000 + letter.number))
        Party.objects.filter(pk=party.pk).update(invented=True)
        return party


class _Life:
    """One letter, from the day it is written as far as the present."""

    def __init__(self, letter: Letter, writer: Party, officials: Officials) -> None:
        self.letter, self.officials = letter, officials
        self.rng = Random(f"{SEED}:{letter.number}")
        self.writer = parties.actor_for(0, writer.pk, writer.name)
        self.petitioner = writer.pk
        self.case = 0

    def run(self) -> Iterator[datetime]:
        """Yields when it goes on."""
        petition = self._file()
        fate = self.letter.fate
        if petition.joined_to_id or fate == "fresh":
            return
        yield self._later(1, 3)
        if fate == "withdrawn":
            procedures.perform(self.writer, self.case, "withdraw", {"reason": "问题已经解决，不再反映。"})
            return
        if fate in ("declined", "inspect"):
            return self._decline() if fate == "declined" else self._inspect()
        self._send()
        if fate == "sent":
            return
        yield self._later(1, 4)
        self._do(HANDLER, "accept")
        if fate == "late":
            yield timezone.now() + timedelta(days=62)
            self._press(petition)
        if fate in {"handling", "late"}:
            return
        yield from self._answer("signing" if fate == "signing" else "")
        if fate in {"reviewing", "reviewed", "final"}:
            yield from self._above(petition)

    def _file(self) -> Petition:
        letter, online = self.letter, self.letter.channel == "online"
        name, title, office = letter.accused
        accused = ({"name": name, "title": title, "organ": office},) if name or office else ()
        asked = filing.Filing(
            key=key_of(letter.number), kind=letter.kind, title=letter.title, words=letter.words, claims=letter.claims, division=letter.division, matter=letter.matter,
            channel=letter.channel, people=letter.people, members=self._representatives(), accused=accused,
            files=((letter.photo, _picture()),) if letter.photo else (),
        )  # fmt: skip
        desk = parties.organ_for("petition", letter.division)
        made = filing.file(self.writer if online else self.officials.of(desk.pk, CLERK), asked, petitioner=None if online else self.petitioner)
        self.case = made.case_id
        return made

    def _representatives(self) -> tuple[tuple[str, bool], ...]:
        """A joint visit sends three to speak for the others (第二十条)."""
        names = [f"{self.rng.choice(people.SURNAMES)}{self.rng.choice(people.GIVEN)}" for _ in range(3)] if self.letter.channel == "visit" and self.letter.people > 5 else []
        return tuple((name, True) for name in dict.fromkeys(names))

    def _send(self) -> None:
        """To the office that usually handles the matter; what many bring is assigned, with a report due."""
        matter = Matter.objects.get(pk=self.letter.matter)
        organ = parties.organ_for(matter.function, self.letter.division)
        manner = "assign" if self.letter.people >= 5 else "forward"
        route = "duty" if self.letter.kind == "accusation" else "petition"
        self._do(CLERK, "transfer", kind=self.letter.kind, matter=matter.pk, route=route, organ=organ.pk, manner=manner, words="请依法办理，并将结果书面答复信访人。")

    def _decline(self) -> None:
        way = rules.BY_CODE[self.letter.way]
        body = next((b.pk for b in ways.bodies_for(self.letter.division) if b.route == way.code), "") if not self.letter.item else ""
        reason = f"您反映的事项{way.words.rstrip('的。')}的，应当通过{way.name}途径提出。"
        self._do(CLERK, "decline_here", route=way.code, reason=reason, body=body, item_name=self.letter.item, way="", handed_to="")

    def _inspect(self) -> None:
        """Handed over to be inspected; filed and assigned there."""
        place = {"type": "Point", "coordinates": list(self.letter.point)}
        self._do(CLERK, "inspect", matter=self.letter.matter, summary=self.letter.words[:200], point=json.dumps(place), opinion="")
        incident = Petition.objects.get(case=self.case).incident
        assert incident
        clerk = self._official(incident.case.organ_id, CLERK)
        procedures.perform(clerk, incident.case_id, "file", {"opinion": "属于履职查处事项，立案。"})
        procedures.perform(clerk, incident.case_id, "assign", {"opinion": "请依法查处，按期答复。"})

    def _press(self, petition: Petition) -> None:
        filing.supervise(self.officials.of(petition.desk_id, LEADER), self.case, kind="press", reason="已经超过办理期限，请说明原因并尽快答复信访人。")

    def _answer(self, rests: str = "") -> Iterator[datetime]:
        """Draft, signature, report where one is due, rating."""
        found, answer = REPLIES[self.letter.result]
        yield self._later(4, 11)
        basis = self.letter.basis or "《信访工作条例》第三十二条"
        self._do(HANDLER, "propose", claims=self.letter.claims or self.letter.title, found=found, result=self.letter.result, answer=answer, basis=basis)
        if rests:
            return
        yield self._later(1, 3)
        self._do(HEAD, "sign")
        if Case.objects.get(pk=self.case).state == "reporting":
            yield self._later(1, 1)
            self._do(HANDLER, "report", opinion="已经办结，处理意见书已送达信访人。")
        if self.letter.grade:
            yield self._later(1, 2)
            filing.rate(self.writer, self.case, grade=self.letter.grade, words=self.rng.choice(RATINGS[self.letter.grade]))

    def _above(self, petition: Petition) -> Iterator[datetime]:
        """复查 by the organ above, and 复核 above that."""
        levels = 2 if self.letter.fate == "final" else 1
        for level in range(levels):
            yield self._later(2, 4)
            self.case = filing.ask_review(self.writer, petition.pk, grounds="答复没有说明计算的依据，和我了解的情况不一样。").case_id
            if self.letter.fate == "reviewing":
                return
            if level:  # 复核: both sides are heard
                yield self._later(1, 2)
                day = office_time(timezone.now(), 3, self.rng)
                self._do(HANDLER, "open_hearing", planned_on=day.date().isoformat())
                yield day
                self._do(HANDLER, "close_hearing", held_on=timezone.localdate().isoformat(), record="双方到场陈述，出示了协议和付款记录。")
            yield from self._answer()

    def _do(self, role: str, step: str, **data: Any) -> None:
        organ = Case.objects.values_list("organ", flat=True).get(pk=self.case)
        procedures.perform(self._official(organ, role), self.case, step, data)

    def _official(self, organ: int, role: str) -> Actor:
        found = self.officials.of(organ, role)
        wrote = Reply.objects.filter(case=self.case, drafted_by=found.party).exists()
        return self.officials.another(organ, role) if role == HEAD and wrote else found

    def _later(self, least: int, most: int) -> datetime:
        return office_time(timezone.now(), self.rng.randint(least, most), self.rng)


def _picture() -> bytes:
    """A picture of nothing and nobody."""
    out = BytesIO()
    Image.linear_gradient("L").resize((480, 320)).save(out, "PNG")
    return out.getvalue()


def key_of(number: int) -> str:
    """The key by which a letter is filed once."""
    return str(uuid5(NAMESPACE_URL, f"yiwang-demo-petition:{number}"))
