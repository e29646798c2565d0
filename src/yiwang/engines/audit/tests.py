"""The record: append-only, sealed without holding up a writer, every change found and named, a proof that others can check, looks shown to the person."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.utils import timezone

from yiwang.base import merkle
from yiwang.base.errors import NotAllowed, NotFound, Tampered
from yiwang.engines.audit import api, checking, sealing
from yiwang.engines.audit.models import Access, Batch, ChainCheck, Entry, Leaf
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor, Seat
from yiwang.kit.rowsecurity import acting

ROOT = Path(__file__).resolve().parents[4]
CHECKER = ROOT / "docs" / "examples" / "check_audit_proof.py"
TABLES = ("audit_entry", "audit_access", "audit_batch", "audit_leaf")


def official(number: int, role: str) -> Actor:
    """Above this engine are the posts; here a seat is made by hand."""
    seat = Seat(post=number, title="岗位", organ=number, organ_name="赤坎区政务服务大厅", division="440802", roles=frozenset({role}))
    return Actor(account=number, name=f"经办{number}", party=number, acting_for=number, seats=(seat,))


PERSON = Actor(account=11, name="甲某", party=11, acting_for=11)
OTHER = Actor(account=12, name="乙某", party=12, acting_for=12)
CLERK, AUDITOR = official(21, "window-clerk"), official(22, "audit-admin")


def sealed(*summaries: str) -> list[Entry]:
    """Entries in batches of their own, however many rows were waiting before."""
    while api.seal_batch():
        pass
    made = [api.record(SYSTEM, "test.act", summary=words) for words in summaries]
    assert api.seal_batch() is not None
    return made


def as_owner(*statements: str) -> None:
    """What somebody can do who owns the tables and takes the trigger away."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER {table}_rows")
        for statement in statements:
            cursor.execute(statement)
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER {table}_rows")


