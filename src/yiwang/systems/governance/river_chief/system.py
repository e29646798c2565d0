"""The declaration of “互联网+河长制”."""

from yiwang.kit.declare import Register, Role, System
from yiwang.systems.governance.river_chief.models import Reach, River

CHIEF, OFFICE = "river-chief", "river-office"

system = System(
    code="river_chief",
    name="互联网+河长制",
    owner="water_affairs",
    plan=(),
    basis=("中华人民共和国水污染防治法第五条", "中华人民共和国水法", "中华人民共和国河道管理条例"),
    roles=(Role(code=CHIEF, name="河长", sees="division"), Role(code=OFFICE, name="河长办工作人员", sees="division")),
    registers=(
        Register(
            code="river",
            name="河湖",
            model=River,
            columns=("code", "name", "kind", "division", "length_km", "changed_at"),
            filters=("kind", "division"),
            search=("name", "code"),
            fields=("code", "name", "kind", "division", "length_km", "course"),
            readers=(CHIEF, OFFICE),
            editors=(OFFICE,),
            order="name",
            sorts=("changed_at",),
            place="course",
            share="open",
            icon="map-pin",
        ),
        Register(
            code="reach",
            name="河段",
            model=Reach,
            columns=("code", "name", "river", "level", "division", "chief", "target"),
            filters=("river", "level", "division", "target"),
            search=("name", "code", "river__name"),
            fields=("river", "code", "name", "level", "division", "chief", "from_km", "to_km", "target", "course", "board"),
            readers=(CHIEF, OFFICE),
            editors=(OFFICE,),
            order="name",
            place="course",
            groups="level",
            share="open",
            icon="list",
        ),
    ),
)
