"""Who sees which cases, and that lists stay right: every way in beside what must stay closed."""

from datetime import datetime, timedelta
from itertools import count

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures import api
from yiwang.engines.procedures.api import flows
from yiwang.engines.procedures.models import Case, FlowVersion, Task
from yiwang.kit.actors import Actor, Seat
from yiwang.kit.rowsecurity import acting

pytestmark = pytest.mark.django_db
CHIKAN, XIASHAN = "440802000000", "440803000000"
_serial = count(1)


def office(key: str = "market_regulation@440802") -> Organisation:
    return Organisation.objects.get(key=key)


def party(name: str = "林海棠") -> int:
    return Party.objects.get(name=name).pk


def case(organ: Organisation, *, division: str = CHIKAN, parent: Case | None = None, client: str = "", agent: int | None = None) -> Case:
    serial = next(_serial)
    return Case.objects.create(
        number=f"R{serial}", procedure="promise", version=1, state="reviewing", subject="试验", item_key="food_operation", applicant_id=party(), agent_id=agent,
        organ=organ, division_id=division, channel=Case.Channel.INTERNET, parent=parent, client=client, key=f"reading-{serial}",
    )  # fmt: skip


def task(of: Case, organ: Organisation, *, role: str = "approver", due: datetime | None = None, warn: datetime | None = None, closed: bool = False) -> Task:
    return Task.objects.create(case=of, state=f"s{next(_serial)}", title="审查", role=role, organ=organ, due_at=due, warn_at=warn, closed_at=timezone.now() if closed else None)


def official(organ: Organisation, *roles: str, division: str = "440802") -> Actor:
    seat = Seat(post=1, title="试验岗", organ=organ.pk, organ_name=organ.name, division=division, roles=frozenset(roles or ("approver",)))
    return Actor(account=1, name="试验", party=party("刘若溪"), acting_for=party("刘若溪"), seats=(seat,))


def sees(actor: Actor, found: Case) -> bool:
    with acting(actor):
        return api.cases_of(actor).filter(pk=found.pk).exists()


def test_an_office_sees_its_own_cases_and_no_others() -> None:
    found = case(office())
    assert sees(official(office()), found) and not sees(official(office("urban_management@440802")), found)


@pytest.mark.parametrize("closed", [False, True])
def test_an_office_sees_what_it_has_or_had_a_task_in(closed: bool) -> None:
    found, hall = case(office()), office("admin_service_centre@440802")
    assert not sees(official(hall), found)
    task(found, hall, closed=closed)
    assert sees(official(hall), found) and not sees(official(office("admin_service_centre@440803")), found)


def test_a_department_that_is_asked_sees_the_main_case_and_not_the_other_departments() -> None:
    main, police, planning = case(office()), office("traffic_police@440800"), office("natural_resources@440802")
    own, other = case(police, parent=main), case(planning, parent=main)
    assert sees(official(police), main) and sees(official(police), own) and not sees(official(police), other)


@pytest.mark.parametrize("division, seen", [("440802", True), ("4408", True), ("440803", False), ("440802001", False), ("44080", True)])
def test_a_supervisor_sees_the_whole_division_and_nothing_beside_it(division: str, seen: bool) -> None:
    found = case(office())
    bureau = office("government_services_data@440800")
    assert sees(official(bureau, "supervisor", division=division), found) is seen
    assert not sees(official(bureau, "approver", division=division), found)  # the role gives it, not the division


def test_a_person_sees_their_own_an_agent_theirs_and_a_client_what_it_sent() -> None:
    own, taken, sent = case(office()), case(office(), agent=party("黄知秋")), case(office(), client="bank")
    applicant, agent, stranger = (Actor(account=n, party=party(name), acting_for=party(name)) for n, name in enumerate(("林海棠", "黄知秋", "刘若溪"), 1))
    assert all(sees(applicant, found) for found in (own, taken, sent))
    assert sees(agent, taken) and not sees(agent, own)
    assert not any(sees(stranger, found) for found in (own, taken, sent))
    assert sees(Actor(client="bank"), sent) and not sees(Actor(client="shop"), sent) and not sees(Actor(client="bank"), own)


def test_the_lamps_count_what_their_lists_hold_and_each_task_once() -> None:
    now, organ = timezone.now(), office("forestry@440800")
    actor = official(organ)
    limits = [(-1, -3), (-9, -10), (1, -1), (5, 3), (5, None), (None, None)]
    for due, warn in limits:
        moment = [None if days is None else now + timedelta(days=days) for days in (due, warn)]
        task(case(organ), organ, due=moment[0], warn=moment[1])
    task(case(organ), organ, closed=True)
    task(case(organ), organ, role="reviewer")
    assert api.counts(actor) == {"red": 2, "yellow": 1, "green": 2, "paused": 1}
    listed = {lamp: api.waiting(actor, lamp=lamp).tasks for lamp in ("red", "yellow", "green", "paused")}
    assert {lamp: len(rows) for lamp, rows in listed.items()} == api.counts(actor)
    assert all(api.lamp_of(row.due_at, row.warn_at) == lamp for lamp, rows in listed.items() for row in rows)


def test_page_by_key_shows_every_task_once_in_order() -> None:
    now, organ = timezone.now(), office("forestry@440800")
    actor = official(organ)
    for days in (3, 1, 1, 1, 2, None, None):
        task(case(organ), organ, due=None if days is None else now + timedelta(days=days))
    whole = [row.pk for row in api.waiting(actor).tasks]
    seen, after = [], ""
    for _ in range(4):
        page = api.waiting(actor, after=after, size=2)
        seen += [row.pk for row in page.tasks]
        after = page.after
    assert seen == whole and len(whole) == 7 and not after


@pytest.mark.parametrize("after", ["x|1", "2026-13-01|5", "|y", "7", "2026-01-01T00:00:00+08:00|"])
def test_a_page_key_that_nobody_gave_is_refused_in_words(after: str) -> None:
    with pytest.raises(Invalid, match="没有这一页"):
        api.waiting(official(office()), after=after)


def test_row_security_leaves_the_indexes_to_the_lists() -> None:
    """Seen by an official, with sequential reading made dear: what is left sequential is not indexable."""
    organ = office()
    for _ in range(3):
        task(case(organ), organ)
    actor = official(organ)
    with acting(actor), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        waiting = Task.objects.filter(Task.visible_to(actor), closed_at=None).order_by("due_at").explain()
        late = Case.objects.filter(Case.visible_to(official(organ, "supervisor", division="440802")), pk=1).explain()
    assert "Index Scan" in waiting and "Seq Scan on procedures_task" not in waiting  # which index of a handful of rows is chance
    assert "procedures_case_pkey" in late and "Seq Scan on procedures_case " not in late


def test_the_last_closed_cases_of_a_procedure_are_found_without_sorting_all_of_them() -> None:
    version = FlowVersion(procedure="promise", number=1001)
    actor = official(office(), "flow-editor", "supervisor")
    with acting(actor), connection.cursor() as cursor, CaptureQueriesContext(connection) as asked:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
        flows.past_cases(actor, version)
        sql = next(q["sql"] for q in asked.captured_queries if "closed_at" in q["sql"])
        cursor.execute(f"EXPLAIN {sql}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "case_closed_last" in plan and "Sort" not in plan
