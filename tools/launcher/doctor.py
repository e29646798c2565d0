"""`./yiwang doctor`: what is there, what is missing, what to do."""

import os
import shutil
import sys

from tools.launcher import cluster, packages, place
from tools.launcher.say import Refusal


def doctor() -> int:
    """Prints one line for each thing that a city needs; returns how many are wrong."""
    binaries = packages.postgres_bin()
    found = [
        (sys.version_info >= (3, 11), f"Python {sys.version.split()[0]}", "请安装 Python 3.11 以上"),
        (place.PYTHON.exists(), "虚拟环境", "运行 ./yiwang up 会建立"),
        (binaries is not None or "DATABASE_URL" in os.environ, f"PostgreSQL {binaries.parent.name if binaries else ''}", "apt install postgresql-15，或设置 DATABASE_URL"),
        (binaries is None or packages.has_postgis(binaries), "PostGIS", "apt install postgresql-15-postgis-3"),
        (packages.FONT.exists(), "中文字体", "apt install fonts-noto-cjk"),
        (bool(shutil.which("chromium")), "Chromium（只有测试需要）", "apt install chromium"),
        (place.free_space(place.home()) > place.NEEDED_SPACE, f"磁盘空间 {place.free_space(place.home()) // 10**9} GB", "至少需要 1.5 GB"),
        _database(),
    ]
    for good, name, advice in found:
        print(f"{'✓' if good else '✗'} {name}" + ("" if good else f"　{advice}"))
    return sum(not good for good, _, _ in found)


def _database() -> tuple[bool, str, str]:
    if not (os.environ.get("DATABASE_URL") or (place.home() / "database.url").exists()):
        return True, "数据库还没有建立，运行 ./yiwang up 会建立", ""
    try:
        cluster.reachable(wait=0)
    except Refusal as problem:
        return False, "数据库", str(problem)
    return True, "数据库可以连接", ""
