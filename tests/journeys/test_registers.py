"""The generic pages of every register in a browser, at 1280 and 360 px, with axe: list, form and row; those that look alike for all are in `test_every_page`."""

from collections.abc import Callable

import pytest

from demo.cast import CAST
from tests.journeys.conftest import Person
from yiwang.kit.declare import Register
from yiwang.kit.records import Kept
from yiwang.kit.registry import registry

OPENED = [r for r in registry().registers.values() if r.editors and issubclass(r.model, Kept)]
HOLDER = {role: player.username for player in reversed(CAST) for role in player.roles}  # role → who of the demo city holds it


@pytest.mark.parametrize("register", OPENED, ids=lambda r: r.code)
def test_its_pages_are_accessible(register: Register, person: Callable[..., Person]) -> None:
    holder = next((HOLDER[role] for role in register.editors if role in HOLDER), "")
    if not holder:
        pytest.skip(f"nobody of the demo city keeps {register.code}")
    official, base = person(holder), f"/work/r/{register.code}/"
    for name in ("new", ""):
        official.go(f"{base}{name}").look(f"register-{register.code}-{name or 'list'}")
    first = official.page.locator("main tbody a").first
    if first.count():
        first.click()
        official.look(f"register-{register.code}-row")
