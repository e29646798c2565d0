"""The form of a routing rule: the function that answers is chosen by the city's office that has it."""

from yiwang.engines.parties.models import Division, Organisation
from yiwang.kit.forms import KeptForm, NamedField


def _functions() -> list[tuple[str, str]]:
    rows = Organisation.objects.filter(division__level=Division.Level.CITY).exclude(function="")
    return list(rows.order_by("short").values_list("function", "short"))


class RuleForm(KeptForm):
    """What a generated form would ask, with offices to choose from."""

    function = NamedField(label="主办职能", choices=_functions, help_text="按市级单位选择，各县（市、区）由承担同一职能的单位主办")
