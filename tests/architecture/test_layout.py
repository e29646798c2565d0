"""The house as agreed: sizes, names, layers also for string keys, guarded routes, one owner for each plan id."""

import ast
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.urls import URLPattern, URLResolver, get_resolver

from yiwang.kit.registry import registry

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "yiwang"
FORBIDDEN = {"utils", "util", "common", "helpers", "helper", "manager", "misc", "extras"}
HOSTS = ("pypi" + ".org", "registry." + "npmjs", "deb." + "debian", "files.python" + "hosted")
ENGINES = ("indicators", "procedures", "documents", "ledger", "registers", "messages", "places", "parties", "audit")
PLATFORMS = ("incidents", "patrols", "payments", "licences", "items", "identity")
LABELS = {"messaging": "messages"}  # Django's own app has the name


def tracked() -> list[Path]:
    """The repository's files; on a bare machine without git, all that lie here and are not made here."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = subprocess.run(["git", "-c", f"safe.directory={ROOT}", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
        return [ROOT / name for name in listed if (ROOT / name).is_file()]
    return [p for p in ROOT.rglob("*") if p.is_file() and not {"var", "__pycache__", "node_modules"} & set(p.parts) and not any(part.startswith(".") for part in p.relative_to(ROOT).parts)]


def sources() -> list[Path]:
    return [p for p in SOURCE.rglob("*.py") if "migrations" not in p.parts]


def test_no_file_is_too_long() -> None:
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 600}
    assert not long


def test_the_kit_stays_small() -> None:
    """What a newcomer reads to declare a system."""
    assert sum(len(p.read_text(encoding="utf-8").splitlines()) for p in sources() if "kit" in p.relative_to(SOURCE).parts[:1]) < 6_000


def test_no_module_without_a_meaning() -> None:
    assert not [p for p in SOURCE.rglob("*.py") if p.stem in FORBIDDEN]


def test_no_registry_host_and_no_machine_path_is_named() -> None:
    wrong = []
    for path in tracked():
        if path.suffix in {".py", ".md", ".toml", ".lock", ".json", ".mjs", ".html", ".css", ".yaml", ""} and path.name != "axe.min.js":
            text = path.read_text(encoding="utf-8", errors="ignore")
            wrong += [f"{path.relative_to(ROOT)}: {host}" for host in HOSTS if host in text]
            wrong += [f"{path.relative_to(ROOT)}: machine path" for found in ["/work" + "/main", "/var/tmp" + "/home"] if found in text]
    assert not wrong


def rank(module: str) -> tuple[int, int]:
    """Higher may use lower."""
    parts = module.split(".")
    layer, name = parts[1], parts[2] if len(parts) > 2 else ""
    if layer == "engines":
        return 1, -ENGINES.index(name)
    if layer == "platforms":
        return 2, -PLATFORMS.index(name)
    return 3, 0


def test_foreign_keys_by_string_obey_the_layers() -> None:
    wrong = []
    for model in apps.get_models():
        own = model.__module__
        if not own.startswith("yiwang."):
            continue
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            if target is None or field.auto_created or not getattr(target, "__module__", "").startswith("yiwang."):
                continue
            theirs = target.__module__
            same = own.rsplit(".", 1)[0] == theirs.rsplit(".", 1)[0]
            if not same and (rank(theirs) >= rank(own)):
                wrong.append(f"{model.__name__}.{field.name} → {theirs}")
    assert not wrong


def test_models_say_who_sees_them_and_what_is_personal() -> None:
    wrong = []
    for model in apps.get_models():
        if model.__module__.startswith("yiwang."):
            wrong += [f"{model.__name__}: {need}" for need in ("personal", "visible_to") if not hasattr(model, need)]
            wrong += [f"{model.__name__}: __str__"] if "__str__" not in vars(model) else []
            wrong += [f"{model.__name__}: docstring"] if not model.__doc__ or model.__doc__.startswith(f"{model.__name__}(") else []
    assert not wrong


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_engines_and_platforms_are_used_through_api_and_their_nouns() -> None:
    """Verbs only through `api`; `models` may be named for types and for reading through restrict; config and tests see all."""
    wrong = []
    for path in sources():
        module = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts)
        if module.startswith("yiwang.config") or path.name.startswith("test"):
            continue
        for name in imports(path):
            parts = name.split(".")
            if len(parts) > 3 and parts[0] == "yiwang" and parts[1] in {"engines", "platforms"}:
                inside = module.startswith(".".join(parts[:3]))
                if not inside and parts[3] not in {"api", "models"}:
                    wrong.append(f"{module}: {name}")
    assert not wrong


def test_signals_are_not_used_for_control_flow() -> None:
    assert not [p for p in sources() if "django.db.models.signals" in p.read_text(encoding="utf-8")]


def routes(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from routes(entry, prefix + str(entry.pattern))
        else:
            yield prefix + str(entry.pattern), entry


def test_every_route_is_guarded() -> None:
    """By our guard; allauth guards its own account pages, and the interface checks the token of every call."""
    open_ones = [path for path, entry in routes(get_resolver()) if not hasattr(entry.callback, "guard") and not path.startswith(("accounts/", "api/"))]
    assert not open_ones


def test_each_plan_id_has_one_owner_that_names_it() -> None:
    for system in registry().systems.values():
        for plan in system.plan:
            named = [p for p in SOURCE.rglob("__init__.py") if plan in p.read_text(encoding="utf-8")]
            assert len(named) == 1, (plan, named)


def test_each_plan_id_is_proven_by_a_journey() -> None:
    for system in registry().systems.values():
        if system.plan:
            assert system.journeys, system.code
        for journey in system.journeys:
            assert (ROOT / journey).exists(), (system.code, journey)


TEMPLATES = sorted(p for p in SOURCE.rglob("templates/**/*.html"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: "/".join(p.parts[-2:]))
def test_templates_fit_the_content_policy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", text), "inline script"
    assert "<style" not in text and not re.search(r"\son[a-z]+=", text)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda p: "/".join(p.parts[-2:]))
def test_templates_compile(path: Path) -> None:
    from django.template.loader import get_template

    get_template(str(path.relative_to(next(p for p in path.parents if p.name == "templates"))))


def test_every_template_is_used() -> None:
    everything = "\n".join(p.read_text(encoding="utf-8") for p in [*SOURCE.rglob("*.py"), *TEMPLATES])
    unused = []
    for path in TEMPLATES:
        name = str(path.relative_to(next(p for p in path.parents if p.name == "templates")))
        known = name.startswith(("account/", "mfa/", "usersessions/")) or "draft_" in name
        if not known and f'"{name}"' not in everything:
            unused.append(name)
    assert not unused


def test_every_block_of_a_base_template_is_filled_by_somebody() -> None:
    bases = {p: set(re.findall(r"{% block (\w+)", p.read_text(encoding="utf-8"))) for p in TEMPLATES if p.name == "base.html"}
    filled = {b for p in TEMPLATES if p.name != "base.html" or "extends" in p.read_text(encoding="utf-8") for b in re.findall(r"{% block (\w+)", p.read_text(encoding="utf-8"))}
    assert not {b for blocks in bases.values() for b in blocks} - filled
