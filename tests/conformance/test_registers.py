"""Every declared register is put through the same tests: who may open its pages, what a page costs, what it hides, what it remembers, how it lists."""

import csv
import io
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, UniqueConstraint
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.conformance.samples import Samples, browser, form_of_exists, office_of, owner_of, person
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.registers import api as registers
from yiwang.engines.registers import imports
from yiwang.engines.registers.models import Import
from yiwang.kit import cells
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import Register
from yiwang.kit.forms import NamedField, form_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry
from yiwang.platforms.identity import api as identity

pytestmark = pytest.mark.django_db
EVERY = list(registry().registers.values())
OPENED = [r for r in EVERY if r.readers or r.editors]  # has generic pages
EDITED = [r for r in EVERY if r.editors and issubclass(r.model, Kept) and form_of_exists(r)]
PERSONAL = [r for r in EDITED if r.personal]


def named(register: Register) -> str:
    return register.code


def editor(register: Register) -> Actor:
    return person(f"登记{register.code}", register.editors[0], organ=office_of(owner_of(register)))


def reader(register: Register) -> Actor:
    return person(f"查看{register.code}", (register.readers or register.editors)[0], organ=office_of(owner_of(register)))


def pages(register: Register, row: Any) -> list[str]:
    """The addresses that whoever reads it may open."""
    base = f"/work/r/{register.code}/"
    own = [base, f"{base}{row.pk}", f"{base}export"] if row is not None else [base, f"{base}export"]
    return own + [base + name for name, has in (("map", register.place), ("features.geojson?bbox=109,20,112,23", register.place), ("calendar", register.day), ("timeline", register.day), ("board", register.groups)) if has]


def forms(register: Register, row: Any) -> list[str]:
    base = f"/work/r/{register.code}/"
    return [f"{base}new", f"{base}{row.pk}/edit", f"{base}import", f"{base}import/sample.csv"]


def sample_of(samples: Samples, register: Register) -> Any:
    return samples.row(register) if register in EDITED else register.model._default_manager.order_by("pk").first()


@pytest.mark.parametrize("register", OPENED, ids=named)
def test_its_pages_answer_who_reads_it(register: Register, samples: Samples) -> None:
    row = sample_of(samples, register)
    client = browser(reader(register))
    assert {path: client.get(path).status_code for path in pages(register, row)} == dict.fromkeys(pages(register, row), 200)


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_its_forms_answer_who_keeps_it_and_refuse_who_only_reads(register: Register, samples: Samples) -> None:
    row = samples.row(register)
    client = browser(editor(register))
    assert {path: client.get(path).status_code for path in forms(register, row)} == dict.fromkeys(forms(register, row), 200)
    only = [role for role in register.readers if role not in register.editors]
    if only:
        looker = browser(person(f"只看{register.code}", only[0], organ=office_of(owner_of(register))))
        assert all(looker.get(path).status_code in {403, 404} for path in forms(register, row) if not path.endswith("sample.csv"))
        assert looker.post(f"/work/r/{register.code}/new", samples.given(register, 90)).status_code == 403


@pytest.mark.parametrize("register", EVERY, ids=named)
def test_officials_without_the_role_citizens_and_nobody_are_refused(register: Register, samples: Samples) -> None:
    row = sample_of(samples, register)
    paths = pages(register, row) + (forms(register, row) if register in EDITED else [])
    for who in (person("无角色", organ=office_of(owner_of(register))), person("群众")):
        client = browser(who)
        assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, 403)
    nobody = Client()
    assert all(nobody.get(path).status_code == 302 and "/accounts/login/" in nobody.get(path)["Location"] for path in paths)
    with pytest.raises(NotAllowed):
        registers.keep(person("群众"), register, {})


