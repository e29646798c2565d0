"""Identifiers with check digits, stored as text. Questions only: a legacy value that fails may still be kept by a register, with a flag.

GB 11643 (citizen), GB 32100 (unified social credit code), GB 11714 (organisation), GB/T 36904 (e-licence), ISO/IEC 7064, and the 12/31/33-character
codes of government service items. Fixtures of invented persons use region 440899, which GB/T 2260 has never assigned.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

A31 = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100: no I O S V Z
A36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LICENCE_ROOT = "1.2.156.3005.2"
INVENTED_REGION = "440899"

_CITIZEN = re.compile(r"\d{17}[0-9X]")
_USCC = re.compile(f"[{A31}]{{2}}\\d{{6}}[{A31}]{{10}}")
_MOBILE = re.compile(r"1[3-9]\d{9}")
_ITEM = re.compile(r"[0-9A-Z]{12}|[0-9A-Z]{31}|[0-9A-Z]{33}")


# --- ISO/IEC 7064 ------------------------------------------------------------------------------------------------------------------------------


def mod11_2(digits: str) -> str:
    """Check character of MOD 11-2 (pure system), X for ten."""
    product = 0
    for digit in digits:
        product = (product + int(digit)) * 2 % 11
    return "0123456789X"[(12 - product) % 11]


def _hybrid(text: str, modulus: int) -> str:
    product = modulus
    for character in text:
        product = (product + A36.index(character)) % modulus or modulus
        product = product * 2 % (modulus + 1)
    return A36[(modulus + 1 - product) % modulus]


def mod11_10(digits: str) -> str:
    """Check digit of MOD 11,10 (hybrid system)."""
    return _hybrid(digits, 10)


def mod37_36(text: str) -> str:
    """Check character of MOD 37,36 (hybrid system) over digits and capital letters."""
    return _hybrid(text, 36)


# --- persons -----------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CitizenNumber:
    """What a valid 18-character citizen number says."""

    region: str  #: of first registration; may be abolished
    birth: date
    sex: Literal["男", "女"]


def citizen_check(first17: str) -> str:
    """The 18th character (GB 11643-1999)."""
    return mod11_2(first17)


def read_citizen_number(number: str) -> CitizenNumber | None:
    """Region, birth date and sex of a valid number; None when form, date or check character are wrong."""
    if not _CITIZEN.fullmatch(number) or citizen_check(number[:17]) != number[17]:
        return None
    try:
        birth = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None
    return CitizenNumber(number[:6], birth, "男" if int(number[16]) % 2 else "女")


def is_citizen_number(number: str) -> bool:
    return read_citizen_number(number) is not None


def age(birth: date, on: date) -> int:
    """Full years (周岁): the day after the birthday counts as reached on the birthday itself (民法典第二百零四条: by day of birth)."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def is_mobile(number: str) -> bool:
    """A mainland mobile number."""
    return bool(_MOBILE.fullmatch(number))


# --- organisations -----------------------------------------------------------------------------------------------------------------------------


def organisation_check(first8: str) -> str:
    """The 9th character of an organisation code (GB 11714-1997)."""
    total = sum(A36.index(c) * weight for c, weight in zip(first8, (3, 7, 9, 10, 5, 8, 4, 2), strict=True))
    rest = 11 - total % 11
    return {10: "X", 11: "0"}.get(rest, str(rest))


def uscc_check(first17: str) -> str:
    """The 18th character of a unified social credit code (GB 32100-2015)."""
    total = sum(A31.index(c) * pow(3, i, 31) for i, c in enumerate(first17))
    return A31[(31 - total % 31) % 31]


def is_uscc(code: str) -> bool:
    """Form and check character; positions 9 to 17 carry an organisation code whose own check is asked separately (old codes exist that fail it)."""
    return bool(_USCC.fullmatch(code)) and uscc_check(code[:17]) == code[17]


def make_uscc(prefix: str, serial8: str) -> str:
    """A code from its first 8 characters (authority, kind, region) and the 8 characters of the organisation code."""
    first17 = prefix + serial8 + organisation_check(serial8)
    return first17 + uscc_check(first17)


# --- licences and items ------------------------------------------------------------------------------------------------------------------------


def licence_identifier(type_code: str, issuer: str, serial: str, version: int = 1) -> str:
    """电子证照标识 (GB/T 36904-2018): OID root, type, issuer, serial, version of three digits, check character over all but root and dots."""
    parts = (type_code, issuer, serial, f"{version:03d}")
    return ".".join((LICENCE_ROOT, *parts, mod37_36("".join(parts))))


def is_licence_identifier(identifier: str) -> bool:
    parts = identifier.removeprefix(LICENCE_ROOT + ".").split(".")
    if not identifier.startswith(LICENCE_ROOT + ".") or len(parts) != 5 or not all(c in A36 for c in "".join(parts)):
        return False
    return mod37_36("".join(parts[:4])) == parts[4]


def is_item_code(code: str) -> bool:
    """Basic code (12), implementation code (31) or handling code (33)."""
    return bool(_ITEM.fullmatch(code))


def implementation_code(uscc: str, layer: int, basic: str) -> str:
    """实施编码 (31): the organ's credit code, its layer (3 city, 4 county, 5 town, 6 village), the basic code of 12."""
    return f"{uscc}{layer}{basic}"


# --- masks -------------------------------------------------------------------------------------------------------------------------------------


def mask_name(name: str) -> str:
    """张*明, 张*: the surname and, of longer names, the last character stay."""
    if len(name) <= 1:
        return "*"
    return name[0] + "*" * (len(name) - 2) + name[-1] if len(name) > 2 else name[0] + "*"


def mask_number(number: str) -> str:
    """The first four and the last four characters stay of numbers longer than ten; of shorter ones the last two."""
    if len(number) > 10:
        return number[:4] + "*" * (len(number) - 8) + number[-4:]
    return "*" * max(len(number) - 2, 0) + number[-2:]


def mask_phone(phone: str) -> str:
    """138****1234."""
    return phone[:3] + "****" + phone[-4:] if len(phone) >= 11 else mask_number(phone)
