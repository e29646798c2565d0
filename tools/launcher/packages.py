"""The virtual environment from the lock file, and Debian's packages where we may install them: all that are missing, at once."""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.launcher import place
from tools.launcher.say import Refusal, failed, step

SERVERS = {"trixie": "17", "noble": "16", "plucky": "17", "questing": "17"}  # the PostgreSQL that a release brings; Debian 12: 15
FONTS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
OLDEST = 15


def provide(*, database: bool = True, browser: bool = False) -> None:
    """Everything from outside that is missing, then the virtual environment. Raises Refusal naming all that is missing, not one after another."""
    names = missing(database=database and "DATABASE_URL" not in os.environ, browser=browser)
    if names:
        debian(*names)
        left = missing(database=database and "DATABASE_URL" not in os.environ, browser=browser)
        if left:
            raise Refusal(f"安装后仍然缺少 {' '.join(left)}。请检查软件源。（missing packages）")
    environment()


def missing(*, database: bool, browser: bool) -> list[str]:
    """Names of the Debian packages that are needed and not there."""
    names = []
    if not place.PYTHON.exists() and importlib.util.find_spec("ensurepip") is None:  # Debian keeps it in a package of its own
        names.append(f"python{sys.version_info[0]}.{sys.version_info[1]}-venv")
    if database:
        binaries = postgres_bin()
        version = binaries.parent.name if binaries else offered_server()
        names += [] if binaries else [f"postgresql-{version}"]
        names += [] if binaries and has_postgis(binaries) else [f"postgresql-{version}-postgis-3"]
    names += [] if has_fonts() else ["fonts-noto-cjk"]
    if browser and not chromium():
        names.append("chromium")
    return names


def environment() -> None:
    """.venv as requirements.lock says; nothing is done when it already is. What an earlier start left half done is made anew."""
    wanted = hashlib.sha256((place.ROOT / "requirements.lock").read_bytes() + sys.version.encode()).hexdigest()
    stamp, begun = place.VENV / ".locked", place.VENV / ".installing"
    if _is(stamp, wanted):
        return
    with place.alone(place.ROOT / ".venv.lock", "另一个 ./yiwang 正在安装依赖，等它完成"):
        if _is(stamp, wanted):
            return
        if place.free_space(place.ROOT) < place.NEEDED_SPACE:
            raise Refusal(f"磁盘空间不足：在 {place.ROOT} 安装依赖需要约 1.5 GB。（disk full）")
        if begun.exists() or not stamp.exists() or not place.PYTHON.exists():
            with step("建立虚拟环境"):
                _make()
        begun.touch()
        with step("安装锁定的依赖（第一次需要几分钟）"):
            _install()
        stamp.write_text(wanted)
        begun.unlink()


def _is(stamp: Path, wanted: str) -> bool:
    return place.PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted


def _make() -> None:
    if place.VENV.is_symlink():
        place.VENV.unlink()
    shutil.rmtree(place.VENV, ignore_errors=True)
    interpreter = getattr(sys, "_base_executable", sys.executable)  # we may run in the environment that is to be replaced
    done = place.run([interpreter, "-m", "venv", str(place.VENV)])
    if done.returncode:
        raise failed("不能建立虚拟环境。", done.stdout + done.stderr, place.ROOT)


def _install() -> None:
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "sync", "-q", "-p", str(place.PYTHON), "--require-hashes", "requirements.lock"]
    else:
        command = [str(place.PYTHON), "-m", "pip", "install", "-q", "--no-input", "--disable-pip-version-check", "--require-hashes", "-r", "requirements.lock"]
    done = place.run(command, env=dict(os.environ))
    if done.returncode:
        raise failed("依赖没有装好，请检查网络后重新运行。", done.stderr, place.ROOT, Path(os.environ.get("TMPDIR", "/tmp")))


def postgres_bin() -> Path | None:
    """The newest server binaries of version 15 or later."""
    found = [p for p in Path("/usr/lib/postgresql").glob("*/bin") if p.parent.name.isdigit() and int(p.parent.name) >= OLDEST and (p / "initdb").exists()]
    return max(found, key=lambda p: int(p.parent.name), default=None)


def has_postgis(binaries: Path) -> bool:
    return (Path("/usr/share/postgresql") / binaries.parent.name / "extension" / "postgis.control").exists()


def offered_server() -> str:
    """The version of PostgreSQL that this release of Debian or Ubuntu brings."""
    release = Path("/etc/os-release")
    lines = release.read_text().splitlines() if release.exists() else []
    codename = next((line.partition("=")[2].strip('"') for line in lines if line.startswith("VERSION_CODENAME=")), "")
    return SERVERS.get(codename, str(OLDEST))


def has_fonts() -> bool:
    return any(next(folder.rglob("NotoSansCJK-Regular*"), None) for folder in FONTS if folder.is_dir())


def chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")


def server() -> Path:
    """The binaries of PostgreSQL. Raises Refusal saying what to install or to set."""
    binaries = postgres_bin()
    if binaries is None:
        raise Refusal(f"没有找到 PostgreSQL {OLDEST} 以上版本。请安装 postgresql-{offered_server()}，或用 DATABASE_URL 指定一个服务器。（missing packages）")
    return binaries


def debian(*names: str) -> None:
    """Installs Debian packages as root or by sudo. Debian's own cluster is not created. Raises Refusal where we may not."""
    prefix = [] if place.is_root() else ["sudo", "-n"]
    may = place.is_root() or (shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], check=False, capture_output=True).returncode == 0)
    if not may or not shutil.which("apt-get"):
        raise Refusal(_advice(names), code=3)
    with step(f"安装系统软件包 {' '.join(names)}"):
        if any(n.startswith("postgresql") for n in names):
            folder = "/etc/postgresql-common/createcluster.d"
            place.run([*prefix, "sh", "-c", f"mkdir -p {folder} && echo 'create_main_cluster = false' > {folder}/yiwang.conf"], env=dict(os.environ))
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        place.run([*prefix, "apt-get", "update", "-qq"], env=quiet)
        command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends"]
        done = place.run([*prefix, *command, *names], env=quiet)
    if done.returncode:
        raise failed(f"系统软件包没有装好。请手工安装：apt install {' '.join(names)}", done.stderr, Path("/usr"), Path("/var"))


def _advice(names: tuple[str, ...]) -> str:
    """What to type, and what to set instead where there is something to set."""
    sentence = f"缺少系统软件包，而当前用户不能安装。请以管理员运行：\n  apt install {' '.join(names)}\n然后重新运行。"
    if any(n.startswith("postgresql") for n in names):
        rest = [n for n in names if not n.startswith("postgresql")]
        sentence += "\n也可以不装 PostgreSQL，改用已有的服务器（15 以上，带 PostGIS）：\n  DATABASE_URL=postgres://用户:密码@主机:5432/数据库 ./yiwang up"
        sentence += f"\n  （仍需 apt install {' '.join(rest)}）" if rest else ""
    return sentence + "\n（missing packages）"
