"""How the interface refuses: RFC 9457 problem documents, named in the contract of every operation."""

from typing import Any

from ninja import Schema


class Problem(Schema):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: dict[str, str] | None = None


PROBLEMS: dict[int, Any] = dict.fromkeys((401, 403, 404, 409, 422), Problem)
