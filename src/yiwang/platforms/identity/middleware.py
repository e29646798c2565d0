"""Who is at the door: the actor of each request, and the same identity for the database's row security."""

from collections.abc import Callable, Iterator
from typing import cast

from django.contrib import messages as flash
from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from yiwang.base.errors import NotAllowed, YiwangError
from yiwang.engines.parties import api as parties
from yiwang.kit.actors import NOBODY, Actor
from yiwang.kit.rowsecurity import acting, elevated
from yiwang.platforms.identity import clients, sessions

ACTING_FOR = "acting_for"  # session key
ALWAYS_OPEN = ("account_logout", "identity:act-for")  # leaving, and becoming oneself again, are never refused for a lapsed delegation


class ActorMiddleware:
    """Sets `request.actor` and enters it for the request and what it streams.

    A lapsed delegation ends acting and refuses the request: nothing is done as somebody else by surprise. The refusal is left in
    `request.lapsed`, because the error middleware inside can show it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path == reverse("account_login") and is_waiting(request):
            return redirect("identity:prove")  # the login page would send a signed-in visitor back to where they came from, for ever
        actor, refusal = self.who(request)
        if sessions.is_idle(request, actor):
            sessions.close(request, actor)
            flash.info(request, "很久没有操作，为了您的安全已经自动退出，请重新登录。")
            actor, refusal = _nobody(request), None
        sessions.stamp(request)
        request.actor = actor  # type: ignore[attr-defined]  # read through kit.guards.actor_of
        request.lapsed = refusal  # type: ignore[attr-defined]
        with acting(actor):
            response = self.get_response(request)
        if response.streaming and not isinstance(response, FileResponse):  # a file is open already and reads no rows
            streamed = cast("StreamingHttpResponse", response)
            streamed.streaming_content = _as(actor, cast("Iterator[bytes]", streamed.streaming_content))
        return response

    def who(self, request: HttpRequest) -> tuple[Actor, YiwangError | None]:
        """The actor, and why the request must be refused, if it must."""
        if request.headers.get("Authorization", "").startswith("Bearer "):
            try:
                return clients.authenticate_client(request), None
            except YiwangError as refusal:
                return _nobody(request), refusal
        try:
            return person(request), None
        except NotAllowed as refusal:
            request.session.pop(ACTING_FOR, None)
            leaving = request.path in [reverse(name) for name in ALWAYS_OPEN]
            return person(request), None if leaving else refusal


def person(request: HttpRequest) -> Actor:
    """The person of the session, acting for whom they chose. Raises NotAllowed when that right is no longer live."""
    account = request.user
    if not account.is_authenticated or account.party_id is None:  # who has not yet shown who they are is nobody
        return _nobody(request)
    address = request.META.get("REMOTE_ADDR", "")
    with elevated():  # before anybody is known, nobody's rows are visible
        return parties.actor_for(account.pk, account.party_id, acting_for=request.session.get(ACTING_FOR), address=address)


def is_waiting(request: HttpRequest) -> bool:
    """Signed in, but not yet shown to be who the account claims to be."""
    return request.user.is_authenticated and request.user.party_id is None


def _nobody(request: HttpRequest) -> Actor:
    return Actor(name=NOBODY.name, address=request.META.get("REMOTE_ADDR", ""))


def _as(actor: Actor, chunks: Iterator[bytes]) -> Iterator[bytes]:
    with acting(actor):
        yield from chunks
