"""The virtual environment from the lock file, and Debian's packages where we may install them."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.launcher import place
from tools.launcher.say import Refusal, step

SERVER = ("postgresql-15", "postgresql-15-postgis-3", "fonts-noto-cjk")
BROWSER = ("chromium",)
FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")


def environment() -> None:
    """.venv as requirements.lock says; nothing is done when it already is."""
    lock = (place.ROOT / "requirements.lock").read_bytes()
    stamp = place.VENV / ".locked"
    wanted = hashlib.sha256(lock + sys.version.encode()).hexdigest()
    if place.PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if place.free_space(place.ROOT) < place.NEEDED_SPACE:
        raise Refusal("磁盘空间不足：安装依赖需要约 1.5 GB。（disk full）")
    if not place.PYTHON.exists():
        with step("建立虚拟环境"):
            _make()
    with step("安装锁定的依赖"):
        uv = shutil.which("uv")
        if uv:
            command = [uv, "pip", "sync", "-q", "-p", str(place.PYTHON), "--require-hashes", "requirements.lock"]
        else:
            command = [str(place.PYTHON), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", "requirements.lock"]
        done = subprocess.run(command, cwd=place.ROOT, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"依赖没有装好，请检查网络后重试。\n{done.stderr[-800:]}")
    stamp.write_text(wanted)


def _make() -> None:
    done = subprocess.run([sys.executable, "-m", "venv", str(place.VENV)], check=False, capture_output=True, text=True)
    if done.returncode:  # Debian keeps ensurepip in a package of its own
        shutil.rmtree(place.VENV, ignore_errors=True)
        debian("python3-venv")
        done = subprocess.run(["/usr/bin/python3", "-m", "venv", str(place.VENV)], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Refusal(f"不能建立虚拟环境：{done.stdout[-400:]}{done.stderr[-400:]}")


def postgres_bin() -> Path | None:
    """The newest server binaries of version 15 or later."""
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if p.parent.name.isdigit() and int(p.parent.name) >= 15 and (p / "initdb").exists()]
    return max(found, key=lambda p: int(p.parent.name), default=None)


def has_postgis(binaries: Path) -> bool:
    return (Path("/usr/share/postgresql") / binaries.parent.name / "extension" / "postgis.control").exists()


def server() -> Path:
    """PostgreSQL with PostGIS and Chinese fonts, installed if we may. Raises Refusal saying what to install or to set."""
    binaries = postgres_bin()
    if binaries is None or not has_postgis(binaries) or not FONT.exists():
        debian(*SERVER)
        binaries = postgres_bin()
    if binaries is None:
        raise Refusal("没有找到 PostgreSQL 15 以上版本。请安装 postgresql-15，或用 DATABASE_URL 指定一个服务器。")
    return binaries


def fonts() -> None:
    if not FONT.exists():
        debian("fonts-noto-cjk")


def browser() -> None:
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        debian(*BROWSER)


def debian(*names: str) -> None:
    """Installs Debian packages as root or by sudo. Debian's own cluster is not created. Raises Refusal where we may not."""
    prefix = [] if place.is_root() else ["sudo", "-n"]
    may = place.is_root() or (shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0)
    if not may or not shutil.which("apt-get"):
        raise Refusal(f"缺少系统软件包。请安装：apt install {' '.join(names)}；数据库也可以用 DATABASE_URL 指定。（missing packages）")
    settings = Path("/etc/postgresql-common/createcluster.d")
    with step(f"安装系统软件包 {' '.join(names)}"):
        if any(n.startswith("postgresql") for n in names):
            subprocess.run([*prefix, "mkdir", "-p", str(settings)], check=False)
            subprocess.run([*prefix, "sh", "-c", f"echo 'create_main_cluster = false' > {settings}/yiwang.conf"], check=False)
        run = {"env": {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, "check": False, "capture_output": True, "text": True}
        subprocess.run([*prefix, "apt-get", "update", "-qq"], **run)  # type: ignore[call-overload]
        done = subprocess.run([*prefix, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *names], **run)  # type: ignore[call-overload]
    if done.returncode:
        raise Refusal(f"系统软件包没有装好：{done.stderr[-600:]}\n请手工安装：apt install {' '.join(names)}")
