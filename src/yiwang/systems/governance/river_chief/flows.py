"""The flow of a river problem (立案-交办-整改-核查-销号), its roles and kinds."""

from yiwang.kit.actors import SYSTEM
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.incidents.models import Incident
from yiwang.systems.governance.river_chief import banks
from yiwang.systems.governance.river_chief.models import RiverProblem

CHIEF, OFFICE, HANDLER, VERIFIER = "river-chief", "river-office", "river-handler", "river-verifier"
RECEIVER = "river-zone-receiver"  # in the environment department: signs for what it is told of a zone
WATCH = (OFFICE, CHIEF)  # who looks after the rivers
ALL = (OFFICE, CHIEF, HANDLER, VERIFIER)
FLOW = "river-problem"
DAYS = {"garbage": 3, "plants": 3, "outfall": 15, "heap": 15, "dig": 15, "occupy": 60, "build": 60, "black": 60}  # first values of the routing rules, which the office keeps as data


def whose_bank(incident: Incident) -> incidents.Hint | None:
    """Where a problem lies and who holds the shore there: whoever assigns it may choose the office that manages the shore."""
    found = RiverProblem.objects.select_related("river").filter(incident=incident).first()
    if found is None:
        return None
    whose = banks.whose(SYSTEM, found.river, found.km, found.side)
    held = "；".join(f"{h.bank.get_side_display()} {h.words}{'，已到期' if h.expired else ''}" for h in whose.holdings) or "没有登记岸线"
    return incidents.Hint(f"位置：{whose.words}。岸线：{held}。", whose.organ)


problem = incidents.procedure(code=FLOW, name="河湖问题办理", office=OFFICE, handler=HANDLER, verifier=VERIFIER, hint=whose_bank)
