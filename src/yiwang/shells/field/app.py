"""What makes the pages below /field an app: manifest, service worker, the list of files it keeps, and whose phone it is now."""

import hashlib
import json
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.views.decorators.cache import never_cache

from yiwang.kit.actors import Actor
from yiwang.kit.guards import actor_of

THEME = "#174a97"  # the bar at the top of every field page
LOOK = ("yiwang.css", "icons.svg", "mark.svg", "map.js", "map.css", "map-worker.js", "js/page.js", "field-192.png")
SCRIPTS = ("js/field-store.js", "js/field-outbox.js", "js/field-worker.js")  # what the worker itself runs, in this order


def tag_of(actor: Actor) -> str:
    """Tells one account from another on a phone, and nothing else; empty for nobody."""
    return "" if actor.account is None else salted_hmac("yiwang.shells.field", str(actor.account)).hexdigest()[:24]


@cache
def kept() -> tuple[str, ...]:
    """Names of the static files that every field page may need: the look, the map, and all scripts of this shell."""
    scripts = sorted(f"js/{path.name}" for path in (Path(settings.BASE_DIR) / "shells" / "static" / "js").glob("field*.js"))
    return (*LOOK, *(name for name in scripts if name != "js/field-worker.js"))


@cache
def version() -> str:
    """Changes with the content of any kept file, also where names carry no digest."""
    digest = hashlib.sha256()
    for name in (*kept(), "js/field-worker.js"):
        found = finders.find(name)
        digest.update(name.encode() + (Path(found).read_bytes() if found else b""))
    return digest.hexdigest()[:16]


@never_cache
def precache(request: HttpRequest) -> JsonResponse:
    """Addresses as this node serves them (with digests where they were collected); fetched once per version, at install."""
    pages = [reverse("field:offline"), reverse("field:manifest"), reverse("network:counties")]
    return JsonResponse({"version": version(), "files": [*(static(name) for name in kept()), *pages]})


def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. A new version of any kept file gives new bytes here, by which browsers notice it; its scope is the whole site, because signing out happens outside /field."""
    known = {
        "version": version(), "precache": reverse("field:precache"), "account": reverse("field:account"), "offline": reverse("field:offline"),
        "home": reverse("field:today"), "static": settings.STATIC_URL, "accounts": reverse("account_login").removesuffix("login/"),
    }  # fmt: skip
    scripts = "".join(f"importScripts({json.dumps(static(name))});\n" for name in SCRIPTS)
    answer = HttpResponse(f'"use strict";\nself.YIWANG = {json.dumps(known)};\n{scripts}', content_type="text/javascript; charset=utf-8")
    answer["Service-Worker-Allowed"] = "/"
    answer["Cache-Control"] = "no-cache"
    return answer


def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest (W3C): how the app is called and looks on the home screen."""
    icons = [{"src": static(f"field-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any"} for size in (192, 512)]
    icons.append({"src": static("field-maskable-512.png"), "sizes": "512x512", "type": "image/png", "purpose": "maskable"})
    content = {
        "id": reverse("field:today"), "name": f"{settings.CITY_NAME}一网·现场工作", "short_name": "现场工作", "lang": "zh-CN", "dir": "ltr",
        "description": "核查、巡查和现场登记。没有网络也能填写，联网后自动发送。", "categories": ["government", "productivity"],
        "start_url": reverse("field:today"), "scope": "/", "display": "standalone", "orientation": "portrait-primary",
        "theme_color": THEME, "background_color": "#f6f8fb", "icons": icons,
        "shortcuts": [{"name": "待发记录", "url": reverse("field:queue")}],
    }  # fmt: skip
    return HttpResponse(json.dumps(content, ensure_ascii=False), content_type="application/manifest+json; charset=utf-8")


@never_cache
def account(request: HttpRequest) -> JsonResponse:
    """Whose session this is, and the token that writes of this session carry: asked before anything kept on the phone is sent."""
    return JsonResponse({"account": tag_of(actor_of(request)), "token": get_token(request)})


def offline(request: HttpRequest) -> HttpResponse:
    """Shown where a page was never opened on this phone and there is no network. Holds nothing of anybody."""
    return render(request, "field/offline.html")
