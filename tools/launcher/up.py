"""`./yiwang up`: from a bare machine to a running city, and again in seconds."""

import argparse
import fcntl
import hashlib
import json
import os
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tools.launcher import cluster, packages, place, processes, server
from tools.launcher.processes import City
from tools.launcher.say import Refusal, failed, say, step


def up(options: argparse.Namespace) -> int:
    """Prepares, starts, prints the address and the demo people, waits for Ctrl-C."""
    begun = time.monotonic()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupted)
    with _held():
        processes.sweep()
        ports = {"web": options.port, "stream": options.port + 1, "payment": options.port + 2, "sms": options.port + 3, "province": options.port + 4}
        _ports_free(ports, options.host)
        packages.provide()
        with cluster.used():
            server.warn(server.reachable())
            prepare(ports, scale=options.scale, empty=options.empty)
            _run(ports, options, begun)
    print("已停止，数据都在。", flush=True)
    return 0


def _run(ports: dict[str, int], options: argparse.Namespace, begun: float) -> None:
    city = _processes(ports, options)
    try:
        with step("启动网站、后台任务和实时更新"):
            city.start()
            _answers(ports["web"], options.host, city)
            city.start_rest()
        if not city.stopping:
            _greet(ports["web"], time.monotonic() - begun, demo=not options.empty)
        city.watch()
    finally:
        print("\n正在停止 …", flush=True)
        city.stop()


def prepare(ports: dict[str, int], *, scale: int, empty: bool) -> None:
    """Tables, the demo city if the database is empty, static files: each only where something changed since the last start."""
    address = [f"http://127.0.0.1:{ports[name]}" for name in ("payment", "sms", "province")]
    stamp = place.home() / "prepared"
    if not stamp.exists() or stamp.read_text() != _mark(address, empty=empty):
        stamp.unlink(missing_ok=True)
        (place.home() / "people.json").unlink(missing_ok=True)
        _data(address, scale=scale, empty=empty)
        stamp.write_text(_mark(address, empty=empty))
    _collect()


def _data(address: list[str], *, scale: int, empty: bool) -> None:
    with step("检查数据表和演示数据"):
        state = _state(address)
    if state["pending"]:
        manage("migrate", "-v", "0", "--noinput", name="更新数据表")
        state = _state(address)
    if empty or state["loaded"]:
        return
    say("· 载入演示城市（湛江）")
    command = ["-m", "demo", "load", "--scale", str(scale), "--payment-url", address[0], "--sms-url", address[1], "--province-url", address[2]]
    done = place.run([str(place.PYTHON), *command], stdout=None)
    if done.returncode:
        raise failed("演示城市没有载入。重新运行会从停下的地方继续。", done.stderr, place.home(), cluster.place_of_cluster().parent)


def _mark(address: list[str], *, empty: bool) -> str:
    """Changes with the code's migrations and demo data, and with what the database has of them: an upgrade and a restored database are both noticed."""
    found = server.reachable()
    digest = hashlib.sha256((place.ROOT / "requirements.lock").read_bytes())
    for path in sorted([*(place.ROOT / "src").rglob("migrations/*.py"), *(place.ROOT / "demo").rglob("*.py")]):
        digest.update(str(path.relative_to(place.ROOT)).encode() + path.read_bytes())
    digest.update(json.dumps([server.url(), found.applied, found.steps, address, empty]).encode())
    return digest.hexdigest()


def _state(address: list[str]) -> dict[str, bool]:
    done = place.run([str(place.PYTHON), "-m", "demo.state", *address])
    if done.returncode:
        raise failed("不能查看数据库的状态。", done.stderr, place.home(), cluster.place_of_cluster().parent)
    state: dict[str, bool] = json.loads(done.stdout)
    return state


def _collect() -> None:
    """Static files with digests in their names, when a source has changed since."""
    digest = hashlib.sha256((place.ROOT / "requirements.lock").read_bytes())
    for path in sorted(p for p in (place.ROOT / "src").rglob("static/**/*") if p.is_file()):
        digest.update(str(path.relative_to(place.ROOT)).encode() + path.read_bytes())
    stamp = place.home() / "static" / ".collected"
    if not stamp.exists() or stamp.read_text() != digest.hexdigest():
        stamp.unlink(missing_ok=True)
        manage("collectstatic", "-v", "0", "--noinput", name="整理静态文件")
        stamp.write_text(digest.hexdigest())


def manage(*command: str, name: str) -> None:
    with step(name):
        done = place.run([str(place.PYTHON), "manage.py", *command], env=place.environment(YIWANG_COLLECTED="1"))
    if done.returncode:
        raise failed(f"{name}没有完成。", done.stderr or done.stdout, place.home(), cluster.place_of_cluster().parent)


