"""Documents: files, typesetting, seals, numbered documents, verification."""

from yiwang.engines.documents.files import open_file, read, store
from yiwang.engines.documents.issuing import issue
from yiwang.engines.documents.sealing import Verdict, change_state, seal, seal_of, verify
from yiwang.engines.documents.typesetting import Typeset, fonts_present, qr, render

__all__ = ["Typeset", "Verdict", "change_state", "fonts_present", "issue", "open_file", "qr", "read", "render", "seal", "seal_of", "store", "verify"]
