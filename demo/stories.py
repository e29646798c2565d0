"""How one application goes: who does what next, and when. Written against the verbs; nothing here writes a row of a case."""

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid5

from django.utils import timezone

from demo import forms, people
from demo.clock import office_time
from yiwang.engines.ledger import api as ledger
from yiwang.engines.ledger.models import Bill
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import LegalEntity, Membership, Organisation, Party, Post
from yiwang.engines.procedures import api as procedures
from yiwang.engines.procedures.models import Case, Task
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.registry import registry
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item
from yiwang.platforms.payments.api import BillSettled
from yiwang.systems.services.acceptance import applying, granting, inspecting, listeners
from yiwang.systems.services.acceptance.models import Application, Draft, Inspection
from yiwang.systems.services.evaluation import rules as evaluation

if TYPE_CHECKING:
    from demo.cases import Plan

CHANNEL = "minsheng"  # of the payments: any name; the stand-in is asked about yesterday only
QUIET = timedelta(days=3)  # no invented payment is so fresh that the channel's statement would still be compared with it
SINCE = date(2024, 1, 1)
PRAISE = ("", "", "很快，窗口人员很耐心。", "不用跑现场，方便。", "材料讲得清楚。")
BLAME = ("等了很久，没有人告诉我进度。", "窗口说法前后不一致，跑了两趟。", "电话一直打不通。")


