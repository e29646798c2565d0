"""How many statements the pages send: as many for a full list as for a short one. A number that grows here is a page that grows slow in a city."""

from datetime import timedelta
from itertools import count

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from yiwang.engines.parties.models import Organisation, Party
from yiwang.engines.procedures.models import Case, Deadline, DeadlineMove, Event, Paper, Task
from yiwang.platforms.identity.models import Account
from yiwang.platforms.items.models import Item
from yiwang.platforms.items.places import service_for
from yiwang.systems.services.acceptance.models import Application, Draft, Inspection, Material

pytestmark = pytest.mark.django_db
CHIKAN = "440802000000"
DOOR = 7  # session, account, who it is with the posts, and the four by which row security takes and gives back
OFFICE = "market_regulation@440802"
_serial = count(1)


def signed_in(username: str) -> Client:
    client = Client()
    client.force_login(Account.objects.get(username=username), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def statements(client: Client, path: str) -> int:
    """Of a process that has answered before: what it keeps (calendar, menus) is read only once."""
    client.get(path)
    with CaptureQueriesContext(connection) as sent:
        assert client.get(path).status_code == 200
    return len(sent)


def application(*, item: str = "food_operation", procedure: str = "promise", parent: Case | None = None, organ: str = OFFICE) -> Case:
    """A case under review, as the steps leave it."""
    now, serial = timezone.now(), next(_serial)
    found = Item.objects.get(key=item)
    service = service_for(found.pk, CHIKAN)
    case = Case.objects.create(
        number=f"Q{serial}", procedure=procedure, version=1, state="asked" if parent else "reviewing", subject="试验", item_key=item, applicant=Party.objects.get(name="林海棠"),
        organ=Organisation.objects.get(key=organ), division_id=CHIKAN, channel=Case.Channel.INTERNET, key=f"queries-{serial}", revision=1, parent=parent,
        due_at=now + timedelta(days=5), warn_at=now + timedelta(days=3),
    )  # fmt: skip
    Task.objects.create(case=case, state=case.state, title="审查", role="approver", organ=case.organ, due_at=case.due_at, warn_at=case.warn_at)
    if parent is None:
        Application.objects.create(case=case, service_id=service.pk, version=found.versions.get(state="published"))
    happens(case)
    return case


def happens(case: Case) -> None:
    """One more of everything that a case page shows."""
    serial, now = next(_serial), timezone.now()
    event = Event.objects.create(case=case, sequence=serial, step="submit", name="提交申请", target=case.state, actor="试验", organ=case.organ)
    Paper.objects.create(event=event, template="receipt")
    clock = Deadline.objects.create(case=case, code="accept", name="受理期限", amount=5, unit="working", started_at=now, finished_at=now, expiry="alert")
    DeadlineMove.objects.create(deadline=clock, kind="start", at=now, by="试验")
    if own := Application.objects.filter(case=case).first():
        Material.objects.create(application=own, code=f"m{serial}", name="材料", way=Material.Way.PAPER)
        Inspection.objects.create(application=own, planned_on=now.date(), received_at=now, finished_at=now, passed=True)


def test_the_work_list() -> None:
    approver = signed_in("shichang")
    application()
    few = statements(approver, "/work/")
    for _ in range(35):
        application()
    assert statements(approver, "/work/") == statements(approver, "/work/?lamp=green") == few == DOOR + 4  # lamps, tasks, messages, calendar


def test_the_console_case_page() -> None:
    approver, case = signed_in("shichang"), application()
    path = f"/work/cases/{case.pk}"
    few = statements(approver, path)
    for _ in range(5):
        happens(case)
    assert statements(approver, path) == few <= DOOR + 16


def test_the_console_page_of_a_joint_approval_with_its_departments() -> None:
    approver, main = signed_in("shichang"), application(procedure="joint")
    path = f"/work/cases/{main.pk}"
    application(procedure="opinion", parent=main, organ="traffic_police@440800")
    few = statements(approver, path)
    for key in ("natural_resources@440802", "housing_construction@440802"):
        application(procedure="opinion", parent=main, organ=key)
    assert statements(approver, path) == few <= DOOR + 18


def test_the_portal_case_page() -> None:
    citizen, case = signed_in("haitang"), application()
    path = f"/my/cases/{case.pk}"
    few = statements(citizen, path)
    for _ in range(5):
        happens(case)
    assert statements(citizen, path) == few <= DOOR + 16


def test_my_cases() -> None:
    citizen, case = signed_in("haitang"), application()
    few = statements(citizen, "/my/cases")
    for _ in range(12):
        application()
    version = Application.objects.get(case=case).version
    for service in version.item.implementations.all()[:5]:
        Draft.objects.create(applicant=case.applicant, author=case.applicant, service=service, version=version)
    assert statements(citizen, "/my/cases") == few <= DOOR + 10
