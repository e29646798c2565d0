"""Who acts: the one value that every verb and every `restrict` receives. Made by `parties.api` from posts and delegations, never by hand in a page."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Seat:
    """A post held now: these roles, for this organ, in this division (a prefix of 12-digit codes, trailing zeros cut)."""

    post: int
    title: str
    organ: int
    organ_name: str
    division: str
    roles: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person at work, a person for themselves, an agent for a principal, or a machine."""

    account: int | None = None  #: identity.Account; None for the system itself and for nobody
    name: str = ""  #: as shown on the record
    party: int | None = None  #: parties.Party of the person signed in
    acting_for: int | None = None  #: parties.Party on whose behalf: the own party, or a principal by live delegation
    acting_name: str = ""
    scope: tuple[str, ...] = ("*",)  #: item codes the delegation covers
    seats: tuple[Seat, ...] = ()
    client: str = ""  #: code of an authorised outside system
    system: bool = False  #: our own worker
    purpose: str = ""  #: why personal data are read, for the access log
    address: str = ""  #: network address, for the record
    roles: frozenset[str] = field(init=False)
    organs: frozenset[int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "roles", frozenset(role for seat in self.seats for role in seat.roles))
        object.__setattr__(self, "organs", frozenset(seat.organ for seat in self.seats))

    @property
    def is_anonymous(self) -> bool:
        return self.account is None and not self.system and not self.client

    def holds(self, role: str, organ: int | None = None) -> bool:
        """Whether a post held now gives this role (in this organ, if one is named)."""
        return any(role in seat.roles and organ in (None, seat.organ) for seat in self.seats)


NOBODY = Actor(name="访客")
SYSTEM = Actor(name="系统", system=True)
