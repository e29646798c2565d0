"""`./yiwang check` and `./yiwang test`: what must hold before a commit, and before a release."""

import hashlib
import json
import subprocess
import time

from tools.launcher import cluster, packages, place, server
from tools.launcher.say import Refusal

CHECKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ruff", ("-m", "ruff", "check", "src", "demo", "tools", "tests", "benchmarks", "conftest.py", "manage.py")),
    ("import-linter", ("-c", "import sys; sys.argv = ['lint-imports']; from importlinter.cli import lint_imports_command; lint_imports_command()")),
    ("mypy", ("-m", "mypy", "src/yiwang", "tools")),
    ("django check", ("manage.py", "check", "--fail-level", "WARNING")),
    ("migrations", ("manage.py", "makemigrations", "--check", "--dry-run", "-v", "0")),
)


def check() -> int:
    """Runs every check, says which failed, returns how many."""
    packages.provide()
    with cluster.used():
        return _check()


def test(kind: str) -> int:
    """fast: everything but browsers and processes; all: checks, everything, journeys."""
    packages.provide(browser=kind == "all")
    with cluster.used():
        _may_make_databases()
        if kind == "fast":
            return _pytest("src", "demo", "tests/architecture", "tests/conformance", "tests/benchmarks", "-n", "2", "--dist", "loadgroup")
        units = ("src", "demo", "tests/architecture", "tests/conformance", "tests/benchmarks", "tests/launcher", "tests/docs")
        results = [_check(), _pytest(*units, "-n", "2"), _pytest("tests/journeys", "tests/endurance", "-x")]
        return int(any(results))


def _check() -> int:
    failed = [name for name, command in CHECKS if not _passes(name, command)] + _stale_bundles()
    print(f"\n没有通过：{'、'.join(failed)}" if failed else "\n全部通过。", flush=True)
    return len(failed)


def _pytest(*arguments: str) -> int:
    begun = time.monotonic()
    wanted = [a for a in arguments if "/" not in a or (place.ROOT / a).exists()]
    code = subprocess.run([str(place.PYTHON), "-m", "pytest", "-q", *wanted], cwd=place.ROOT, env=_environment(), check=False).returncode
    print(f"（{time.monotonic() - begun:.0f} 秒）", flush=True)
    return code


def _passes(name: str, command: tuple[str, ...]) -> bool:
    begun = time.monotonic()
    done = subprocess.run([str(place.PYTHON), *command], cwd=place.ROOT, env=_environment(), check=False, capture_output=True, text=True)
    print(f"{'✓' if done.returncode == 0 else '✗'} {name}（{time.monotonic() - begun:.1f} 秒）", flush=True)
    if done.returncode:
        print((done.stdout + done.stderr)[-3000:], flush=True)
    return done.returncode == 0


def _stale_bundles() -> list[str]:
    """Bundles whose sources, or which themselves, are not what the manifest says."""
    folder = place.ROOT / "islands"
    manifest = json.loads((folder / "manifest.json").read_text())
    wrong = [p for part in ("sources", "outputs") for p, d in manifest[part].items() if hashlib.sha256((folder / p).read_bytes()).hexdigest() != d]
    if wrong:
        print(f"✗ islands：{wrong} 与清单不符，请在 islands 里运行 node build.mjs", flush=True)
    return ["islands"] if wrong else []


def _environment() -> dict[str, str]:
    """The installation's database server, but keys and files of the tests' own: never the installation's."""
    own = place.home() / "test"
    own.mkdir(exist_ok=True)
    return place.environment(DATABASE_URL=server.url(), YIWANG_HOME=str(own))


def _may_make_databases() -> None:
    found = server.reachable()
    if not (found.createdb or found.superuser):
        raise Refusal("测试要建立自己的数据库，而 DATABASE_URL 的角色没有 CREATEDB。请以管理员执行 ALTER ROLE … CREATEDB，并在 template1 中建立扩展 postgis、pg_trgm、btree_gist。")
