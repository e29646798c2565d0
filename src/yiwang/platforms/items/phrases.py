"""What an item is called: its name and parts of it, what people say for it, what it gives; and what of a question carries meaning."""

import re
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

import yaml

STOP = frozenset(
    "的 了 吗 呢 啊 要 想 我 我们 你 怎么 怎么办 如何 什么 哪些 哪里 在 去 和 与 或 及 有 是 可以 需要 应该 请问 一下 一个 手续 办理 办 证件 材料 流程".split()  # noqa: SIM905  # a list of words reads best as words
)
_EMPTY = re.compile(  # what people say around the matter itself
    r"请问|你好|您好|麻烦|帮我|想问一?下|问一?下|咨询一?下?|我(们|家)?(现在|今年)?(想要|想|需要|准备|打算|要)|想要|需要(办理|办|准备|带|提供|交|走)?(什么|哪些|啥)(证件|证明|材料|手续|东西|资料|条件|流程|程序)?"
    r"|(要|该|得|能)?(办理|办|带|准备|交|走)?(什么|哪些|啥)(证件|材料|手续|东西|资料|条件|流程|程序)|(要|该|应该)?(怎么|怎样|如何|咋)(办理|办|弄|搞|申请|操作|处理|走)?(手续)?"
    r"|(要|该|应该|得)?(去|到|在|找)(哪里|哪儿|哪个部门|哪个单位|哪|什么地方|什么部门|谁)(里)?(可以|能)?(办理|办|申请|弄|搞)?|(办|办理)?(手续|流程)(是)?(什么|有哪些)?$|多少天|多久(能)?(办好|下来|拿到)?"
    r"|一条龙|全套(手续)?|一起办|一次办|可以吗|行吗|有没有(什么)?|(怎么)?办理?$|[，。？！、,.?!\s“”\"]|(了|吗|呢|啊|呀|吧|嘛|啦)$"
)
_BRACKETS = re.compile(r"[（(]([^（）()]*)[）)]")


def plain(text: str) -> str:
    """The matter of a question: without greetings and words of asking; the text itself when nothing would be left."""
    left = _EMPTY.sub("", text.strip())
    return left if len(left) > 1 else text.strip()


def standard(text: str) -> str:
    """The question in the standard language: words of the local dialects exchanged."""
    for word, meant in _dialect():
        text = text.replace(word, meant)
    return text


@cache
def _dialect() -> list[tuple[str, str]]:
    """The longest first, so that 走咗 is read before 咗."""
    words: dict[str, str] = yaml.safe_load((Path(__file__).parent / "data" / "dialect.yaml").read_text(encoding="utf-8"))
    return sorted(words.items(), key=lambda pair: -len(pair[0]))


def phrases(name: str, says: Iterable[str], result: str) -> list[str]:
    """The short phrases an item is found by, each once."""
    return list(dict.fromkeys(part for part in (*_names(name), *(plain(said) for said in says), result) if len(part) > 1))


def tokens(text: str) -> list[str]:
    """Words as the index holds them: cut for search, without empty words."""
    import rjieba  # as in base.words: only where something is asked

    cut = rjieba.cut_for_search(text)
    return [word for word in (w.strip().lower() for w in cut) if word and word not in STOP and (word.isalnum())]


@lru_cache(maxsize=16384)
def grams(text: str) -> tuple[str, ...]:
    """Characters, pairs of characters and pairs of syllables (~), which hold when a sound-alike character is typed; pinyin typed as letters gives syllables."""
    from pypinyin import lazy_pinyin  # 60 MB of dictionaries that only a process that searches needs

    chars = [c for c in text.lower() if c.isalnum()]
    # one by one: which reading a character has must not hang on its neighbours
    sounds = _SYLLABLE.findall("".join(chars)) if is_pinyin(text) else [sound for c in chars for sound in lazy_pinyin(c)]
    pairs = [a + b for a, b in pairwise(chars)]
    return (*chars, *pairs, *(f"~{a} {b}" for a, b in pairwise(sounds)))


def _names(name: str) -> Iterator[str]:
    yield name
    yield _BRACKETS.sub("", name)
    yield from _BRACKETS.findall(name)


_SYLLABLE = re.compile(
    r"zh(?:uang|ang|eng|ong|uai|uan|ai|an|ao|en|ou|ua|ui|un|uo|a|e|i|u)|ch(?:uang|ang|eng|ong|uai|uan|ai|an|ao|en|ou|ua|ui|un|uo|a|e|i|u)"
    r"|sh(?:uang|ang|eng|uai|uan|ai|an|ao|ei|en|ou|ua|ui|un|uo|a|e|i|u)|[bpmfdtnlgkhjqxrzcsyw](?:iang|iong|uang|ang|eng|ing|ong|ian|iao|uan|uai|ai|an|ao|ei|en|ia|ie|in|iu|ou|ua|ue|ui|un|uo|a|e|i|o|u|v)"
    r"|ang|eng|ai|an|ao|ei|en|er|ou|a|e|o"
)


def is_pinyin(text: str) -> bool:
    """Whether all of it is syllables typed as letters: juzhuzheng."""
    letters = "".join(c for c in text.lower() if c.isalnum())
    return len(letters) > 2 and letters.isascii() and "".join(_SYLLABLE.findall(letters)) == letters
