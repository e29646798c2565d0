"""Typed events between parts that do not know each other. Published inside the transaction, handled after commit, at least once.

An event is a frozen dataclass of plain values (ids, strings, numbers). A system lists what it hears (`System.listens`); handlers must be idempotent.
"""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from django.utils.module_loading import import_string

from yiwang.kit.registry import registry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def publish(event: "DataclassInstance") -> None:
    """Enqueues `event` for every listener in the same transaction: it is handled if and only if the transaction commits."""
    from yiwang.kit.jobs import deliver  # the job module imports this one

    for listen in registry().listens:
        if type(event) is listen.event:
            deliver.defer(event=_path(type(event)), values=asdict(event), handler=_path(listen.handler))


def handle(*, event: str, values: dict[str, Any], handler: str) -> None:
    """Runs one listener as the system. Raises whatever it raises: the job is tried again."""
    import_string(handler)(import_string(event)(**values))


def _path(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"



