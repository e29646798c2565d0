"""Who may pass a route. Every route carries a guard; an architecture test walks the resolver and finds those that do not."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.http import HttpRequest, HttpResponseBase

from yiwang.base.errors import NotAllowed, SignInNeeded
from yiwang.kit.actors import NOBODY, Actor

View = Callable[..., HttpResponseBase]
ANYONE = "anyone"  #: no sign-in
SIGNED_IN = "signed-in"  #: any account
OFFICIAL = "official"  #: any post held now
SIGNED = "signed"  #: a machine that proves itself in the request (payment notice, API token); the view itself checks


def actor_of(request: HttpRequest) -> Actor:
    """The actor that the identity middleware set; nobody where it did not run."""
    return cast("Actor", getattr(request, "actor", NOBODY))


def guarded(*roles: str) -> Callable[[View], View]:
    """Lets through whoever holds one of `roles` (or ANYONE, SIGNED_IN, OFFICIAL). Raises SignInNeeded or NotAllowed."""

    def wrap(view: View) -> View:
        @wraps(view)
        def guard(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            check(actor_of(request), roles)
            return view(request, *args, **kwargs)

        guard.guard = roles or (ANYONE,)  # type: ignore[attr-defined]  # read by the architecture test and by menus
        return guard

    return wrap


def check(actor: Actor, roles: tuple[str, ...]) -> None:
    """Raises unless `actor` may pass a door that asks for one of `roles`."""
    if not roles or ANYONE in roles or SIGNED in roles:
        return
    if actor.is_anonymous:
        raise SignInNeeded("这一页需要登录后查看。", hint="登录后会回到这里，已填写的内容不会丢失。")
    if not may_pass(actor, roles):
        raise NotAllowed("您当前的身份不能进入这一页。", hint="如果您刚换了岗位，请联系本单位的系统管理员核对任职。")


def may_pass(actor: Actor, roles: tuple[str, ...]) -> bool:
    """Whether a menu should show the page."""
    if not roles or ANYONE in roles or SIGNED in roles:
        return True
    if SIGNED_IN in roles and not actor.is_anonymous:
        return True
    if OFFICIAL in roles and actor.seats:
        return True
    return bool(actor.roles & set(roles))
