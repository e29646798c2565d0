"""Licences: issued once, changed only by their issuer, shown only to whom the holder or the law lets, verified by anybody."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib.auth import get_user_model
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connections, transaction
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Gone, Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.documents import api as documents
from yiwang.engines.documents.tests import NOTICE
from yiwang.engines.messages.models import Message
from yiwang.engines.parties.models import Organisation, Party
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.rowsecurity import acting
from yiwang.platforms.identity import api as identity
from yiwang.platforms.licences import api, jobs, kinds
from yiwang.platforms.licences.models import Authorisation, Licence, LicenceType, Use

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def person(username: str) -> Actor:
    return identity.actor_of_account(username)


@pytest.fixture
def holder() -> Actor:
    return person("haitang")


@pytest.fixture
def office() -> Organisation:
    return Organisation.objects.get(key="market_regulation@440802")


def issued(holder: Actor, office: Organisation, **changes: Any) -> Licence:
    given: dict[str, Any] = {
        "type": "food_operation_licence", "holder": holder.party, "fields": {"经营者名称": "试验店", "主体业态": "餐饮"}, "issuer": office.pk,
        "valid_from": TODAY - timedelta(days=400), "valid_to": TODAY + timedelta(days=400), "number": "JY24408020000001",
    }  # fmt: skip
    return api.issue(SYSTEM, **{**given, **changes})


# --- types -------------------------------------------------------------------------------------------------------------------------------------


def test_all_types_are_loaded_with_their_marks() -> None:
    before = dict(LicenceType.objects.values_list("key", "serial"))
    assert api.load_types() == 335 and set(LicenceType.objects.values_list("mark", flat=True)) == {"V", "K"}
    assert dict(LicenceType.objects.values_list("key", "serial")) == before  # loading again moves nothing


def test_a_new_type_moves_no_code(tmp_path: Path) -> None:
    rows = yaml.safe_load(kinds.DATA.read_text(encoding="utf-8"))["licence_types"]
    before = {kind.key: kinds.type_code(kind) for kind in LicenceType.objects.all()}
    added = {"key": "aaa_first", "name": "新证", "issuer": "x", "holders": ["自然人"], "fields": ["姓名"], "mark": "K"}
    path = tmp_path / "types.yaml"
    path.write_text(yaml.safe_dump({"licence_types": [added, {**rows[0], "name": "改名"}, *rows[1:]]}, allow_unicode=True), encoding="utf-8")
    assert kinds.load_types(path) == 336
    assert {kind.key: kinds.type_code(kind) for kind in LicenceType.objects.exclude(key="aaa_first")} == before
    assert LicenceType.objects.get(key=rows[0]["key"]).name == "改名"


def test_faults_of_the_data_are_named_together(tmp_path: Path) -> None:
    path = tmp_path / "types.yaml"
    path.write_text("licence_types: [{key: a, name: 甲, issuer: x, holders: [自然人], fields: [], mark: V}, {key: a, name: 乙, issuer: x, holders: [自然人], fields: [f], mark: Q}]")
    with pytest.raises(Invalid, match=r"a 没有 fields；a 重复；a 没有注明核实情况"):
        kinds.load_types(path)


# --- issuing -----------------------------------------------------------------------------------------------------------------------------------


def test_a_licence_has_a_checked_identifier_and_a_sealed_face(holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    assert identifiers.is_licence_identifier(made.identifier) and made.identifier.split(".")[-2] == "001"
    assert made.file is not None and made.file.owner == holder.party
    seal, verdict = api.verify_file(documents.read(made.file))
    assert seal.holds and seal.organ == office.name and verdict is not None and verdict.result == "valid"
    assert Entry.objects.filter(action="licence.issue", subject_id=str(made.pk)).count() == 1


def test_a_case_gets_one_licence_of_a_type(holder: Actor, office: Organisation) -> None:
    first = issued(holder, office, case=5)
    assert issued(holder, office, case=5, number="OTHER1") == first
    assert Licence.objects.filter(case=5).count() == 1


def test_two_workers_issue_one_licence(office: Organisation) -> None:
    holder = Party.objects.get(name="林海棠").pk
    case = 2**62 - 1  # of nobody

    def work(_: int) -> int:
        try:
            return issued(Actor(party=holder), office, case=case, number="TWOWORKERS1").pk
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(3) as pool:
        made = set(pool.map(work, range(3)))
    try:
        assert len(made) == 1
    finally:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(_take_back, case).result()


def _take_back(case: int) -> None:
    """What other connections committed; a licence refuses to be deleted otherwise."""
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE licences_licence DISABLE TRIGGER licences_licence_stays")
        cursor.execute("DELETE FROM licences_licence WHERE \"case\" = %s", [case])
        cursor.execute("ALTER TABLE licences_licence ENABLE TRIGGER licences_licence_stays")
    connections["default"].close()


def test_what_is_not_issued(holder: Actor, office: Organisation) -> None:
    issued(holder, office)
    refused: list[tuple[type[Exception], dict[str, Any]]] = [
        (Conflict, {}),  # the same number again
        (Conflict, {"number": "湛JY2440802-0000001"}),  # differs in nothing that an identifier can hold
        (NotFound, {"type": "no_such", "number": "A1"}),
        (NotFound, {"issuer": 1, "number": "A1"}),
        (Invalid, {"number": "无"}),
        (Invalid, {"number": "A1", "valid_to": TODAY - timedelta(days=500)}),
    ]
    for problem, changes in refused:
        with pytest.raises(problem):
            issued(holder, office, **changes)
    for stranger in (holder, person("shichang"), person("chengguan_leader"), NOBODY):
        with pytest.raises(NotAllowed):
            api.issue(stranger, type="elderly_card", holder=holder.party or 0, fields={}, issuer=office.pk, valid_from=TODAY, valid_to=None, number="A2")


def test_versions_never_change_and_nothing_is_deleted(holder: Actor, office: Organisation) -> None:
    made, unused = issued(holder, office), issued(holder, office, number="UNUSED1")
    used = api.use(SYSTEM, made, by="某局", purpose="试验")
    for attempt in (
        lambda: Licence.objects.filter(pk=made.pk).update(number="X"),
        lambda: Licence.objects.filter(pk=made.pk).update(valid_to=None),
        lambda: Licence.objects.filter(pk=unused.pk).delete(),
        lambda: Use.objects.filter(pk=used.pk).update(purpose="别的"),
        lambda: Use.objects.filter(pk=used.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match=r"never changes|stays for good"), transaction.atomic():
            attempt()


# --- what the issuer orders --------------------------------------------------------------------------------------------------------------------


def test_an_officer_suspends_restores_and_revokes_and_the_holder_is_told(holder: Actor, office: Organisation) -> None:
    made, officer = issued(holder, office), person("shichang_leader")
    face = documents.read(made.file)  # type: ignore[arg-type]
    assert api.verify(made.identifier).result == "valid"
    api.suspend(officer, made.pk, reason="停业整顿")
    assert api.verify(made.identifier).result == "suspended"
    api.restore(officer, made.pk, reason="整改完成")
    assert api.verify(made.identifier).result == "valid"
    api.revoke(officer, made.pk, reason="食品安全法第一百二十二条")
    seal, verdict = api.verify_file(face)
    assert seal.holds and verdict is not None and verdict.result == "revoked"  # a genuine seal does not make it valid
    with pytest.raises(Conflict, match="吊销"):
        api.restore(officer, made.pk, reason="后悔")
    assert Message.objects.filter(to=holder.party, template="licence-changed").count() == 3


def test_nobody_else_may(holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    with pytest.raises(NotAllowed):
        api.revoke(holder, made.pk, reason="不要了")
    with pytest.raises(NotAllowed):
        api.revoke(person("shichang"), made.pk, reason="试")  # of the issuer, without the role
    with pytest.raises(NotFound):
        api.revoke(person("chengguan_leader"), made.pk, reason="试")  # the role, of another office
    with pytest.raises(Invalid):
        api.revoke(person("shichang_leader"), made.pk, reason="  ")


def test_a_replacement_is_the_next_version(holder: Actor, office: Organisation) -> None:
    old, officer = issued(holder, office), person("shichang_leader")
    until = TODAY + timedelta(days=2000)
    new = api.replace(officer, old.pk, fields={"主体业态": "食堂"}, valid_to=until, reason="变更")
    assert (new.version, new.valid_to, new.fields["主体业态"], new.fields["经营者名称"]) == (2, until, "食堂", "试验店")
    said = api.verify(old.identifier)
    assert (said.result, said.successor) == ("replaced", new.identifier)
    assert list(api.of_holder(holder.party or 0)) == [new]
    with pytest.raises(Conflict):
        api.replace(officer, old.pk, reason="再换")
    assert documents.verify(documents.read(new.file)).holds  # type: ignore[arg-type]


# --- verification ------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("start", "end", "result"), [(-10, 10, "valid"), (-10, 0, "valid"), (-10, -1, "expired"), (1, 10, "not-yet"), (0, None, "valid")])
def test_the_term_decides_to_the_day(holder: Actor, office: Organisation, start: int, end: int | None, result: str) -> None:
    until = TODAY + timedelta(days=end) if end is not None else None
    made = issued(holder, office, valid_from=TODAY + timedelta(days=start), valid_to=until)
    assert api.verify(made.identifier).result == result


def test_strangers_learn_no_name_and_false_identifiers_cost_no_query(
    holder: Actor, office: Organisation, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = issued(holder, office, type="elderly_card")
    with acting(NOBODY):
        said = api.verify(made.identifier)
        assert said.holder == "林*棠" and said.result == "valid" and said.issuer == office.name
        assert not Licence.objects.exists()  # the question opened nothing else
    with django_assert_num_queries(0):
        assert api.verify(made.identifier[:-1] + ("A" if made.identifier[-1] != "A" else "B")).result == "unknown"
    valid_elsewhere = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U"  # a published sample (GB/T 36904)
    with django_assert_num_queries(1):
        assert "不是本市" in api.verify(valid_elsewhere).words


def test_the_public_page_answers_people_and_machines(client: Client, holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    page = client.get(f"/verify/{made.identifier}")
    assert page.status_code == 200 and "证照有效" in page.content.decode()
    said = client.get(f"/verify/{made.identifier}", headers={"Accept": "application/json"}).json()
    assert (said["result"], said["valid_to"]) == ("valid", str(made.valid_to)) and "fields" not in said
    for wrong in ("1", "9" * 19, "9" * 25, "²", "1.2.156.3005.2.x", "'; DROP TABLE"):
        assert client.get(f"/verify/{wrong}", headers={"Accept": "application/json"}).json()["result"] == "unknown"


def test_an_uploaded_file_is_examined(client: Client, holder: Actor, office: Organisation) -> None:
    face = documents.read(issued(holder, office).file)  # type: ignore[arg-type]
    good = client.post("/verify/", {"file": SimpleUploadedFile("a.pdf", face)})
    assert good.status_code == 200 and "证照有效" in good.content.decode()
    changed = bytearray(face)
    changed[len(face) // 3] ^= 1
    bad = client.post("/verify/", {"file": SimpleUploadedFile("a.pdf", bytes(changed))})
    assert bad.status_code == 422 and "没有通过核验" in bad.content.decode()
    assert client.post("/verify/").status_code == 422


def test_the_code_on_a_document_answers(client: Client, office: Organisation) -> None:
    made = documents.issue("acceptance", NOTICE, organ=office.pk, actor=SYSTEM, owner=1)
    page = client.get(f"/verify/{made.pk}").content.decode()
    assert made.number in page and NOTICE["applicant"] not in page
    assert client.get(f"/verify/{made.pk}", headers={"Accept": "application/json"}).json()["digest"] == made.file.digest


# --- holders -----------------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def signed_in(client: Client, holder: Actor) -> Iterator[Client]:
    client.force_login(get_user_model().objects.get(pk=holder.account or 0), backend="yiwang.platforms.identity.doors.AccountBackend")
    yield client


def test_holders_see_their_own_and_nobody_elses(signed_in: Client, holder: Actor, office: Organisation) -> None:
    mine, other = issued(holder, office), issued(person("ruoxi"), office, number="OTHER2")
    listed = signed_in.get("/my/licences").content.decode()
    assert mine.number in listed and other.number not in listed
    assert signed_in.get(f"/my/licences/{mine.identifier}/face")["Content-Type"] == "application/pdf"
    assert signed_in.get(f"/my/licences/{other.identifier}").status_code == 404
    assert signed_in.get(f"/my/licences/{other.identifier}/face").status_code == 404
    with acting(holder):
        assert set(Licence.objects.values_list("pk", flat=True)) == {mine.pk}  # the database says so too


def test_an_officials_look_is_on_the_holders_record(holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    api.find(holder, made.identifier)
    assert not Access.objects.filter(party=holder.party or 0).exists()
    api.find(person("shichang_leader"), made.identifier)
    assert Access.objects.get(party=holder.party or 0).actor == "周怀瑾"
    with pytest.raises(NotFound):
        api.find(person("chengguan_leader"), made.identifier)


def test_an_application_is_offered_only_what_is_in_force(holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    issued(holder, office, type="elderly_card", number="E1", valid_from=TODAY - timedelta(days=9), valid_to=TODAY - timedelta(days=1))
    wanted = ["food_operation_licence", "elderly_card"]
    assert api.offered(holder, holder.party or 0, wanted) == {"food_operation_licence": made}
    assert api.offered(person("ruoxi"), holder.party or 0, wanted) == {}
    with pytest.raises(NotFound):
        api.use(person("ruoxi"), made, by="某局", purpose="冒用")


def test_a_holder_lets_somebody_see_and_takes_it_back(client: Client, signed_in: Client, holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    page = signed_in.post(f"/my/licences/{made.identifier}/authorise", {"to_whom": "房东李某", "purpose": "签租赁合同", "hours": "24"}, follow=True)
    given = Authorisation.objects.get(licence=made)
    assert "房东李某" in page.content.decode()
    signed_in.logout()
    seen = Client().get(f"/shown/{given.token}").content.decode()
    assert "试验店" in seen and "房东李某" in seen
    assert list(Use.objects.filter(licence=made).values_list("by", "purpose")) == [("房东李某", "签租赁合同")]
    api.withdraw_authorisation(holder, given.pk)
    with pytest.raises(Gone):
        api.show(given.token)
    assert Client().get(f"/shown/{given.token}").status_code == 410


def test_who_may_not_let_others_see(holder: Actor, office: Organisation) -> None:
    made = issued(holder, office)
    given = api.authorise(holder, made.identifier, to_whom="甲", purpose="乙", hours=1)
    with pytest.raises(NotAllowed):
        api.authorise(person("shichang_leader"), made.identifier, to_whom="甲", purpose="乙", hours=1)
    with pytest.raises(NotFound):
        api.authorise(person("ruoxi"), made.identifier, to_whom="甲", purpose="乙", hours=1)
    with pytest.raises(NotFound):
        api.withdraw_authorisation(person("ruoxi"), given.pk)
    with pytest.raises(Invalid):
        api.authorise(holder, made.identifier, to_whom=" ", purpose="乙", hours=9999)
    Authorisation.objects.filter(pk=given.pk).update(valid_to=timezone.now())
    with pytest.raises(Gone):
        api.show(given.token)
    with pytest.raises(NotFound):
        api.show("no-such-token")


def test_holders_are_reminded_once_at_each_distance_also_after_a_missed_night(holder: Actor, office: Organisation) -> None:
    issued(holder, office, number="A1", valid_to=TODAY + timedelta(days=58))  # the 60th day passed unseen
    issued(holder, office, number="A2", valid_to=TODAY + timedelta(days=7))
    issued(holder, office, number="A3", valid_from=TODAY, valid_to=TODAY + timedelta(days=5))  # a term shorter than the notice
    issued(holder, office, number="A4", valid_to=TODAY - timedelta(days=1))
    for _ in range(2):
        jobs.remind(timestamp=0)
    bodies = Message.objects.filter(to=holder.party, template="licence-expiring").order_by("body").values_list("body", flat=True)
    assert [(body.count("58 天"), body.count("7 天")) for body in bodies] in ([(1, 0), (0, 1)], [(0, 1), (1, 0)])


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "platforms/licences.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
