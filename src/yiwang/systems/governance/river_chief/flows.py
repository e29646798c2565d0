"""The flow of a river problem (立案-交办-整改-核查-销号), its roles and kinds."""

from yiwang.platforms.incidents import api as incidents

CHIEF, OFFICE, HANDLER, VERIFIER = "river-chief", "river-office", "river-handler", "river-verifier"
WATCH = (OFFICE, CHIEF)  # who looks after the rivers
ALL = (OFFICE, CHIEF, HANDLER, VERIFIER)
FLOW = "river-problem"
DAYS = {"garbage": 3, "plants": 3, "outfall": 15, "heap": 15, "dig": 15, "occupy": 60, "build": 60, "black": 60}  # first values of the routing rules, which the office keeps as data

problem = incidents.procedure(code=FLOW, name="河湖问题办理", office=OFFICE, handler=HANDLER, verifier=VERIFIER, basis="河长制问题办理规程（示意）")
