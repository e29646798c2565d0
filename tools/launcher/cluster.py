"""A private PostgreSQL cluster in YIWANG_HOME/pg, run by an unprivileged user: loopback and socket, scram, PostGIS in template1.

Made whole in a folder beside and then renamed, so a half-made one is never taken for a cluster. `database.url` names the application's role, which is
no superuser: row security binds it. Whoever uses it holds a shared lock; the last one to leave stops it.
"""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tools.launcher import packages, place
from tools.launcher.say import Refusal, failed, say, step

SETTINGS = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '.'  # the data folder: no path is too long
max_connections = 200
shared_buffers = {buffers}MB
dynamic_shared_memory_type = {shared}
random_page_cost = 1.1
jit = off
timezone = 'Asia/Shanghai'
password_encryption = 'scram-sha-256'
log_min_messages = warning
"""
PREPARE = """
CREATE EXTENSION IF NOT EXISTS postgis; CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS btree_gist;
"""
SMALL_SHM = 256_000_000  # containers give /dev/shm 64 MB, too little for parallel queries


@contextmanager
def used() -> Iterator[None]:
    """The database for as long as the block runs. The private cluster is made or started if need be, and stopped by the last who leaves it."""
    if "DATABASE_URL" in os.environ:
        yield
        return
    home = place.home()
    with (home / "cluster.users").open("a") as users:
        with _gate(home):
            fcntl.flock(users, fcntl.LOCK_SH)
            start()
        try:
            yield
        finally:
            with _gate(home):
                _leave(users.fileno())


def revive() -> bool:
    """Starts the private cluster again if it died; True if it had. Raises Refusal when it cannot be started."""
    if "DATABASE_URL" in os.environ or _running(place_of_cluster()):
        return False
    with _gate(place.home()):
        start()
    return True


def start() -> bool:
    """Makes the cluster if there is none and starts it if it is not running; True if this call started it. Raises Refusal."""
    binaries = packages.server()
    folder = place_of_cluster()
    if not (folder / "PG_VERSION").exists():
        _make(binaries, folder)
    version = (folder / "PG_VERSION").read_text().strip()
    if version != binaries.parent.name:
        raise Refusal(f"{folder} 是 PostgreSQL {version} 的数据，而现在安装的是 {binaries.parent.name}。请安装 postgresql-{version}，或备份后移走这个目录。（wrong PostgreSQL version）")
    if _running(folder):
        return False
    with step("启动数据库"):
        _move_port(folder)
        _start(binaries, folder)
    return True


def stop() -> None:
    folder = place_of_cluster()
    if _running(folder):
        _halt(packages.server(), folder)


def place_of_cluster() -> Path:
    """YIWANG_HOME/pg; where root's closed folders lie in the way of the cluster's user, a folder of this home below /var/lib/yiwang."""
    home = place.home()
    if not place.is_root() or all(p.stat().st_mode & 0o001 for p in (home, *home.parents)):
        return home / "pg"
    elsewhere = Path("/var/lib/yiwang") / hashlib.sha256(str(home).encode()).hexdigest()[:12]
    elsewhere.mkdir(parents=True, exist_ok=True)
    return elsewhere / "pg"


def _gate(home: Path) -> AbstractContextManager[None]:
    return place.alone(home / "cluster.gate", "另一个 ./yiwang 正在建立、启动或停止数据库，等它完成")


def _leave(users: int) -> None:
    """Behind the gate, so nobody comes while we look whether anybody is left."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    stop()


def _make(binaries: Path, folder: Path) -> None:
    for needed in {place.home(), folder.parent}:
        if place.free_space(needed) < place.NEEDED_SPACE:
            raise Refusal(f"磁盘空间不足：{needed} 需要约 1.5 GB。（disk full）")
    fresh = folder.with_name("pg.making")
    if _running(fresh):  # of a start that was cut off
        _halt(binaries, fresh)
    shutil.rmtree(fresh, ignore_errors=True)
    with step("建立数据库"):
        owner_password = _initialise(binaries, fresh)
        try:
            _start(binaries, fresh)
            _prepare(binaries, fresh, owner_password)
        finally:
            if _running(fresh):
                _halt(binaries, fresh)
        fresh.rename(folder)


def _initialise(binaries: Path, fresh: Path) -> str:
    fresh.mkdir(mode=0o700)
    _own(fresh)
    password = secrets.token_urlsafe(24)
    note = fresh.with_name("pg.password")
    note.unlink(missing_ok=True)
    note.touch(mode=0o600)
    note.write_text(password)
    _own(note)
    try:
        done = _run(binaries, "initdb", "-D", str(fresh), "-U", "yiwang_owner", "--locale=C.UTF-8", "-E", "UTF8", "--auth=scram-sha-256", f"--pwfile={note}")
    finally:
        note.unlink()
    if done.returncode:
        raise failed("数据库没有建成。", done.stderr, fresh.parent)
    with (fresh / "postgresql.conf").open("a") as conf:
        conf.write(SETTINGS.format(port=_free_port(), buffers=_buffers(), shared=_shared_memory()))
    return password


