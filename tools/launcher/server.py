"""The database server that a city uses, whoever runs it: does it answer, is it new enough, may this role do what it must."""

import json
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.launcher import place
from tools.launcher.say import Refusal, say


@dataclass(frozen=True, kw_only=True)
class Server:
    """What `probe.py` saw. `applied` and `steps` change whenever tables or demo data do."""

    problem: str = ""
    version: int = 0
    unavailable: list[str] = field(default_factory=list)  #: extensions that are not installed on the server
    absent: list[str] = field(default_factory=list)  #: extensions that this database does not have yet
    superuser: bool = False
    bypass: bool = False
    createdb: bool = False
    readonly: bool = False
    applied: str = ""
    steps: str = ""


def url() -> str:
    """DATABASE_URL, or the private cluster's. Raises Refusal for what is no PostgreSQL address, or where there is none yet."""
    given = os.environ.get("DATABASE_URL")
    if given is None:
        note = place.home() / "database.url"
        if not note.exists():
            raise Refusal("数据库还没有建立。请先运行 ./yiwang up，或设置 DATABASE_URL。")
        return note.read_text().strip()
    if not given.startswith(("postgres://", "postgresql://")):
        raise Refusal("DATABASE_URL 要写成 postgres://用户:密码@主机:5432/数据库。（not a PostgreSQL address）")
    return given


def reachable(wait: float = 10) -> Server:
    """The server, when it answers, is new enough and has what is needed. Raises Refusal naming what is wrong and what to do."""
    end = time.monotonic() + wait
    found = _look()
    while found.problem and time.monotonic() < end and "DATABASE_URL" not in os.environ:
        time.sleep(0.3)  # our own cluster may be coming back
        found = _look()
    if found.problem:
        raise Refusal(f"{_unreachable(found.problem)}（database unreachable）\n{found.problem.splitlines()[-1]}")
    if found.version < 150000:
        raise Refusal(f"PostgreSQL 版本是 {found.version // 10000}，需要 15 以上。（wrong PostgreSQL version）")
    if found.unavailable:
        raise Refusal(f"数据库服务器没有安装扩展 {'、'.join(found.unavailable)}。请在服务器上安装 postgresql-{found.version // 10000}-postgis-3 和 postgresql-contrib。")
    if "postgis" in found.absent and not found.superuser:  # the other two are trusted extensions
        raise Refusal(f"这个数据库还没有扩展 {'、'.join(found.absent)}，而这个角色不能建立。请以数据库管理员在其中执行：\n  " + "\n  ".join(f"CREATE EXTENSION {e};" for e in found.absent))
    if found.readonly:
        raise Refusal("DATABASE_URL 指向一个只读的数据库（备机）。请指向主机。")
    return found


def warn(found: Server) -> None:
    """Says when row security would not hold."""
    if found.superuser or found.bypass:
        say("！数据库角色是超级用户或带有 BYPASSRLS，行级安全对它不起作用。正式使用请换一个普通角色（见 docs/operating/index.md）。")


def _look() -> Server:
    done = place.run([str(place.PYTHON), str(Path(__file__).with_name("probe.py")), url()])
    if done.returncode:
        raise Refusal(f"不能查看数据库：\n{done.stderr[-800:]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return Server(**seen)


def _unreachable(problem: str) -> str:
    if "password authentication failed" in problem or "no password supplied" in problem:
        return "连接不上数据库：用户名或密码不对。请检查 DATABASE_URL。"
    if "does not exist" in problem:
        return "连接不上数据库：服务器上没有这个数据库或角色。请先建立，例如 createuser yiwang --createdb --pwprompt；createdb -O yiwang yiwang。"
    if "too many clients" in problem:
        return "连接不上数据库：连接数已满。请提高 max_connections 或关闭多余的连接。"
    return "连接不上数据库。请检查 DATABASE_URL 里的主机和端口，以及数据库是否启动。"
