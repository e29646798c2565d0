"""Telling open pages that something changed: NOTIFY inside the transaction reaches the event stream at commit. It never carries content."""

from django.db import connection


def tell(address: str, what: str) -> None:
    """`address` is "party:<id>", "organ:<id>" or "official:<id>" (a party in their posts, and nobody who acts for them); `what` is "messages", "tasks" or "case:<id>"."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('yiwang_live', %s)", [f"{address} {what}"])
