"""Every database test begins in the demo city (fewer people), loaded once for each worker process. `--reuse-db` keeps it for the next run, `--create-db` makes it anew."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("YIWANG_HOME", tempfile.mkdtemp(prefix="yiwang-test-"))  # keys and files of the tests, never the installation's own

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("yiwang", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
settings.load_profile("yiwang")


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None, django_db_keepdb: bool, django_db_createdb: bool
) -> Iterator[None]:
    from django.conf import settings
    from django.test.utils import setup_databases, teardown_databases

    from demo import cast, divisions, people, rivers
    from demo.peers import keys
    from yiwang.engines.registers import api as registers
    from yiwang.platforms.items import api as items
    from yiwang.platforms.licences import api as licences
    from yiwang.systems.welfare.online_petition import filing as petitions

    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False, aliases=["default"], serialized_aliases=[], parallel=0, keepdb=django_db_keepdb and not django_db_createdb)
        registers.seed_calendar()
        divisions.load_divisions()
        divisions.load_boundaries()
        divisions.load_organisations()
        licences.load_types()
        items.load_catalogue()
        petitions.seed()
        people.load_people(0)
        cast.load_cast()
        rivers.load_rivers()
        keys.configure(Path(settings.KEYS) / "peers", payment_url="http://127.0.0.1:9", sms_url="http://127.0.0.1:9")
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(databases, verbosity=0)


@pytest.fixture
def no_rivers(db: None) -> None:
    """The registers of rivers begin empty: for tests that show what every register does on them, and count."""
    from graphlib import TopologicalSorter

    from django.apps import apps

    models = set(apps.get_app_config("river_chief").get_models())
    hangs_on = {model: {f.related_model for f in model._meta.fields if f.related_model in models - {model}} for model in models}
    for model in reversed(list(TopologicalSorter(hangs_on).static_order())):  # whatever hangs on a row goes before it
        model._default_manager.all()._raw_delete("default")


LOOKS = {  # what a look may leave behind: that somebody looked, and until when they were there
    "audit_entry", "audit_access", "licences_use", "registers_export",  # of an export: that it was taken
    "django_session", "usersessions_usersession", "axes_accesslog", "identity_cache", "identity_usage", "online_petition_peer",  # of another system: that it was refused
}  # fmt: skip
WRITES = re.compile(r'\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?(\w+)"?\s*(?:SET|\(|WHERE|AS|USING|VALUES|SELECT|$)', re.IGNORECASE)


@pytest.fixture(autouse=True)
def safe_methods(monkeypatch: pytest.MonkeyPatch) -> None:
    """In every test, whichever page it opens: GET and HEAD change nothing (RFC 9110, 9.2.1), so that a crawler or a browser that looks ahead changes nothing."""
    from django.core.handlers.base import BaseHandler
    from django.db import connection

    answer = BaseHandler.get_response

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        written = set(WRITES.findall(str(sql))) - LOOKS
        assert not written, f"a GET writes {', '.join(sorted(written))}: {sql}"
        return execute(sql, params, many, context)

    def get_response(handler: BaseHandler, request: Any) -> Any:
        if request.method not in {"GET", "HEAD"}:
            return answer(handler, request)
        with connection.execute_wrapper(look):
            return answer(handler, request)

    monkeypatch.setattr(BaseHandler, "get_response", get_response)
