"""政务服务事项标准化: one catalogue, dated versions, 实施清单 of every office, search in plain words."""

from yiwang.kit.declare import Health, Page, Register, Role, System
from yiwang.platforms.items import desk, search
from yiwang.platforms.items.models import Item

system = System(
    code="items",
    name="政务服务事项标准化",
    owner="government_services_data",
    layer="platform",
    plan=("service_item_standardization",),
    basis=("中华人民共和国行政许可法第三十条", "国务院办公厅关于全面实行行政许可事项清单管理的通知"),
    roles=(Role(code="item-editor", name="事项管理员", sees="city"),),
    registers=(Register(code="items", name="政务服务事项", model=Item, columns=("name", "kind", "function"), search=("name",)),),
    pages=(
        Page(shell="console", route="items", name="items", view=desk.items, guard=("item-editor",), menu="事项管理", icon="list"),
        Page(shell="console", route="items/<int:item>/draft", name="draft", view=desk.draft, guard=("item-editor",)),
        Page(shell="console", route="items/versions/<int:version>", name="edit", view=desk.edit, guard=("item-editor",)),
    ),
    health=(Health(code="search", name="语义检索", check=search.health, vital=False),),
    journeys=("tests/journeys/test_editor.py",),
)
