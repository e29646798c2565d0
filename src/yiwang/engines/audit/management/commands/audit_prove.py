"""Prints the proof that one record is in the sealed chain, as JSON."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from yiwang.base.errors import YiwangError
from yiwang.engines.audit import api


class Command(BaseCommand):
    help = "Print the inclusion proof of a record as JSON; check it with docs/examples/check_audit_proof.py."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.stdout.write(json.dumps(api.prove(options["id"]).as_dict(), ensure_ascii=False, indent=1))
        except YiwangError as problem:
            raise CommandError(f"{problem.message}{problem.hint}") from problem
