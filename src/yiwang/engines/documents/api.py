"""Documents: files, typesetting, seals, numbered documents, verification."""

from yiwang.engines.documents.files import open_file, read, store, thumbnail
from yiwang.engines.documents.issuing import Facts, about, issue
from yiwang.engines.documents.sealing import change_state, make_seal, seal, seal_of
from yiwang.engines.documents.typesetting import Typeset, fonts_present, qr, render
from yiwang.engines.documents.verifying import Verdict, verify

__all__ = [
    "Facts", "Typeset", "Verdict", "about", "change_state", "fonts_present", "issue", "make_seal", "open_file", "qr", "read", "render", "seal", "seal_of",
    "store", "thumbnail", "verify",
]
