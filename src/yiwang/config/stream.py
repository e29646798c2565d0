"""The event stream: one small ASGI process that tells open pages what changed (server-sent events over LISTEN/NOTIFY).

A page connects with the session cookie; the process asks the database once who that is and then forwards only what is addressed to that party or
to the offices in which a post is held. It carries no content: "messages", "tasks" or "case <id>" tell the page to fetch again.
"""

import asyncio
import json
import os
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import SimpleCookie
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "yiwang.config.settings")
django.setup()

import psycopg  # noqa: E402  # after django.setup, as everything below
from asgiref.sync import sync_to_async  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import close_old_connections, connection  # noqa: E402

from yiwang.engines.parties import api as parties  # noqa: E402
from yiwang.kit.rowsecurity import elevated  # noqa: E402
from yiwang.platforms.identity.models import Account  # noqa: E402

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
CHANNEL = "yiwang_live"
HEARTBEAT = 20  # seconds; proxies close silent connections after 30 to 60
MOST = 12  # open pages of one session
_open: Counter[str] = Counter()
_listeners: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)
_pump: asyncio.Task[None] | None = None


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """GET /stream with a session cookie: an event stream. Anything else: 404; no session: 401."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    if scope["path"] == "/healthz":
        await _answer(send, 200, b"ok")
        return
    if scope["path"] != "/stream" or scope["method"] != "GET":
        await _answer(send, 404, b"")
        return
    session = _session(scope)
    addresses = await _addresses(session)
    if not addresses:
        await _answer(send, 401, b"")
    elif _open[session] >= MOST:
        await _answer(send, 429, b"")
    else:
        await _stream(session, addresses, receive, send)


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            if _pump:
                _pump.cancel()
            return


async def _stream(session: str, addresses: list[str], receive: Receive, send: Send) -> None:
    _start_pump()
    _open[session] += 1
    queue: asyncio.Queue[str] = asyncio.Queue(maxsize=100)
    for address in addresses:
        _listeners[address].add(queue)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await send({"type": "http.response.start", "status": 200, "headers": _headers()})
        await send({"type": "http.response.body", "body": b"retry: 3000\n\n", "more_body": True})
        while not gone.done():
            try:
                what = await asyncio.wait_for(queue.get(), HEARTBEAT)
                body = f"event: changed\ndata: {json.dumps({'what': what})}\n\n"
            except TimeoutError:
                if await _addresses(session) != addresses:  # signed out, or other posts and rights: the page asks again
                    break
                body = ": still here\n\n"
            await send({"type": "http.response.body", "body": body.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
    finally:
        gone.cancel()
        _open[session] -= 1
        if not _open[session]:
            del _open[session]
        for address in addresses:
            _listeners[address].discard(queue)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue


def _headers() -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        (b"access-control-allow-origin", settings.PUBLIC_URL.encode()),
        (b"access-control-allow-credentials", b"true"),
    ]


async def _answer(send: Send, status: int, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})


def _start_pump() -> None:
    global _pump  # one listener per process
    if _pump is None or _pump.done():
        _pump = asyncio.ensure_future(_listen())


async def _listen() -> None:
    """Forwards notifications; a lost connection is made again."""
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(**_connection(), autocommit=True) as listening:
                await listening.execute(f"LISTEN {CHANNEL}")
                async for note in listening.notifies():
                    address, _, what = note.payload.partition(" ")
                    represented = () if what == "messages" else _listeners.get(f"for:{address}", ())  # the principal's inbox is not the agent's
                    for queue in {*_listeners.get(address, ()), *represented}:
                        if not queue.full():
                            queue.put_nowait(what)
        except psycopg.OperationalError:
            await asyncio.sleep(1)


def _session(scope: Scope) -> str:
    raw = dict(scope["headers"]).get(b"cookie", b"").decode("latin-1")
    cookie = SimpleCookie(raw).get(settings.SESSION_COOKIE_NAME)
    return cookie.value if cookie else ""


async def _addresses(session: str) -> list[str]:
    return await sync_to_async(_who)(session) if session else []


def _who(session_key: str) -> list[str]:
    """Addresses of the session's person: their party, each principal they may act for, and as an official themselves and each office in which they hold a post."""
    close_old_connections()  # no request ends here that would do it
    account = SessionStore(session_key).get("_auth_user_id")
    if not account:
        return []
    with elevated():
        found = Account.objects.filter(pk=account, is_active=True).first()
        if found is None or found.party_id is None:
            return []
        actor = parties.actor_for(found.pk, found.party_id, found.username)
        principals = sorted(p.party for p in parties.principals_of(found.party_id))
    posts = [f"official:{found.party_id}", *(f"organ:{organ}" for organ in sorted(actor.organs))] if actor.organs else []
    return [f"party:{found.party_id}", *(f"for:party:{party}" for party in principals), *posts]


def _connection() -> dict[str, Any]:
    keys = {"dbname", "user", "password", "host", "port"}
    return {key: value for key, value in connection.get_connection_params().items() if key in keys}
