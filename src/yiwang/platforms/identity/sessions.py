"""Sessions: each ends when nobody has been at the keyboard for a while, and can be found and ended from elsewhere (GB/T 22239-2019 8.1.4.1 b)."""

import time

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest
from django.utils import timezone

from yiwang.engines.audit import api as audit
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.models import Account

SEEN = "seen"  # session key: seconds since the epoch
STEP = 60  # the stamp is written once a minute, not with every request


def is_idle(request: HttpRequest, actor: Actor) -> bool:
    """Whether the last request was too long ago; sooner for whoever holds a post."""
    limit = settings.SESSION_IDLE_OFFICIAL if actor.seats else settings.SESSION_IDLE_PERSON
    return request.user.is_authenticated and time.time() - request.session.get(SEEN, time.time()) > limit


def stamp(request: HttpRequest) -> None:
    """Notes that somebody is there."""
    if request.user.is_authenticated and time.time() - request.session.get(SEEN, 0) >= STEP:
        request.session[SEEN] = int(time.time())
        UserSession.objects.filter(session_key=request.session.session_key).update(last_seen_at=timezone.now())


def close(request: HttpRequest, actor: Actor) -> None:
    """Signs out whoever has been away too long."""
    audit.record(actor, "sign-out.idle", summary="长时间没有操作，自动退出")
    UserSession.objects.filter(session_key=request.session.session_key).delete()
    logout(request)


def renew_key(request: HttpRequest) -> None:
    """Another identity, another session key: one that somebody planted or saw before is worth nothing."""
    before = request.session.session_key
    request.session.cycle_key()
    UserSession.objects.filter(session_key=before).update(session_key=request.session.session_key)


def live_of(account: Account) -> list[UserSession]:
    """Where the account is signed in now, the latest first."""
    return sorted(UserSession.objects.purge_and_list(account), key=lambda session: session.last_seen_at, reverse=True)


def end_all(account: Account) -> int:
    """Ends every session of an account at once; how many there were."""
    found = live_of(account)
    for session in found:
        session.end()
    return len(found)
