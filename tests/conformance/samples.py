"""Valid rows of any register, made from its form's own fields; and people with any role, to open them.

A system whose rows need more sense than their types say brings `SAMPLES` in its `tests.py`: register code → function of a number → what the form is given.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any
from zlib import crc32

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.contrib.gis.db.models import GeometryField
from django.db import IntegrityError, models, transaction
from django.test import Client

from yiwang.base.errors import Invalid
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Division, Membership, Organisation, Party, Post
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM, Actor
from yiwang.kit.declare import Register, System
from yiwang.kit.forms import form_of
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry
from yiwang.platforms.identity.models import Account

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
CITY = "440800000000"
FIRST = date(2025, 3, 3)  # long confirmed in the calendar
SHAPES = {
    "POINT": ("Point", [110.36, 21.27]), "LINESTRING": ("LineString", [[110.28, 21.66], [110.36, 21.27]]), "POLYGON": ("Polygon", [[[110.3, 21.2], [110.4, 21.2], [110.4, 21.3], [110.3, 21.2]]]),
    "MULTILINESTRING": ("MultiLineString", [[[110.28, 21.66], [110.36, 21.27]]]), "MULTIPOLYGON": ("MultiPolygon", [[[[110.3, 21.2], [110.4, 21.2], [110.4, 21.3], [110.3, 21.2]]]]),
}  # fmt: skip
Given = dict[str, Any]


@dataclass
class Samples:
    """Rows by register, each made once for a number."""

    made: dict[tuple[str, int], Any] = field(default_factory=dict)

    def row(self, register: Register, number: int = 1) -> Any:
        """The row of that number, kept through the front door."""
        if (register.code, number) not in self.made:
            given = self.given(register, number)
            why: object = None
            try:
                with transaction.atomic():
                    self.made[register.code, number] = registers.keep(SYSTEM, register, given, reason="样例")
            except (Invalid, IntegrityError) as refused:
                why = getattr(refused, "fields", None) or refused
            if why is not None:
                pytest.fail(f"{register.code}: no valid row {number} from the types alone ({why}); {_place(register)} should bring SAMPLES[{register.code!r}]", pytrace=False)
        return self.made[register.code, number]

    def given(self, register: Register, number: int) -> Given:
        """What its form is given; a system's own sample fills in what types do not say."""
        own = _own(register)
        made: Given = {}
        for place, name in enumerate(form_of(register).base_fields):
            column = register.model._meta.get_field(name)
            made[name] = self.value(register, column, number, place)
        return made | (own(number) if own else {})

    def value(self, register: Register, column: Any, number: int, place: int) -> Any:
        """Text for one field. Later numbers and dates of a row are larger: from before to, begin before end."""
        if isinstance(column, models.ForeignKey):
            return str(self.target(register, column).pk)
        if isinstance(column, GeometryField):
            kind, coordinates = SHAPES[column.geom_type]
            return json.dumps({"type": kind, "coordinates": coordinates})
        if column.choices:
            return str(column.flatchoices[0][0])
        kind = column.get_internal_type()
        if kind == "BooleanField":
            return "True"
        if kind == "DateField":
            return str(FIRST + timedelta(days=place))
        if kind == "DateTimeField":
            return (datetime.combine(FIRST, datetime.min.time()) + timedelta(days=place)).isoformat(timespec="minutes")
        if "Integer" in kind or kind == "FloatField":
            return str(place + 1)
        if kind == "DecimalField":
            return str(Decimal(place + 1))
        if kind == "URLField":
            return f"https://example.cn/{number}"
        if kind == "EmailField":
            return f"n{number}@example.cn"
        text = f"S{number:04d}" if column.unique else f"{column.verbose_name}样例{number % 3}"
        return text[: column.max_length or 200]

    def target(self, register: Register, column: Any) -> Any:
        """A row of the table that a key leads to: a sample of its register, else the owner's own, else any."""
        model = column.related_model
        if other := next((r for r in registry().registers.values() if r.model is model and issubclass(model, Kept) and form_of_exists(r)), None):
            return self.row(other)
        if model is Division:
            return Division.objects.get(code=CITY)
        if model is Organisation:
            return office_of(owner_of(register))
        found = model._default_manager.order_by("pk").first()
        if found is None:
            pytest.fail(f"{register.code}: no {model.__name__} for {column.name}; {_place(register)} should bring SAMPLES[{register.code!r}]", pytrace=False)
        return found


def form_of_exists(register: Register) -> bool:
    return bool(register.fields or register.form)


def owner_of(register: Register) -> System:
    """The system that declares a register."""
    return next(s for s in registry().systems.values() if register in s.registers)


def office_of(system: System) -> Organisation:
    """The city's office that answers for a system."""
    return Organisation.objects.get(function=system.owner, division=CITY)


def person(name: str, *roles: str, organ: Organisation | None = None, division: str = CITY) -> Actor:
    """Somebody with a post of these roles, or with none."""
    number = f"44089919800101{crc32(name.encode()) % 9000 + 1000}"
    party = Party.objects.filter(name=name).first() or Party.objects.create(kind=Party.Kind.PERSON, name=name, number=number, division_id=division, verified="样例")
    if organ is not None:
        post, _ = Post.objects.get_or_create(organisation=organ, title=f"样例{name}"[:60], defaults={"roles": list(roles), "division_id": division})
        Membership.objects.get_or_create(party=party, post=post, defaults={"valid_from": FIRST})
    account, _ = Account.objects.get_or_create(username=f"sample-{party.pk}", defaults={"party": party, "proof": Account.Proof.WINDOW})
    return parties.actor_for(account.pk, party.pk, party.name)


def browser(actor: Actor | None = None) -> Client:
    """A signed-in client; without an actor, nobody's."""
    client = Client()
    if actor is not None:
        client.force_login(Account.objects.get(pk=actor.account), backend="yiwang.platforms.identity.doors.AccountBackend")
    return client


def strong_browser(actor: Actor) -> Client:
    """Signed in with a second factor, as administrators are."""
    client = browser(actor)
    TOTP.activate(Account.objects.get(pk=actor.account), SECRET)
    client.post("/accounts/2fa/reauthenticate/", {"code": format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))})
    return client


def _place(register: Register) -> str:
    """The module that brings samples of a register: the tests of its model's package."""
    return f"{register.model.__module__.rpartition('.models')[0]}.tests"


def _own(register: Register) -> Callable[[int], Given] | None:
    try:
        tests = import_module(_place(register))
    except ModuleNotFoundError as missing:
        if missing.name != _place(register):
            raise
        return None
    samples: dict[str, Callable[[int], Given]] = getattr(tests, "SAMPLES", {})
    return samples.get(register.code)
