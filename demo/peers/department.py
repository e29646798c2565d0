"""Stand-ins of the petition systems of single departments, beside the province's on the same server: each with its own key pair and nothing of the product.

POST /offices/<code>/petitions takes what the city sends, once for its key; GET there lists it; GET /offices/<code>/ is a page on which one plays the department;
POST /offices/<code>/say tells the city what became of a petition, /fetch gets a file of one, /offices/<code>/cut breaks the wire for so many messages.
"""

import hashlib
import html
import json
import re
import sys
import urllib.request
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from demo.peers import keys, province

PATH = re.compile(r"/offices/(\w+)/(petitions|say|cut|fetch|)")
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>%(name)s（演示）</title>
<style>body{font:17px/1.7 "Noto Sans CJK SC",sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1f2937}article{border:1px solid #cbd5e1;border-radius:.5rem;padding:1rem;margin:1rem 0}
input,select,button{font:inherit;padding:.3rem .6rem}.tag{background:#fff3cd;padding:.1rem .5rem;border-radius:.3rem}</style></head><body><main><p><span class="tag">演示：某部门自己的系统，不属于一网</span></p>
<h1>%(name)s</h1>%(rows)s</main></body></html>"""
DEEDS = (("received", "已接收"), ("accepted", "受理"), ("objected", "提出异议退回"), ("answered", "答复"), ("reported", "上报办理结果"))
LETTER = {
    "claims": "见来信", "found": "经核查，反映的情况属实。", "result": "support", "answer": "已经责成责任单位限期办结，并当面告知您。", "basis": "《信访工作条例》第三十二条",
}  # fmt: skip


class Office(province.Bureau):
    """One department: what it was sent, and what it has said so far."""

    def __init__(self, code: str, name: str, key: Ed25519PrivateKey, city_key: Ed25519PublicKey) -> None:
        super().__init__(key, city_key)
        self.code, self.name = code, name
        self.said: list[dict[str, Any]] = []

    def take(self, report: dict[str, Any]) -> dict[str, Any]:
        return {**super().take(report), "number": f"{self.code[:2].upper()}-{report['number'][-7:]}"}

    def say(self, event: dict[str, Any], *, url: str = "") -> dict[str, Any]:
        """Tells the city, with the next number of this petition unless one is given; status and what the city said."""
        number = event["number"]
        sequence = 1 + sum(e["number"] == number for e in self.said)
        whole = {"id": uuid4().hex, "by": "林晓岚", "sequence": sequence, **event}
        status, answer = self.send(url or self.address(number), whole)
        expected = json.loads(answer).get("expected", sequence) if status == 409 else sequence
        if expected != sequence and "sequence" not in event:  # started again, it no longer knows what it said before
            whole["sequence"] = expected
            status, answer = self.send(url or self.address(number), whole)
        if status == 200 and whole["what"] != "registered" and whole["id"] not in [e["id"] for e in self.said]:
            self.said.append(whole)
        return {"status": status, "said": json.loads(answer), "event": whole}

    def fetch(self, url: str) -> bytes:
        """A file that a message names, asked for with our signature."""
        request = urllib.request.Request(url, headers=self.signs(urlsplit(url).path, b"", method="GET"))
        with urllib.request.urlopen(request, timeout=20) as answer:
            return bytes(answer.read())

    def address(self, number: str) -> str:
        return str(next(r["events"] for r in self.reports.values() if r["number"] == number and r["what"] == "transfer"))

    def page(self) -> str:
        rows = "".join(self._row(r) for r in self.reports.values() if r["what"] == "transfer") or "<p>还没有收到转来的信访件。</p>"
        return PAGE % {"name": html.escape(self.name), "rows": rows}

    def _row(self, sent: dict[str, Any]) -> str:
        number, done = sent["number"], "、".join(dict(DEEDS).get(e["what"], e["what"]) for e in self.said if e["number"] == sent["number"]) or "未办理"
        buttons = " ".join(f'<button name="what" value="{what}">{name}</button>' for what, name in DEEDS)
        form = f'<form method="post" action="say"><input type="hidden" name="number" value="{number}"><input name="words" placeholder="要说的话" aria-label="要说的话"> {buttons}</form>'
        words = f"<h2>{html.escape(sent['title'])}</h2><p>{html.escape(sent['words'])}</p><p>{number} · {sent['sender']} · {done}</p>"
        return f"<article>{words}{form}</article>"


class Handler(province.Handler):
    """The province's paths as they are; below /offices/ those of each department."""

    offices: dict[str, Office]

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        found = PATH.fullmatch(self.path)
        if found is None:
            return super().do_POST()
        office, body = self.offices[found[1]], self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if found[2] == "cut":
            office.broken = json.loads(body)["times"]
            return self.answer(200, {"result": "ok"})
        if found[2] == "fetch":
            return self.answer(200, {"sha256": hashlib.sha256(office.fetch(json.loads(body)["url"])).hexdigest()})
        if found[2] == "say":
            return self.say(office, body)
        if office.fails():
            return self.answer(503, {"error": "busy"})
        if not office.proves("POST", self.path, self.headers, body):
            return self.answer(401, {"error": "signature"})
        return self.answer(200, office.take(json.loads(body)))

    def say(self, office: Office, body: bytes) -> None:
        """From a program as JSON, with the address where it may name one; from the page as a form."""
        if self.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
            typed = dict(parse_qsl(body.decode()))
            office.say({"signed_by": "许怀谷", **LETTER, **typed})
            self.send_response(303)
            self.send_header("Location", f"/offices/{office.code}/")
            return self.end_headers()
        asked = json.loads(body)
        return self.answer(200, office.say(asked["event"], url=asked.get("url", "")))

    def do_GET(self) -> None:  # noqa: N802 - as above
        found = PATH.fullmatch(self.path)
        if found is None:
            return super().do_GET()
        if found[2] == "petitions":
            return self.answer(200, {"rows": list(self.offices[found[1]].reports.values())})
        content = self.offices[found[1]].page().encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """The province and the departments of `keys.OFFICES`; port 0 takes a free one."""
    city = serialization.load_pem_public_key((folder / "bureau.pub").read_bytes())
    assert isinstance(city, Ed25519PublicKey)
    offices = {code: office_of(folder, code, name) for code, (_, name) in keys.OFFICES.items()}
    bound = type("BoundHandler", (Handler,), {"bureau": province.Bureau(_key(folder, "province"), city), "offices": offices})
    return ThreadingHTTPServer(("127.0.0.1", port), bound)


def office_of(folder: Path, code: str, name: str) -> Office:
    """One department with its own key."""
    city = serialization.load_pem_public_key((folder / "bureau.pub").read_bytes())
    assert isinstance(city, Ed25519PublicKey)
    return Office(code, name, _key(folder, code), city)


def written(event: dict[str, Any]) -> bytes:
    """An event as it goes over the wire."""
    return json.dumps(event, ensure_ascii=False).encode()


def _key(folder: Path, name: str) -> Ed25519PrivateKey:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    return key


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
