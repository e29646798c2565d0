"""Invented people and enterprises. Every citizen number carries region 440899, which GB/T 2260 never assigned, so none can be a real person's."""

import random
from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from yiwang.base import identifiers
from yiwang.engines.parties.models import Division, LegalEntity, Party, Person

SEED = 20260301
SURNAMES = "陈李黄吴林梁张王刘杨郑周何罗许蔡冯谢庄卢"
GIVEN = ["海棠", "望川", "知秋", "晓帆", "南星", "若溪", "云舟", "初晴", "听澜", "景行", "子衿", "清和", "思齐", "半夏", "长风", "予安", "怀瑾", "沐阳", "书言", "乐山", "明远", "素心", "星野", "泊舟", "念慈"]
TRADES = ("餐饮", "海产", "建材", "食品", "服装", "农资", "物流", "电器", "园林", "管网工程")
WORDS = ["望海", "南渡", "潮声", "椰林", "红树", "金沙", "鹤地", "湖光", "东海", "北部湾"]
BATCH = 5_000


def people(count: int, towns: list[Division], rng: random.Random) -> Iterator[tuple[Party, Person]]:
    """`count` persons with valid numbers, deterministic for a seed."""
    for serial in range(count):
        birth = date(1935, 1, 1) + timedelta(days=rng.randrange(26_000))
        sequence = serial % 1000
        first = f"{identifiers.INVENTED_REGION}{birth:%Y%m%d}{sequence:03d}"
        town = rng.choice(towns)
        name = rng.choice(SURNAMES) + rng.choice(GIVEN)
        party = Party(
            kind=Party.Kind.PERSON, name=name, number=first + identifiers.citizen_check(first), division=town, phone=f"1990000{serial % 10000:04d}",
            address=f"{town.name}演示路{serial % 300 + 1}号", verified="人口库", verified_at=timezone.now(), invented=True,
        )  # fmt: skip
        yield party, Person(party=party, sex="男" if sequence % 2 else "女", birth=birth, household=party.address)


def enterprises(count: int, owners: list[Party], rng: random.Random) -> Iterator[tuple[Party, LegalEntity]]:
    """`count` enterprises and self-employed households with valid credit codes, each represented by an invented person."""
    for serial in range(count):
        trade, small = rng.choice(TRADES), rng.random() < 0.5
        county = rng.choice(owners)
        name = f"湛江{rng.choice(WORDS)}{trade}{'店' if small else '有限公司'}（演示{serial + 1:04d}）"
        code = identifiers.make_uscc(f"9{'2' if small else '1'}{identifiers.INVENTED_REGION}", f"Y{serial:07d}")
        party = Party(
            kind=Party.Kind.ENTITY, name=name, scheme="uscc", number=code, division=county.division, phone=county.phone, address=county.address,
            verified="法人库", verified_at=timezone.now(), invented=True,
        )  # fmt: skip
        yield party, LegalEntity(
            party=party, kind="个体工商户" if small else "企业法人", representative=county, business=f"{trade}经营", capital=rng.randrange(1, 500) * 1_000_000,
            established=date(2010, 1, 1) + timedelta(days=rng.randrange(5_500)),
        )  # fmt: skip


def load_people(scale: int) -> tuple[int, int]:
    """2,000 persons and 500 enterprises for each unit of scale, in batches; an unfinished load goes on where it stopped."""
    rng = random.Random(SEED)
    towns = list(Division.objects.filter(level=Division.Level.TOWN).order_by("code"))
    known = set(Party.objects.filter(invented=True).values_list("number", flat=True))
    batch: list[tuple[Party, Person]] = []
    for pair in people(2_000 * scale, towns, rng):
        if pair[0].number not in known:
            known.add(pair[0].number)
            batch.append(pair)
        if len(batch) == BATCH:
            _write_people(batch)
            batch = []
    _write_people(batch)
    owners = list(Party.objects.filter(invented=True, kind=Party.Kind.PERSON).select_related("division").order_by("pk")[:2_000])
    firms = [pair for pair in enterprises(500 * scale, owners, rng) if pair[0].number not in known]
    for start in range(0, len(firms), BATCH):
        with transaction.atomic():
            Party.objects.bulk_create(party for party, _ in firms[start : start + BATCH])
            LegalEntity.objects.bulk_create(entity for _, entity in firms[start : start + BATCH])
    invented = Party.objects.filter(invented=True)
    return invented.filter(kind=Party.Kind.PERSON).count(), invented.filter(kind=Party.Kind.ENTITY).count()


@transaction.atomic
def _write_people(batch: list[tuple[Party, Person]]) -> None:
    Party.objects.bulk_create(party for party, _ in batch)
    Person.objects.bulk_create(person for _, person in batch)
