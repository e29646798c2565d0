"""Money is integers of fen. Text forms for people: 1,234.50 and 壹仟贰佰叁拾肆元伍角整."""

from decimal import Decimal

from yiwang.base.errors import Invalid

_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("", "拾", "佰", "仟")
_GROUPS = ("", "万", "亿", "万亿")


def yuan(fen: int) -> str:
    """1,234.50"""
    return f"{Decimal(fen) / 100:,.2f}"


def fen(text: str) -> int:
    """Fen of an amount in yuan as people type it. Raises Invalid for anything that is not an amount with at most two decimals."""
    try:
        amount = Decimal(text.replace(",", "").strip()) * 100
    except ArithmeticError:
        raise Invalid("金额应当是数字，例如 1234.50。") from None
    if not amount.is_finite() or amount != amount.to_integral_value():
        raise Invalid("金额最多精确到分。")
    return int(amount)


def capitals(fen: int) -> str:
    """人民币大写 (支付结算办法附一: 正确填写票据和结算凭证的基本规定)."""
    if fen < 0:
        return "负" + capitals(-fen)
    whole, cents = divmod(fen, 100)
    jiao, rest = divmod(cents, 10)
    text = _integer(whole) + "元" if whole else ""
    if not cents:
        return (text or "零元") + "整"
    if jiao:
        text += _DIGITS[jiao] + "角"
    elif whole:
        text += "零"
    return text + (_DIGITS[rest] + "分" if rest else "整")


def _integer(number: int) -> str:
    groups = []
    while number:
        number, group = divmod(number, 10_000)
        groups.append(group)
    text, gap = "", False
    for position in range(len(groups) - 1, -1, -1):
        group = groups[position]
        if group == 0:
            gap = bool(text)
            continue
        text += ("零" if text and (gap or group < 1000) else "") + _group(group) + _GROUPS[position]
        gap = False
    return text


def _group(number: int) -> str:
    text, zero = "", False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if digit:
            text += ("零" if zero and text else "") + _DIGITS[digit] + _PLACES[place]
        zero = digit == 0
    return text
