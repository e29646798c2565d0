"""Sealed PDFs per second, beside what openssl signs per second with the same kind of key.

    python -m benchmarks.seal [--seconds S] [--quick] [--json]

One process, one thread. Measured: typesetting alone, sealing alone (signature with visible seal, use recorded), both, and verification.
The limit is `openssl speed ecdsap256`: the bare signature of a digest. Nothing stays: the database work is rolled back, keys and files lie in a
temporary folder.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

NOTICE: dict[str, Any] = {
    "applicant": "湛江测速餐饮店", "subject": "食品经营许可（新办）", "case_number": "4408002026000001", "date": "2026-03-02", "deemed": False,
    "due": "2026-03-20", "opinion": "", "number": "湛测受理〔2026〕1号", "organ": "湛江市测速局",
}  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="yiwang-bench-") as folder:
        os.environ |= {"YIWANG_HOME": folder, "DJANGO_SETTINGS_MODULE": "yiwang.config.settings"}
        out = {"benchmark": "seal", "seconds": options.seconds, **_measured(options.seconds), "openssl_sign_per_second": _limit(options.seconds)}
    out["ratio"] = round(out["seal_per_second"] / out["openssl_sign_per_second"], 5)
    print(json.dumps(out, ensure_ascii=False) if options.json else _words(out))
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="seal", description="sealed PDFs per second beside the signature limit of openssl")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--quick", action="store_true", help="1 second each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    options.seconds = 1.0 if options.quick else options.seconds
    return options


def _measured(seconds: float) -> dict[str, float]:
    import django
    from django.core.management import call_command
    from django.db import transaction

    django.setup()
    call_command("migrate", verbosity=0)
    from yiwang.engines.documents import api as documents
    from yiwang.engines.parties.models import Division, Organisation
    from yiwang.kit.actors import SYSTEM

    with transaction.atomic():
        city, _ = Division.objects.get_or_create(code="440800000000", defaults={"name": "湛江市", "level": Division.Level.CITY})
        office = Organisation.objects.create(key="bench@440800", function="bench", name=NOTICE["organ"], short="湛测", kind="部门", division=city)
        typeset = documents.render("acceptance", NOTICE)
        sealed = documents.seal(SYSTEM, typeset, office, what="测速")
        if not documents.verify(sealed).holds:
            raise SystemExit("the sealed document does not verify")
        found = {
            "typeset_per_second": _rate(seconds, lambda: documents.render("acceptance", NOTICE)),
            "seal_per_second": _rate(seconds, lambda: documents.seal(SYSTEM, typeset, office, what="测速")),
            "both_per_second": _rate(seconds, lambda: documents.seal(SYSTEM, documents.render("acceptance", NOTICE), office, what="测速")),
            "verify_per_second": _rate(seconds, lambda: documents.verify(sealed)),
            "bytes": len(sealed),
        }
        transaction.set_rollback(True)
    return found


def _rate(seconds: float, work: Callable[[], object]) -> float:
    count, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        work()
        count += 1
    return round(count / spent, 1)


def _limit(seconds: float) -> float:
    """Signatures per second of one openssl process."""
    command = ["openssl", "speed", "-seconds", str(max(1, round(seconds))), "ecdsap256"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"nistp256\)\s+\S+s\s+\S+s\s+([\d.]+)", said)
    if found is None:
        raise SystemExit(f"openssl said something else: {said}")
    return float(found.group(1))


def _words(out: dict[str, Any]) -> str:
    return "\n".join(
        (
            f"一个进程、一个线程，各 {out['seconds']} 秒，每份 {out['bytes']:,} 字节",
            f"  排版           {out['typeset_per_second']:>10,.1f}/s",
            f"  盖章           {out['seal_per_second']:>10,.1f}/s",
            f"  排版并盖章     {out['both_per_second']:>10,.1f}/s",
            f"  核验           {out['verify_per_second']:>10,.1f}/s",
            f"  openssl 签名   {out['openssl_sign_per_second']:>10,.1f}/s   盖章是它的 {out['ratio']:.2%}",
        )
    )


if __name__ == "__main__":
    sys.exit(main())
