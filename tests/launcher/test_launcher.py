"""What the launcher says when something is in the way: a sentence, an exit code, nothing broken. And who may pull what away from whom."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.launcher import cluster, packages, place, processes, server, up
from tools.launcher.say import Refusal, failed, of_system

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("YIWANG_HOME", str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    yield tmp_path
    if cluster.place_of_cluster().parent != tmp_path:  # where the cluster's user could not reach the temporary folder
        shutil.rmtree(cluster.place_of_cluster().parent, ignore_errors=True)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "yiwang"), *command], check=False, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120)


# --- refusals ----------------------------------------------------------------------------------------------------------------------------------


def test_a_taken_port_is_named_and_nothing_is_made(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("up", "--port", str(port))
    assert done.returncode == 2 and f"端口 {port}" in done.stderr
    assert not (home / "pg").exists()


def test_impossible_ports_and_hosts_are_named() -> None:
    assert "端口要在" in run("up", "--port", "65534").stderr
    assert "没有这个地址" in run("up", "--port", "48123", "--host", "no.such.host.invalid").stderr


def test_a_second_up_in_one_home_is_refused() -> None:
    held = up._hold()
    with pytest.raises(Refusal, match="已经有一个在运行"):
        up._hold()
    held.close()
    up._hold().close()


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("postgres://nobody@127.0.0.1:1/none", "连接不上数据库"),
        ("sqlite:///city.db", "postgres://用户:密码@主机"),
    ],
)
def test_an_unusable_database_address_is_named(address: str, sentence: str) -> None:
    done = run("up", "--port", "48123", DATABASE_URL=address)
    assert done.returncode == 2 and sentence in done.stderr


def test_a_wrong_password_is_told_from_an_absent_server() -> None:
    assert "用户名或密码不对" in server._unreachable('FATAL:  password authentication failed for user "yiwang"')
    assert "没有这个数据库或角色" in server._unreachable('FATAL:  database "yiwang" does not exist')
    assert "主机和端口" in server._unreachable("Connection refused")


def test_an_old_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_old_server, args=(listening,), daemon=True).start()
        monkeypatch.setenv("DATABASE_URL", f"postgres://somebody@127.0.0.1:{listening.getsockname()[1]}/city?sslmode=disable&gssencmode=disable")
        with pytest.raises(Refusal, match="版本是 13，需要 15 以上"):
            server.reachable()


def _old_server(listening: socket.socket) -> None:
    """Greets as PostgreSQL 13 does (protocol 3.0): authentication ok, its version, ready."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        said = b"R" + struct.pack("!ii", 8, 0)
        for name, value in ((b"server_version", b"13.14"), (b"client_encoding", b"UTF8"), (b"standard_conforming_strings", b"on")):
            text = name + b"\0" + value + b"\0"
            said += b"S" + struct.pack("!i", len(text) + 4) + text
        connection.sendall(said + b"Z" + struct.pack("!ic", 5, b"I"))
        connection.recv(4096)


def test_a_full_disk_is_named_before_anything_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "free_space", lambda _: 10)
    with pytest.raises(Refusal, match="磁盘空间不足"):
        cluster._make(Path("/nowhere"), home / "pg")
    assert not (home / "pg").exists()


def test_a_disk_that_fills_on_the_way_is_named() -> None:
    for output in ('ERROR:  could not extend file "base/1"', "OSError: [Errno 28] No space left on device", "psycopg.errors.DiskFull"):
        assert "磁盘空间不足" in str(failed("没有装好。", output))
    assert "磁盘空间不足" in str(of_system(OSError(errno.ENOSPC, "No space left on device", "/somewhere")))
    assert "没有装好。\nsomething else" in str(failed("没有装好。", "something else\n"))


def test_a_home_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("up", "--port", "48123", YIWANG_HOME=str(tmp_path / "file" / "home"))
    assert done.returncode == 2 and "YIWANG_HOME" in done.stderr and "Traceback" not in done.stderr


def test_a_relative_home_lies_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YIWANG_HOME", "here/city")
    assert place.home() == tmp_path / "here" / "city" and place.home().is_dir()


def test_data_of_another_version_are_not_touched() -> None:
    folder = cluster.place_of_cluster()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "PG_VERSION").write_text("11\n")
    with pytest.raises(Refusal, match="PostgreSQL 11 的数据"):
        cluster.start()
    assert (folder / "PG_VERSION").read_text() == "11\n"


def test_missing_packages_without_rights_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "is_root", lambda: False)
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    monkeypatch.setattr(packages, "postgres_bin", lambda: None)
    monkeypatch.setattr(packages, "has_fonts", lambda: False)
    monkeypatch.setattr(packages, "offered_server", lambda: "15")
    with pytest.raises(Refusal, match=r"apt install postgresql-15 postgresql-15-postgis-3 fonts-noto-cjk\n(.|\n)*DATABASE_URL") as refused:
        packages.provide()
    assert refused.value.code == 3
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    with pytest.raises(Refusal, match=r"apt install fonts-noto-cjk\n然后重新运行。\n（"):
        packages.provide()


