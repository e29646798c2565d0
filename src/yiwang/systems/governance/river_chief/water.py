"""What registers of water derive when a row is kept, whichever way it comes in: pure readings of the row and of what its keys lead to."""

from decimal import Decimal
from typing import Any

from yiwang.base.errors import Invalid
from yiwang.systems.governance.river_chief import rules
from yiwang.systems.governance.river_chief.models import (
    ITEMS,
    LAKES,
    LoadBasis,
    LoadSource,
    Measured,
    Reading,
    RepairCheck,
    Sample,
    Section,
)


def of_sample(row: Sample) -> dict[str, Any]:
    """A month is named by its first day."""
    return {**classed(row, row.section), "month": row.month.replace(day=1)}


def of_reading(row: Reading) -> dict[str, Any]:
    return classed(row, row.section)


def classed(row: Measured, section: Section) -> dict[str, Any]:
    """The class by GB 3838, what decides it and whether the section's target is met. Raises Invalid for a row without any value."""
    values = {item: getattr(row, item) for item in ITEMS}
    found = rules.water_class({item: None if value is None else float(value) for item, value in values.items()}, lake=section.river.kind in LAKES)
    if found is None:
        raise Invalid("至少填写一项监测值。", fields={"ph": "五项监测值不能都空"})
    by = "、".join(rules.table()["names"][item] for item in found.by)
    return {"grade": str(found.grade), "by": by, "met": found.grade <= int(section.target), "division_id": section.division_id}


def of_basis(row: LoadBasis) -> dict[str, Any]:
    """Limit of the reach's target class, its length, and the capacity that follows."""
    reach = row.reach
    limit, km = rules.limit(row.item, int(reach.target), lake=reach.river.kind in LAKES), float(reach.to_km - reach.from_km)
    capacity = rules.capacity(
        target=limit, background=float(row.background), flow=float(row.flow), inflow=float(row.inflow or 0), decay=float(row.decay or 0), km=km, speed=float(row.speed),
    ) if row.speed else 0.0  # the constraint refuses water that stands; here it must only not break
    return {"limit": _exact(limit, 4), "km": _exact(km, 2), "capacity": _exact(capacity, 3)}


def of_load(row: LoadSource) -> dict[str, Any]:
    return {"load": _exact(rules.load(float(row.concentration), float(row.flow)), 3)}


def of_check(row: RepairCheck) -> dict[str, Any]:
    """A class gets better by falling, everything else by growing."""
    repair = row.repair
    falling = repair.measure == repair.Measure.GRADE
    return {"gained": row.value - repair.baseline, "reached": row.value <= repair.goal if falling else row.value >= repair.goal, "division_id": repair.division_id}


def _exact(value: float, places: int) -> Decimal:
    """As the column will hold it, so that the versions of a row compare."""
    return Decimal(f"{value:.{places}f}")