@pytest.fixture
def at_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows need not settle first."""
    monkeypatch.setattr(sealing, "SETTLE", timedelta(0))


# --- append-only -------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_sql_of_the_application_changes_nothing(at_once: None, table: str, statement: str) -> None:
    sealed("甲")
    api.record_access(SYSTEM, party=1, what="登记信息", purpose="测试")
    column = "batch_id" if table == "audit_leaf" else "id"
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement.format(table, column, column))
    assert Entry.objects.filter(summary="甲").exists()


def test_an_entry_stands_if_and_only_if_its_act_stands(db: None) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        api.record(SYSTEM, "test.act", summary="撤回")
        raise RuntimeError
    assert not Entry.objects.filter(summary="撤回").exists()


# --- sealing and proof -------------------------------------------------------------------------------------------------------------------------


def test_a_row_settles_before_it_is_sealed(db: None) -> None:
    while api.seal_batch():
        pass
    made = api.record(SYSTEM, "test.act")
    api.seal_batch()  # of others' rows, should some have settled meanwhile
    with pytest.raises(NotFound):
        api.prove(made.pk)


def test_batches_are_chained(at_once: None) -> None:
    sealed("甲")
    sealed("乙", "丙")
    second, first = Batch.objects.order_by("-sequence")[:2]
    assert second.sequence == first.sequence + 1 and second.size == 2 and second.head == sealing._chain(first.head, second.root)
    assert not list(api.check_chain())


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 33])
def test_an_outside_program_checks_the_proof(at_once: None, tmp_path: Path, size: int) -> None:
    """Another process, isolated from our code and our packages (`-I -S`), reads what the command printed."""
    made = sealed(*(f"第 {n} 条 “记录”" for n in range(size)))
    for entry in {made[0], made[size // 2], made[-1]}:
        path = tmp_path / f"{entry.pk}.json"
        with path.open("w") as out:
            call_command("audit_prove", entry.pk, stdout=out)
        assert outside(path) == (0, "the proof holds")


@pytest.mark.parametrize(
    "field, wrong",
    [
        ("canonical", "the text does not hash to the leaf"), ("steps", "the leaf does not climb to the root"),
        ("root", "the leaf does not climb to the root"), ("head", "the root does not chain to the head"), ("previous_head", "the root does not chain to the head"),
    ],
)  # fmt: skip
def test_the_outside_program_finds_a_false_proof(at_once: None, tmp_path: Path, field: str, wrong: str) -> None:
    proof = api.prove(sealed("甲", "乙", "丙")[1].pk).as_dict()
    false: dict[str, Any] = {"canonical": proof["canonical"].replace("乙", "丁"), "steps": proof["steps"][::-1]}
    path = tmp_path / "proof.json"
    path.write_text(json.dumps({**proof, field: false.get(field, "ab" * 32)}), encoding="utf-8")
    code, said = outside(path)
    assert code == 1 and wrong in said


def outside(path: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, "-I", "-S", str(CHECKER), str(path)], cwd=path.parent, env={}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.strip()


def test_the_proof_command_says_what_it_cannot_prove(db: None) -> None:
    with pytest.raises(CommandError, match="还没有封存"):
        call_command("audit_prove", 1)


# --- tampering ---------------------------------------------------------------------------------------------------------------------------------


def test_a_changed_row_is_named(at_once: None) -> None:
    entry, other = sealed("甲", "乙")
    as_owner(f"UPDATE audit_entry SET summary = '丙' WHERE id = {entry.pk}")
    assert list(api.check_chain()) == [f"记录 {entry.pk} 已被修改"]
    with pytest.raises(Tampered):
        api.prove(entry.pk)
    assert api.prove(other.pk)
    with pytest.raises(CommandError, match=str(entry.pk)):
        call_command("audit_check")


def test_a_removed_row_is_named(at_once: None) -> None:
    entry, _ = sealed("甲", "乙")
    as_owner(f"DELETE FROM audit_entry WHERE id = {entry.pk}")
    assert list(api.check_chain()) == [f"记录 {entry.pk} 已被删除"]


@pytest.mark.parametrize("column", ["actor", "action", "at", "detail", "organ"])
def test_no_column_can_be_changed(at_once: None, column: str) -> None:
    entry = sealed("甲")[0]
    value = {"at": "at + interval '1 microsecond'", "detail": "'{\"a\": 1}'", "organ": "7"}.get(column, "'x'")
    as_owner(f"UPDATE audit_entry SET {column} = {value} WHERE id = {entry.pk}")
    assert list(api.check_chain()) == [f"记录 {entry.pk} 已被修改"]


def test_a_changed_access_is_named(at_once: None) -> None:
    while api.seal_batch():
        pass
    api.record_access(SYSTEM, party=1, what="登记信息", purpose="测试")
    assert api.seal_batch()
    row = Access.objects.get(party=1, purpose="测试")
    as_owner(f"UPDATE audit_access SET purpose = '别的' WHERE id = {row.pk}")
    assert list(api.check_chain()) == [f"记录 {row.pk} 已被修改"]


def test_a_row_and_its_leaf_removed_together_are_found_by_the_batch(at_once: None) -> None:
    entry, _ = sealed("甲", "乙")
    batch = Leaf.objects.get(row=entry.pk).batch
    as_owner(f"DELETE FROM audit_leaf WHERE row = {entry.pk}", f"DELETE FROM audit_entry WHERE id = {entry.pk}")
    assert list(api.check_chain()) == [f"批次 {batch.sequence} 的根与其内容不符"]


def test_a_batch_made_anew_is_found_by_the_chain(at_once: None) -> None:
    """Who changes a row, its leaf and its root still cannot agree with the head."""
    entry = sealed("甲")[0]
    batch = Leaf.objects.get(row=entry.pk).batch
    as_owner(f"UPDATE audit_entry SET summary = '丙' WHERE id = {entry.pk}")
    leaf = merkle.leaf(sealing.canonical(Entry.objects.get(pk=entry.pk)).encode()).hex()
    as_owner(f"UPDATE audit_leaf SET hash = '{leaf}' WHERE row = {entry.pk}", f"UPDATE audit_batch SET root = '{leaf}' WHERE id = {batch.pk}")
    assert list(api.check_chain()) == [f"批次 {batch.sequence} 的链头与前一批次不符"]


def test_each_missing_batch_is_named_once(at_once: None) -> None:
    sealed("甲")
    gone = sealed("乙")[0]
    sealed("丙")
    sealed("丁")
    batch = Leaf.objects.get(row=gone.pk).batch
    as_owner(f"DELETE FROM audit_leaf WHERE batch_id = {batch.pk}", f"DELETE FROM audit_batch WHERE id = {batch.pk}")
    assert list(api.check_chain()) == [f"缺少批次 {batch.sequence}", f"批次 {batch.sequence + 1} 的链头与前一批次不符"]


# --- writers beside the sealer -----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def committed(django_db_setup: None, django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Real transactions on connections of their own; what they committed is taken away afterwards as only the owner of the tables can."""
    monkeypatch.setattr(sealing, "SETTLE", timedelta(0))
    with django_db_blocker.unblock():
        known = set(Entry.objects.values_list("pk", flat=True)) | set(Access.objects.values_list("pk", flat=True))
        sequence = Batch.objects.count()
        yield
        rows = "','".join(str(pk) for pk in known) or "0"
        keep = f"NOT IN ('{rows}')"
        as_owner(
            f"DELETE FROM audit_leaf WHERE batch_id IN (SELECT id FROM audit_batch WHERE sequence > {sequence})",
            f"DELETE FROM audit_batch WHERE sequence > {sequence}", f"DELETE FROM audit_entry WHERE id {keep}", f"DELETE FROM audit_access WHERE id {keep}",
        )  # fmt: skip
        connection.close()


