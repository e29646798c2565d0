"""The form of a patrol plan: register, role and check list are chosen by name; their codes are nobody's to know."""

from yiwang.kit.forms import KeptForm, NamedField
from yiwang.kit.registry import registry
from yiwang.platforms.patrols.models import CheckList


def _registers() -> list[tuple[str, str]]:
    """Those whose rows lie somewhere: what can be walked."""
    return [(r.code, r.name) for r in registry().registers.values() if r.place]


def _roles() -> list[tuple[str, str]]:
    return [(r.code, r.name) for r in registry().roles.values()]


def _lists() -> list[tuple[str, str]]:
    return [("", "没有检查表"), *CheckList.objects.order_by("name").values_list("code", "name")]


class PlanForm(KeptForm):
    """What a generated form would ask, with names to choose from."""

    subject = NamedField(label="所属登记簿", choices=_registers)
    overseer = NamedField(label="督查角色", choices=_roles)
    checks = NamedField(label="检查表", choices=_lists, required=False)
