"""`./yiwang COMMAND`. Commands with a world of their own (bench, systems, demo, manage) are handed on in the virtual environment."""

import argparse
import subprocess
import sys
from collections.abc import Callable

from tools.launcher import check, cluster, doctor, packages, place, server, up
from tools.launcher.say import Refusal, of_system, say

LOCK = (
    "uv", "pip", "compile", "pyproject.toml", "--group", "dev", "--universal", "--generate-hashes", "--no-emit-index-url", "--no-emit-find-links", "-p", "3.11",
    "-o", "requirements.lock", "-q", "--custom-compile-command", "./yiwang lock",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    if arguments[:1] and arguments[0] in HANDED_ON:
        return HANDED_ON[arguments[0]](arguments[1:])
    options = _parser().parse_args(arguments)
    if options.command == "up":
        return up.up(options)
    if options.command == "test":
        return check.test(options.kind)
    return {"check": check.check, "doctor": doctor.doctor}[options.command]()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./yiwang", description="一网：一座城市的数字政府。其他命令：demo、systems、bench、manage、lock。")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("up", help="启动（第一次会安装所需的一切并载入演示城市）")
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--host", default="127.0.0.1")
    one.add_argument("--zone", choices=["internet", "extranet", "exchange", "all"], default="all")
    one.add_argument("--scale", type=int, default=1, help="演示人口规模：每单位 2000 人、500 家企业")
    one.add_argument("--empty", action="store_true", help="不载入演示数据")
    test = commands.add_parser("test", help="测试")
    test.add_argument("kind", nargs="?", choices=["fast", "all"], default="all")
    commands.add_parser("check", help="检查：格式、类型、层次、迁移、静态包")
    commands.add_parser("doctor", help="看看缺什么")
    return parser


def _python(*command: str) -> int:
    """Runs in the virtual environment with a database."""
    packages.provide()
    with cluster.used():
        return _hand_on(*command, DATABASE_URL=server.url())


def _plain(*command: str) -> int:
    """Runs in the virtual environment; needs no database."""
    packages.environment()
    return _hand_on(*command)


def _hand_on(*command: str, **environment: str) -> int:
    return subprocess.run([str(place.PYTHON), *command], cwd=place.ROOT, env=place.environment(**environment), check=False).returncode


def _demo(rest: list[str]) -> int:
    return (_plain if rest[:1] == ["people"] else _python)("-m", "demo", *(rest or ["load"]))


HANDED_ON: dict[str, Callable[[list[str]], int]] = {
    "manage": lambda rest: _python("manage.py", *rest),
    "demo": _demo,
    "systems": lambda rest: _plain("manage.py", "systems", *rest),
    "bench": lambda rest: _python("-m", "benchmarks", *rest),
    "lock": lambda rest: subprocess.run([*LOCK, *rest], cwd=place.ROOT, check=False).returncode,
}

if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Refusal as problem:
        say(f"\n{problem}")
        sys.exit(problem.code)
    except OSError as problem:
        say(f"\n{of_system(problem)}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("\n已中断。重新运行会从停下的地方继续。")
        sys.exit(130)