def test_sealing_beside_writers_misses_nothing(committed: None) -> None:
    """8 writers, each 25 transactions that sometimes roll back, and two sealers all the while."""
    written: list[int] = []
    done = threading.Event()

    def write(number: int) -> None:
        for turn in range(25):
            try:
                with transaction.atomic():
                    made = api.record(SYSTEM, "test.act", summary=f"{number}/{turn}")
                    if turn % 5 == 4:
                        raise RuntimeError
                    api.record_access(SYSTEM, party=1, what="登记信息", purpose="测试")
                written.append(made.pk)
            except RuntimeError:
                continue
        connections["default"].close()

    def seal() -> None:
        while not done.is_set():
            api.seal_batch()
        connections["default"].close()

    sealers = run(seal, 2)
    for writer in run(write, 8, numbered=True):
        writer.join()
    done.set()
    for sealer in sealers:
        sealer.join()
    while api.seal_batch():
        pass
    assert len(written) == 160 and set(Leaf.objects.filter(row__in=written).values_list("row", flat=True)) == set(written)
    assert not list(api.check_chain())


def test_an_open_writer_holds_nobody_up_and_is_sealed_later(committed: None) -> None:
    """A transaction that writes and stays open: sealing goes on without it, and takes its row once it has committed."""
    wrote, go = threading.Event(), threading.Event()
    late: list[int] = []

    def write() -> None:
        with transaction.atomic():
            late.append(api.record(SYSTEM, "test.act", summary="迟到").pk)
            wrote.set()
            go.wait(20)
        connections["default"].close()

    writer = run(write, 1)[0]
    assert wrote.wait(20)
    early = api.record(SYSTEM, "test.act", summary="先到").pk
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '1s'")
        api.seal_batch()
        cursor.execute("RESET lock_timeout")
    assert Leaf.objects.filter(row=early).exists() and not Leaf.objects.filter(row=late[0]).exists()
    go.set()
    writer.join()
    api.seal_batch()
    assert Leaf.objects.filter(row=late[0]).exists() and not list(api.check_chain())


def test_an_open_sealer_holds_no_writer_up(committed: None) -> None:
    api.record(SYSTEM, "test.act", summary="先到")
    refused: list[Exception] = []

    def write() -> None:
        try:
            with connections["default"].cursor() as cursor:
                cursor.execute("SET lock_timeout = '1s'")
            api.record(SYSTEM, "test.act", summary="同时")
            api.record_access(SYSTEM, party=1, what="登记信息", purpose="测试")
            assert api.seal_batch() is None  # the second sealer leaves
        except Exception as problem:  # noqa: BLE001  # told to the test below
            refused.append(problem)
        connections["default"].close()

    with transaction.atomic():
        assert api.seal_batch()
        run(write, 1)[0].join()
    assert not refused


def run(act: Callable[..., None], count: int, *, numbered: bool = False) -> list[threading.Thread]:
    threads = [threading.Thread(target=act, args=(n,) if numbered else ()) for n in range(count)]
    for thread in threads:
        thread.start()
    return threads


# --- who looked --------------------------------------------------------------------------------------------------------------------------------


def look(party: int = 11) -> Access:
    api.record_access(CLERK, party=party, what="基本信息", purpose="窗口收件", fields=["name", "number"])
    return Access.objects.filter(party=party).latest("at")


def test_a_look_is_shown_to_the_person_and_to_nobody_else(db: None) -> None:
    seen = look()
    assert api.accesses(PERSON).first() == seen
    assert (seen.purpose, seen.actor, seen.organ_name, seen.fields) == ("窗口收件", "经办21", "赤坎区政务服务大厅", ["name", "number"])
    for other in (OTHER, CLERK, NOBODY):
        assert not api.accesses(other).filter(pk=seen.pk).exists()
    assert api.accesses(AUDITOR).filter(pk=seen.pk).exists()


def test_an_agent_sees_the_looks_at_the_principal(db: None) -> None:
    seen, agent = look(), Actor(account=12, name="乙某", party=12, acting_for=11)
    assert api.accesses(agent).filter(pk=seen.pk).exists()


