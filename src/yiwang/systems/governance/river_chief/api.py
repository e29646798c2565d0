"""What seeds and tests of this system use."""

from pathlib import Path

from django.utils import timezone

from yiwang.engines.registers import api as registers
from yiwang.platforms.incidents import api as incidents
from yiwang.platforms.patrols import api as patrols
from yiwang.systems.governance.river_chief.alerting import check as check_water
from yiwang.systems.governance.river_chief.assessing import assess
from yiwang.systems.governance.river_chief.chiefs import plan
from yiwang.systems.governance.river_chief.orders import Draft, answer, issue, settle
from yiwang.systems.governance.river_chief.problems import seed_categories, tell_by_citizen
from yiwang.systems.governance.river_chief.searching import Plan, begin, close, confirm, dismiss, take_trace
from yiwang.systems.governance.river_chief.standards import advance, run
from yiwang.systems.governance.river_chief.zones import assess as assess_zones
from yiwang.systems.governance.river_chief.zones import capacity_of, tell

POLICIES = Path(__file__).parent / "data" / "policies.yaml"

__all__ = [
    "Draft", "Plan", "advance", "answer", "assess", "assess_zones", "begin", "capacity_of", "check_water", "close", "confirm", "dismiss", "issue", "plan", "run", "seed", "settle", "take_trace", "tell", "tell_by_citizen",
]


def seed() -> int:
    """First values of policies, kinds and routing rules, until the office enters its own; harmless when they are there."""
    return registers.seed_policies(POLICIES) + incidents.seed() + patrols.seed() + seed_categories(timezone.localtime())
