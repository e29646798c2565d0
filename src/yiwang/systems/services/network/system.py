"""The declaration of 广东政务服务网湛江市."""

from yiwang.kit.declare import Page, System
from yiwang.kit.guards import SIGNED_IN
from yiwang.systems.services.network import finding, portal

system = System(
    code="network",
    name="广东政务服务网湛江市",
    owner="government_services_data",
    plan=("government_services_network_zhanjiang",),
    basis=("国务院关于在线政务服务的若干规定（国务院令第716号）",),
    pages=(
        Page(shell="portal", route="", name="home", view=portal.home, menu="首页", icon="home"),
        Page(shell="portal", route="search", name="search", view=finding.search, menu="办事", icon="search"),
        Page(shell="portal", route="search/suggest", name="suggest", view=finding.suggest),
        Page(shell="portal", route="departments", name="departments", view=finding.departments),
        Page(shell="portal", route="bundles", name="bundles", view=finding.bundles, menu="一件事", icon="list-check"),
        Page(shell="portal", route="items/<slug:key>", name="guide", view=finding.guide),
        Page(shell="portal", route="large-type", name="large", view=portal.large, everywhere=True),
        Page(shell="portal", route="places/counties.geojson", name="counties", view=portal.counties, everywhere=True),
        Page(shell="console", route="items/versions/<int:version>/preview", name="preview", view=finding.preview, guard=("item-editor",)),
        Page(shell="portal", route="my", name="mine", view=portal.mine, guard=(SIGNED_IN,), menu="我的", icon="user"),
        Page(shell="portal", route="my/messages", name="inbox", view=portal.inbox, guard=(SIGNED_IN,), everywhere=True),
        Page(shell="portal", route="my/accesses", name="accesses", view=portal.accesses, guard=(SIGNED_IN,)),
    ),
    journeys=("tests/journeys/test_food.py", "tests/journeys/test_find.py", "tests/journeys/test_keyboard.py", "tests/journeys/test_verify.py"),
)
