"""Who acts for whom. An agent has exactly what a live delegation gives; a legal representative acts for the entity."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Delegation, Division, LegalEntity, Party
from yiwang.kit.actors import Actor, Seat
from yiwang.kit.rowsecurity import elevated
from yiwang.kit.statements import Statement

EVERYTHING = ("*",)


@dataclass(frozen=True)
class Principal:
    """Somebody for whom a person may act."""

    party: int
    name: str
    kind: str
    scope: tuple[str, ...]
    until: datetime | None  #: None: as legal representative, while they are


def actor_for(account: int, party: int, name: str = "", *, acting_for: int | None = None, address: str = "", purpose: str = "") -> Actor:
    """The actor of a signed-in person: posts held today, or the principal acted for. Raises NotAllowed when that right is not live.

    Without a `name` the actor bears the party's own. One query for oneself, three for a principal; each request makes an actor.
    """
    principal = None if acting_for in (None, party) else _principal(party, acting_for)
    own_name, seats = _name_and_seats(party)
    name = name or own_name
    return Actor(
        account=account,
        name=name,
        party=party,
        acting_for=principal.party if principal else party,
        acting_name=principal.name if principal else name,
        scope=principal.scope if principal else EVERYTHING,
        seats=seats if principal is None else (),  # an official who acts for a principal is a citizen for that while
        address=address,
        purpose=purpose,
    )


def principals_of(party: int) -> list[Principal]:
    """Whom the person may act for, by name: entities they represent, and principals of live delegations with all that these cover together."""
    return sorted(_principals(party, Party.objects.all()), key=lambda p: p.name)


@transaction.atomic
def delegate(actor: Actor, *, agent_name: str, agent_number: str, scope: list[str], valid_to: datetime) -> Delegation:
    """The actor, or the entity acted for as its representative, lets a person act until `valid_to`. Raises Invalid."""
    principal = _own_principal(actor)
    if valid_to <= timezone.now():
        raise Invalid("委托的截止时间应当晚于现在。", fields={"valid_to": "请选择以后的日期"})
    if not scope:
        raise Invalid("请选择委托办理的事项范围。", fields={"scope": "至少选择一项，或选择全部事项"})
    with elevated():  # an agent is found by name and number together, never by one alone
        agent = Party.objects.filter(kind=Party.Kind.PERSON, number=agent_number.strip().upper(), name=agent_name.strip()).first()
        if agent is None:
            raise Invalid("没有找到姓名和证件号码相符的个人。", hint="请核对；代办人需要先注册并完成实名。", fields={"agent_number": "姓名与证件号码不相符或尚未注册"})
        if agent.pk == principal:
            raise Invalid("不能委托本人。", fields={"agent_number": "这是委托人本人"})
        made = Delegation.objects.create(principal_id=principal, agent=agent, scope=scope, valid_to=valid_to)
    audit.record(actor, "delegation.give", subject=made, summary=f"委托他人代办，至 {timezone.localtime(valid_to - timedelta(microseconds=1)):%Y-%m-%d}")
    return made


@transaction.atomic
def withdraw_delegation(actor: Actor, delegation: int) -> Delegation:
    """Ends a delegation at once; what the agent did before stands. Raises NotFound unless the actor is the principal (or its representative) or the agent."""
    found = Delegation.objects.select_for_update().filter(Q(principal=_own_principal(actor)) | Q(agent=actor.party), pk=delegation).first()
    if found is None:
        raise NotFound("没有找到这份委托。")
    if found.withdrawn_at is None:
        found.withdrawn_at = timezone.now()
        found.save(update_fields=["withdrawn_at"])
        audit.record(actor, "delegation.withdraw", subject=found, summary="撤回委托")
    return found


def agent_of(actor: Actor, principal: int) -> int | None:
    """The actor's party when it acts for `principal` as an agent; None for oneself and for a legal representative, who is no agent."""
    if actor.party in (None, principal) or LegalEntity.objects.filter(party=principal, representative=actor.party).exists():
        return None
    return actor.party


def _own_principal(actor: Actor) -> int:
    if actor.party is None:
        raise NotAllowed("请先登录。")
    principal = actor.acting_for or actor.party
    if principal != actor.party and not LegalEntity.objects.filter(party=principal, representative=actor.party).exists():
        raise NotAllowed("代办人不能再委托他人，请由法定代表人办理。")
    return principal


def _principal(party: int, acting_for: int) -> Principal:
    found = _principals(party, Party.objects.filter(pk=acting_for))
    if not found:
        raise NotAllowed("您代办的授权已经到期或被撤回。", hint="请切换回本人身份，或请委托人重新授权。")
    return found[0]


def _principals(party: int, among: "models.QuerySet[Party]") -> list[Principal]:
    """Two queries, however many there are. An entity that no longer exists has neither a representative nor agents."""
    with elevated():  # names of one's own principals
        exists = among.filter(Q(as_entity=None) | Q(as_entity__status="存续"))
        found = {p.pk: Principal(p.pk, p.name, p.kind, EVERYTHING, None) for p in exists.filter(as_entity__representative=party)}
        for given in _live().filter(agent=party, principal__in=exists):
            whole = found.get(given.principal_id)
            if whole is None or whole.until is not None:  # who represents the entity needs no delegation of it
                found[given.principal_id] = _joined(given, whole)
    return list(found.values())


def _joined(given: Delegation, before: Principal | None) -> Principal:
    """Several delegations by one principal cover their items together; `until` is when the last of them ends."""
    scope = {*given.scope, *(before.scope if before else ())}
    until = max(given.valid_to, before.until) if before and before.until else given.valid_to
    whole = EVERYTHING if "*" in scope else tuple(sorted(scope))
    return Principal(given.principal_id, given.principal.name, given.principal.kind, whole, until)


def _live() -> models.QuerySet[Delegation]:
    now = timezone.now()
    return Delegation.objects.filter(withdrawn_at=None, valid_from__lte=now, valid_to__gt=now).select_related("principal")


HELD = ("post", "post__title", "post__organisation", "post__organisation__name", "post__division", "post__division__level", "post__roles", "valid_from", "valid_to")


def _name_and_seats(party: int) -> tuple[str, tuple[Seat, ...]]:
    """The party's name and the posts held today: one query, because every request asks."""
    today = timezone.localdate()
    rows = _posts(party=party)
    name, seats = "", []
    for name, post, title, organ, organ_name, code, level, roles, since, until in rows:  # noqa: B007  the same name in every row
        if post and since <= today and (until is None or until >= today):
            division = Division(code=code, level=level).prefix
            seats.append(Seat(post=post, title=title, organ=organ, organ_name=organ_name, division=division, roles=frozenset(roles)))
    return name, tuple(seats)


@Statement
def _posts(*, party: int) -> "models.QuerySet[Party, tuple[Any, ...]]":
    return Party.objects.filter(pk=party).values_list("name", *(f"memberships__{column}" for column in HELD))