def _processes(ports: dict[str, int], options: argparse.Namespace) -> City:
    public = os.environ.get("YIWANG_PUBLIC_URL", f"http://localhost:{ports['web']}")
    stream = os.environ.get("YIWANG_STREAM_URL", f"http://localhost:{ports['stream']}")
    common = {"YIWANG_PUBLIC_URL": public, "YIWANG_STREAM_URL": stream, "YIWANG_ZONE": options.zone, "YIWANG_COLLECTED": "1"}
    common |= {} if options.empty else {"YIWANG_NOTICE": "演示数据：人和企业都是虚构的"}
    serve = ("-m", "granian", "--host", options.host, "--no-ws", "--log-level", "warning", "--workers-kill-timeout", "5")
    city = City(cluster.revive)
    city.add("web", *serve, "--interface", "wsgi", "--port", str(ports["web"]), "--workers", "2", "--blocking-threads", "4", "yiwang.config.wsgi:application", YIWANG_PROCESS="web", **common)
    city.add("stream", *serve, "--interface", "asgi", "--port", str(ports["stream"]), "--workers", "1", "yiwang.config.stream:application", YIWANG_PROCESS="stream", **common)
    city.add("worker", "manage.py", "procrastinate", "worker", **common)
    if not options.empty:
        city.add("peers", "-m", "demo.peers", str(ports["payment"]), str(ports["sms"]), str(ports["province"]), **common)
    return city


@contextmanager
def _held() -> Iterator[None]:
    held = _hold()
    try:
        yield
    finally:
        held.close()


def _hold() -> IO[str]:
    """One `up` for one home. Raises Refusal when another holds it."""
    held = (place.home() / "up.lock").open("a")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.close()
        raise Refusal(f"{place.home()} 已经有一个在运行的城市。请先在那个窗口按 Ctrl-C，或用 YIWANG_HOME 指定另一个目录。（already running）") from None
    return held


def _ports_free(ports: dict[str, int], host: str) -> None:
    if not 1 <= ports["web"] <= 65535 - len(ports):
        raise Refusal(f"端口要在 1 和 {65535 - len(ports)} 之间：还要用到其后的 {len(ports) - 1} 个端口。")
    for name, port in ports.items():
        try:
            family, kind, _, _, address = socket.getaddrinfo(host if name in {"web", "stream"} else "127.0.0.1", port, type=socket.SOCK_STREAM)[0]
        except socket.gaierror:
            raise Refusal(f"没有这个地址：{host}。请用 --host 指定本机的一个地址，例如 127.0.0.1 或 0.0.0.0。") from None
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except PermissionError:
                raise Refusal(f"当前用户不能使用端口 {port}。请用 --port 换一个 1024 以上的，例如 --port 8000。") from None
            except OSError:
                raise Refusal(f"端口 {port}（{name}）已被占用。请用 --port 换一个，例如 --port {(port + 100) % 60000 or 8000}。（port taken）") from None


def _answers(port: int, host: str, city: City) -> None:
    """Waits for the site; a web process that ends is not waited for."""
    local = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)
    request = urllib.request.Request(f"http://{local}:{port}/accounts/login/", headers={"Host": f"localhost:{port}"})
    web = city.processes[0]
    end = time.monotonic() + 120
    while time.monotonic() < end and not city.stopping and web.running and web.running.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
    if not city.stopping:
        raise failed("网站没有启动。", web.log.read_text(errors="replace")[-3000:], place.home())


def _people() -> Path:
    """The demo accounts as `demo people --json` prints them, kept so that a later start need not ask again."""
    kept = place.home() / "people.json"
    if not kept.exists():
        done = place.run([str(place.PYTHON), "-m", "demo", "people", "--json"])
        if done.returncode:
            raise failed("不能列出演示账号。", done.stderr)
        kept.touch(mode=0o600)
        kept.write_text(done.stdout)
    return kept


def _greet(port: int, took: float, *, demo: bool) -> None:
    people = json.loads(_people().read_text()) if demo else []
    print(f"\n一网已就绪（{took:.1f} 秒）：http://localhost:{port}\n", flush=True)
    if demo:
        print("演示账号：")
        for row in people:
            print(f"  {row['name']}　{row['role']}　用户名 {row['username']}　密码 {row['password']}" + (f"　（{row['note']}）" if row["note"] else ""))
    print("\n按 Ctrl-C 停止。", flush=True)


def _interrupted(*_: object) -> None:
    raise KeyboardInterrupt
