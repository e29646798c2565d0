"""`./yiwang manage served --write`: which duties of the plan the journeys show, collected from their sources."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.kit import plan
from yiwang.kit.management.commands.systems import ROOT
from yiwang.kit.registry import registry


class Command(BaseCommand):
    help = "Collect the duties of the plan that journeys claim to show; --write keeps them for the page of the plan."
    requires_system_checks: list[str] = []  # answers without a database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        found = plan.collect(ROOT / "tests" / "journeys")
        if wrong := [*plan.unknown_plans(registry()), *plan.wrong_claims(found, registry())]:
            raise CommandError("\n".join(wrong))
        text = said(found)
        if options["write"]:
            plan.CLAIMS.write_text(text, encoding="utf-8")
        self.stdout.write(text)


def said(found: dict[str, list[str]]) -> str:
    """The claims as the file holds them."""
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"