@pytest.mark.parametrize("register", EVERY, ids=named)
def test_its_interface_is_open_only_where_it_says_so(register: Register, samples: Samples) -> None:
    row = sample_of(samples, register)
    anybody, base = Client(), f"/api/registers/{register.code}"
    paths = [f"{base}/rows", f"{base}/changes"] + ([f"{base}/rows/{row.pk}"] if row is not None else [])
    assert {p: anybody.get(p).status_code for p in paths} == dict.fromkeys(paths, 200 if register.share == "open" else 401)
    assert browser(person("无角色", organ=office_of(owner_of(register)))).get(paths[0]).status_code == (200 if register.share == "open" else 403)
    assert anybody.post(f"{base}/rows", {"fields": {}}, content_type="application/json", headers={"Idempotency-Key": "conformance-1"}).status_code in {401, 405, 404}


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_a_list_of_thirty_costs_what_a_list_of_three_costs(register: Register, samples: Samples) -> None:
    client, base = browser(editor(register)), f"/work/r/{register.code}/"
    numbers = []
    for upto in (3, 30):
        for number in range(1, upto + 1):
            samples.row(register, number)
        client.get(base)  # what a process keeps is kept
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(base)
        assert answer.status_code == 200
        numbers.append(len(queries))
    counting = 2 if 'rel="next"' in answer.content.decode() else 0  # a first page that is the last has counted already
    assert numbers[1] in {numbers[0], numbers[0] + counting}, [q["sql"][:300] for q in queries][-12:]


@pytest.mark.parametrize("register", [r for r in EDITED if r.place or r.day or r.groups], ids=named)
def test_its_other_looks_ask_no_question_for_a_row(register: Register, samples: Samples) -> None:
    client, base = browser(editor(register)), f"/work/r/{register.code}/"
    looks = [name for name, has in (("board", register.groups), ("calendar", register.day), ("timeline", register.day), ("features.geojson", register.place)) if has]
    asked: dict[str, list[int]] = {}
    for upto in (3, 30):
        for number in range(1, upto + 1):
            samples.row(register, number)
        for look in looks:
            with CaptureQueriesContext(connection) as queries:
                assert client.get(base + look).status_code == 200
            asked.setdefault(look, []).append(len(queries))
    counting = {"board": 2 * len(cells.field_at(register.model, register.groups).flatchoices) if register.groups else 0}  # a full lane is counted
    assert all(many - few <= counting.get(look, 0) for look, (few, many) in asked.items()), asked


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_pages_by_key_show_every_row_once_whatever_the_order(register: Register, samples: Samples) -> None:
    expected = {samples.row(register, number).pk for number in range(1, 8)} | set(register.model._default_manager.values_list("pk", flat=True))
    for order in dict.fromkeys((register.order, *register.sorts, *(f"-{s}" for s in register.sorts))):
        seen: list[Any] = []
        after = ""
        while not seen or after:
            listed = registers.page(SYSTEM, register, registers.Query(order=order, size=3, after=after))
            seen += [row.pk for row in listed.rows]
            after = listed.after
        assert len(seen) == len(set(seen)) and set(seen) == expected, order


@pytest.mark.parametrize("register", [r for r in EDITED if r.day], ids=named)
def test_its_timeline_shows_every_dated_row_once_the_latest_first(register: Register, samples: Samples) -> None:
    own = {samples.row(register, number).pk for number in range(1, 6)}
    expected = set(registers.rows(SYSTEM, register).exclude(**{register.day: None}).values_list("pk", flat=True))
    seen: list[Any] = []
    after = ""
    while not seen or after:
        listed = registers.by_day(SYSTEM, register, after=after, size=3)
        seen += listed.rows
        after = listed.after
    days = [getattr(row, register.day) for row in seen]
    assert [row.pk for row in seen if row.pk in expected] == [row.pk for row in seen] and {row.pk for row in seen} == expected and len(seen) == len(expected)
    assert days == sorted(days, reverse=True) and own & expected
    page = browser(editor(register)).get(f"/work/r/{register.code}/timeline").content.decode()
    assert f"/work/r/{register.code}/{seen[0].pk}" in page


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_every_filter_finds_the_row_that_fits_it(register: Register, samples: Samples) -> None:
    row, actor = samples.row(register), editor(register)
    for name in registers.names(register):
        path = name.removesuffix("__from").removesuffix("__to")
        found = cells.value(row, path)
        if found in (None, ""):
            continue
        text = str(getattr(found, "pk", found))[:10] if name != path else str(getattr(found, "pk", found))
        query = registers.parse(register, {name: text})
        assert row.pk in {r.pk for r in registers.page(actor, register, query).rows}, name
        assert browser(actor).get(f"/work/r/{register.code}/", {name: text}).status_code == 200
    for sort in (register.order, *register.sorts):
        assert browser(actor).get(f"/work/r/{register.code}/", {"order": sort}).status_code == 200
    for path in register.search:
        word = str(cells.value(row, path) or "")
        assert not word or row.pk in {r.pk for r in registers.page(actor, register, registers.Query(search=word, size=500)).rows}, path


