"""A stand-in of the province's petition system: a separate HTTP server with its own key pair that speaks the protocol of docs/systems/online_petition.md.

POST /reports takes a report, once for its key; GET /reports lists what came, for whoever looks; POST /send hands a petition down to the address it names.
"""

import base64
import hashlib
import json
import secrets
import sys
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


class Bureau:
    """What came, by key, guarded by one lock."""

    def __init__(self, key: Ed25519PrivateKey, city_key: Ed25519PublicKey) -> None:
        self.key, self.city_key, self.lock = key, city_key, threading.Lock()
        self.reports: dict[str, dict[str, Any]] = {}
        self.broken = 0  #: so many requests are answered with an error first

    def take(self, report: dict[str, Any]) -> dict[str, Any]:
        with self.lock:
            fresh = report["key"] not in self.reports
            self.reports.setdefault(report["key"], report)
        return {"result": "ok", "fresh": fresh}

    def fails(self) -> bool:
        with self.lock:
            self.broken, failing = max(0, self.broken - 1), self.broken > 0
        return failing

    def proves(self, method: str, path: str, headers: Any, body: bytes) -> bool:
        try:
            self.city_key.verify(base64.b64decode(headers.get("X-Signature", "")), _text(method, path, headers.get("X-Time", ""), headers.get("X-Nonce", ""), body))
            return abs(time.time() - int(headers.get("X-Time", "0"))) <= 300
        except (InvalidSignature, ValueError):
            return False

    def send(self, url: str, content: dict[str, Any]) -> tuple[int, bytes]:
        """Hands a petition down, or tells what became of one, signed; what the city answered."""
        body = json.dumps(content, ensure_ascii=False).encode()
        request = urllib.request.Request(url, data=body, headers={"Content-Type": "application/json", **self.signs(urlsplit(url).path, body)})
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as problem:
            return problem.code, problem.read()

    def signs(self, path: str, body: bytes, *, method: str = "POST") -> dict[str, str]:
        """The headers that prove who sends this."""
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        signature = base64.b64encode(self.key.sign(_text(method, path, stamp, nonce, body))).decode()
        return {"X-Time": stamp, "X-Nonce": nonce, "X-Signature": signature}


def _text(method: str, path: str, stamp: str, nonce: str, body: bytes) -> bytes:
    return "\n".join((method, path, stamp, nonce, hashlib.sha256(body).hexdigest())).encode()


class Handler(BaseHTTPRequestHandler):
    bureau: Bureau

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.bureau.fails():
            return self.answer(503, {"error": "busy"})
        if self.path == "/send":
            asked = json.loads(body)
            status, said = self.bureau.send(asked["url"], asked["petition"])
            return self.answer(status, {"said": said.decode(errors="replace")})
        if not self.bureau.proves("POST", self.path, self.headers, body):
            return self.answer(401, {"error": "signature"})
        return self.answer(200, self.bureau.take(json.loads(body)))

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self.answer(200, {"status": "pass"})
        return self.answer(200, {"rows": list(self.bureau.reports.values())})

    def answer(self, status: int, content: Any) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """The server of a key folder made by demo.peers.keys; port 0 takes a free one."""
    key = serialization.load_pem_private_key((folder / "province.key").read_bytes(), None)
    city = serialization.load_pem_public_key((folder / "bureau.pub").read_bytes())
    assert isinstance(key, Ed25519PrivateKey) and isinstance(city, Ed25519PublicKey)
    return ThreadingHTTPServer(("127.0.0.1", port), type("BoundHandler", (Handler,), {"bureau": Bureau(key, city)}))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
