"""Identity: accounts of people, how sure we are of them, authorised systems, acting for others."""

from django.utils import timezone

from yiwang.engines.parties import api as parties
from yiwang.kit.actors import Actor
from yiwang.platforms.identity.assurance import Level, account_level, demand, level_of, require
from yiwang.platforms.identity.clients import authenticate_client, close_client, make_client, renew_secret, token
from yiwang.platforms.identity.models import Account
from yiwang.platforms.identity.proving import confirm, forgotten, prove, recover, release, send_code

__all__ = [
    "Level", "account_level", "account_of", "actor_of_account", "authenticate_client", "close_client", "confirm", "create_account",
    "demand", "forgotten", "level_of", "make_client", "prove", "recover", "release", "renew_secret", "require", "send_code", "token",
]  # fmt: skip


def create_account(*, party: int, username: str, password: str, proof: Account.Proof = Account.Proof.WINDOW) -> Account:
    """An account for a person, made by an administrator or at set-up, who has seen who it is."""
    return Account.objects.create_user(username, password, party_id=party, proof=proof, proven_at=timezone.now())


def account_of(party: int) -> Account | None:
    return Account.objects.filter(party=party, is_active=True).first()


def actor_of_account(username: str) -> Actor:
    """The actor of an account, for commands and tests that work as a person."""
    account = Account.objects.get(username=username)
    assert account.party_id is not None
    return parties.actor_for(account.pk, account.party_id)
