"""Digests. SM3 is GB/T 32905-2016; both come from the cryptography library."""

from cryptography.hazmat.primitives import hashes


def sm3(content: bytes) -> bytes:
    """32 bytes."""
    return _digest(hashes.SM3(), content)


def sha256(content: bytes) -> bytes:
    """32 bytes."""
    return _digest(hashes.SHA256(), content)


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    digest = hashes.Hash(algorithm)
    digest.update(content)
    return digest.finalize()
