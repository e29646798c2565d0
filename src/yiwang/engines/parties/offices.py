"""Offices and posts: which office answers for a place (its zone's, if a zone manages it), who holds which post, which window takes in."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Division, Management, Membership, Organisation, Party, Post
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry

HALL = "admin_service_centre"
ADMINISTRATORS = {"system-admin", "security-admin", "audit-admin"}
ZONE = "派出机构"  # organisations of this kind manage units inside other divisions


def divisions_above(division: str) -> list[str]:
    """The codes of a division and all above it, the nearest first."""
    codes = [division[:length].ljust(12, "0") for length in (12, 9, 6, 4, 2)]
    return list(dict.fromkeys(codes))


def managing_organisation(division: str) -> Organisation | None:
    """The zone that manages the unit or one above it below the county, if any (the managing tree)."""
    today = timezone.localdate()
    begun, lasting = Q(valid_from=None) | Q(valid_from__lte=today), Q(valid_to=None) | Q(valid_to__gte=today)
    live = Management.objects.filter(begun, lasting, division__in=divisions_above(division)).select_related("organisation")
    return next((m.organisation for m in sorted(live, key=lambda m: m.division_id.rstrip("0"), reverse=True)), None)


def organ_for(function: str, division: str) -> Organisation:
    """The office of that function for a place: its zone's own, else the town's, county's or city's, whichever is nearest. Raises NotFound."""
    zone = managing_organisation(division)
    if zone:
        own = Organisation.objects.filter(function=function, parent=zone).first()
        if own:
            return own
    places = divisions_above(division)
    found = {o.division_id: o for o in Organisation.objects.filter(function=function, division__in=places).exclude(parent__kind=ZONE)}
    for code in places:
        if code in found:
            return found[code]
    raise NotFound(f"{division[:6]} 没有承担“{function}”职能的机构。")


def organ_named(key: str) -> Organisation:
    """Raises NotFound."""
    found = Organisation.objects.filter(key=key).first()
    if found is None:
        raise NotFound(f"没有机构“{key}”。")
    return found


def offices_with(role: str, *, place: str) -> list[Organisation]:
    """Offices that have a post with this role for a place (12-digit code), the nearest place first."""
    above = divisions_above(place)
    held = Post.objects.filter(roles__contains=[role], division__in=above)
    return sorted(Organisation.objects.filter(pk__in=held.values("organisation")), key=lambda o: (above.index(o.division_id) if o.division_id in above else len(above), o.key))


def office_names(functions: Iterable[str]) -> dict[str, str]:
    """Function → name of the city's office for it, where there is one."""
    return dict(Organisation.objects.filter(function__in=set(functions), division__level=Division.Level.CITY).values_list("function", "name"))


def window_for(organ: int) -> int:
    """The window of an office: the service hall of its zone or its division; a town is its own window."""
    office = Organisation.objects.select_related("division", "parent").get(pk=organ)
    if office.parent and office.parent.kind == ZONE:
        halls = Organisation.objects.filter(function=HALL, parent=office.parent_id)
    elif office.division.level >= Division.Level.TOWN:
        return organ
    else:
        halls = Organisation.objects.filter(function=HALL, division=office.division_id).exclude(parent__kind=ZONE)
    return halls.values_list("pk", flat=True).first() or organ


def holders_of(role: str | Collection[str], *, organ: int | None = None, covering: str | None = None) -> list[int]:
    """Parties that hold a post with this role, or one of these, today, in an office, or for a place."""
    today = timezone.localdate()
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today), valid_from__lte=today, post__roles__overlap=[role] if isinstance(role, str) else list(role))
    if organ is not None:
        held = held.filter(post__organisation=organ)
    if covering is not None:
        held = held.filter(post__division__in=divisions_above(covering))
    return list(held.order_by("party").values_list("party", flat=True).distinct())


