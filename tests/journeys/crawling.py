"""Walks through every page that the pages themselves offer, as plain HTTP, and says what is wrong with each."""

import re
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.urls import Resolver404, resolve
from lxml import html

from demo.cast import Player

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # of the authenticators of the administrators
EACH = 2  # instances of a route for one person
ALL = 3  # instances that everybody opens together, where one person's second or one register's page says little new
STRANGE = re.compile(r"\{\{|\{%|<QuerySet|datetime\.|object at 0x|Decimal\(|\bNone\b|\bnan\b")
VALUES = {"True", "False", "None", "[]", "{}", "()"}
ENGLISH = re.compile(r"[A-Za-z]{2,}(?:[ ,]+[A-Za-z']+){3,}")
CODE = re.compile(r"[a-z]+(?:[_-][a-z0-9]+)+")
ATTRIBUTES = ("placeholder", "aria-label", "title", "alt")


@dataclass(frozen=True)
class Visit:
    """One answer to one person. `name` is the route, with its register, and a question mark where something was asked."""

    who: str
    name: str
    address: str
    status: int
    offered_by: str
    page: bool  #: HTML, answered with 200
    size: int  #: of the answer, in bytes


@dataclass
class Walk:
    """What all of them saw together."""

    url: str
    visits: list[Visit] = field(default_factory=list)
    problems: set[str] = field(default_factory=set)
    forms: dict[str, tuple[str, str]] = field(default_factory=dict)  #: route that a form is sent to → who saw it first, and where
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)
    together: "Counter[str]" = field(default_factory=Counter)

    def names(self) -> set[str]:
        return {visit.name.rstrip("?") for visit in self.visits}


class Walker:
    """One person, or nobody."""

    def __init__(self, walk: Walk, player: Player | None) -> None:
        self.walk, self.player, self.who = walk, player, player.username if player else ""
        self.client = httpx.Client(base_url=walk.url, timeout=60)
        self.waiting: deque[tuple[str, str]] = deque()
        self.done: set[str] = set()
        self.own: Counter[str] = Counter()
        if player:
            self._sign_in(player)

    def _sign_in(self, player: Player) -> None:
        answer = self._post("/accounts/login/", login=player.username, password=player.password)
        if "2fa" in answer.headers["location"]:
            code = format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))
            answer = self._post(answer.headers["location"], code=code)
        assert answer.status_code == 302, f"{player.username} cannot sign in"
        self.walk.cookies[self.who] = dict(self.client.cookies)

    def act_for(self, party: str) -> None:
        """Goes on as the one they may act for; another visitor to the walk."""
        self._post("/my/act-for", party=party)
        self.who = f"{self.who}+"
        self.walk.cookies[self.who] = dict(self.client.cookies)
        self.done, self.own = set(), Counter()

    def press(self, address: str, name: str, **values: str) -> None:
        """Sends the first form of that page that goes to the route `name`, and goes on from where it leads."""
        tree = html.fromstring(self.client.get(address).text)
        forms = [f for f in tree.xpath("//form[@method='post']") if name_of(f.get("action") or address) == name]
        assert forms, f"{self.who} finds no form for {name} at {address}"
        hidden = {one.get("name"): one.get("value") or "" for one in forms[0].xpath(".//input[@type='hidden']")}
        answer = self.client.post(forms[0].get("action") or address, data={**hidden, **values}, headers={"Referer": self.walk.url})
        assert answer.is_redirect, f"{name} at {address} answers {answer.status_code}"
        self.go(httpx.URL(self.walk.url + address).join(answer.headers["location"]).raw_path.decode())

    def _post(self, address: str, **values: str) -> httpx.Response:
        page = html.fromstring(self.client.get("/my/account" if "act-for" in address else address).text)
        token = page.xpath("//input[@name='csrfmiddlewaretoken']/@value")[0]
        return self.client.post(address, data={"csrfmiddlewaretoken": token, **values}, headers={"Referer": self.walk.url})

    def go(self, *begin: str) -> None:
        """Opens these and whatever they lead to."""
        self.waiting.extend((address, "") for address in begin)
        while self.waiting:
            address, offered_by = self.waiting.popleft()
            address = address.partition("#")[0]
            name = name_of(address)
            if name == "" and not address.startswith("/static/"):
                self.walk.problems.add(f"{offered_by} offers {address}, which is nowhere")
            elif name and address not in self.done and self._wanted(name, address):
                self.done.add(address)
                self.own[name] += 1
                self.walk.together[name] += 1
                self._open(name, address, offered_by)

    def _wanted(self, name: str, address: str) -> bool:
        """What says something new: an official's own work, each other route once for each person, and what everybody shares a few times in all."""
        generic = name.startswith("register:") and (name.endswith("?") or not name.startswith("register:list"))
        at_home = bool(self.player and self.player.roles) and not address.startswith(("/work/", "/field/"))
        shared = generic or at_home
        if shared or self.own[name]:
            return self.own[name] < EACH and self.walk.together[name] < ALL
        return True

    def _open(self, name: str, address: str, offered_by: str) -> None:
        answer = self.client.get(address)
        page = answer.status_code == 200 and answer.headers.get("content-type", "").startswith("text/html")
        self.walk.visits.append(Visit(self.who, name, address, answer.status_code, offered_by, page, len(answer.content)))
        if answer.is_redirect:
            self._queue(answer.headers["location"], address)
        elif answer.status_code != 200:
            self.walk.problems.add(f"{offered_by} offers {self.who or 'nobody'} {address}, which answers {answer.status_code}")
        elif page:
            tree = html.fromstring(answer.text)
            self.walk.problems |= {f"{name} ({address}): {words}" for words in wrong_with(tree, {self.who.rstrip("+")})}
            for link in offered(tree, address):
                self._queue(link, address)
            for form in tree.xpath("//form[@method='post']"):
                self.walk.forms.setdefault(name_of(httpx.URL(self.walk.url + address).join(form.get("action") or address).raw_path.decode()), (self.who, address))

    def _queue(self, link: str, offered_by: str) -> None:
        target = httpx.URL(self.walk.url + offered_by).join(link)
        if str(target).startswith(self.walk.url + "/"):
            self.waiting.append((target.raw_path.decode(), offered_by))


