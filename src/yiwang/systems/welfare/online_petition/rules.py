"""What the regulations on petitions say, as questions with one answer each. Pure: no table is read here. Articles are of 信访工作条例 (2022)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from statistics import median

from yiwang.systems.welfare.online_petition.models import Petition

SAME = 0.6  #: share of character pairs in common from which two texts are taken for the same matter; people decide, this only proposes


@dataclass(frozen=True)
class Way:
    """One of the six routes of Art. 31: who goes it, in plain words, and whether it is a petition office's own."""

    code: str
    name: str
    words: str
    article: str
    signs: tuple[str, ...]


WAYS = (
    Way("lawsuit", "诉讼", "已经起诉、有判决，或者依法应当到人民法院起诉、申请再审的。", "第三十一条第一项", ("判决", "法院", "起诉", "再审", "执行难", "检察院")),
    Way("arbitration", "仲裁", "劳动人事争议、土地承包纠纷等依法应当先申请仲裁的。", "第三十一条第二项", ("劳动争议", "仲裁", "解除劳动合同", "工伤赔偿")),
    Way("party", "党纪申诉", "党员、公职人员不服党纪政务处分，依照规定申诉的。", "第三十一条第三项", ("党纪", "处分", "开除党籍", "政务处分")),
    Way("procedure", "行政程序", "依法可以申请行政复议、行政裁决、行政确认、许可、工伤认定的。", "第三十一条第四项", ("行政复议", "行政裁决", "工伤认定", "许可证", "确权")),
    Way("duty", "履职查处", "要求查处违法行为，属于行政机关法定职责的。", "第三十一条第五项", ("违法", "查处", "无证", "违建", "排污", "欠薪", "举报")),
    Way("petition", "信访程序", "没有其他法定途径的。", "第三十一条第六项", ()),
)
BY_CODE = {way.code: way for way in WAYS}
ACCUSING = ("贪污", "受贿", "行贿", "以权谋私", "包庇", "滥用职权", "吃拿卡要", "挪用", "违纪", "徇私")
ADVISING = ("建议", "希望能", "能否增加", "提议", "改进")


def kind_of(words: str) -> str:
    """Which of the three kinds the words point to; a help for whoever divides, never a decision (第二十九条至第三十一条)."""
    if any(sign in words for sign in ACCUSING):
        return Petition.Kind.ACCUSATION
    claims = any(sign in words for sign in ("要求", "请求", "赔偿", "退还", "解决", "查处"))
    return Petition.Kind.ADVICE if not claims and any(sign in words for sign in ADVISING) else Petition.Kind.CLAIM


def route_of(words: str) -> str:
    """The route whose signs stand most often in the words; the petition procedure where none does (第三十一条: 诉讼、仲裁 and so on go first)."""
    counted = [(sum(words.count(sign) for sign in way.signs), way.code) for way in WAYS]
    best = max(counts for counts, _ in counted)
    return next(code for counts, code in counted if counts == best) if best else Petition.Route.PETITION


def matter_of(words: str, known: Iterable[tuple[str, str]]) -> str:
    """The code of the matter whose usual words stand most often in `words` (pairs of code and words with spaces between); "" for none."""
    scored = [(sum(words.count(sign) for sign in signs.split()), code) for code, signs in known]
    best = max(scored, default=(0, ""))
    return best[1] if best[0] else ""


def likeness(one: str, other: str) -> float:
    """From 0 to 1: pairs of neighbouring characters in common, of the shorter text (overlap coefficient)."""
    a, b = _pairs(one), _pairs(other)
    return len(a & b) / min(len(a), len(b)) if a and b else 0.0


def is_same(one: str, other: str) -> bool:
    """Whether two petitions of one person and one matter say the same (重复信访)."""
    return likeness(one, other) >= SAME


def may_represent(people: int, representatives: int, *, channel: str, limit: int) -> str | None:
    """A joint visit sends representatives, at most `limit` of them (第二十条: 推选代表，代表人数不得超过五人). None, or the reason why not."""
    if channel != Petition.Channel.VISIT or people <= limit:
        return None
    if representatives == 0:
        return f"{people} 人走访应当推选代表。"
    return f"走访代表不得超过 {limit} 人，现在是 {representatives} 人（信访工作条例第二十条）。" if representatives > limit else None


def robust_z(count: int, history: Sequence[int]) -> tuple[float, float, float]:
    """Median and MAD of the history, and how far `count` lies off: 0.6745 (x − median) / MAD (Iglewicz and Hoaglin 1993).

    Where more than half of the weeks are equal the MAD is 0 and says nothing; it is then taken as 1, one petition.
    """
    middle = float(median(history)) if history else 0.0
    spread = float(median(abs(x - middle) for x in history)) if history else 0.0
    return middle, spread, 0.6745 * (count - middle) / (spread or 1.0)


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _pairs(text: str) -> set[str]:
    letters = "".join(c for c in text if c.isalnum())
    return {letters[i : i + 2] for i in range(len(letters) - 1)}
