"""A stand-in payment channel: a separate HTTP server that speaks the channel's protocol (yiwang/platforms/payments/wire.py) with its own key pair.

POST /orders places an order, GET /orders/<number> tells its state, GET /statements/<day> lists what was paid, GET /pay/<number> is the payer's page.
After payment it sends a signed notice, again and again until the other side says ok.
"""

import base64
import hashlib
import html
import json
import secrets
import sys
import threading
import time
import urllib.request
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

CHINA = timezone(timedelta(hours=8))  # a statement is of a day in China, as the channel's contract says
PAGE = """<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>演示支付渠道</title>
<style>body{font:18px/1.7 "Noto Sans CJK SC",sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem;color:#1f2937}h1{font-size:1.4rem}
.sum{font-size:2.2rem;font-weight:700;color:#1f5fbf}button{font:inherit;padding:.7rem 2rem;border:0;border-radius:.4rem;background:#1f5fbf;color:#fff;cursor:pointer}
.tag{background:#fff3cd;color:#664d03;padding:.2rem .6rem;border-radius:.3rem}</style></head><body><main><p><span class="tag">演示支付渠道，不会真的扣款</span></p>%s</main></body></html>"""


class Book:
    """Orders in memory, guarded by one lock."""

    def __init__(self, key: Ed25519PrivateKey, merchant_key: Ed25519PublicKey) -> None:
        self.key, self.merchant_key, self.lock = key, merchant_key, threading.Lock()
        self.orders: dict[str, dict[str, Any]] = {}

    def place(self, order: dict[str, Any], address: str) -> dict[str, Any]:
        with self.lock:
            known = self.orders.setdefault(order["order"], {**order, "state": "placed"})
        return {"pay_url": f"{address}/pay/{known['order']}", "state": known["state"]}

    def pay(self, number: str) -> dict[str, Any] | None:
        with self.lock:
            order = self.orders.get(number)
            if order and order["state"] == "placed":
                order |= {"state": "paid", "serial": f"PAY{secrets.token_hex(8).upper()}", "paid_at": datetime.now(CHINA).isoformat()}
                threading.Thread(target=self.notify, args=(dict(order),), daemon=True).start()
            return order

    def notify(self, order: dict[str, Any]) -> None:
        """Sends the notice until it is acknowledged: after 0, 1, 3, 9, 27 … seconds."""
        body = json.dumps({name: order[name] for name in ("order", "serial", "amount", "paid_at")}).encode()
        path = urlsplit(order["notify"]).path
        for pause in (0, 1, 3, 9, 27, 81, 243):
            time.sleep(pause)
            request = urllib.request.Request(order["notify"], data=body, headers={"Content-Type": "application/json", **self.sign("POST", path, body)})
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    if answer.status == 200:
                        return
            except OSError:  # refused, reset, silent, or an answer that is no success
                continue

    def sign(self, method: str, path: str, body: bytes) -> dict[str, str]:
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        text = "\n".join((method, path, stamp, nonce, hashlib.sha256(body).hexdigest())).encode()
        return {"X-Time": stamp, "X-Nonce": nonce, "X-Signature": base64.b64encode(self.key.sign(text)).decode()}

    def proves(self, method: str, path: str, headers: Any, body: bytes) -> bool:
        text = "\n".join((method, path, headers.get("X-Time", ""), headers.get("X-Nonce", ""), hashlib.sha256(body).hexdigest())).encode()
        try:
            self.merchant_key.verify(base64.b64decode(headers.get("X-Signature", "")), text)
            return abs(time.time() - int(headers.get("X-Time", "0"))) <= 300
        except (InvalidSignature, ValueError):
            return False


class Handler(BaseHTTPRequestHandler):
    book: Book

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/pay/"):
            order = self.book.pay(self.path.removeprefix("/pay/"))
            return self.page(200, self.paid(order)) if order else self.page(404, "<h1>没有这笔订单</h1>")
        if not self.book.proves("POST", self.path, self.headers, body):
            return self.answer(401, {"error": "signature"})
        return self.answer(200, self.book.place(json.loads(body), f"http://{self.headers['Host']}"))

    def do_GET(self) -> None:
        if self.path == "/healthz":
            return self.answer(200, {"status": "pass"})
        if self.path.startswith("/pay/"):
            order = self.book.orders.get(self.path.removeprefix("/pay/"))
            return self.page(200, self.paid(order) if order["state"] == "paid" else self.ask(order)) if order else self.page(404, "<h1>没有这笔订单</h1>")
        if not self.book.proves("GET", self.path, self.headers, b""):
            return self.answer(401, {"error": "signature"})
        if self.path.startswith("/statements/"):
            day = self.path.removeprefix("/statements/")
            return self.answer(200, {"rows": [o for o in self.book.orders.values() if o["state"] == "paid" and o["paid_at"].startswith(day)]})
        order = self.book.orders.get(self.path.removeprefix("/orders/"))
        return self.answer(200, order) if order else self.answer(404, {"error": "unknown order"})

    def ask(self, order: dict[str, Any]) -> str:
        return (
            f"<h1>{html.escape(order['subject'])}</h1><p>缴款识别码 {html.escape(order['order'])}</p><p class='sum'>{order['amount'] / 100:,.2f} 元</p>"
            f"<form method='post'><button type='submit'>确认支付</button></form><p><a href='{html.escape(order['back'])}'>取消，返回</a></p>"
        )

    def paid(self, order: dict[str, Any]) -> str:
        return f"<h1>支付成功</h1><p>流水号 {order['serial']}</p><p class='sum'>{order['amount'] / 100:,.2f} 元</p><p><a href='{html.escape(order['back'])}'>返回政务服务网</a></p>"

    def page(self, status: int, content: str) -> None:
        self.send(status, "text/html; charset=utf-8", (PAGE % content).encode())

    def answer(self, status: int, content: Any) -> None:
        self.send(status, "application/json", json.dumps(content, ensure_ascii=False).encode())

    def send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def serve(folder: Path, port: int) -> ThreadingHTTPServer:
    """The server of a key folder made by demo.peers.keys; port 0 takes a free one."""
    key = serialization.load_pem_private_key((folder / "payment.key").read_bytes(), None)
    merchant = serialization.load_pem_public_key((folder / "merchant.pub").read_bytes())
    assert isinstance(key, Ed25519PrivateKey) and isinstance(merchant, Ed25519PublicKey)
    handler = type("BoundHandler", (Handler,), {"book": Book(key, merchant)})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2])).serve_forever()
