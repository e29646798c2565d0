"""What the launcher says when something is in the way: a sentence, an exit code, nothing broken."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.launcher import cluster, packages, place, up
from tools.launcher.say import Refusal

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("YIWANG_HOME", str(tmp_path))
    yield tmp_path
    if cluster.place_of_cluster().parent != tmp_path:  # where the cluster's user could not reach the temporary folder
        shutil.rmtree(cluster.place_of_cluster().parent, ignore_errors=True)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / "yiwang"), *command], check=False, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120)


def test_a_taken_port_is_named_and_nothing_is_made(home: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = run("up", "--port", str(port))
    assert done.returncode == 2 and f"端口 {port}" in done.stderr
    assert not (home / "pg").exists()


def test_a_second_up_in_one_home_is_refused() -> None:
    held = up._hold()
    with pytest.raises(Refusal, match="已经有一个在运行"):
        up._hold()
    held.close()
    up._hold().close()


def test_an_unreachable_database_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("up", "--port", "48123", DATABASE_URL="postgres://nobody@127.0.0.1:1/none")
    assert done.returncode == 2 and "连接不上数据库" in done.stderr


def test_a_full_disk_is_named_before_anything_is_made(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "free_space", lambda _: 10)
    with pytest.raises(Refusal, match="磁盘空间不足"):
        cluster._make(Path("/nowhere"), home / "pg")
    assert not (home / "pg").exists()


def test_data_of_another_version_are_not_touched(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if packages.postgres_bin() is None:
        pytest.fail("no PostgreSQL on this machine")
    folder = cluster.place_of_cluster()
    folder.mkdir(parents=True)
    (folder / "PG_VERSION").write_text("11\n")
    with pytest.raises(Refusal, match="PostgreSQL 11 的数据"):
        cluster.start()
    assert (folder / "PG_VERSION").read_text() == "11\n"


def test_a_half_made_cluster_is_replaced_and_a_whole_one_starts_again() -> None:
    folder = cluster.place_of_cluster()
    fresh = folder.with_name("pg.making")
    fresh.mkdir(parents=True)
    (fresh / "PG_VERSION").write_text("15")  # a start that was cut off
    try:
        assert cluster.start()
        assert not fresh.exists()
        assert (place.home() / "database.url").read_text().startswith("postgres://yiwang:")
        assert not cluster.start()  # running already
    finally:
        cluster.stop()


def test_missing_packages_without_rights_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "is_root", lambda: False)
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    with pytest.raises(Refusal, match="apt install postgresql-15"):
        packages.debian("postgresql-15")


def test_doctor_and_help_answer() -> None:
    assert "PostgreSQL" in run("doctor").stdout
    assert "--scale" in run("up", "--help").stdout
    assert run("nonsense").returncode == 2
