"""System checks: declarations resolve, and string foreign keys obey the layers as imports do."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from yiwang.kit.registry import registry


@register
def declarations_resolve(**_: Any) -> list[CheckMessage]:
    try:
        registry()
    except ImproperlyConfigured as problem:
        return [Error(str(problem), id="yiwang.E001")]
    return []