@transaction.atomic
def hold_post(actor: Actor, *, party: int, post: int, since: date) -> Membership:
    """A person takes a post. By a system administrator (三权分立: who gives rights does not use them). Raises NotAllowed, NotFound, Conflict."""
    _administers(actor)
    if party == actor.party:
        raise NotAllowed("不能给自己安排岗位，请由另一位系统管理员办理。")
    person = Party.objects.select_for_update().filter(pk=party, kind=Party.Kind.PERSON).first()  # one appointment of a person after the other
    place = Post.objects.select_related("organisation").filter(pk=post).first()
    if person is None or place is None:
        raise NotFound("没有找到这个人或者这个岗位。")
    held = Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=since), party=person).select_related("post")
    if any(m.post_id == post for m in held):
        raise Conflict("这个人已经在这个岗位上。")
    _separated({role for m in held for role in m.post.roles} | set(place.roles))
    made = Membership.objects.create(party=person, post=place, valid_from=since)
    audit.record(actor, "post.hold", subject=made, summary=str(place))
    return made


@transaction.atomic
def leave_post(actor: Actor, membership: int, *, until: date) -> None:
    """A person leaves a post; from the next day on it gives nothing. An end already set is never put off. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _administers(actor)
    held = Membership.objects.select_for_update(of=("self",)).select_related("post__organisation").filter(pk=membership).first()
    if held is None:
        raise NotFound("没有这条任职记录。")
    if held.valid_to is not None and until >= held.valid_to:
        raise Conflict("这次任职已经有更早的离任日期。", hint="继续任职请重新办理任职。")
    if until < held.valid_from:
        raise Invalid("离任日期不能早于任职日期。", fields={"until": f"不早于 {held.valid_from:%Y-%m-%d}"})
    held.valid_to = until
    held.save(update_fields=["valid_to"])
    audit.record(actor, "post.leave", subject=held, summary=str(held.post))


@transaction.atomic
def make_post(actor: Actor, *, organ: int, title: str, roles: Sequence[str]) -> Post:
    """A new place in an office, for its own division. By a system administrator. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _administers(actor)
    office, called = Organisation.objects.filter(pk=organ).first(), title.strip()
    if office is None:
        raise NotFound("没有找到这个机构。")
    if wrong := set(roles) - set(registry().roles):
        raise Invalid("没有这个角色。", fields={"roles": f"没有角色：{'、'.join(sorted(wrong))}"})
    if not called or not roles:
        raise Invalid("岗位名称和角色都需要填写。", fields={"title": "请填写岗位名称"} if not called else {"roles": "至少选择一个角色"})
    _separated(set(roles))
    made, fresh = Post.objects.get_or_create(organisation=office, title=called[:60], defaults={"roles": list(roles), "division_id": office.division_id})
    if not fresh:
        raise Conflict("这个机构已经有同名的岗位。")
    audit.record(actor, "post.make", subject=made, summary=str(made), detail={"roles": list(roles)})
    return made


def candidate(actor: Actor, *, name: str, number: str) -> Party:
    """Whom a system administrator may appoint, by name and number together; the look is recorded. Raises NotAllowed, NotFound."""
    _administers(actor)
    found = Party.objects.filter(kind=Party.Kind.PERSON, number=number.strip().upper(), name=name.strip()).first()
    if found is None:
        raise NotFound("没有找到姓名和证件号码相符的人。", hint="请核对；任职的人需要先注册账号。")
    audit.record_access(actor, party=found.pk, what="基本信息", purpose="办理任职", fields=["name", "number"])
    return found


def _administers(actor: Actor) -> None:
    if not (actor.system or actor.holds("system-admin")):
        raise NotAllowed("任职由系统管理员维护。")


def _separated(roles: set[str]) -> None:
    """GB/T 22239-2019 8.1.5: system, audit and security administration are three people's."""
    if len(roles & ADMINISTRATORS) > 1:
        raise Conflict("系统管理员、安全管理员、审计管理员不能由一人兼任。")
