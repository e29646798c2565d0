"""Messages: send within the transaction, deliver after it, read."""

from collections.abc import Mapping

from django.db.models import Count, QuerySet
from django.utils import timezone

from yiwang.engines.messages.models import Gateway, Message
from yiwang.engines.messages.subscribing import address_of, confirm_address, hand_over, register_webhook, subscribe_address, unsubscribe
from yiwang.kit import live
from yiwang.kit.access import restrict
from yiwang.kit.actors import Actor
from yiwang.kit.registry import registry
from yiwang.kit.rowsecurity import elevated
from yiwang.kit.statements import Statement

__all__ = ["confirm_address", "inbox", "mark_read", "register_webhook", "send", "subscribe_address", "unread", "unsubscribe"]


def send(*, to: int, template: str, values: Mapping[str, object], key: str, case: int | None = None) -> None:
    """Writes the message in the caller's transaction; a second call with the same key does nothing. Other channels follow after commit.

    Raises KeyError for an undeclared template or a value that it needs and did not get.
    """
    declared = registry().messages[template]
    title, body = declared.title.format_map(dict(values))[:120], declared.body.format_map(dict(values))
    with elevated():  # the sender may write to somebody whose rows they cannot read
        shown = "inbox" in declared.channels
        message = Message(key=key, to_id=to, template=template, case=case, title=title, body=body, shown=shown)
        Message.objects.bulk_create([message], ignore_conflicts=True)
        if not Message.objects.filter(pk=message.pk).exists():  # the key was there: its message stands, not this one
            return
        for channel in Gateway.objects.filter(channel__in=declared.channels).values_list("channel", flat=True):
            hand_over(message, channel, address_of(to, channel))
    if shown:
        live.tell(f"party:{to}", "messages")


def inbox(actor: Actor) -> "QuerySet[Message]":
    """The actor's messages, newest first."""
    return restrict(actor, Message.objects.filter(shown=True)).order_by("-sent_at", "-id")


def unread(actor: Actor) -> int:
    return sum(_unread(actor)) if actor.party else 0


@Statement
def _unread(actor: Actor) -> "QuerySet[Message, int]":
    """A number for each party whose messages these are."""
    return restrict(actor, Message.objects.filter(read_at=None, shown=True)).order_by().values("to").annotate(many=Count("pk")).values_list("many", flat=True)


def mark_read(actor: Actor, message: int | None = None) -> int:
    """One message, or all; returns how many were unread."""
    rows = restrict(actor, Message.objects.filter(read_at=None, shown=True))
    return (rows.filter(pk=message) if message else rows).update(read_at=timezone.now())
