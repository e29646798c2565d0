"""`./yiwang doctor`: what is there, what is missing, what to do."""

import os
import sys

from tools.launcher import packages, place, server
from tools.launcher.say import Refusal


def doctor() -> int:
    """Prints one line for each thing that a city needs; returns how many are wrong."""
    binaries = packages.postgres_bin()
    version = binaries.parent.name if binaries else packages.offered_server()
    found = [
        (sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "请安装 Python 3.11 以上"),
        (place.PYTHON.exists(), "虚拟环境", "运行 ./yiwang up 会建立"),
        (binaries is not None or "DATABASE_URL" in os.environ, f"PostgreSQL {binaries.parent.name if binaries else ''}", f"apt install postgresql-{version}，或设置 DATABASE_URL"),
        (binaries is None or packages.has_postgis(binaries), "PostGIS", f"apt install postgresql-{version}-postgis-3"),
        (packages.has_fonts(), "中文字体", "apt install fonts-noto-cjk"),
        (bool(packages.chromium()), "Chromium（只有测试需要）", "apt install chromium"),
        (place.free_space(place.home()) > place.NEEDED_SPACE, f"磁盘空间 {place.free_space(place.home()) // 10**9} GB", "至少需要 1.5 GB"),
        _database(),
    ]
    for good, name, advice in found:
        print(f"{'✓' if good else '✗'} {name}" + ("" if good else f"　{advice}"))
    return sum(not good for good, _, _ in found)


def _database() -> tuple[bool, str, str]:
    if not (os.environ.get("DATABASE_URL") or (place.home() / "database.url").exists()):
        return True, "数据库还没有建立，运行 ./yiwang up 会建立", ""
    if not place.PYTHON.exists():
        return True, "数据库要等虚拟环境建立后才能查看", ""
    try:
        found = server.reachable(wait=0)
    except Refusal as problem:
        return False, "数据库", str(problem)
    return True, f"数据库可以连接（PostgreSQL {found.version // 10000}）", ""