def changeable(samples: Samples, register: Register) -> tuple[str, str]:
    """A field that may take another value, and that value."""
    alone = {e.name for c in register.model._meta.constraints if isinstance(c, UniqueConstraint) for e in c.expressions if isinstance(e, F)}  # two rows cannot take one value there
    names = [n for n in form_of(register).base_fields if n in {f.name for f in register.model._meta.concrete_fields} - alone]
    for name in names:
        field = register.model._meta.get_field(name)
        if field.get_internal_type() in {"CharField", "TextField"} and not field.choices and not field.unique and not isinstance(form_of(register).base_fields[name], NamedField):
            return name, "改过"
    field = next(register.model._meta.get_field(n) for n in names if len(register.model._meta.get_field(n).choices or ()) > 1)
    return field.name, str(field.flatchoices[1][0])


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_a_change_is_remembered_with_who_and_why_and_guarded_by_the_revision(register: Register, samples: Samples) -> None:
    row, actor = samples.row(register), editor(register)
    name, value = changeable(samples, register)
    changed = registers.change(actor, register, row.pk, {name: value}, revision=row.revision, reason="核对后更正")
    assert changed.revision == row.revision + 1 and [v.reason for v in registers.versions(row)][:2] == ["核对后更正", "样例"]
    with pytest.raises(Conflict, match=actor.name):
        registers.change(actor, register, row.pk, {name: f"{value}二"[:2]}, revision=row.revision)
    shown = browser(actor).get(f"/work/r/{register.code}/{row.pk}").content.decode()
    assert "核对后更正" in shown and actor.name in shown


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_ticked_rows_change_together_or_not_at_all(register: Register, samples: Samples) -> None:
    rows, actor = [samples.row(register, number) for number in (1, 2)], editor(register)
    name, value = changeable(samples, register)
    with pytest.raises(NotFound):
        registers.change_many(actor, register, [rows[0].pk, 7], {name: value}, reason="试")
    assert len(registers.versions(rows[0])) == 1
    assert registers.change_many(actor, register, [r.pk for r in rows], {name: value}, reason="统一更正") == 2
    only = [role for role in register.readers if role not in register.editors]
    if only:
        with pytest.raises(NotAllowed):
            registers.change_many(person(f"只看{register.code}", only[0], organ=office_of(owner_of(register))), register, [rows[0].pk], {name: value}, reason="试")


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_a_frozen_row_is_gone_for_readers_and_waits_for_its_keeper(register: Register, samples: Samples) -> None:
    row, actor = samples.row(register), editor(register)
    registers.freeze(actor, register, row.pk, reason="核实期间停止处理")
    assert browser(actor).get(f"/work/r/{register.code}/{row.pk}").status_code == 200
    only = [role for role in register.readers if role not in register.editors]
    if only:
        assert browser(person(f"只看{register.code}", only[0], organ=office_of(owner_of(register)))).get(f"/work/r/{register.code}/{row.pk}").status_code == 404


