"""`./yiwang manage glossary >docs/glossary.md`: every noun of this installation with its Chinese term, from the models and the declarations."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db.models import Model

from yiwang.kit.registry import registry

DECLARED = (  # what is declared or held in memory, and therefore no table
    ("System", "系统", "one system of the plan, whole"),
    ("Role", "角色", "a kind of work that a post may carry"),
    ("Register", "登记表", "a noun kept as a table"),
    ("Procedure", "办理流程", "a flow of a case"),
    ("State", "状态", "where a case stands; exists only if declared"),
    ("Stage", "阶段", "what the stage bar shows of the states"),
    ("Step", "步骤", "a move of a case from one state to another"),
    ("Clock", "时限", "a statutory limit that runs on a case; the one that runs is a Deadline"),
    ("Indicator", "指标", "one figure of many divisions and periods"),
    ("Actor", "办理人", "who acts: a person at work, for themselves, for a principal; a machine"),
    ("Seat", "任职岗位", "a post held now"),
    ("Principal", "委托人", "somebody for whom a person may act"),
    ("Known", "已知信息", "what a register already says, with source and time"),
    ("Term", "期限", "an amount of a unit: working days, calendar days, months, hours"),
    ("Verdict", "验章结论", "what the verification of a document found"),
)
HEAD = """# Glossary

One English word for one concept, with its Chinese term. Two parts may use a word for their own thing (Entry, Account, Use): then the part is named
with it. Made by `./yiwang manage glossary >docs/glossary.md` from the models and the declarations; a test compares.
"""


class Command(BaseCommand):
    help = "Print the glossary."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write("\n".join(lines()))


def lines() -> Iterator[str]:
    """Markdown: declared things, tables by part, roles, systems."""
    yield HEAD
    yield from _table("Declarations", ("English", "Chinese", "what it is"), DECLARED)
    own = sorted((m for m in apps.get_models() if m.__module__.startswith("yiwang.")), key=lambda m: m.__module__)
    for part, models in groupby(own, key=lambda m: ".".join(m.__module__.split(".")[1:-1])):
        yield from _table(part, ("English", "Chinese", "one row is"), [_noun(model) for model in models])
    yield from _table("Roles", ("code", "Chinese"), [(role.code, role.name) for role in registry().roles.values()])
    yield from _table("Systems", ("code", "Chinese"), [(system.code, system.name) for system in registry().systems.values()])


def _noun(model: type[Model]) -> tuple[str, str, str]:
    said = " ".join((model.__doc__ or "").split("\n\n")[0].split())
    return model.__name__, str(model._meta.verbose_name), said.replace("|", "\\|")


def _table(title: str, head: tuple[str, ...], rows: Any) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(row) + " |" for row in rows)
    yield ""
