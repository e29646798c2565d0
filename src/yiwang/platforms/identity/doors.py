"""Who has come, asked of the database by statements made once: every request asks it twice."""

from datetime import datetime

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from yiwang.kit.statements import Statement
from yiwang.platforms.identity.models import Account


class SessionStore(db.SessionStore):
    """Sessions in the database, as Django keeps them."""

    def _get_session_from_db(self) -> Session | None:
        found = _session.first(key=str(self.session_key), now=timezone.now())
        if found is None:
            self._session_key = None  # ended or never begun: another key is given
        return found


class AccountBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Accounts by user name and password."""

    def get_user(self, user_id: int) -> Account | None:
        found = _account.first(pk=user_id)
        return found if found is not None and self.user_can_authenticate(found) else None


@Statement
def _session(*, key: str, now: datetime) -> QuerySet[Session]:
    return Session.objects.filter(session_key=key, expire_date__gt=now)


@Statement
def _account(*, pk: int) -> QuerySet[Account]:
    return Account.objects.filter(pk=pk)