def test_the_database_itself_hides_others_looks_and_acts(db: None) -> None:
    look()
    look(12)
    api.record(OTHER, "test.act", summary="别人的")
    with acting(PERSON):
        mine = api.record(PERSON, "test.act", summary="自己的")
        assert {a.party for a in Access.objects.all()} == {PERSON.party}
        assert set(Entry.objects.values_list("party", flat=True)) == {PERSON.party} and Entry.objects.filter(pk=mine.pk).exists()
    with acting(NOBODY):
        api.record(NOBODY, "test.act", summary="访客的")  # a visitor's act is written, and read by nobody at the door
        assert not Entry.objects.exists() and not Access.objects.exists()


def test_looking_at_ones_own_is_not_recorded(db: None) -> None:
    api.record_access(PERSON, party=11, what="登记信息", purpose="测试")
    assert not Access.objects.filter(party=11).exists()


def test_who_reads_the_record(db: None) -> None:
    api.record(CLERK, "test.act")
    api.record(OTHER, "test.act")
    assert set(restrict(CLERK, Entry.objects.all()).values_list("account", flat=True)) == {CLERK.account}  # what one did oneself
    assert not restrict(NOBODY, Entry.objects.all()).exists() and restrict(AUDITOR, Entry.objects.all()).filter(party=12).exists()
    for model in (Batch, Leaf, ChainCheck):
        assert not restrict(CLERK, model._default_manager.all()).exists()


# --- the auditor's desk ------------------------------------------------------------------------------------------------------------------------


def test_only_the_auditor_has_the_chain_checked(at_once: None) -> None:
    for who in (CLERK, official(23, "system-admin"), official(24, "security-admin")):
        with pytest.raises(NotAllowed):
            api.ask_check(who)
    entry = sealed("甲")[0]
    asked = api.ask_check(AUDITOR)
    checking.run(asked.pk)
    asked.refresh_from_db()
    assert asked.finished_at and asked.problems == [] and asked.rows == Leaf.objects.count()
    as_owner(f"DELETE FROM audit_entry WHERE id = {entry.pk}")
    checking.run(asked.pk)
    asked.refresh_from_db()
    assert asked.problems == [f"记录 {entry.pk} 已被删除"]


@pytest.fixture
def auditor(db: None, client: Client) -> Client:
    client.force_login(get_user_model().objects.get(username="auditadmin"), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def test_search_by_time_action_actor_and_case(auditor: Client) -> None:
    case = timezone.now().microsecond + 1
    api.record(Actor(name="甲某"), "case.submit", summary="提交：44080220261125000001", case=case)
    api.record(Actor(name="乙某"), "document.issue", summary="制发受理通知书", case=case)
    api.record(Actor(name="丙某"), "item.publish", summary="发布事项")
    today = timezone.localdate()

    def found(**asked: object) -> set[str]:
        answer = auditor.get("/work/audit", {name: str(value) for name, value in asked.items()})
        return {row.actor for row, _, _ in answer.context["page"].rows} & {"甲某", "乙某", "丙某"}

    assert found(case="44080220261125000001") == {"甲某", "乙某"}
    assert found(action="item") == {"丙某"}
    assert found(actor="乙某") == {"乙某"}
    assert found(since=today, until=today) == {"甲某", "乙某", "丙某"}
    assert found(until=today - timedelta(days=1)) == set()
    assert Entry.objects.filter(action="audit.search", summary__contains="操作人 乙某").exists()  # searching leaves a trace


def test_pages_follow_each_other_without_gap_or_double(auditor: Client) -> None:
    for n in range(120):
        api.record(Actor(name="丁某"), "test.act", summary=str(n))
    seen: list[str] = []
    query = "actor=丁某"
    while query:
        page = auditor.get(f"/work/audit?{query}").context["page"]
        seen += [row.summary for row, _, _ in page.rows]
        query = page.older
    assert sorted(seen, key=int) == [str(n) for n in range(120)]


def test_the_desk_hands_out_a_proof(auditor: Client, at_once: None, tmp_path: Path) -> None:
    entry = sealed("甲")[0]
    answer = auditor.get(f"/work/audit/{entry.pk}/proof")
    path = tmp_path / "proof.json"
    path.write_bytes(answer.content)
    assert outside(path) == (0, "the proof holds")
    assert auditor.get("/work/audit/1/proof").status_code == 404


@pytest.mark.parametrize("name", ["chikan_window", "sysadmin", "secadmin", "biaozhun"])
@pytest.mark.parametrize("path", ["/work/audit", "/work/audit/1/proof"])
def test_the_desk_is_closed_to_others(db: None, client: Client, name: str, path: str) -> None:
    client.force_login(get_user_model().objects.get(username=name), backend="yiwang.platforms.identity.doors.AccountBackend")
    assert client.get(path).status_code == 403
    assert client.post("/work/audit/check").status_code == 403


def test_the_example_of_the_page_runs(at_once: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "engines/audit.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
