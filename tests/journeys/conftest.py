"""A city and a browser for the whole session; each person gets a context of their own."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from demo.cast import listed
from tests.city import City, copy_of, load_city, open_city

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SHOTS = os.environ.get("YIWANG_SHOTS", "")  # a folder: keep a picture of every looked-at page


@pytest.fixture(scope="session")
def django_db_setup() -> None:
    """Journeys have a database of their own."""


@pytest.fixture(scope="session")
def pristine() -> Iterator[City]:
    """A loaded city that nobody has entered."""
    loaded = load_city()
    yield loaded
    loaded.stop()


@pytest.fixture(scope="session")
def city(pristine: City) -> Iterator[City]:
    raised = copy_of(pristine)
    raised.load("--no-cases")
    open_city(raised)
    yield raised
    raised.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"])
        yield running
        running.close()


class Person:
    """Somebody at a browser: signs in, goes, fills in, looks."""

    def __init__(self, city: City, browser: Browser, width: int = 1280, **context: Any) -> None:
        self.city = city
        self.context = browser.new_context(viewport={"width": width, "height": 900}, locale="zh-CN", **context)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(20_000)
        self.leaving = False  # a page was asked for and has not come yet
        self.page.on("request", lambda request: self._asks(request))
        for event in ("framenavigated", "requestfailed", "download"):
            self.page.on(event, lambda what: self._arrives(what))  # type: ignore[call-overload]  # one of three events

    def sign_in(self, username: str) -> "Person":
        password = next(row["password"] for row in listed() if row["username"] == username)
        self.go("/accounts/login/")
        self.page.get_by_label("用户名").fill(username)
        self.page.get_by_label("密码").fill(password)
        self.page.get_by_role("button", name="登录", exact=True).click()
        self.page.wait_for_url(lambda url: "/accounts/login/" not in url)
        return self

    def go(self, path: str) -> "Person":
        self.page.goto(f"{self.city.url}{path}")
        return self

    def click(self, name: str, *, role: Any = "button") -> "Person":
        """Clicks and, if that asks for a page, waits until it is there: what comes next finds the click done."""
        self.page.get_by_role(role, name=name, exact=True).first.click()
        self.page.wait_for_timeout(40)  # the browser asks a moment after the click
        for _ in range(1_000):
            if not self.leaving:
                break
            self.page.wait_for_timeout(20)
        self.page.wait_for_load_state()
        return self

    def _asks(self, request: Request) -> None:
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self.leaving = True

    def _arrives(self, what: object) -> None:
        if not isinstance(what, Request) or (what.is_navigation_request() and what.frame == self.page.main_frame):
            self.leaving = False

    def act_for(self, name: str) -> "Person":
        self.page.locator("header details summary").click()
        return self.click(f"为“{name}”办事")

    def sees(self, text: str) -> "Person":
        self.page.get_by_text(text).first.wait_for()
        return self

    def upload(self, field: str, path: str) -> "Person":
        """Chooses a file; the page sends it at once."""
        with self.page.expect_navigation():
            self.page.locator(field).set_input_files(path)
        return self

    def until(self, text: str, tries: int = 40) -> "Person":
        """Reloads until the page says it: what a job makes after commit takes a second or two."""
        for _ in range(tries):
            if self.page.get_by_text(text).count():
                return self
            self.page.wait_for_timeout(500)
            self.page.reload()
        raise AssertionError(f"never saw {text!r} at {self.page.url}:\n{self.page.locator('main').inner_text()[:1500]}")

    def look(self, name: str) -> "Person":
        """axe finds nothing here, at 1280 and 360 px; nothing is wider than the phone."""
        for width in (1280, 360):
            self.page.set_viewport_size({"width": width, "height": 900})
            self.page.evaluate(AXE)
            found = self.page.evaluate("axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})")
            problems = [f"{v['id']}: {v['help']} {[n['html'][:160] for n in v['nodes'][:3]]}" for v in found["violations"]]
            assert not problems, f"{name} at {width}: " + "\n".join(problems)
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width + 1, f"{name} scrolls sideways at {width}"
            if SHOTS:
                self.page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
        self.page.set_viewport_size({"width": 1280, "height": 900})
        return self

    def case_number(self) -> str:
        found = re.search(r"\b4408\d{17}\b", self.page.locator("main").inner_text())
        assert found, self.page.url
        return found.group()


@pytest.fixture
def person(city: City, browser: Browser) -> Iterator[Callable[..., Person]]:
    made: list[Person] = []

    def make(username: str = "", **options: Any) -> Person:
        made.append(Person(city, browser, **options))
        return made[-1].sign_in(username) if username else made[-1]

    yield make
    for one in made:
        one.context.close()


@pytest.fixture(scope="session")
def photo() -> Iterator[str]:
    from PIL import Image

    path = Path(tempfile.mkdtemp()) / "photo.png"
    Image.new("RGB", (300, 400), "#dde8f5").save(path)
    yield str(path)
    shutil.rmtree(path.parent)
