"""Merkle trees over SM3 with inclusion proofs, shaped as in RFC 6962 section 2.1 (leaf prefix 00, node prefix 01, left part the largest power of two)."""

from collections.abc import Sequence

from yiwang.base.crypto import sm3

LEAF, NODE = b"\x00", b"\x01"
Step = tuple[str, bytes]  #: ("left" | "right", sibling): on which side the sibling stands


def leaf(content: bytes) -> bytes:
    """Hash of one entry."""
    return sm3(LEAF + content)


def root(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; of none, the digest of nothing."""
    if not leaves:
        return sm3(b"")
    if len(leaves) == 1:
        return leaves[0]
    middle = _split(len(leaves))
    return sm3(NODE + root(leaves[:middle]) + root(leaves[middle:]))


def proof(leaves: Sequence[bytes], index: int) -> list[Step]:
    """The siblings from the leaf at `index` up to the root."""
    if len(leaves) <= 1:
        return []
    middle = _split(len(leaves))
    if index < middle:
        return [*proof(leaves[:middle], index), ("right", root(leaves[middle:]))]
    return [*proof(leaves[middle:], index - middle), ("left", root(leaves[:middle]))]


def climb(start: bytes, steps: Sequence[Step]) -> bytes:
    """The root that a proof leads to."""
    for side, sibling in steps:
        start = sm3(NODE + (sibling + start if side == "left" else start + sibling))
    return start


def _split(size: int) -> int:
    return 1 << (size - 1).bit_length() - 1