def _buffers() -> int:
    """Megabytes for PostgreSQL's cache: a quarter of the machine, 512 at most."""
    return max(32, min(512, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4 // 2**20))


def _shared_memory() -> str:
    shm = Path("/dev/shm")
    return "posix" if shm.is_dir() and place.free_space(shm) > SMALL_SHM else "mmap"


def _prepare(binaries: Path, folder: Path, owner_password: str) -> None:
    """Extensions, the application's role and database; its address is written last."""
    port, password = _port(folder), secrets.token_urlsafe(24)
    role = f"CREATE ROLE yiwang LOGIN CREATEDB NOSUPERUSER NOBYPASSRLS PASSWORD '{password}'"
    for database, statement in (("template1", PREPARE), ("postgres", role), ("postgres", "CREATE DATABASE yiwang OWNER yiwang TEMPLATE template1")):
        command = ["psql", "-q", "-X", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(port), "-U", "yiwang_owner", "-d", database, "-c", statement]
        done = _run(binaries, *command, PGPASSWORD=owner_password)
        if done.returncode:
            raise failed(f"数据库没有建成。请确认已安装 postgresql-{binaries.parent.name}-postgis-3。", done.stderr, folder)
    _write_url(f"postgres://yiwang:{password}@127.0.0.1:{port}/yiwang\n")


def _write_url(text: str) -> None:
    """Whole or not at all, and readable by us alone."""
    fresh = place.home() / ".database.url"
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(place.home() / "database.url")


def _start(binaries: Path, folder: Path) -> None:
    stale = folder / "postmaster.pid"
    if stale.exists() and not _running(folder):  # its number may belong to another program by now, which PostgreSQL would take for a server
        stale.unlink()
    done = _run(binaries, "pg_ctl", "-D", str(folder), "-l", str(folder / "server.log"), "-w", "-t", "120", "start")
    if done.returncode:
        log = folder / "server.log"
        raise failed("数据库没有启动。", log.read_text(errors="replace")[-2000:] if log.exists() else "", folder)


def _halt(binaries: Path, folder: Path) -> None:
    _run(binaries, "pg_ctl", "-D", str(folder), "-m", "fast", "-w", "stop")


def _running(folder: Path) -> bool:
    """Whether the process that the folder names is a PostgreSQL server, and this folder's."""
    try:
        pid = int((folder / "postmaster.pid").read_text().split()[0])
        return (Path("/proc") / str(pid) / "cwd").resolve(strict=True) == folder.resolve()
    except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
        return False
    except PermissionError:
        return _alive(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _move_port(folder: Path) -> None:
    """Another program may have taken the cluster's port while it was down: then a free one, here and in `database.url`."""
    old = _port(folder)
    if _is_free(old):
        return
    new = _free_port()
    with (folder / "postgresql.conf").open("a") as conf:
        conf.write(f"port = {new}\n")
    note = place.home() / "database.url"
    _write_url(note.read_text().replace(f"@127.0.0.1:{old}/", f"@127.0.0.1:{new}/"))
    say(f"  数据库原来的端口 {old} 已被占用，改用 {new}")


def _run(binaries: Path, tool: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A PostgreSQL tool as the unprivileged user. pg_ctl leaves a server behind, which must not hold our pipes."""
    user = _owner() if place.is_root() else None
    options = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
    if tool == "pg_ctl":
        options |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PG")}
    return place.run([str(binaries / tool), *arguments], stdin=subprocess.DEVNULL, env={**clean, "LC_ALL": "C.UTF-8", **environment}, cwd="/", **options)


def _owner() -> pwd.struct_passwd:
    """Whose the cluster is; of a new one, an unprivileged user's."""
    folder = place_of_cluster()
    return pwd.getpwuid(folder.stat().st_uid) if folder.exists() else place.unprivileged()


def _own(path: Path) -> None:
    if place.is_root():
        user = place.unprivileged()
        os.chown(path, user.pw_uid, user.pw_gid)


def _port(folder: Path) -> int:
    lines = [line for line in (folder / "postgresql.conf").read_text().splitlines() if line.startswith("port = ")]
    return int(lines[-1].removeprefix("port = "))


def _free_port() -> int:
    """Below the range from which outgoing connections take theirs, so that it is still free at every later start."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        if _is_free(port):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
