"""From whom a petition is withheld: whoever it accuses, and everybody in their offices (第三十条: 不得将检举控告材料转给被检举控告的人员或者单位).

The shield is raised in the transaction that registers the petition, before anybody could look, and again whenever the office learns whom it means.
It falls on the case (`audit.withhold`): lists, counts, tasks, papers, messages and the record of every engine ask there.
"""

from django.db.models import Q, QuerySet
from django.utils import timezone

from yiwang.base.errors import Invalid
from yiwang.engines.audit import api as audit
from yiwang.engines.parties.models import Membership, Organisation
from yiwang.kit.rowsecurity import elevated
from yiwang.systems.welfare.online_petition.models import Accused, Petition

DISCIPLINE = "discipline_inspection"  #: function of the organ in charge of accusations: it is never shut out as an office, only its accused member is


def shield(petition: Petition) -> None:
    """Withholds every instance of an accusation from the accused, their offices and, while only a name is known, everybody of that name who holds a post."""
    if not petition.is_accusation:
        return
    with elevated():  # who holds which post is not the petitioner's to read
        parties, organs = _shut_out(petition)
        for case in petition.instances.values_list("case", flat=True):
            audit.withhold(case, parties=parties, organs=organs)


def is_shut_out(petition: Petition, organ: int) -> bool:
    """Whether an office must not get this petition."""
    return petition.is_accusation and organ in _shut_out(petition)[1]


def may_leave(petition: Petition, organ: int) -> bool:
    """Whether it may go to the system of an office, where our guards do not reach: an accusation only to the organ of discipline, and never to whom it accuses."""
    if not petition.is_accusation:
        return True
    return Organisation.objects.filter(pk=organ, function=DISCIPLINE).exists() and not is_shut_out(petition, organ)


def desk_for(division: str, accused: list[Accused], default: Organisation) -> Organisation:
    """The office that registers: the place's own, or the organ of discipline where that one, or somebody in it, is accused."""
    parties, organs = _persons(accused), {a.organ_id for a in accused if a.organ_id}
    organs |= _offices_of(parties)
    return default if default.pk not in organs else Organisation.objects.get(function=DISCIPLINE, division=f"{division[:4]}00000000")


def refuse(petition: Petition, organ: int) -> None:
    """Raises Invalid where the office must not get the petition."""
    if is_shut_out(petition, organ):
        raise Invalid("不能转送给被反映的单位。", fields={"organ": "检举控告材料不得转给被检举控告的人员或者单位（信访工作条例第三十条）"})


def _shut_out(petition: Petition) -> tuple[set[int], set[int]]:
    accused = list(petition.accused.all())
    parties = _persons(accused)
    organs = {a.organ_id for a in accused if a.organ_id} | _offices_of(parties)
    return parties, organs - set(Organisation.objects.filter(function=DISCIPLINE).values_list("pk", flat=True))


def _persons(accused: list[Accused]) -> set[int]:
    found = {a.party_id for a in accused if a.party_id}
    for one in accused:
        if one.name and not one.party_id:
            found |= set(_live().filter(party__name=one.name).values_list("party", flat=True))
    return {party for party in found if party}


def _offices_of(parties: set[int]) -> set[int]:
    return set(_live().filter(party__in=parties).values_list("post__organisation", flat=True))


def _live() -> "QuerySet[Membership]":
    today = timezone.localdate()
    return Membership.objects.filter(Q(valid_to=None) | Q(valid_to__gte=today))
