"""Who is at the door: the actor of each request, and the same identity for the database's row security."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase

from yiwang.base.errors import NotAllowed
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import NOBODY, Actor
from yiwang.kit.rowsecurity import acting, elevated
from yiwang.platforms.identity import clients

ACTING_FOR = "acting_for"  # session key


class ActorMiddleware:
    """Sets `request.actor` and enters it for the request. A lapsed delegation ends acting and refuses the request: nothing is done as somebody else by surprise."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        try:
            actor, lapsed = self.actor_of(request), None
        except NotAllowed as problem:
            request.session.pop(ACTING_FOR, None)
            actor, lapsed = self.actor_of(request), problem
        request.actor = actor  # type: ignore[attr-defined]  # read through kit.guards.actor_of
        request.lapsed = lapsed  # type: ignore[attr-defined]  # raised by the error middleware, which can show it
        with acting(actor):
            return self.get_response(request)

    def actor_of(self, request: HttpRequest) -> Actor:
        address = request.META.get("REMOTE_ADDR", "")
        if request.headers.get("Authorization", "").startswith("Bearer "):
            return clients.actor_for(request.headers["Authorization"].removeprefix("Bearer "), address=address)
        if not request.user.is_authenticated:
            return Actor(name=NOBODY.name, address=address)
        with elevated():  # before anybody is known, nobody's rows are visible
            account = request.user
            if account.party_id is None:
                return Actor(account=account.pk, name=str(account), address=address)
            return parties.actor_for(
                account.pk, account.party_id, account.full_name, acting_for=request.session.get(ACTING_FOR), address=address
            )
