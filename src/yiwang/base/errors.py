"""The named errors of the whole code. Each carries an HTTP status, a stable code for machines and a sentence for people.

A verb returns a value or raises one of these; nothing else crosses an `api`. The sentence says what happened,
`hint` says what to do now, `fields` (field name → sentence) says where. Shells turn them into pages and problem documents (RFC 9457).
"""

from collections.abc import Mapping
from typing import ClassVar


class YiwangError(Exception):
    """Base of all errors that a person may read."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "系统出了问题"

    def __init__(self, message: str, *, hint: str = "", fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = dict(fields or {})


class Invalid(YiwangError):
    """What was sent does not hold: wrong check digit, missing material, unknown choice."""

    status, code, title = 422, "invalid", "填写的内容需要修改"


class SignInNeeded(YiwangError):
    """Nobody is signed in, or not strongly enough."""

    status, code, title = 401, "sign-in-needed", "请先登录"


class NotAllowed(YiwangError):
    """This person may not do this. Every denial is on the record."""

    status, code, title = 403, "not-allowed", "您没有办理此事的权限"


class NotFound(YiwangError):
    """There is no such thing, or it is not this person's to see (the two are never told apart)."""

    status, code, title = 404, "not-found", "没有找到"


class Conflict(YiwangError):
    """Somebody else was first, or the thing has moved on since it was read."""

    status, code, title = 409, "conflict", "情况已经变化"


class Gone(YiwangError):
    """It was here and is over: expired, withdrawn, revoked."""

    status, code, title = 410, "gone", "已经失效"


class TooLarge(YiwangError):
    """A file or a list beyond the limit."""

    status, code, title = 413, "too-large", "内容过大"


class TooMany(YiwangError):
    """Too many tries in too short a time."""

    status, code, title = 429, "too-many", "操作过于频繁"
    retry_after: int = 60  #: seconds


class Tampered(YiwangError):
    """A digest, signature or chain does not agree with the content."""

    status, code, title = 422, "tampered", "内容与签名不符"


class CalendarUnknown(YiwangError):
    """The working days of a year have not been entered: a deadline is never guessed."""

    status, code, title = 503, "calendar-unknown", "工作日历尚未录入"


class PolicyMissing(YiwangError):
    """No dated row answers for this key, place and day: a rate or limit is never guessed."""

    status, code, title = 503, "policy-missing", "政策参数尚未录入"


class Unavailable(YiwangError):
    """Another system does not answer now; nothing was lost."""

    status, code, title = 503, "unavailable", "暂时无法连接"
