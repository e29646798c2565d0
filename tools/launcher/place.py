"""Where things are, and who runs them."""

import os
import pwd
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
NEEDED_SPACE = 1_500_000_000  # bytes for a cluster, an environment and some files


def home() -> Path:
    """YIWANG_HOME, default var/: what this installation owns."""
    path = Path(os.environ.get("YIWANG_HOME") or ROOT / "var").resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def free_space(path: Path) -> int:
    return shutil.disk_usage(path).free


def is_root() -> bool:
    return os.geteuid() == 0


def unprivileged() -> pwd.struct_passwd:
    """The user who runs the cluster when we are root: PostgreSQL refuses root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise LookupError("no unprivileged user")


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "YIWANG_HOME": str(home()), "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", **more}
