"""What other parts' events mean for a case."""

from yiwang.engines.procedures import api as procedures
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.payments.api import BillSettled


def bill_settled(event: BillSettled) -> None:
    """A paid bill moves its case on; a second delivery finds it moved."""
    if event.case is not None:
        case = procedures.find(SYSTEM, event.case)
        if case.state == "paying":
            procedures.perform(SYSTEM, event.case, "paid", key=f"bill:{event.bill}")
