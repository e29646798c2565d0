"""What registers say of a person, and requests to correct or delete it: on a register of carers made for these tests, since each system's own is its to test."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.test.utils import isolate_apps
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.messages.models import Message
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.engines.registers import api as registers
from yiwang.engines.registers.models import CorrectionRequest, PolicyValue
from yiwang.kit.access import NOTHING
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.declare import Register
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry, resolve
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def carers() -> Register:
    """A register with a subject, and a column that names somebody else."""
    with isolate_apps("yiwang.engines.registers"):

        class Carer(Kept):
            """Somebody who looks after something, found by somebody else."""

            personal = ("phone", "note")
            who = models.ForeignKey(Party, models.PROTECT, related_name="+", verbose_name="看护人")
            finder = models.ForeignKey(Party, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="推荐人")
            task = models.CharField("任务", max_length=40)
            phone = models.CharField("电话", max_length=20, blank=True)
            note = models.CharField("备注", max_length=60, blank=True)

            class Meta:
                app_label = "registers"
                verbose_name = "看护人"

            def __str__(self) -> str:
                return self.task

            @classmethod
            def visible_to(cls, actor: Actor) -> Q:
                return Q() if actor.seats else NOTHING

    return Register(
        code="carer", name="看护人", model=Carer, columns=("who", "finder", "task"), fields=("who", "finder", "task", "phone", "note"), readers=("river-chief",),
        editors=("river-office",), subject="who",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def kept(carers: Register, monkeypatch: pytest.MonkeyPatch, db: None) -> Iterator[None]:
    """The table, for the length of a test, and the registry with the register in it."""
    with connection.schema_editor(atomic=False) as editor:
        editor.create_model(carers.model)
    river = registry().systems["river_chief"]
    built = resolve(tuple(replace(s, registers=(*s.registers, carers)) if s is river else s for s in registry().systems.values()))
    for module in ("asking", "models"):
        monkeypatch.setattr(f"yiwang.engines.registers.{module}.registry", lambda: built)
    yield


def person(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, party.name)


def carer(carers: Register, who: str = "刘若溪", **changes: str) -> Any:
    return registers.keep(SYSTEM, carers, {"who": number(who), "finder": number("林海棠"), "task": "湖光岩古榕", "phone": "19911110003", "note": "雨天也来", **changes})


def number(name: str) -> str:
    return str(Party.objects.get(name=name).pk)


def asked(row: Any, **changes: str) -> CorrectionRequest:
    given = {"kind": "correct", "words": "电话换成了 19911110088", **changes}
    return registers.ask(person("刘若溪"), "carer", str(row.pk), kind=given["kind"], words=given["words"])


def test_a_person_reads_what_is_about_them_in_clear_and_nobody_elses_name(carers: Register) -> None:
    mine, other = carer(carers), carer(carers, "林海棠")
    said = list(registers.about(person("刘若溪")))
    assert [o.row.pk for o in said] == [mine.pk] and other.pk != mine.pk
    assert said[0].facts == [("看护人", "刘若溪"), ("任务", "湖光岩古榕"), ("电话", "19911110003"), ("备注", "雨天也来")]
    assert "林海棠" not in str(said[0].facts)
    assert list(registers.about(NOBODY)) == [] and list(registers.about(person("王思齐"))) == []
    with acting(person("刘若溪")):  # as a page runs it
        assert [o.row.pk for o in registers.about(person("刘若溪"))] == [mine.pk]


def test_an_agent_does_not_read_what_is_about_the_principal(carers: Register) -> None:
    carer(carers)
    agent = replace(person("林海棠"), acting_for=int(number("刘若溪")))
    assert [o for o in registers.about(agent) if o.register == carers] == []
    with pytest.raises(NotFound):
        registers.ask(agent, "carer", str(carers.model._default_manager.get().pk), kind="erase", words="x")


def test_a_correction_is_granted_once_the_row_has_been_changed_and_the_person_is_told(carers: Register) -> None:
    row = carer(carers)
    carers.model._default_manager.update(changed_at=timezone.now() - timedelta(days=3))
    request = asked(row)
    assert request.due_on == timezone.localdate() + timedelta(days=30)
    office = person("徐听雨")
    assert [r.pk for r in registers.waiting(office)] == [request.pk]
    with pytest.raises(Conflict, match="还没有修改过"):
        registers.answer(office, request.pk, granted=True, words="已改")
    registers.change(office, carers, row.pk, {"phone": "19911110088"}, reason="本人申请")
    done = registers.answer(office, request.pk, granted=True, words="电话已改为您提供的号码")
    assert done.state == "granted" and done.version is not None and done.version.after == {"phone": "19911110088"}
    told = Message.objects.get(key=f"asked:{request.pk}")
    assert told.to.name == "刘若溪" and "电话已改为您提供的号码" in told.body and "已按申请处理" in told.body
    assert registers.waiting(office) == [] and [r.pk for r in registers.asked_by(person("刘若溪"))] == [request.pk]
    with pytest.raises(Conflict, match="已经答复"):
        registers.answer(office, request.pk, granted=False, words="又想了想")


def test_a_deletion_deletes_and_the_row_is_gone_for_everybody(carers: Register) -> None:
    row = carer(carers)
    request = asked(row, kind="erase", words="不再看护")
    done = registers.answer(person("徐听雨"), request.pk, granted=True, words="已删除")
    row.refresh_from_db()
    assert (row.standing, row.phone, row.note) == ("erased", "", "") and done.version is not None
    assert list(registers.about(person("刘若溪"))) == []
    assert "19911110003" not in str([v.after for v in registers.versions(row)])


def test_a_refusal_needs_its_reason_and_changes_nothing(carers: Register) -> None:
    row = carer(carers)
    request = asked(row, kind="erase", words="删掉")
    with pytest.raises(Invalid) as refused:
        registers.answer(person("徐听雨"), request.pk, granted=False, words=" ")
    assert "words" in refused.value.fields
    registers.answer(person("徐听雨"), request.pk, granted=False, words="看护协议未到期，依法需要保存")
    row.refresh_from_db()
    assert row.phone == "19911110003" and registers.asked_by(person("刘若溪"))[0].state == "refused"


@pytest.mark.parametrize(("kind", "words", "field"), [("correct", "  ", "words"), ("rename", "x", "kind"), ("", "x", "kind")])
def test_a_request_says_what_it_wants(carers: Register, kind: str, words: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        registers.ask(person("刘若溪"), "carer", str(carer(carers).pk), kind=kind, words=words)
    assert field in refused.value.fields


def test_one_request_of_a_kind_waits_at_a_time(carers: Register) -> None:
    row = carer(carers)
    first = asked(row)
    with pytest.raises(Conflict, match="正在处理"):
        asked(row)
    asked(row, kind="erase")
    registers.answer(person("徐听雨"), first.pk, granted=False, words="号码没有变")
    asked(row)
    with pytest.raises(IntegrityError), transaction.atomic():
        CorrectionRequest.objects.filter(pk=first.pk).update(answer="")


@pytest.mark.parametrize("row", ["0", "abc", "9" * 30, "-1", "１２"])
def test_of_other_peoples_rows_and_of_none_nothing_can_be_asked(carers: Register, row: str) -> None:
    theirs = carer(carers, "林海棠")
    for key in (str(theirs.pk), row):
        with pytest.raises(NotFound):
            registers.ask(person("刘若溪"), "carer", key, kind="erase", words="删掉")
    for code in ("river", "nothing"):
        with pytest.raises(NotFound):
            registers.ask(person("刘若溪"), code, str(theirs.pk), kind="erase", words="删掉")
    with pytest.raises(NotFound):
        registers.ask(NOBODY, "carer", str(theirs.pk), kind="erase", words="删掉")


def test_only_who_keeps_the_register_answers_and_never_for_themself(carers: Register) -> None:
    request = asked(carer(carers))
    for name in ("卢南渡", "王思齐"):  # reads the register; has nothing to do with it
        assert registers.waiting(person(name)) == []
        with pytest.raises(NotFound):
            registers.answer(person(name), request.pk, granted=False, words="不")
    with pytest.raises(NotAllowed):  # it is theirs to see, not to answer
        registers.answer(person("刘若溪"), request.pk, granted=True, words="好")
    office = person("徐听雨")
    own = registers.ask(office, "carer", str(carer(carers, "徐听雨").pk), kind="erase", words="删掉")
    assert own.pk not in {r.pk for r in registers.waiting(office)}
    with pytest.raises(NotAllowed, match="自己"):
        registers.answer(office, own.pk, granted=True, words="好")


def test_the_database_shows_a_person_only_their_own_requests(carers: Register) -> None:
    asked(carer(carers))
    for name, number in (("刘若溪", 1), ("林海棠", 0), ("徐听雨", 1)):
        with acting(person(name)):
            assert CorrectionRequest.objects.count() == number
    with acting(NOBODY):
        assert CorrectionRequest.objects.count() == 0


def test_without_the_dated_limit_nothing_is_promised(carers: Register) -> None:
    PolicyValue.objects.filter(key="registers.answer-days").delete()
    with pytest.raises(Exception, match="没有录入有效的取值"):
        asked(carer(carers))
