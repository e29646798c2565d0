"""A stand-in mail server: speaks as much SMTP as a sender needs (RFC 5321) and keeps what it took."""

import socketserver
from email import message_from_bytes, policy
from email.message import EmailMessage


class Handler(socketserver.StreamRequestHandler):
    taken: list[EmailMessage]
    refuses: list[bool]

    def handle(self) -> None:
        self.say("220 stand-in")
        while line := self.rfile.readline().strip().upper():
            if line.startswith(b"QUIT"):
                return self.say("221 bye")
            if line.startswith(b"DATA"):
                self.say("354 go on")
                self.take()
            elif line.startswith(b"MAIL") and self.refuses:
                self.say("451 try later")
            else:
                self.say("250 ok")
        return None

    def take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        self.taken.append(message_from_bytes(b"".join(lines), policy=policy.default))
        self.say("250 taken")

    def say(self, words: str) -> None:
        self.wfile.write(words.encode() + b"\r\n")


def serve(port: int) -> socketserver.ThreadingTCPServer:
    """The server; `RequestHandlerClass.taken` holds what came, a true in `.refuses` makes it ask senders to try later."""
    return socketserver.ThreadingTCPServer(("127.0.0.1", port), type("BoundHandler", (Handler,), {"taken": [], "refuses": []}))
