"""审计: who did what and who looked, sealed so that a change shows; the audit administrator's desk."""

from yiwang.engines.audit import desk
from yiwang.engines.audit.models import AUDITOR
from yiwang.kit.declare import Page, System

system = System(
    code="audit",
    name="审计记录",
    owner="government_services_data",
    layer="engine",
    basis=("中华人民共和国网络安全法第二十一条", "中华人民共和国个人信息保护法第五十四条", "GB/T 22239-2019 8.1.5.2"),
    pages=(
        Page(shell="console", route="audit", name="audit", view=desk.audit, guard=(AUDITOR,), menu="审计记录", icon="shield-check"),
        Page(shell="console", route="audit/check", name="check", view=desk.check, guard=(AUDITOR,)),
        Page(shell="console", route="audit/<int:row>/proof", name="proof", view=desk.proof, guard=(AUDITOR,)),
    ),
    journeys=("tests/journeys/test_officials.py",),
)