@pytest.mark.parametrize("register", EDITED, ids=named)
def test_what_is_exported_can_be_imported_again(register: Register, samples: Samples) -> None:
    if not any(f.unique and f.name in register.fields for f in register.model._meta.concrete_fields):
        pytest.skip("no code by which a line finds its row")
    for number in (1, 2, 3):
        samples.row(register, number)
    actor = editor(register)
    client = browser(actor)
    asked = client.post(f"/work/r/{register.code}/export", {"format": "csv", "reason": "核对", "clear": ""})
    assert asked.status_code == 302
    taken = b"".join(client.get(asked["Location"]).streaming_content)  # type: ignore[attr-defined]  # the test client's response
    lines = list(csv.reader(io.StringIO(taken.decode("utf-8-sig"))))
    assert actor.name in lines[-1][0] and "核对" in lines[-1][0], "the file says who took it and why"
    if register.personal:
        return  # a masked file is not what the register says
    source = registers.receive(actor, register, io.BytesIO(taken), "再来.csv", matching=Import.Matching.UPDATE)
    imports.run(source.pk)
    source.refresh_from_db()
    assert source.wrong == 0, [line.error for line in registers.wrong_lines(actor, source.pk)]


@pytest.mark.parametrize("register", PERSONAL, ids=named)
def test_personal_fields_are_masked_until_a_reason_is_given(register: Register, samples: Samples) -> None:
    row, actor = samples.row(register), editor(register)
    client = browser(actor)
    secret = [str(v) for n in register.personal if len(str(v := cells.value(row, n) or "")) > 2 and not hasattr(v, "pk")]
    shown = [f"/work/r/{register.code}/", f"/work/r/{register.code}/{row.pk}"]
    for path in shown:
        page = client.get(path).content.decode()
        assert not [value for value in secret if value in page], path
    asked = client.post(f"/work/r/{register.code}/export", {"format": "csv", "reason": "核对"})
    taken = b"".join(client.get(asked["Location"]).streaming_content).decode()  # type: ignore[attr-defined]  # the test client's response
    assert not [value for value in secret if value in taken]
    assert client.post(f"/work/r/{register.code}/{row.pk}/reveal", {"reason": " "}).status_code == 422
    clear = client.post(f"/work/r/{register.code}/{row.pk}/reveal", {"reason": "电话核实"}).content.decode()
    assert all(value in clear for value in secret)


@pytest.mark.parametrize("register", PERSONAL, ids=named)
def test_personal_fields_stay_masked_over_the_interface_and_nobody_without_the_role_reveals_them(register: Register, samples: Samples) -> None:
    row = samples.row(register)
    secret = [str(v) for n in register.personal if len(str(v := cells.value(row, n) or "")) > 2 and not hasattr(v, "pk")]
    made, key = identity.make_client(SYSTEM, code="sample", name="样例系统", organ=office_of(owner_of(register)).pk, scope=(f"register:{register.code}",))
    machine = Client(headers={"Authorization": f"Bearer {identity.token(made.code, key)}"})
    base = f"/api/registers/{register.code}"
    for client in (machine, browser(editor(register))):  # an official's own right to reveal does not reach into the interface either
        for path in (f"{base}/rows", f"{base}/rows/{row.pk}", f"{base}/changes"):
            answered = client.get(path)
            assert answered.status_code == 200 and not [value for value in secret if value in answered.content.decode()], path
        assert client.post(f"{base}/rows/{row.pk}/reveal", {"reason": "核实"}, content_type="application/json").status_code in {404, 405}
    for who in (person("无角色", organ=office_of(owner_of(register))), person("群众")):
        refused = browser(who).post(f"/work/r/{register.code}/{row.pk}/reveal", {"reason": "想看看"})
        assert refused.status_code == 403 and not [value for value in secret if value in refused.content.decode()]


@pytest.mark.parametrize("register", PERSONAL, ids=named)
def test_personal_fields_are_deleted_from_the_row_and_its_past(register: Register, samples: Samples) -> None:
    row, actor = samples.row(register), editor(register)
    secret = [str(v) for n in register.personal if len(str(v := cells.value(row, n) or "")) > 2 and not hasattr(v, "pk")]
    try:
        registers.erase(actor, register, row.pk, reason="期限届满")
    except Invalid as refused:
        assert "必须保留" in refused.message
        return
    row.refresh_from_db()
    assert row.standing == Kept.Standing.ERASED and not [v for v in secret if v in str([(x.before, x.after) for x in registers.versions(row)])]
    assert browser(actor).get(f"/work/r/{register.code}/{row.pk}").status_code == 404
