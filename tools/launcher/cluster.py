"""A private PostgreSQL cluster in YIWANG_HOME/pg, run by an unprivileged user: loopback and socket, scram, PostGIS in template1.

Made in a folder beside and renamed when whole, so a half-made one is never taken for a cluster. `database.url` names the application's role, which is
no superuser: row security binds it.
"""

import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import time
from pathlib import Path

from tools.launcher import packages, place
from tools.launcher.say import Refusal, step

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{sockets}'
max_connections = 200
shared_buffers = 512MB
random_page_cost = 1.1
jit = off
timezone = 'Asia/Shanghai'
password_encryption = 'scram-sha-256'
log_min_messages = warning
"""
PREPARE = """
CREATE EXTENSION IF NOT EXISTS postgis; CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS btree_gist;
"""


def url() -> str:
    """DATABASE_URL, or the private cluster's."""
    given = os.environ.get("DATABASE_URL")
    return given or (place.home() / "database.url").read_text().strip()


def start() -> bool:
    """Makes the cluster if there is none and starts it if it is not running; True if this call started it. Raises Refusal."""
    binaries = packages.server()
    folder = place_of_cluster()
    if not (folder / "PG_VERSION").exists():
        _make(binaries, folder)
        return True
    version = (folder / "PG_VERSION").read_text().strip()
    if version != binaries.parent.name:
        raise Refusal(f"{folder} 是 PostgreSQL {version} 的数据，而现在安装的是 {binaries.parent.name}。请安装 postgresql-{version}，或备份后移走这个目录。")
    if _run(binaries, "pg_ctl", "-D", str(folder), "status").returncode == 0:
        return False
    with step("启动数据库"):
        _start(binaries, folder)
    return True


def stop() -> None:
    binaries = packages.postgres_bin()
    folder = place_of_cluster()
    if binaries and (folder / "postmaster.pid").exists():
        _run(binaries, "pg_ctl", "-D", str(folder), "-m", "fast", "-w", "stop")


def _make(binaries: Path, folder: Path) -> None:
    if place.free_space(place.home()) < place.NEEDED_SPACE:
        raise Refusal(f"磁盘空间不足：{place.home()} 需要约 1.5 GB。（disk full）")
    fresh = folder.with_name("pg.making")
    shutil.rmtree(fresh, ignore_errors=True)  # of a start that was cut off
    with step("建立数据库"):
        fresh.mkdir(mode=0o700)
        _own(fresh)
        password = secrets.token_urlsafe(24)
        note = fresh.with_name("pg.password")
        note.touch(mode=0o600)
        note.write_text(password)
        _own(note)
        try:
            common = ["-U", "yiwang_owner", "--locale=C.UTF-8", "-E", "UTF8", "--auth=scram-sha-256", f"--pwfile={note}"]
            done = _run(binaries, "initdb", "-D", str(fresh), *common)
        finally:
            note.unlink()
        if done.returncode:
            raise Refusal(f"数据库没有建成：{done.stderr[-600:]}")
        with (fresh / "postgresql.conf").open("a") as conf:
            conf.write(SETTINGS.format(port=_free_port(), sockets=fresh.with_name("pg")))
        fresh.rename(folder)
        _start(binaries, folder)
        _prepare(binaries, folder, password)


def _prepare(binaries: Path, folder: Path, owner_password: str) -> None:
    port = _port(folder)
    password = secrets.token_urlsafe(24)
    environment = {"PGPASSWORD": owner_password}
    role = f"CREATE ROLE yiwang LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'"
    for database, statement in (("template1", PREPARE), ("postgres", role), ("postgres", "CREATE DATABASE yiwang OWNER yiwang TEMPLATE template1")):
        command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "yiwang_owner", "-d", database, "-c", statement]
        done = _run(binaries, *command, **environment)
        if done.returncode:
            shutil.rmtree(folder.with_name("pg.failed"), ignore_errors=True)
            stop()
            folder.rename(folder.with_name("pg.failed"))
            raise Refusal(f"数据库没有建成：{done.stderr[-600:]}\n请确认已安装 postgresql-{binaries.parent.name}-postgis-3。")
    note = place.home() / "database.url"
    note.touch(mode=0o600)
    note.write_text(f"postgres://yiwang:{password}@127.0.0.1:{port}/yiwang\n")


def _start(binaries: Path, folder: Path) -> None:
    done = _run(binaries, "pg_ctl", "-D", str(folder), "-l", str(folder / "server.log"), "-w", "-t", "60", "start")
    if done.returncode:
        tail = (folder / "server.log").read_text(errors="replace")[-800:] if (folder / "server.log").exists() else done.stderr
        raise Refusal(f"数据库没有启动：\n{tail}")


def reachable(wait: float = 10) -> None:
    """Whether the database answers, is new enough and has PostGIS. Raises Refusal naming what is wrong."""
    code = (
        "import sys, psycopg\n"
        "c = psycopg.connect(sys.argv[1], connect_timeout=5, autocommit=True)\n"
        "print(c.info.server_version)\n"
        "print(bool(c.execute(\"SELECT 1 FROM pg_available_extensions WHERE name = 'postgis'\").fetchone()))"
    )
    end = time.monotonic() + wait
    while True:
        done = subprocess.run([str(place.PYTHON), "-c", code, url()], check=False, capture_output=True, text=True)
        if done.returncode == 0 or time.monotonic() > end or os.environ.get("DATABASE_URL"):
            break
        time.sleep(0.5)
    if done.returncode:
        raise Refusal(f"连接不上数据库。请检查 DATABASE_URL 和数据库是否启动。（database unreachable）\n{done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ''}")
    version, postgis = done.stdout.split()
    if int(version) < 150000:
        raise Refusal(f"PostgreSQL 版本是 {int(version) // 10000}，需要 15 以上。（wrong PostgreSQL version）")
    if postgis != "True":
        raise Refusal("数据库服务器没有 PostGIS。请安装 postgresql-15-postgis-3。")


def _run(binaries: Path, tool: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A PostgreSQL tool as the unprivileged user."""
    user = place.unprivileged() if place.is_root() else None
    more = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    with Path(os.devnull).open() as nothing:
        return subprocess.run(  # type: ignore[call-overload,no-any-return]
            [str(binaries / tool), *arguments], check=False, stdin=nothing, stdout=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL,
            stderr=subprocess.PIPE if tool != "pg_ctl" else subprocess.DEVNULL, text=True, env={**os.environ, "LC_ALL": "C.UTF-8", **environment}, cwd="/", **more,
        )  # fmt: skip


def _own(path: Path) -> None:
    if place.is_root():
        user = place.unprivileged()
        os.chown(path, user.pw_uid, user.pw_gid)


def place_of_cluster() -> Path:
    """YIWANG_HOME/pg; where root's closed folders lie in the way of the cluster's user, a folder of this home below /var/lib/yiwang."""
    home = place.home()
    if not place.is_root() or all(p.stat().st_mode & 0o001 for p in (home, *home.parents)):
        return home / "pg"
    elsewhere = Path("/var/lib/yiwang") / hashlib.sha256(str(home).encode()).hexdigest()[:12]
    elsewhere.mkdir(parents=True, exist_ok=True)
    return elsewhere / "pg"


def _port(folder: Path) -> int:
    lines = [line for line in (folder / "postgresql.conf").read_text().splitlines() if line.startswith("port = ")]
    return int(lines[-1].removeprefix("port = "))


def _free_port() -> int:
    """Below the range from which outgoing connections take theirs, so that it is still free at every later start."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
