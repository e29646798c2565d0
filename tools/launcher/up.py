"""`./yiwang up`: from a bare machine to a running city, and again in seconds."""

import argparse
import fcntl
import hashlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from typing import IO

from tools.launcher import cluster, packages, place
from tools.launcher.processes import City
from tools.launcher.say import Refusal, step


def up(options: argparse.Namespace) -> int:
    """Prepares, starts, prints the address and the demo people, waits for Ctrl-C."""
    begun = time.monotonic()
    held = _hold()
    ports = {"web": options.port, "stream": options.port + 1, "payment": options.port + 2, "sms": options.port + 3}
    _ports_free(ports)
    packages.environment()
    started = False if os.environ.get("DATABASE_URL") else cluster.start()
    packages.fonts()
    try:
        cluster.reachable()
        prepare(ports, scale=options.scale, empty=options.empty)
        city = _processes(ports, options)
        try:
            city.start()
            _answers(ports["web"])
            _greet(ports["web"], time.monotonic() - begun, demo=not options.empty)
            city.watch()
        finally:
            print("\n正在停止 …", flush=True)
            city.stop()
    finally:
        if started:
            cluster.stop()
        held.close()
    print("已停止，数据都在。", flush=True)
    return 0


def prepare(ports: dict[str, int], *, scale: int, empty: bool) -> None:
    """Tables, the demo city if the database is empty, static files: each only where something is missing."""
    address = [f"http://127.0.0.1:{ports['payment']}", f"http://127.0.0.1:{ports['sms']}"]
    state = _state(address)
    if state["pending"]:
        manage("migrate", "-v", "0", "--noinput", name="更新数据表")
        state = _state(address)
    if not empty and not state["loaded"]:
        print("· 载入演示城市（湛江）", flush=True)
        command = ["-m", "demo", "load", "--scale", str(scale), "--payment-url", address[0], "--sms-url", address[1]]
        if subprocess.run([str(place.PYTHON), *command], cwd=place.ROOT, env=place.environment(), check=False).returncode:
            raise Refusal("演示城市没有载入。重新运行会从停下的地方继续。")
    _collect()


def _state(address: list[str]) -> dict[str, bool]:
    done = subprocess.run([str(place.PYTHON), "-m", "demo.state", *address], cwd=place.ROOT, env=place.environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"不能查看数据库的状态：\n{done.stderr[-1200:]}")
    state: dict[str, bool] = json.loads(done.stdout)
    return state


def _collect() -> None:
    """Static files with digests in their names, when a source has changed since."""
    folder = place.ROOT / "src" / "yiwang" / "shells" / "static"
    digest = hashlib.sha256((place.ROOT / "requirements.lock").read_bytes())
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    stamp = place.home() / "static" / ".collected"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        manage("collectstatic", "-v", "0", "--noinput", name="整理静态文件")
        stamp.write_text(digest.hexdigest())


def manage(*command: str, name: str) -> None:
    with step(name):
        done = subprocess.run([str(place.PYTHON), "manage.py", *command], cwd=place.ROOT, env=place.environment(YIWANG_COLLECTED="1"), check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"{name}没有完成：\n{(done.stderr or done.stdout)[-1200:]}")


def _processes(ports: dict[str, int], options: argparse.Namespace) -> City:
    public = os.environ.get("YIWANG_PUBLIC_URL", f"http://localhost:{ports['web']}")
    stream = os.environ.get("YIWANG_STREAM_URL", f"http://localhost:{ports['stream']}")
    common = {"YIWANG_PUBLIC_URL": public, "YIWANG_STREAM_URL": stream, "YIWANG_ZONE": options.zone, "YIWANG_COLLECTED": "1"}
    common |= {} if options.empty else {"YIWANG_NOTICE": "演示数据：人和企业都是虚构的"}
    serve = ("-m", "granian", "--host", options.host, "--no-ws", "--log-level", "warning")
    city = City()
    city.add("web", *serve, "--interface", "wsgi", "--port", str(ports["web"]), "--workers", "2", "--blocking-threads", "4", "yiwang.config.wsgi:application", YIWANG_PROCESS="web", **common)
    city.add("stream", *serve, "--interface", "asgi", "--port", str(ports["stream"]), "--workers", "1", "yiwang.config.stream:application", YIWANG_PROCESS="web", **common)
    city.add("worker", "manage.py", "procrastinate", "worker", **common)
    if not options.empty:
        city.add("peers", "-m", "demo.peers", str(ports["payment"]), str(ports["sms"]), **common)
    return city


def _hold() -> IO[str]:
    """One `up` for one home. Raises Refusal when another holds it."""
    held = (place.home() / "up.lock").open("w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Refusal(f"{place.home()} 已经有一个在运行的城市。请先在那个窗口按 Ctrl-C，或用 YIWANG_HOME 指定另一个目录。") from None
    return held


def _ports_free(ports: dict[str, int]) -> None:
    for name, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise Refusal(f"端口 {port}（{name}）已被占用。请用 --port 换一个，例如 --port {port + 100}。（port taken）") from None


def _answers(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/accounts/login/", timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.15)
    log = (place.home() / "log" / "web.log").read_text(errors="replace")[-1500:]
    raise Refusal(f"网站没有启动：\n{log}")


def _greet(port: int, took: float, *, demo: bool) -> None:
    print(f"\n一网已就绪（{took:.1f} 秒）：http://localhost:{port}\n", flush=True)
    if demo:
        done = subprocess.run([str(place.PYTHON), "-m", "demo", "people", "--json"], cwd=place.ROOT, env=place.environment(), check=True, capture_output=True, text=True)
        print("演示账号：")
        for row in json.loads(done.stdout):
            print(f"  {row['name']}　{row['role']}　用户名 {row['username']}　密码 {row['password']}" + (f"　（{row['note']}）" if row["note"] else ""))
    print("\n按 Ctrl-C 停止。", flush=True)
