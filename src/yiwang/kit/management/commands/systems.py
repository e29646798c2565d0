"""`./yiwang systems`: what this installation is made of, the plan ids it answers and the journeys that prove it."""

import ast
import json
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandParser

from yiwang.kit.declare import Page, System
from yiwang.kit.registry import registry

ROOT = Path(__file__).resolve().parents[5]


class Command(BaseCommand):
    help = "List the declared systems with their plan ids and the journeys that exercise them."
    requires_system_checks: list[str] = []  # answers without a database

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        rows = [row(system) for system in registry().systems.values()]
        if options["json"]:
            self.stdout.write(json.dumps(rows, ensure_ascii=False, indent=1))
            return
        for one in rows:
            size = f"，{one['lines']['python']:,} 行" if one["lines"] else ""
            self.stdout.write(f"{one['name']}（{one['code']}，{one['layer']}{size}）")
            for plan in one["plan"]:
                self.stdout.write(f"  规划 {plan}")
            for journey in one["journeys"]:
                self.stdout.write(f"  {'✓' if journey['exists'] else '✗'} {journey['path']}")


def row(system: System) -> dict[str, Any]:
    """One system as its declaration says it, for people who check and for programs."""
    return {
        "code": system.code, "name": system.name, "layer": system.layer, "owner": system.owner, "plan": list(system.plan), "basis": list(system.basis),
        "roles": [{"code": r.code, "name": r.name} for r in system.roles],
        "registers": [{"code": r.code, "name": r.name} for r in system.registers],
        "procedures": [{"code": p.code, "name": p.name, "version": p.version, "states": len(p.states), "steps": len(p.steps)} for p in system.procedures],
        "indicators": [{"code": i.code, "name": i.name, "unit": i.unit} for i in system.indicators],
        "pages": [_page(page) for page in system.pages],
        "health": [{"code": h.code, "name": h.name} for h in system.health],
        "interface": [prefix for prefix, _ in system.api],
        "journeys": [{"path": journey, "exists": exists(journey)} for journey in system.journeys],
        "lines": lines(system.code),
    }  # fmt: skip


def lines(code: str) -> dict[str, int]:
    """How long a system with a folder of its own is: Python without tests and migrations, its tests, its templates."""
    found = {config.label: Path(config.path) for config in apps.get_app_configs()}
    if code not in found:
        return {}
    files = [path for path in found[code].rglob("*.py") if "migrations" not in path.parts]
    tests = [path for path in files if path.name.startswith("tests")]
    kinds = {"python": [path for path in files if path not in tests], "tests": tests, "templates": list(found[code].rglob("*.html"))}
    return {kind: sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths) for kind, paths in kinds.items()}


def exists(journey: str) -> bool:
    """Whether "tests/journeys/test_x.py::test_y" names a test function that is there; without a function, a file with at least one."""
    path, _, name = journey.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    tests = {node.name for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))) if isinstance(node, ast.FunctionDef) and node.name.startswith("test")}
    return name in tests if name else bool(tests)


def _page(page: Page) -> dict[str, Any]:
    return {"shell": page.shell, "route": page.route, "name": page.name, "menu": page.menu, "roles": list(page.guard)}