# --- half-finished starts, and others who use the same things ------------------------------------------------------------------------------------


def test_a_half_made_cluster_is_replaced_and_the_last_user_stops_it() -> None:
    folder = cluster.place_of_cluster()
    fresh = folder.with_name("pg.making")
    fresh.mkdir(parents=True)
    (fresh / "PG_VERSION").write_text("15")  # a start that was cut off
    with cluster.used():
        assert not fresh.exists()
        assert (place.home() / "database.url").read_text().startswith("postgres://yiwang:")
        assert not cluster.start()  # running already
        found = server.reachable()
        assert not found.superuser and not found.bypass and found.createdb and not found.absent

        other = subprocess.Popen([sys.executable, "-c", USE], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert other.stdout and other.stdout.readline() == "using\n"
    assert cluster._running(folder)  # somebody else still uses it

    other.kill()  # without leaving
    other.wait()
    with cluster.used():
        os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
        while cluster._running(folder):
            threading.Event().wait(0.05)
        assert cluster.revive() and not cluster.revive()
    assert not cluster._running(folder)

    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n")  # of a machine that went down; the number is somebody else's now
    port = cluster._port(folder)
    with socket.create_server(("127.0.0.1", port)), cluster.used():
        assert cluster._port(folder) != port
        server.reachable()


USE = """
from tools.launcher import cluster
with cluster.used():
    print("using", flush=True)
    input()
"""


def test_what_a_killed_launcher_left_is_swept_and_nothing_else(home: Path) -> None:
    mine = subprocess.Popen(["sleep", "60"], cwd=ROOT, start_new_session=True)
    elsewhere = subprocess.Popen(["sleep", "60"], cwd="/", start_new_session=True)  # a later program with a number that was ours
    (home / "running.json").write_text(json.dumps([mine.pid, elsewhere.pid]))
    processes.sweep()
    assert mine.wait(10) == -signal.SIGKILL and elsewhere.poll() is None
    elsewhere.kill()
    elsewhere.wait()
    (home / "running.json").write_text("[12")  # cut off while writing
    processes.sweep()
    assert not (home / "running.json").exists()


def test_a_child_does_not_outlive_a_killed_launcher() -> None:
    script = "from tools.launcher import place; place.run(['sh', '-c', 'echo $$ && sleep 60'], stdout=None)"
    launcher = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True)
    assert launcher.stdout
    child = int(launcher.stdout.readline())
    launcher.kill()
    launcher.wait()
    while Path(f"/proc/{child}").exists() and "\nState:\tZ" not in Path(f"/proc/{child}/status").read_text():
        threading.Event().wait(0.02)


def test_two_launchers_wait_for_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lock = tmp_path / "lock"
    with lock.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(0.2, fcntl.flock, (held, fcntl.LOCK_UN))
        timer.start()
        with place.alone(lock, "等另一个"):
            assert "等另一个" in capsys.readouterr().err
        timer.join()


def test_an_upgrade_and_another_database_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = server.Server(version=150000, applied="a", steps="b")
    monkeypatch.setattr(server, "reachable", lambda: seen)
    monkeypatch.setenv("DATABASE_URL", "postgres://here/city")
    before = up._mark([], empty=False)
    assert up._mark([], empty=False) == before
    monkeypatch.setattr(server, "reachable", lambda: server.Server(version=150000, applied="restored", steps="b"))
    assert up._mark([], empty=False) != before


# --- what is printed -----------------------------------------------------------------------------------------------------------------------------


def test_doctor_and_help_answer() -> None:
    assert "PostgreSQL" in run("doctor").stdout
    assert "--scale" in run("up", "--help").stdout
    assert run("nonsense").returncode == 2


def test_people_and_systems_print_json_and_nothing_else() -> None:
    people = json.loads(run("demo", "people", "--json").stdout)
    assert all({"name", "role", "username", "password"} <= set(row) for row in people)
    systems = json.loads(run("systems", "--json").stdout)
    assert all({"plan", "registers", "procedures", "indicators", "roles", "pages", "journeys", "lines"} <= set(row) for row in systems)
    assert all(row["lines"]["python"] > row["lines"]["templates"] > 0 for row in systems if row["layer"] == "system" and row["lines"])
    assert all(journey["exists"] for row in systems for journey in row["journeys"])


def test_a_journey_exists_down_to_its_function() -> None:
    from yiwang.kit.management.commands.systems import exists

    assert exists("tests/launcher/test_launcher.py") and exists("tests/launcher/test_launcher.py::test_doctor_and_help_answer")
    assert not exists("tests/launcher/test_launcher.py::test_nothing") and not exists("tests/launcher/test_none.py")
