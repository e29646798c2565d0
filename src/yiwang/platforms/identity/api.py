"""Identity: accounts of people, authorised systems, acting for others."""

from yiwang.engines.parties import api as parties
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.clients import make_client, token
from yiwang.platforms.identity.models import Account

__all__ = ["account_of", "actor_of_account", "create_account", "make_client", "token"]


def create_account(*, party: int, username: str, password: str) -> Account:
    """An account for a person, made by an administrator or at set-up."""
    return Account.objects.create_user(username, password, party_id=party)


def account_of(party: int) -> Account | None:
    return Account.objects.filter(party=party, is_active=True).first()


def actor_of_account(username: str) -> Actor:
    """The actor of an account, for commands and tests that work as a person."""
    account = Account.objects.select_related("party").get(username=username)
    assert account.party_id is not None
    return parties.actor_for(account.pk, account.party_id, account.full_name)
