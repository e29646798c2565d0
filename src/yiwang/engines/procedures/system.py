"""流程管理: the role that redraws flows. Cases and their steps belong to whatever system declares them; this engine has no page of its own but the flows'."""

from yiwang.engines.procedures.bpmn.versions import EDITOR
from yiwang.kit.declare import Role, System

system = System(
    code="procedures",
    name="流程管理",
    owner="government_services_data",
    layer="engine",
    basis=("中华人民共和国行政许可法第四章", "GB/T 19487-2004 电子政务业务流程设计方法 通用规范"),
    roles=(Role(code=EDITOR, name="流程管理员", sees="city"),),
    journeys=("tests/journeys/test_flows.py",),
)
