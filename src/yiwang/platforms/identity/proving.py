"""Showing that an account is its person's: by a code to the phone on record, or by the identity card at a window. And getting back in.

Name and number are not secret, so they alone never open what a register holds of somebody: the account waits without a party until one of the two
has been done. What is said to the visitor is the same whether a phone is on record or not.
"""

import hmac
import secrets
from datetime import timedelta

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from yiwang.base import identifiers
from yiwang.base.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany
from yiwang.engines.audit import api as audit
from yiwang.engines.messages import api as messages
from yiwang.engines.parties import api as parties
from yiwang.engines.parties.models import Party
from yiwang.kit.actors import Actor
from yiwang.kit.rowsecurity import elevated
from yiwang.platforms.identity.models import Account, Code

LIFE = timedelta(minutes=10)
PAUSE = timedelta(seconds=60)
A_DAY = 5  # codes to one person, from whichever accounts
TRIES = 5


@transaction.atomic
def send_code(actor: Actor, account: Account) -> None:
    """Sends six digits to the phone on record of whom the account is or claims to be, if there is one. Raises NotFound, TooMany."""
    now, party = timezone.now(), claimed(account)
    if party is None:
        raise NotFound("这个账号还没有填写实名信息。", hint="请携带身份证到政务服务大厅窗口核验。")
    with elevated():  # the phone of somebody whom the account only claims to be
        Party.objects.select_for_update().get(pk=party)  # two requests at once count one after the other
        today = Code.objects.filter(party=party, sent_at__gt=now - timedelta(days=1))
        if today.filter(sent_at__gt=now - PAUSE).exists():
            raise TooMany("验证码刚刚发送过。", hint="请一分钟后再试。")
        if today.count() >= A_DAY:
            raise TooMany("今天发送的验证码已经达到上限。", hint="请明天再试，或携带身份证到政务服务大厅窗口核验。")
        digits = f"{secrets.randbelow(10**6):06d}"
        made = Code.objects.create(account=account, party_id=party, digest=_digest(account, digits))
        messages.send(to=party, template="identity-code", values={"code": digits, "minutes": int(LIFE.total_seconds() // 60)}, key=f"code:{made.pk}")
    audit.record(actor, "account.code", subject=account, summary="发送实名核验码")


def prove(actor: Actor, account: Account, digits: str) -> Account:
    """Binds the account to whom it claims to be. Raises Invalid (wrong or old code), Conflict (the person has an account)."""
    with transaction.atomic():
        right = _try(account, digits.strip())
        bound = _bind(account.pk, right, Account.Proof.PHONE) if right else None
        audit.record(actor, "account.prove" if bound else "account.prove.failed", subject=account, summary="登记手机核验" if bound else "核验码不正确")
    if bound is None:  # raised outside the transaction: a wrong try stays counted
        raise Invalid("验证码不正确或已经失效。", hint="请核对短信，或重新获取验证码。", fields={"code": "请核对 6 位数字"})
    return bound


@transaction.atomic
def confirm(clerk: Actor, *, username: str, name: str, number: str, phone: str = "") -> Account:
    """A clerk has seen the card: the account is this person's, and `phone`, if given, is theirs. Raises NotAllowed, NotFound, Invalid, Conflict."""
    _window(clerk)
    with elevated():
        account = named(username)
        if account is None:
            raise NotFound("没有找到这个用户名。", hint="请当事人登录后在“我的账号”查看用户名。")
        person, _ = parties.find_or_register_person(clerk, name=name, number=number)
        if account.party_id not in (None, person.pk):
            raise Conflict("这个账号已经绑定了另一个人。")
        _responsible(clerk, account, person.pk)
        bound = _bind(account.pk, person.pk, Account.Proof.WINDOW)
        if phone:
            parties.change_phone(clerk, person.pk, phone)
    audit.record(clerk, "account.confirm", subject=bound, summary="窗口核验证件，确认账号为本人所有")
    return bound


@transaction.atomic
def recover(clerk: Actor, *, name: str, number: str, phone: str = "") -> tuple[Account, str]:
    """A clerk has seen the card: password, second factors, sessions and older links are void, and a link to set a new password is made, good once.

    `phone`, if given, is the one on record from now on. Raises NotAllowed, NotFound, Invalid.
    """
    _window(clerk)
    account = _account_of(clerk, name=name, number=number)
    account.set_unusable_password()  # with it go all sessions and all links made before
    account.save(update_fields=["password"])
    if phone and account.party_id is not None:
        parties.change_phone(clerk, account.party_id, phone)
    Authenticator.objects.filter(user=account).delete()  # a lost phone must not lock its owner out
    audit.record(clerk, "account.recover", subject=account, summary="窗口核验证件，重设登录方式")
    tell_change(account, "窗口已按您的要求重设登录方式")
    return account, reset_path(account)


@transaction.atomic
def release(clerk: Actor, *, name: str, number: str, reason: str) -> Account:
    """The person says this account is not theirs: it is closed and the person is free to open their own. Raises NotAllowed, NotFound, Invalid."""
    _window(clerk)
    if not reason.strip():
        raise Invalid("请说明原因。", fields={"reason": "请填写当事人的说明"})
    account = _account_of(clerk, name=name, number=number)
    _forget_phone(clerk, account.party_id or 0)
    audit.record(clerk, "account.release", subject=account, summary="当事人否认账号，解除绑定并停用", detail={"reason": reason.strip()[:200]})
    account.party, account.is_active, account.proof, account.proven_at = None, False, Account.Proof.DECLARED, None
    account.save(update_fields=["party", "is_active", "proof", "proven_at"])
    return account


@transaction.atomic
def forgotten(actor: Actor, username: str) -> None:
    """Sends a link for a new password to the phone on record. Says nothing to the asker, whether there is such an account or not."""
    with elevated():  # nobody is signed in
        account = named(username)
        if account is None or account.party_id is None:
            return
        state = salted_hmac("identity.reset", account.password).hexdigest()[:8]
        key = f"reset:{account.pk}:{timezone.now():%Y%m%d%H}:{state}"  # one an hour for each password, however often it is asked for
        values = {"link": settings.PUBLIC_URL + reset_path(account)}
        messages.send(to=account.party_id, template="identity-reset", values=values, key=key)
    audit.record(actor, "account.forgotten", subject=account, summary="申请通过登记手机重设密码")


def has_open_code(account: Account) -> bool:
    """Whether a code is on its way or waits to be filled in."""
    return Code.objects.filter(account=account, used_at=None, tries__lt=TRIES, sent_at__gt=timezone.now() - LIFE).exists()


def reset_path(account: Account) -> str:
    """Where a new password is set; the path dies with the old password and after settings.PASSWORD_RESET_TIMEOUT."""
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(account), "key": default_token_generator.make_token(account)})


def tell_change(account: Account, what: str) -> None:
    """The person hears of every change to how they sign in, so that one they did not make does not stay unseen."""
    if account.party_id is not None:
        key = f"identity:{account.pk}:{secrets.token_hex(6)}"
        messages.send(to=account.party_id, template="identity-changed", values={"what": what}, key=key)


def named(username: str) -> Account | None:
    """The open account of that user name, whatever its case."""
    return Account.objects.filter(username__iexact=username.strip(), is_active=True).first()


def claimed(account: Account) -> int | None:
    """The party that the account is, or claims to be."""
    return account.party_id or account.claim_id


def _try(account: Account, digits: str) -> int | None:
    """Counts a try at the newest code; the party it proves, or None."""
    code = Code.objects.select_for_update().filter(account=account, used_at=None).order_by("-sent_at").first()
    if code is None or code.tries >= TRIES or code.sent_at < timezone.now() - LIFE:
        return None
    code.tries += 1
    right = hmac.compare_digest(code.digest, _digest(account, digits))
    if right:
        code.used_at = timezone.now()
    code.save(update_fields=["tries", "used_at"])
    return code.party_id if right else None


def _bind(account: int, party: int, proof: Account.Proof) -> Account:
    with elevated():  # neither is anybody's own row yet
        Party.objects.select_for_update().get(pk=party)  # of two accounts that claim one person, the first wins
        found = Account.objects.select_for_update().get(pk=account)
        if Account.objects.filter(party=party).exclude(pk=account).exists():
            raise Conflict("这个证件号码已经注册。", hint="请使用原来的账号登录；不是您本人注册的，请携带身份证到窗口办理。")
        if found.party_id == party and found.proof == Account.Proof.WINDOW:
            return found  # a code says less than a card
        found.party_id, found.claim, found.proof, found.proven_at = party, None, proof, timezone.now()
        found.save(update_fields=["party", "claim", "proof", "proven_at"])
    return found


def _account_of(clerk: Actor, *, name: str, number: str) -> Account:
    """By name and number together; the look is recorded for the person to see."""
    wanted = number.strip().upper()
    account = None
    if identifiers.is_citizen_number(wanted):
        account = Account.objects.select_for_update(of=("self",)).select_related("party").filter(party__number=wanted, party__name=name.strip()).first()
    if account is None or account.party_id is None:
        raise NotFound("没有找到姓名和证件号码相符的账号。")
    _responsible(clerk, account, account.party_id)
    audit.record_access(clerk, party=account.party_id, what="账号", purpose="窗口办理账号业务", fields=["username"])
    return account


def _window(clerk: Actor) -> None:
    if not clerk.roles & {"window-clerk", "security-admin"}:
        raise NotAllowed("核验证件、重设登录方式由窗口人员办理。")


def _responsible(clerk: Actor, account: Account, person: int) -> None:
    """Nobody helps themselves; whoever holds a post is helped by a security administrator, or a window could take over any office."""
    if account.pk == clerk.account or person == clerk.party:
        raise NotAllowed("不能给自己办理，请由其他工作人员办理。")
    official = bool(parties.actor_for(account.pk, person, account.username).seats)
    if not clerk.holds("security-admin" if official else "window-clerk"):
        raise NotAllowed("工作人员的账号由安全管理员办理。" if official else "群众和企业的账号由窗口人员办理。")


def _forget_phone(clerk: Actor, party: int) -> None:
    """The phone of a person whom no register has confirmed came from whoever opened the account that is not theirs."""
    with elevated():
        found = Party.objects.select_for_update().filter(pk=party, verified="").first()
        if found is not None and found.phone:
            found.phone = ""
            found.save(update_fields=["phone"])
            audit.record(clerk, "party.phone", subject=found, summary="清除他人登记的手机号码")


def _digest(account: Account, digits: str) -> str:
    return salted_hmac("identity.code", f"{account.pk}:{digits}", algorithm="sha256").hexdigest()
