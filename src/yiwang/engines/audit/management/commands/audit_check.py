"""Goes through the whole chain and names whatever does not agree."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from yiwang.engines.audit import api


class Command(BaseCommand):
    help = "Check every sealed batch against its rows and its place in the chain."

    def handle(self, *args: Any, **options: Any) -> None:
        problems = list(api.check_chain())
        if problems:
            raise CommandError("\n".join(problems))
        self.stdout.write("审计链完整，没有发现改动。")
