"""What an application leads to: the fee and how it was computed, whether facts alone decide, what the licence says and until when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from yiwang.base import money
from yiwang.engines.ledger.api import Line
from yiwang.engines.registers import api as registers
from yiwang.kit.actors import SYSTEM
from yiwang.platforms.items.forms import applies
from yiwang.platforms.items.models import ItemVersion


@dataclass(frozen=True)
class FactVerdict:
    """Whether every condition is confirmed by a register, in words."""

    holds: bool
    words: str


def fee_lines(version: ItemVersion, situation: Mapping[str, str], answers: Mapping[str, Any], *, division: str, on: date) -> list[Line]:
    """The fee by the dated tariff of the place. Raises PolicyMissing when a rate has not been entered."""
    return [_line(fee, answers, division, on) for fee in version.fees if fee.get("rate") and applies(fee, situation)]


def facts_decide(version: ItemVersion, *, applicant: int, division: str, on: date) -> FactVerdict:
    """Whether the registers confirm every condition; without declared facts a person decides."""
    if not version.facts:
        return FactVerdict(False, "")
    known = registers.known(SYSTEM, applicant, [fact["element"] for fact in version.facts], purpose=f"核验“{version.item.name}”的条件")
    words = []
    for fact in version.facts:
        wanted = registers.policy(fact["policy"], division=division, on=on)
        found = known.get(fact["element"])
        if found is None or found.source == registers.DECLARED or int(found.value) < int(wanted):  # the one test there is: at-least
            return FactVerdict(False, "")
        words.append(f"经{found.source}核验，{fact['words'].format(value=wanted)}")
    return FactVerdict(True, "；".join(words))


def licence_fields(version: ItemVersion, answers: Mapping[str, Any], *, number: str) -> dict[str, str]:
    """What the licence's face says, by its own field names."""
    return {name: _text(answers.get(code)) for name, code in version.result_fields.items()} | {"许可证编号": number}


def licence_until(version: ItemVersion, answers: Mapping[str, Any], *, start: date) -> date | None:
    """The last day of validity; None for no end."""
    rule = version.result_until
    if "years" in rule:
        try:
            return start.replace(year=start.year + rule["years"]) - timedelta(days=1)
        except ValueError:  # 29 February
            return date(start.year + rule["years"], 2, 28)
    return date.fromisoformat(str(answers[rule["field"]])) if rule.get("field") else None


def _line(fee: Mapping[str, Any], answers: Mapping[str, Any], division: str, on: date) -> Line:
    row = registers.policy_row(fee["rate"], division=division, on=on)
    rate = row.value[answers[fee["choose"]]] if fee.get("choose") else row.value
    amount = Decimal(str(rate))
    for name in fee["times"]:
        amount *= Decimal(str(answers[name]))
    return Line(
        name=fee["name"],
        quantity=" × ".join(_text(answers[name]) for name in fee["times"]),
        price=f"{money.yuan(int(rate))} 元{row.unit.removeprefix('分')}",
        amount=int(amount.quantize(Decimal(1), ROUND_HALF_UP)),
        basis=f"{fee['basis']}；{row.source}",
    )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "、".join(str(v) for v in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
