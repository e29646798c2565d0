"""Invented people and enterprises. Every number carries region 440899, which GB/T 2260 never assigned, every phone prefix 154, so none can be a real one's."""

import random
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from typing import TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.engines.parties.models import Division, LegalEntity, Party, Person

SEED = 20260301
SURNAMES = "陈李黄吴林梁张王刘杨郑周何罗许蔡冯谢庄卢"
GIVEN = ["海棠", "望川", "知秋", "晓帆", "南星", "若溪", "云舟", "初晴", "听澜", "景行", "子衿", "清和", "思齐", "半夏", "长风", "予安", "怀瑾", "沐阳", "书言", "乐山", "明远", "素心", "星野", "泊舟", "念慈"]
TRADES = ("餐饮", "海产", "建材", "食品", "服装", "农资", "物流", "电器", "园林", "管网工程")
WORDS = ["望海", "南渡", "潮声", "椰林", "红树", "金沙", "鹤地", "湖光", "东海", "北部湾"]
BATCH = 5_000
FIRST_BIRTH, BIRTHS = date(1935, 1, 1), 26_000
T = TypeVar("T")


def number_of(birth: date, sequence: int) -> str:
    """A citizen number of nobody: right in form and check character, of a region that does not exist."""
    first = f"{identifiers.INVENTED_REGION}{birth:%Y%m%d}{sequence:03d}"
    return first + identifiers.citizen_check(first)


def phone_of(serial: int) -> str:
    """A mobile number of nobody: the ministry has given 154 to no operator (工业和信息化部, 公众移动通信网网号分配情况, 2023-06-05)."""
    return f"154{serial % 10**8:08d}"


def people(count: int, towns: list[Division], rng: random.Random) -> Iterator[tuple[Party, Person]]:
    """`count` persons with valid numbers, deterministic for a seed, no two alike up to 23 million. Sequences from 900 on are the cast's."""
    for serial in range(count):
        block, sequence = divmod(serial, 900)
        birth = FIRST_BIRTH + timedelta(days=(block * 7_919 + sequence * 104_729) % BIRTHS)  # 7,919 and 26,000 share no factor: each block another day
        town = rng.choice(towns)
        name = rng.choice(SURNAMES) + rng.choice(GIVEN)
        party = Party(
            kind=Party.Kind.PERSON, name=name, number=number_of(birth, sequence), division=town, phone=phone_of(serial),
            address=f"{town.name}演示路{serial % 300 + 1}号", verified="人口库", verified_at=timezone.now(), invented=True,
        )  # fmt: skip
        yield party, Person(party=party, sex="男" if sequence % 2 else "女", birth=birth, household=party.address)


def enterprises(count: int, owners: list[Party], rng: random.Random) -> Iterator[tuple[Party, LegalEntity]]:
    """`count` enterprises and self-employed households with valid credit codes, each represented by an invented person."""
    for serial in range(count):
        trade, small = rng.choice(TRADES), rng.random() < 0.5
        owner = rng.choice(owners)
        name = f"湛江{rng.choice(WORDS)}{trade}{'店' if small else '有限公司'}（演示{serial + 1:04d}）"
        code = identifiers.make_uscc(f"9{'2' if small else '1'}{identifiers.INVENTED_REGION}", f"Y{serial:07d}")
        party = Party(
            kind=Party.Kind.ENTITY, name=name, scheme="uscc", number=code, division=owner.division, phone=owner.phone, address=owner.address,
            verified="法人库", verified_at=timezone.now(), invented=True,
        )  # fmt: skip
        yield party, LegalEntity(
            party=party, kind="个体工商户" if small else "企业法人", representative=owner, business=f"{trade}经营", capital=rng.randrange(1, 500) * 1_000_000,
            established=date(2010, 1, 1) + timedelta(days=rng.randrange(5_500)),
        )  # fmt: skip


def load_people(scale: int) -> tuple[int, int]:
    """2,000 persons and 500 enterprises for each unit of scale, in batches; an unfinished load goes on where it stopped. Returns how many were added."""
    towns = list(Division.objects.filter(level=Division.Level.TOWN).order_by("code"))
    owners: list[Party] = []
    persons = firms = 0
    for batch in _batches(people(2_000 * scale, towns, random.Random(SEED))):
        persons += _write(batch, Person)
        owners = owners or list(Party.objects.filter(number__in=[p.number for p, _ in batch[:2_000]]).select_related("division").order_by("number"))
    for lot in _batches(enterprises(500 * scale, owners, random.Random(SEED))):
        firms += _write(lot, LegalEntity)
    return persons, firms


def _batches(pairs: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(pairs, BATCH)):
        yield batch


@transaction.atomic
def _write(batch: Sequence[tuple[Party, Model]], own: type[Model]) -> int:
    """Adds those whose number is not there yet."""
    known = set(Party.objects.filter(number__in=[party.number for party, _ in batch]).values_list("number", flat=True))
    fresh = [(party, row) for party, row in batch if party.number not in known]
    Party.objects.bulk_create(party for party, _ in fresh)
    own._default_manager.bulk_create(row for _, row in fresh)
    return len(fresh)
