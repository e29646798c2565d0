"""`./yiwang systems`: what this installation is made of, the plan ids it answers and the journeys that prove it."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from yiwang.kit.registry import registry

ROOT = Path(__file__).resolve().parents[5]


class Command(BaseCommand):
    help = "List the declared systems with their plan ids and the journeys that exercise them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        rows: list[dict[str, Any]] = [
            {
                "code": s.code, "name": s.name, "layer": s.layer, "owner": s.owner, "plan": list(s.plan),
                "procedures": [p.code for p in s.procedures], "pages": len(s.pages), "indicators": [i.code for i in s.indicators],
                "journeys": [{"path": j, "exists": (ROOT / j).exists()} for j in s.journeys],
            }
            for s in registry().systems.values()
        ]  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1))
            return
        for row in rows:
            self.stdout.write(f"{row['name']}（{row['code']}，{row['layer']}）")
            for plan in row["plan"]:
                self.stdout.write(f"  规划 {plan}")
            for journey in row["journeys"]:
                self.stdout.write(f"  {'✓' if journey['exists'] else '✗'} {journey['path']}")
