"""Who acts for whom and who is registered: each right beside what must not give it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from yiwang.base.errors import Invalid, NotAllowed, NotFound
from yiwang.engines.audit.models import Access, Entry
from yiwang.engines.parties import api
from yiwang.engines.parties.models import Delegation, LegalEntity, Membership, Party, Person
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.rowsecurity import _settings, acting

pytestmark = pytest.mark.django_db
NEVER_ASSIGNED = "440899"
SETTINGS = 2  # statements by which `elevated` takes and gives back its right


def named(name: str) -> Party:
    return Party.objects.get(name=name)


def actor(party: Party, acting_for: int | None = None) -> Actor:
    return api.actor_for(1, party.pk, party.name, acting_for=acting_for)


@pytest.fixture
def owner() -> Party:
    return named("陈晓帆")


@pytest.fixture
def agent() -> Party:
    """Holds a delegation of the firm for everything, for a year."""
    return named("黄知秋")


@pytest.fixture
def stranger() -> Party:
    return named("刘若溪")


@pytest.fixture
def firm() -> Party:
    return named("湛江望海餐饮店（演示）")


def given(principal: Party, to: Party, *scope: str, until: datetime | None = None, since: datetime | None = None) -> Delegation:
    now = timezone.now()
    return Delegation.objects.create(
        principal=principal, agent=to, scope=list(scope) or ["*"], valid_from=since or now - timedelta(days=9), valid_to=until or now + timedelta(days=9)
    )


# --- acting ------------------------------------------------------------------------------------------------------------------------------------


def test_for_oneself_with_the_posts_of_today() -> None:
    clerk = named("张予安")
    found = actor(clerk)
    assert (found.party, found.acting_for, found.scope) == (clerk.pk, clerk.pk, ("*",))
    assert found.roles == {"window-clerk"} and [s.division for s in found.seats] == ["440802"]
    assert not actor(named("刘若溪")).seats


@pytest.mark.parametrize("begins, ends, live", [(-9, None, True), (0, 0, True), (-9, -1, False), (1, None, False)])
def test_a_post_gives_its_roles_from_its_first_day_to_its_last(stranger: Party, begins: int, ends: int | None, live: bool) -> None:
    today = timezone.localdate()
    post = Membership.objects.filter(party__name="张予安")[0].post
    until = None if ends is None else today + timedelta(days=ends)
    Membership.objects.create(party=stranger, post=post, valid_from=today + timedelta(days=begins), valid_to=until)
    assert bool(actor(stranger).roles) is live


def test_a_representative_acts_for_the_entity_and_nobody_else_does(owner: Party, stranger: Party, firm: Party) -> None:
    found = actor(owner, firm.pk)
    assert (found.party, found.acting_for, found.acting_name, found.scope) == (owner.pk, firm.pk, firm.name, ("*",))
    with pytest.raises(NotAllowed):
        actor(stranger, firm.pk)


def test_nobody_acts_for_an_entity_that_has_been_struck_off(owner: Party, agent: Party, firm: Party) -> None:
    LegalEntity.objects.filter(party=firm).update(status="注销")
    for who in (owner, agent):
        with pytest.raises(NotAllowed):
            actor(who, firm.pk)
        assert not api.principals_of(who.pk)


def test_a_delegation_gives_its_scope_and_no_more(stranger: Party, firm: Party) -> None:
    given(firm, stranger, "road_dig")
    assert actor(stranger, firm.pk).scope == ("road_dig",)


def test_several_delegations_hold_together(stranger: Party, firm: Party) -> None:
    given(firm, stranger, "road_dig")
    later = given(firm, stranger, "food_new", until=timezone.now() + timedelta(days=30))
    assert actor(stranger, firm.pk).scope == ("food_new", "road_dig")
    assert [(p.party, p.until) for p in api.principals_of(stranger.pk)] == [(firm.pk, later.valid_to)]
    given(firm, stranger, "*")
    assert actor(stranger, firm.pk).scope == ("*",)


def test_ended_future_and_withdrawn_delegations_give_nothing(stranger: Party, firm: Party) -> None:
    now = timezone.now()
    given(firm, stranger, until=now - timedelta(seconds=1))
    given(firm, stranger, since=now + timedelta(hours=1))
    Delegation.objects.filter(pk=given(firm, stranger).pk).update(withdrawn_at=now)
    with pytest.raises(NotAllowed):
        actor(stranger, firm.pk)
    assert not api.principals_of(stranger.pk)


def test_the_expired_agent_of_the_demo_city_may_do_nothing(firm: Party) -> None:
    with pytest.raises(NotAllowed):
        actor(named("吴南星"), firm.pk)


def test_an_agent_gives_the_right_to_nobody_further(agent: Party, stranger: Party, firm: Party) -> None:
    given(firm, agent)
    given(agent, stranger)  # for the agent in person, not for whom the agent acts
    assert actor(stranger, agent.pk).acting_for == agent.pk
    with pytest.raises(NotAllowed):
        actor(stranger, firm.pk)


def test_an_official_who_acts_for_a_principal_is_no_official(firm: Party) -> None:
    clerk = named("张予安")
    given(firm, clerk)
    found = actor(clerk, firm.pk)
    assert not found.seats and not found.roles and found.acting_for == firm.pk


def test_queries_stay_few_however_many_rights(
    agent: Party, stranger: Party, firm: Party, owner: Party, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for principal in Party.objects.exclude(pk=agent.pk)[:20]:
        given(principal, agent)
    with django_assert_num_queries(1):
        actor(agent)
    with django_assert_num_queries(3 + SETTINGS):
        actor(agent, firm.pk)
    with django_assert_num_queries(2 + SETTINGS):
        api.principals_of(agent.pk)


def test_it_works_before_anybody_is_known(owner: Party, firm: Party) -> None:
    with _settings("", ""):  # as a web process begins
        assert actor(owner, firm.pk).acting_for == firm.pk


# --- delegating --------------------------------------------------------------------------------------------------------------------------------


def delegate(who: Actor, to: Party, **changes: object) -> Delegation:
    values: dict[str, object] = {"agent_name": to.name, "agent_number": to.number, "scope": ["road_dig"], "valid_to": timezone.now() + timedelta(days=9)}
    return api.delegate(who, **{**values, **changes})  # type: ignore[arg-type]  # the values of a form


def test_a_person_and_a_representative_delegate_and_take_back(owner: Party, stranger: Party, firm: Party) -> None:
    for who in (actor(owner), actor(owner, firm.pk)):
        with acting(who):
            made = delegate(who, stranger)
            assert actor(stranger, who.acting_for).scope == ("road_dig",)
            api.withdraw_delegation(who, made.pk)
            api.withdraw_delegation(who, made.pk)  # twice does no harm
        with pytest.raises(NotAllowed):
            actor(stranger, who.acting_for)
        actions = [entry.action for entry in Entry.objects.filter(subject_id=str(made.pk)).order_by("pk")]
        assert actions == ["delegation.give", "delegation.withdraw"]


def test_an_agent_cannot_delegate_on(agent: Party, stranger: Party, firm: Party) -> None:
    with pytest.raises(NotAllowed):
        delegate(actor(agent, firm.pk), stranger)
    with pytest.raises(NotAllowed):
        delegate(NOBODY, stranger)


def test_what_is_wrong_with_a_delegation_is_named(owner: Party, stranger: Party) -> None:
    me = actor(owner)
    wrong: list[tuple[str, dict[str, object]]] = [
        ("valid_to", {"valid_to": timezone.now()}),
        ("scope", {"scope": []}),
        ("agent_number", {"agent_name": "李某"}),
        ("agent_number", {"agent_name": owner.name, "agent_number": owner.number}),
    ]
    for field, changes in wrong:
        with pytest.raises(Invalid) as caught:
            delegate(me, stranger, **changes)
        assert list(caught.value.fields) == [field]
    assert not Delegation.objects.filter(principal=owner).exists()


def test_only_its_parties_end_a_delegation(owner: Party, agent: Party, stranger: Party, firm: Party) -> None:
    made = given(firm, agent)
    for who in (actor(stranger), actor(owner)):  # the owner in person is not the firm
        with pytest.raises(NotFound):
            api.withdraw_delegation(who, made.pk)
    assert api.withdraw_delegation(actor(agent), made.pk).withdrawn_at


def test_the_database_refuses_what_makes_no_sense(owner: Party, agent: Party) -> None:
    now = timezone.now()
    with pytest.raises(IntegrityError), transaction.atomic():
        given(owner, owner)
    with pytest.raises(IntegrityError), transaction.atomic():
        given(owner, agent, since=now, until=now)


def test_who_is_an_agent(owner: Party, agent: Party, firm: Party) -> None:
    assert api.agent_of(actor(agent, firm.pk), firm.pk) == agent.pk
    assert api.agent_of(actor(owner, firm.pk), firm.pk) is None and api.agent_of(actor(owner), owner.pk) is None


# --- registering -------------------------------------------------------------------------------------------------------------------------------

NUMBER = "440899198001010010"  # domain vector of an invented person


@pytest.fixture
def code() -> str:
    from yiwang.base.identifiers import make_uscc

    return make_uscc(f"91{NEVER_ASSIGNED}", "T0000001")


def test_a_person_is_registered_once_with_what_the_number_says() -> None:
    party, fresh = api.find_or_register_person(SYSTEM, name=" 试验人 ", number=NUMBER, phone="15400000001")
    again, second = api.find_or_register_person(SYSTEM, name="试验人", number=f" {NUMBER} ")
    person = Person.objects.get(party=party)
    assert fresh and not second and again.pk == party.pk and party.name == "试验人"
    assert (person.sex, person.birth.isoformat()) == ("男", "1980-01-01")
    assert party.division_id == "440800000000"  # of a region that is not ours, or no longer: the city
    assert [e.action for e in Entry.objects.filter(subject_id=str(party.pk))] == ["party.register"]


def test_an_entity_is_registered_once_and_keeps_its_representative(code: str, owner: Party, stranger: Party) -> None:
    party, fresh = api.find_or_register_entity(SYSTEM, name="试验公司", number=code.lower(), representative=owner.pk, division="440803", phone="12345")
    again, second = api.find_or_register_entity(SYSTEM, name="试验公司", number=code, representative=stranger.pk)
    assert fresh and not second and again.pk == party.pk
    entity = LegalEntity.objects.get(party=party)
    assert (entity.representative_id, entity.kind, party.division_id, party.phone) == (owner.pk, "企业法人", "440803000000", "12345")


@pytest.mark.parametrize(
    "changes, field",
    [
        ({"number": "440899198001010011"}, "number"),  # check digit
        ({"number": "440899198013010010"}, "number"),  # no such day
        ({"number": "440899209901010019"}, "number"),  # not born yet
        ({"number": ""}, "number"),
        ({"name": "  "}, "name"),
        ({"phone": "110"}, "phone"),
    ],
)
def test_a_false_person_is_not_registered(changes: dict[str, str], field: str) -> None:
    before = Party.objects.count()
    with pytest.raises(Invalid) as caught:
        api.find_or_register_person(SYSTEM, **{"name": "试验人", "number": NUMBER, **changes})
    assert list(caught.value.fields) == [field] and Party.objects.count() == before


def test_another_name_is_refused(code: str) -> None:
    api.find_or_register_person(SYSTEM, name="试验人", number=NUMBER)
    api.find_or_register_entity(SYSTEM, name="试验公司", number=code)
    with pytest.raises(Invalid, match="姓名与证件号码不相符"):
        api.find_or_register_person(SYSTEM, name="别的人", number=NUMBER)
    with pytest.raises(Invalid, match="名称与统一社会信用代码不相符"):
        api.find_or_register_entity(SYSTEM, name="别的公司", number=code)
    with pytest.raises(Invalid):
        api.find_or_register_entity(SYSTEM, name="试验公司", number=code[:-1] + ("0" if code[-1] != "0" else "1"))


@pytest.fixture
def kept() -> Iterator[Callable[[int], bool]]:
    """Registers one person from connections of their own; what they committed is taken back."""

    def register(_: int) -> bool:
        try:
            return api.find_or_register_person(SYSTEM, name="并发人", number="440899199002150028")[1]
        finally:
            connections["default"].close()

    yield register
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_forget).result()


def _forget() -> None:
    Person.objects.filter(party__number="440899199002150028").delete()
    Party.objects.filter(number="440899199002150028").delete()
    connections["default"].close()


def test_many_at_once_register_one(kept: Callable[[int], bool]) -> None:
    with ThreadPoolExecutor(8) as pool:
        fresh = list(pool.map(kept, range(16)))
    assert fresh.count(True) == 1


# --- finding and seeing ------------------------------------------------------------------------------------------------------------------------


def test_a_clerk_finds_by_number_and_the_person_can_see_it(owner: Party) -> None:
    clerk = actor(named("张予安"))
    assert api.find_party(clerk, number=owner.number, purpose="窗口收件").pk == owner.pk
    assert Access.objects.filter(party=owner.pk, purpose="窗口收件").count() == 1
    with pytest.raises(NotFound):
        api.find_party(clerk, number=NUMBER, purpose="窗口收件")
    with pytest.raises(Invalid):
        api.find_party(clerk, number="1", purpose="窗口收件")


def test_nobody_else_finds_by_number(owner: Party, stranger: Party) -> None:
    for who in (actor(stranger), actor(named("庄书言")), NOBODY):  # a citizen, a supervisor, a visitor
        with pytest.raises(NotAllowed):
            api.find_party(who, number=owner.number, purpose="好奇")
    assert not Access.objects.filter(party=owner.pk).exists()


def test_restrict_shows_ones_own(owner: Party, stranger: Party, firm: Party) -> None:
    me = actor(owner, firm.pk)
    assert set(restrict(me, Party.objects.all())) == {owner, firm}
    assert set(restrict(actor(stranger), Party.objects.all())) == {stranger}
    assert not restrict(NOBODY, Party.objects.all()) and not restrict(NOBODY, Delegation.objects.all()) and not restrict(NOBODY, Membership.objects.all())


def test_the_database_shows_ones_own_even_without_restrict(owner: Party, agent: Party, stranger: Party, firm: Party) -> None:
    with acting(actor(stranger)):
        assert [p.pk for p in Party.objects.all()] == [stranger.pk] and [p.party_id for p in Person.objects.all()] == [stranger.pk]
        assert not LegalEntity.objects.exists() and not Delegation.objects.exists()
    with acting(actor(agent)):
        assert {d.agent_id for d in Delegation.objects.all()} == {agent.pk} and not LegalEntity.objects.exists()
    with acting(actor(owner)):
        assert [e.party_id for e in LegalEntity.objects.all()] == [firm.pk]  # whom one represents
    with acting(NOBODY):
        assert not Party.objects.exists() and not Person.objects.exists()


def test_the_example_of_the_page_runs() -> None:
    page = (Path(__file__).resolve().parents[4] / "docs" / "engines/parties.md").read_text(encoding="utf-8")
    exec(page.split("```python")[1].split("```")[0], {})