class Officials:
    """Who holds a post; where nobody does yet, an invented person is appointed."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str], Actor] = {}

    def of(self, organ: int, role: str) -> Actor:
        """An actor with that role in that office."""
        if (organ, role) not in self._known:
            holder = next(iter(parties.holders_of(role, organ=organ)), None)
            person = Party.objects.get(pk=holder) if holder else self._appoint(organ, role)
            self._known[organ, role] = parties.actor_for(0, person.pk, person.name)
        return self._known[organ, role]

    def another(self, organ: int, role: str) -> Actor:
        """A second one with that role there, for what the first may not do: sign their own paper."""
        if (organ, f"{role} 2") not in self._known:
            person = self._appoint(organ, role)
            self._known[organ, f"{role} 2"] = parties.actor_for(0, person.pk, person.name)
        return self._known[organ, f"{role} 2"]

    def _appoint(self, organ: int, role: str) -> Party:
        serial = Membership.objects.count()
        rng = Random(serial)
        number = people.number_of(date(1978, 1, 1) + timedelta(days=serial), 880)
        name = rng.choice(people.SURNAMES) + rng.choice(people.GIVEN)
        party, _ = parties.find_or_register_person(SYSTEM, name=name, number=number, phone=people.phone_of(98_000_000 + serial))
        Party.objects.filter(pk=party.pk).update(invented=True)
        post = Post.objects.filter(organisation=organ, roles__contains=[role]).first()
        if post is None:
            office = Organisation.objects.get(pk=organ)
            title = "经办岗" if not Post.objects.filter(organisation=organ, title="经办岗").exists() else f"{registry().roles[role].name}岗"
            post = Post.objects.create(organisation=office, title=title, roles=[role], division_id=office.division_id)
        Membership.objects.create(party=party, post=post, valid_from=SINCE)
        return party


@cache
def _sheet(kind: int) -> bytes:
    return forms.sheet(kind)


class Story:
    """One application from its submission as far as the present."""

    def __init__(self, plan: "Plan", rng: Random, officials: Officials, now: datetime) -> None:
        self.plan, self.rng, self.officials, self.end = plan, rng, officials, now
        self.item = Item.objects.get(key=plan.item)
        self.online = rng.random() < 0.78

    def run(self) -> Iterator[datetime]:
        """Yields when it goes on."""
        self._submit()
        if self.case.procedure == "instant":
            yield from self._at_once()
        else:
            yield from self._taken_in()
            if self.state == "consulting":
                yield from self._consulted()
            if self.state == "reviewing":
                yield from self._examined()
            if self.state == "deciding":
                yield from self._decided()
        if self.state == "paying":
            yield from self._paid()
        if self.state == "licensing":
            granting.make_licence(self.case.pk)
        if self.state == "delivering":
            yield self._later(1, 2)
            self._work("deliver", receiver=self.plan.applicant.name)
        if self.state in {"done", "refused"} and self.rng.random() < 0.5:
            yield timezone.now() + timedelta(hours=self.rng.randint(2, 70))
            yield from self._rated()

    @property
    def state(self) -> str:
        self.case.refresh_from_db()
        return self.case.state

    # --- the applicant --------------------------------------------------------------------------------------------------------------------------

    def _applicant(self) -> Actor:
        who = self.plan.applicant
        if who.kind == Party.Kind.PERSON:
            return parties.actor_for(0, who.pk, who.name)
        head = LegalEntity.objects.select_related("representative").get(party=who).representative
        assert head is not None
        return parties.actor_for(0, head.pk, head.name, acting_for=who.pk)

    def _submit(self) -> None:
        service = items.service_for(self.item.pk, self.plan.division)
        applicant = self.plan.applicant
        actor = self._applicant() if self.online else self.officials.of(parties.window_for(service.organ_id), applying.CLERK)
        draft = applying.open_draft(actor, service.pk, applicant=None if self.online else applicant.pk)
        Draft.objects.filter(pk=draft.pk).update(key=self.plan.key)
        draft = applying.save(actor, draft.pk, situation=forms.situation(draft.version, self.rng), delivery=self._delivery())
        applying.fill_in(actor, draft)
        full = applying.situation_of(draft)
        applying.save(actor, draft.pk, answers=forms.answers(draft.version, full, draft.answers, timezone.localdate(), self.rng))
        for material in items.materials_for(draft.version, full):
            self._give(actor, draft, material)
        self.case: Case = applying.submit(actor, draft.pk)

    def _delivery(self) -> dict[str, str]:
        return {"way": "electronic" if self.rng.random() < 0.8 else "window"}

    def _give(self, actor: Actor, draft: Draft, material: dict[str, Any]) -> None:
        if not material.get("required", True) or (material["source"] == "政府部门" and material.get("register") in {"人口库", "法人库"}):
            return
        if material.get("deferrable") and self.rng.random() < 0.4:
            applying.choose(actor, draft.pk, material["code"], "promise", promised_by=timezone.localdate() + timedelta(days=20))
        elif self.online:
            applying.attach(actor, draft.pk, material["code"], content=_sheet(self.rng.randrange(6)), name=f"{material['name']}.png")
        else:
            applying.choose(actor, draft.pk, material["code"], "paper")

    # --- the window -----------------------------------------------------------------------------------------------------------------------------

    def _at_once(self) -> Iterator[datetime]:
        yield timezone.now() + timedelta(seconds=self.rng.randint(2, 9))
        granting.decide(self.case.pk)
        if self.state != "deciding" or self.plan.fate == "unseen" or self.plan.rest == "deciding":
            return
        if self.plan.fate in {"correction", "lapsed"}:
            yield from self._corrected()
        yield self._later(0, 0 if self.plan.fate != "stuck" else 2)
        if self.state == "deciding" and self.plan.fate == "refused":
            self._work("refuse", reason="经核对，不符合办理条件，具体情况已当面说明。")
        elif self.state == "deciding":
            self._work("grant", opinion="符合条件，准予办理。")

    def _taken_in(self) -> Iterator[datetime]:
        fate = self.plan.fate
        if self.plan.rest == "submitted":
            return
        yield self._later(0, 1) if fate != "unseen" else self._later(6, 7)
        if fate in {"correction", "lapsed"} and self.state == "submitted":
            yield from self._corrected()
            yield self._later(0, 1)
        if fate == "withdrawn":
            yield self._later(0, 1)
            procedures.perform(self._applicant(), self.case.pk, "withdraw", {"reason": "计划有变，暂不办理。"})
        elif self.state == "submitted" and fate == "declined":
            self._work("decline", reason="申请事项依法不属于本机关职权范围，请向有管辖权的机关申请。")
        elif self.state == "submitted":
            self._work("accept", opinion="材料齐全，符合法定形式。")

    def _corrected(self) -> Iterator[datetime]:
        application = Application.objects.select_related("version").get(case=self.case)
        wanted = [m for m in application.version.materials if m["source"] == "申请人"][:1]
        points = [{"code": f"material:{m['code']}", "name": m["name"], "words": "图像不清晰，请重新提交清晰完整的扫描件。"} for m in wanted]
        points = points or [{"code": "general", "name": "联系方式", "words": "电话无法接通，请补充可以联系的电话。"}]
        self._work("ask_correction", points=json.dumps(points), opinion="")
        if self.plan.fate == "lapsed":
            return
        yield self._later(1, 5)
        if self.state == "correcting":
            for material in wanted:
                applying.correct(self._applicant(), self.case.pk, code=material["code"], content=_sheet(7), name=f"{material['name']}（补正）.png")
            procedures.perform(self._applicant(), self.case.pk, "resubmit")

    # --- the department -------------------------------------------------------------------------------------------------------------------------

    def _consulted(self) -> Iterator[datetime]:
        """Each department in its own time; the case goes on with the last."""
        moments = sorted((self._later(0, 2), child.pk) for child in self.case.children.all())
        for at, child in moments:
            yield max(at, timezone.now())
            if self.plan.fate == "refused" and child == moments[-1][1]:
                self._work("disagree", case=child, reason="施工占用主要通学路线，高峰时段交通组织方案不可行。")
            else:
                self._work("agree", case=child, opinion="同意，请落实所附方案。")
            if self.plan.rest == "consulting":
                return

    def _examined(self) -> Iterator[datetime]:
        fate, promise = self.plan.fate, self._promise()
        if self.plan.rest == "reviewing":
            return
        if self._needs_inspection():
            yield self._later(0, 1)
            yield from self._inspected()
        if self.state != "reviewing":
            return
        if fate == "special":
            yield self._later(1, 2)
            self._work("begin_special", kind="专家评审", days=10, opinion="需要组织专家评审。")
            yield self._later(6, 10)
            self._work("end_special", opinion="专家评审通过。")
        yield self._later(promise + 1, promise + 14) if fate == "stuck" else self._later(promise // 5, max(promise * 3 // 5, 1))
        proposal = "refuse" if fate == "refused" else "grant"
        self._work("propose", proposal=proposal, opinion="现场和材料不符合规定的条件。" if fate == "refused" else "经审查，符合规定的条件。")

    def _needs_inspection(self) -> bool:
        return Application.objects.select_related("version").get(case=self.case).version.needs_inspection

    def _inspected(self) -> Iterator[datetime]:
        going = self._later(1, 4)
        self._work("order_inspection", planned_on=timezone.localtime(going).date().isoformat(), instructions="核对布局和给排水。", days=5)
        if self.plan.rest == "inspecting":
            return
        yield going
        inspector = self.officials.of(self.case.organ_id, "inspector")
        inspection = Inspection.objects.select_related("application__version").get(application__case=self.case, received_at=None)
        points = inspection.application.version.inspection or inspecting.GENERAL
        good = self.plan.fate != "refused"
        findings = {p["code"]: {"result": "good" if good or place else "wrong"} for place, p in enumerate(points)}
        began = timezone.now() - timedelta(minutes=25)
        record = inspecting.Record(
            key=uuid5(self.plan.key, "inspection"), started_at=began, finished_at=timezone.now(), place=None, accuracy=None, findings=findings,
            passed=good, companion=self.plan.applicant.name[:12], signature=_sheet(8), remarks="" if good else "与申报图纸不一致。",
        )  # fmt: skip
        inspecting.receive(inspector, inspection.pk, record)

    def _decided(self) -> Iterator[datetime]:
        if self.plan.rest == "deciding":
            return
        yield self._later(0, 1)
        if self.plan.fate == "refused":
            self._work("refuse", reason="现场和材料不符合规定的条件，依法不予许可。")
        else:
            self._work("grant", opinion="同意。")

    def _paid(self) -> Iterator[datetime]:
        yield timezone.now() + timedelta(hours=self.rng.randint(1, 40))
        bill = Bill.objects.get(case=self.case.pk)
        if self.end - timezone.now() > QUIET:
            ledger.settle(SYSTEM, number=bill.number, channel=CHANNEL, serial=f"D{bill.pk}", amount=bill.amount, paid_at=timezone.now())
            listeners.bill_settled(BillSettled(bill.pk, self.case.pk))

    # --- afterwards -----------------------------------------------------------------------------------------------------------------------------

    def _rated(self) -> Iterator[datetime]:
        happy = self.rng.random() < (0.9 if self.state == "done" and self.plan.fate != "stuck" else 0.35)
        grade = self.rng.choice((5, 5, 5, 4, 4, 3)) if happy else self.rng.choice((1, 2))
        rating = evaluation.rate(self._applicant(), self.case.pk, grade=grade, words=self.rng.choice(PRAISE if happy else BLAME))
        if rating.reply_id:
            yield self._later(0, 1)
            self._work("contact", case=rating.reply_id, opinion="您的意见已经收到，我们正在核实，会尽快答复您。")
            yield self._later(1, 3)
            self._work("answer", case=rating.reply_id, opinion="已向申请人当面说明并致歉，窗口增加进度短信。")
            yield self._later(1, 3)
            self._work("accept", case=rating.reply_id, opinion="电话回访，申请人表示认可。")

    def _work(self, step: str, *, case: int | None = None, **data: Any) -> None:
        """Whoever holds the open task takes the step."""
        task = Task.objects.get(case=case or self.case.pk, closed_at=None)
        procedures.perform(self.officials.of(task.organ_id, task.role), task.case_id, step, data)

    def _promise(self) -> int:
        deadline = self.case.deadlines.filter(code="decide", unit="working").order_by("-started_at").first()
        return deadline.amount if deadline else 5

    def _later(self, least: int, most: int) -> datetime:
        return office_time(timezone.now(), self.rng.randint(least, most), self.rng)
