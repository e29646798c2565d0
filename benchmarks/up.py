"""`./yiwang up` from an empty home, and again: seconds until the first page is served, with the floor of the second beside it.

    python -m benchmarks.up [--port P] [--quick] [--json]

The packages and the virtual environment are there already (their download is the network's speed, not ours). The home is a folder of its own that is
removed at the end, with its cluster. The floor is what PostgreSQL and one empty Django process need to start on this machine.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks import city

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600  # seconds


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    home = Path(tempfile.mkdtemp(prefix="yiwang-bench-up-"))
    home.chmod(0o755)  # the cluster's user must reach what lies inside
    environment = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "YIWANG_PROCESS"}} | {"YIWANG_HOME": str(home)}
    more = ["--empty"] if options.quick else []
    try:
        city.say("从一无所有启动 …")
        first = _start(environment, options.port, more)
        city.say("再次启动 …")
        again = _start(environment, options.port, more)
        floor = _floor(environment)
    finally:
        _remove(home, environment)
    out = {"benchmark": "up", "demo": not options.quick, "first_seconds": first, "again_seconds": again, "floor_seconds": floor, "ratio": round(again / floor, 2)}
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def _start(environment: dict[str, str], port: int, more: list[str]) -> float:
    """Seconds from the command to the first page; the city is stopped again as a person stops it."""
    begun = time.perf_counter()
    command = [sys.executable, "-m", "tools.launcher", "up", "--port", str(port), *more]
    with tempfile.TemporaryFile("w+") as said:
        running = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=said, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            while not _answers(port):
                if running.poll() is not None or time.perf_counter() - begun > PATIENCE:
                    said.seek(0)
                    raise SystemExit(f"up did not start:\n{said.read()[-1500:]}")
                time.sleep(0.05)
            return round(time.perf_counter() - begun, 1)
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(60)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def _floor(environment: dict[str, str]) -> float:
    """The cluster alone, and Django's setup alone."""
    code = "from tools.launcher import cluster; cluster.start(); import django; django.setup(); import yiwang.config.urls"
    begun = time.perf_counter()
    known = environment | {"DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=known, check=True, stdout=subprocess.DEVNULL)
    return round(time.perf_counter() - begun, 2)


def _remove(home: Path, environment: dict[str, str]) -> None:
    code = "from tools.launcher import cluster; cluster.stop(); print(cluster.place_of_cluster())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    cluster = Path(done.stdout.strip() or home)
    if cluster.parent != home and cluster.name == "pg":  # where the cluster's user could not reach the folder
        shutil.rmtree(cluster.parent, ignore_errors=True)
    shutil.rmtree(home, ignore_errors=True)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="up", description="seconds from an empty home to the first page, and again")
    parser.add_argument("--port", type=int, default=8790, help="the first of four that are free")
    parser.add_argument("--quick", action="store_true", help="without the demo city")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


def _words(out: dict[str, Any]) -> str:
    return "\n".join(
        (
            f"从一无所有到第一个网页{'（含演示城市）' if out['demo'] else '（不含演示数据）'}  {out['first_seconds']} 秒",
            f"  再次启动  {out['again_seconds']} 秒   只启动数据库和 Django {out['floor_seconds']} 秒   {out['ratio']} 倍",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
