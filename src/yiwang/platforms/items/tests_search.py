"""Search in plain words: what people ask finds the item; mistyped too; narrowed; and what happens without the encoder."""

from pathlib import Path
from typing import Any

import pytest

from yiwang.base.errors import Unavailable
from yiwang.platforms.items import api, catalogue, index, meaning, search
from yiwang.platforms.items.models import Item, ItemVersion
from yiwang.platforms.items.phrases import grams, phrases, plain

pytestmark = pytest.mark.django_db


def names(question: str, **narrowed: Any) -> list[str]:
    return [hit.item.name for hit in api.search(question, limit=10, **narrowed)]


@pytest.mark.parametrize(
    ("question", "item"),
    [
        ("开饭店要办什么", "食品经营许可"), ("孩子出生了", "出生登记"), ("老人去世要办什么手续", "注销户口"), ("房子过户", "二手房"), ("想摆摊", "食品摊贩"),
        ("公司不干了", "市场主体注销登记"), ("社保断了", "灵活就业人员"), ("驾照到期", "机动车驾驶证换证"), ("挖马路", "城市道路占用挖掘许可"),
        ("老豆走咗要办咩手续", "注销户口"), ("驾照唔见咗", "机动车驾驶证遗失补证"),
    ],
)  # fmt: skip
def test_a_situation_finds_its_item_among_the_first_three(question: str, item: str) -> None:
    assert any(item in name for name in names(question)[:3]), names(question)


@pytest.mark.parametrize(("typed", "item"), [("聚住证", "居住证"), ("结婚等记", "结婚登记"), ("营业直照丢了", "营业执照补领"), ("juzhuzheng", "居住证")])
def test_a_sound_alike_or_pinyin_is_understood(typed: str, item: str) -> None:
    assert any(item in name for name in names(typed)[:3]), names(typed)


def test_the_exact_name_stands_first() -> None:
    wrong = [item.name for item in Item.objects.order_by("pk")[::15] if names(item.name)[:1] != [item.name]]
    assert not wrong


def test_the_bundle_is_offered_and_nothing_where_none_fits() -> None:
    assert "新生儿出生一件事" in [b.name for b in api.bundles_for("孩子出生要办什么")]
    assert api.bundles_for("打井取水") == [] and api.bundles_for("") == []


def test_what_is_no_matter_of_government_gets_no_answer() -> None:
    for question in ("qwxzkj", "今晚月亮圆不圆"):
        assert api.relevant(api.search(question)) == [], question
    found = api.relevant(api.search("办理居住证"))
    assert found and all(hit.score >= search.ENOUGH * found[0].score for hit in found)


def test_narrowed_by_who_theme_department_and_place() -> None:
    assert all(hit.item.for_persons for hit in api.search("登记", who="person"))
    assert all(hit.item.for_entities for hit in api.search("登记", who="entity"))
    assert all("户籍办理" in hit.item.person_topics for hit in api.search("", topic="户籍办理"))
    assert all(hit.item.function == "tax" for hit in api.search("证明", function="tax"))
    here = api.search("老年人优待证", division="440802001000")
    assert here and here[0].item.key == "elderly_card_apply"


def test_a_withdrawn_item_is_not_found() -> None:
    ItemVersion.objects.filter(item__key="road_dig").update(state=ItemVersion.State.WITHDRAWN)
    assert "城市道路占用挖掘许可" not in names("挖马路")


def test_without_the_encoder_the_words_decide(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(phrases: Any) -> Any:
        raise Unavailable("语义模型不能使用。")

    monkeypatch.setattr(meaning, "encode", fails)
    search._encoded.cache_clear()
    assert "居住证" in names("居住证")[0]
    assert search.health()[0] is False
    search._encoded.cache_clear()


def test_the_matter_of_a_question() -> None:
    assert plain("请问我想开饭店需要什么手续？") == "开饭店"
    assert plain("怎么办") == "怎么办"
    assert phrases("机动车注册登记(新车上牌)", ["新车上牌怎么办"], "行驶证") == ["机动车注册登记(新车上牌)", "机动车注册登记", "新车上牌", "行驶证"]
    assert set(grams("居住证")) & set(grams("聚住证")) >= {"~ju zhu", "住证"}


def test_counts_are_those_of_the_lists() -> None:
    count = api.counts()
    assert count.total == len(api.search("", limit=1000))
    topic, number = next(iter(count.persons.items()))
    assert number == len(api.search("", who="person", topic=topic, limit=1000))


def test_every_item_has_its_own_sayings_and_every_saying_an_item() -> None:
    asks = catalogue._read("asks.yaml")
    assert set(asks) == {row["key"] for row in catalogue._read("items.yaml")["items"]}


def test_the_index_is_read_again_when_it_changes() -> None:
    before = index.current()
    assert index.current() is before
    index.renew()
    assert index.current() is not before


def test_the_question_sets_do_not_repeat_the_catalogue() -> None:
    """A question that is word for word a saying measures the index against itself; the ones the issue names are allowed."""
    folder = Path(__file__).parents[4] / "benchmarks" / "questions"
    said = {saying for item in Item.objects.all() for saying in item.says}
    held_out = [line.split("\t")[0] for line in (folder / "held_out.tsv").read_text(encoding="utf-8").splitlines() if line.strip()]
    own = [line.split("\t")[0] for line in (folder / "own.tsv").read_text(encoding="utf-8").splitlines() if line.strip()]
    assert not set(held_out) & set(own)
    assert len(set(held_out) & said) <= len(held_out) // 20, set(held_out) & said
