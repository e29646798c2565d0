"""A stand-in SMS gateway: takes signed messages once per id and keeps them. GET /messages shows what was sent."""

import hashlib
import hmac
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Handler(BaseHTTPRequestHandler):
    secret: bytes
    sent: dict[str, dict[str, str]]
    lock: threading.Lock

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        stamp, nonce = self.headers.get("X-Time", ""), self.headers.get("X-Nonce", "")
        wanted = hmac.new(self.secret, b"\n".join((stamp.encode(), nonce.encode(), body)), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, self.headers.get("X-Signature", "")) or abs(time.time() - int(stamp or 0)) > 300:
            return self.answer(401, {"error": "signature"})
        message = json.loads(body)
        with self.lock:
            kept = self.sent.setdefault(message["id"], {**message, "receipt": f"SMS{len(self.sent) + 1:08d}"})
        return self.answer(200, {"receipt": kept["receipt"]})

    def do_GET(self) -> None:
        self.answer(200, {"status": "pass", "messages": list(self.sent.values())[-100:]})

    def answer(self, status: int, content: Any) -> None:
        body = json.dumps(content, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """The gateway whose shared secret lies in `folder`."""
    fields = {"secret": (folder / "sms.secret").read_bytes().strip(), "sent": {}, "lock": threading.Lock()}
    return ThreadingHTTPServer(("127.0.0.1", port), type("BoundHandler", (Handler,), fields))


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
