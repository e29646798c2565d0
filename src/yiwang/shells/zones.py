"""Which shells a process opens (architecture: internet, extranet, exchange)."""

from django.conf import settings

ZONES = {"internet": {"portal", "api"}, "extranet": {"console", "field", "api"}, "exchange": {"api"}, "all": {"portal", "console", "field", "api"}}


def opens(shell: str) -> bool:
    """Whether pages of that shell can be reached here: what leads to others is left out."""
    return shell in ZONES[settings.ZONE]
