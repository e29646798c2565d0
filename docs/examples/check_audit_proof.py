"""Checks an audit proof with nothing but Python: `python check_audit_proof.py proof.json`. SM3 is written out from GB/T 32905-2016.

The proof says: this text hashes to this leaf; with these siblings it climbs to this root; this root, chained to the head before, gives this head.
Compare the head with the one the city publishes for that sequence number.
"""

import json
import sys
from pathlib import Path

MASK = 0xFFFFFFFF


def rotate(x: int, n: int) -> int:
    n %= 32
    return (x << n | x >> 32 - n) & MASK if n else x


def compress(state: list[int], block: bytes) -> list[int]:
    w = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 64, 4)]
    for j in range(16, 68):
        x = w[j - 16] ^ w[j - 9] ^ rotate(w[j - 3], 15)
        w.append(x ^ rotate(x, 15) ^ rotate(x, 23) ^ rotate(w[j - 13], 7) ^ w[j - 6])
    a, b, c, d, e, f, g, h = state
    for j in range(64):
        t = 0x79CC4519 if j < 16 else 0x7A879D8A
        ss1 = rotate((rotate(a, 12) + e + rotate(t, j)) & MASK, 7)
        ss2 = ss1 ^ rotate(a, 12)
        ff = a ^ b ^ c if j < 16 else a & b | a & c | b & c
        gg = e ^ f ^ g if j < 16 else e & f | ~e & MASK & g
        tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & MASK
        tt2 = (gg + h + ss1 + w[j]) & MASK
        a, b, c, d = tt1, a, rotate(b, 9), c
        e, f, g, h = tt2 ^ rotate(tt2, 9) ^ rotate(tt2, 17), e, rotate(f, 19), g
    return [x ^ y for x, y in zip(state, (a, b, c, d, e, f, g, h), strict=True)]


def sm3(content: bytes) -> bytes:
    padded = content + b"\x80" + bytes((55 - len(content)) % 64) + (len(content) * 8).to_bytes(8, "big")
    state = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    for i in range(0, len(padded), 64):
        state = compress(state, padded[i : i + 64])
    return b"".join(x.to_bytes(4, "big") for x in state)


def check(proof: dict) -> list[str]:
    """What does not agree; empty when the proof holds."""
    wrong = []
    node = sm3(b"\x00" + proof["canonical"].encode())
    if node.hex() != proof["leaf"]:
        wrong.append("the text does not hash to the leaf")
    for side, sibling in proof["steps"]:
        pair = bytes.fromhex(sibling) + node if side == "left" else node + bytes.fromhex(sibling)
        node = sm3(b"\x01" + pair)
    if node.hex() != proof["root"]:
        wrong.append("the leaf does not climb to the root")
    if sm3(bytes.fromhex(proof["previous_head"]) + bytes.fromhex(proof["root"])).hex() != proof["head"]:
        wrong.append("the root does not chain to the head")
    return wrong


if __name__ == "__main__":
    problems = check(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    print("\n".join(problems) or "the proof holds")
    sys.exit(bool(problems))
