"""How the interface refuses: RFC 9457 problem documents, named in the contract of every operation."""

from typing import Any

from ninja import Schema


class Problem(Schema):
    """一个不能办理的请求（RFC 9457）：发生了什么、怎么办、错在哪一项。"""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None
    errors: dict[str, str] | None = None


PROBLEMS: dict[int, Any] = dict.fromkeys((400, 401, 403, 404, 409, 413, 422, 429, 503), Problem)
