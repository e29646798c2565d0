"""A supervisor sees the city in one look and opens a figure down to the case; who has no post for it stays outside."""

from collections.abc import Callable

from tests.city import City
from tests.journeys.conftest import Person


def test_from_the_board_to_the_case(city: City, person: Callable[..., Person]) -> None:
    boss = person("supervisor").go("/work/figures?span=year&on=2019-01-01").sees("这个周期还没有计算过").look("figures-empty")
    city.run("manage.py", "shell", "-v", "0", "-c", APPLIED)
    boss.go("/work/figures").sees("收件量")
    boss.page.get_by_role("link", name="收件量").first.click()
    boss.sees("各地区")
    boss.page.locator("[data-chart] svg").wait_for()
    assert boss.page.locator("svg.figure-map a").count() == 9, "nine counties"
    boss.page.locator("svg.figure-map a[aria-label^=赤坎区]").click()
    boss.page.wait_for_load_state()
    boss.sees("赤坎区收件量").click("查看明细记录", role="link")
    number = city.sql("SELECT number FROM procedures_case WHERE item_key = 'elderly_card_apply' AND division_id LIKE '440802%%' ORDER BY id DESC LIMIT 1")[0][0]
    boss.click(number, role="link").sees("老年人优待证办理")


def test_the_board_without_scripts_says_the_same(city: City, person: Callable[..., Person]) -> None:
    city.run("manage.py", "shell", "-v", "0", "-c", APPLIED)
    boss = person("leader", java_script_enabled=False).go("/work/figures/cases-opened")
    boss.page.locator("summary").click()
    assert boss.page.locator("table tbody tr").count() >= 1
    boss.sees("各地区")


def test_the_board_is_for_those_who_look_at_a_whole_division(person: Callable[..., Person]) -> None:
    for name in ("haitang", "shichang"):
        person(name).go("/work/figures").sees("您当前的身份不能进入这一页")


APPLIED = """
from yiwang.engines.indicators import api as indicators
from yiwang.engines.procedures.models import Case
from yiwang.platforms.identity import api as identity
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import Item
from yiwang.systems.services.acceptance import applying
citizen = identity.actor_of_account("ruoxi")
service = items.service_for(Item.objects.get(key="elderly_card_apply").pk, "440802001000")
if not Case.objects.filter(applicant=citizen.party).exists():
    draft = applying.open_draft(citizen, service.pk)
    applying.save(citizen, draft.pk, situation={"who": "self"})
    applying.fill_in(citizen, applying.draft_of(citizen, draft.pk))
    import io
    from PIL import Image
    out = io.BytesIO()
    Image.new("RGB", (300, 400), "#dde8f5").save(out, "PNG")
    applying.attach(citizen, draft.pk, "photo", content=out.getvalue(), name="photo.png")
    applying.submit(citizen, draft.pk)
indicators.refresh()
"""