def name_of(address: str) -> str:
    """The route of an address; "" for none."""
    parts = urlsplit(address)
    try:
        found = resolve(parts.path)
    except Resolver404:
        return ""
    register = found.kwargs.get("register", "")
    return found.view_name + (f":{register}" if register else "") + ("?" if parts.query else "")


def filled_in(form: Any) -> dict[str, Any]:
    """A form as somebody without much to say fills it in; the first of its buttons is pressed."""
    values: dict[str, Any] = {}
    for one in form.xpath(".//input[@name] | .//select[@name] | .//textarea[@name] | .//button[@name]"):
        kind, name = one.get("type") or one.tag, one.get("name")
        if kind == "file" or name in values or (kind == "checkbox" and one.get("required") is None):
            continue
        if one.tag == "select":
            values[name] = _choice(one)
        elif kind in {"hidden", "radio", "checkbox", "submit"} or one.tag == "button":
            values[name] = one.get("value") or ""
        else:
            values[name] = one.get("value") or {"number": "1", "date": f"{date.today() + timedelta(days=7)}"}.get(kind, "试一试")
    return values


def offered(tree: Any, address: str) -> Iterator[str]:
    """Where a page leads without writing: links, pictures, and forms that ask, each with the first choice that says something."""
    for link in [*tree.xpath("//a/@href"), *tree.xpath("//img/@src")]:
        if not link.startswith(("tel:", "data:", "blob:", "mailto:", "#")):
            yield link
    for form in tree.xpath("//form[not(@method) or @method='get']"):
        asked = {one.get("name"): _choice(one) for one in form.xpath(".//input[@name and not(@type='checkbox' or @type='radio')] | .//select[@name]")}
        yield str(httpx.URL(form.get("action") or address.partition("?")[0], params={k: v for k, v in asked.items() if v}))


def _choice(one: Any) -> str:
    if one.tag == "input":
        return str(one.get("value") or ("证" if one.get("name") == "q" else ""))
    chosen = one.xpath(".//option[@selected]/@value") or [v for v in one.xpath(".//option/@value") if v]
    return str(chosen[0]) if chosen else ""


def wrong_with(tree: Any, names: set[str]) -> Iterator[str]:
    """In words. `names` are codes that are names here, such as the visitor's own user name."""
    if not (tree.get("lang") or "").startswith("zh"):
        yield "no lang=zh"
    if (headings := len(tree.xpath("//h1"))) != 1:
        yield f"{headings} h1"
    if not (tree.findtext(".//title") or "").partition("·")[0].strip():
        yield "no title"
    for tag, text in _texts(tree.find("body")):
        if ENGLISH.search(text):
            yield f"English: {text[:80]}"
        if STRANGE.search(text) or text in VALUES:
            yield f"not for people: <{tag}> {text[:80]}"
        if CODE.fullmatch(text) and text not in names:
            yield f"a code where a name is due: <{tag}> {text}"


def _texts(body: Any) -> Iterator[tuple[str, str]]:
    """What people see or hear; not what stands as code, in a language that is named, or hidden."""
    silent = ("script", "style", "template", "code", "pre")
    stack = [body]
    while stack:
        one = stack.pop()
        if not isinstance(one.tag, str) or one.get("hidden") is not None or one.get("lang") == "en":
            continue
        if one.tag not in silent and one.get("spellcheck") != "false":  # a text for machines that may be edited
            words = [one.text, *(child.tail for child in one)]
            yield from ((one.tag, " ".join(text.split())) for text in words if text and text.strip())
            yield from ((f"{one.tag} {name}", one.get(name)) for name in ATTRIBUTES if one.get(name))
            stack.extend(one)
