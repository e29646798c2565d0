"""Personal data: every table that holds some is guarded by the database too, and the guard shows each person only what is theirs."""

from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.kit.access import restrict
from yiwang.kit.actors import NOBODY, SYSTEM, Actor
from yiwang.kit.rowsecurity import acting

WITHOUT = {  # table → why the database does not guard its rows
    "identity_account": "read before anybody is known, at sign-in; holds a user name and whose account it is, no number and no phone",
}


def personal_models() -> list[type[models.Model]]:
    return [m for m in apps.get_models() if m.__module__.startswith("yiwang.") and getattr(m, "personal", ()) and m._meta.managed]


def guarded_tables() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid WHERE c.relrowsecurity AND c.relforcerowsecurity")
        return {name for (name,) in cursor.fetchall()}


GUARDED = [m for m in personal_models() if m._meta.db_table not in WITHOUT]


@pytest.mark.django_db
def test_every_personal_table_has_row_security() -> None:
    tables = {m._meta.db_table for m in personal_models()}
    assert not tables - guarded_tables() - set(WITHOUT)
    assert not set(WITHOUT) - tables | set(WITHOUT) & guarded_tables(), "a reason that is no longer needed"


@pytest.mark.django_db
def test_the_applications_role_cannot_pass_by() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False,)


def actor(name: str) -> Actor:
    party = Party.objects.get(name=name)
    return parties.actor_for(party.pk, party.pk, name)  # an account is one person's


@pytest.mark.django_db
@pytest.mark.parametrize("model", GUARDED, ids=lambda m: m._meta.label)
def test_nobody_sees_no_row_and_officials_and_the_system_are_trusted(model: type[models.Model]) -> None:
    """Without `restrict`. What an official sees of it is `visible_to`'s to say; the system sees all."""
    every = rows(model, SYSTEM)
    assert rows(model, NOBODY) == set()
    assert rows(model, actor("张予安")) == every


@pytest.mark.django_db
@pytest.mark.parametrize("model", GUARDED, ids=lambda m: m._meta.label)
@pytest.mark.parametrize("name", ["刘若溪", "陈晓帆"])
def test_the_guard_is_never_narrower_than_the_rule(model: type[models.Model], name: str) -> None:
    """Whatever `restrict` shows a person, the database shows too: the two cannot contradict each other by an empty page."""
    me = actor(name)
    allowed = {row.pk for row in restrict(me, model._default_manager.all())}
    with acting(me):
        assert {row.pk for row in restrict(me, model._default_manager.all())} == allowed


@pytest.mark.django_db
def test_persons_are_kept_apart_without_any_rule() -> None:
    one, other = actor("刘若溪"), actor("梁长风")
    for model in GUARDED:
        assert not rows(model, one) & rows(model, other), model._meta.label


def rows(model: type[models.Model], who: Actor) -> set[Any]:
    with acting(who):
        return set(model._default_manager.values_list("pk", flat=True))
