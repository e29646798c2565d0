"""What invented applicants write and hand in: answers that every form of the catalogue accepts, and a sheet of paper."""

from datetime import date, timedelta
from io import BytesIO
from random import Random
from typing import Any

from PIL import Image, ImageDraw

from demo import people
from yiwang.base import identifiers
from yiwang.platforms.items import api as items
from yiwang.platforms.items.models import ItemVersion

ROADS = ("人民大道中", "海滨大道南", "康顺路", "跃进路", "椹川大道北", "南桥南路", "百园路", "军民路")
SIMPLE = {"text": "见所附材料", "long": "情况属实，申请人对所填内容的真实性负责。"}


def sheet(seed: int) -> bytes:
    """A PNG of a page with lines where writing would be, each a little different."""
    rng, page = Random(seed), Image.new("RGB", (420, 594), "#ffffff")
    pen = ImageDraw.Draw(page)
    pen.rectangle((110, 40, 310, 62), fill="#33415a")
    for line in range(22):
        pen.rectangle((50, 100 + line * 20, 50 + rng.randint(160, 320), 106 + line * 20), fill="#aab6c6")
    out = BytesIO()
    page.save(out, "PNG")
    return out.getvalue()


def situation(version: ItemVersion, rng: Random) -> dict[str, str]:
    """An answer to every question; applicants come themselves."""
    simple = {"self", "own", "occupy"}
    return {q["code"]: next((o["code"] for o in q["options"] if o["code"] in simple and rng.random() < 0.7), rng.choice(q["options"])["code"]) for q in version.questions}


def answers(version: ItemVersion, situation: dict[str, str], known: dict[str, Any], today: date, rng: Random) -> dict[str, Any]:
    """A value for every field that the registers do not know."""
    return {f["code"]: _answer(f, today, rng) for f in items.fields_for(version, situation) if not known.get(f["code"])}


def _answer(field: dict[str, Any], today: date, rng: Random) -> Any:
    kind, name = field["type"], field["name"]
    if kind == "number":
        return rng.randint(max(int(field.get("min", 1)), 1), min(int(field.get("max", 300)), 300))
    if kind == "date":
        return (today + timedelta(days=rng.randint(8, 20) if "完工" not in name else rng.randint(25, 60))).isoformat()
    if kind == "choice":
        return rng.choice(field["options"])
    if kind == "multi":
        return field["options"][: rng.randint(1, len(field["options"]))]
    if kind == "citizen":
        return people.number_of(date(1975, 1, 1) + timedelta(days=rng.randrange(9_000)), rng.randrange(900))
    if kind == "uscc":
        return identifiers.make_uscc(f"91{identifiers.INVENTED_REGION}", f"W{rng.randrange(10_000_000):07d}")
    if kind == "phone":
        return people.phone_of(rng.randrange(5_000_000))
    return _text(name, rng) if kind == "text" else SIMPLE["long"]


def _text(name: str, rng: Random) -> str:
    if any(word in name for word in ("姓名", "负责人", "联系人", "管理员", "代表")):
        return rng.choice(people.SURNAMES) + rng.choice(people.GIVEN)
    if any(word in name for word in ("道路", "路段")):
        return f"{rng.choice(ROADS)}（{rng.randint(1, 60)}号至{rng.randint(61, 120)}号）"
    if any(word in name for word in ("地址", "场所", "地点", "位置", "住所")):
        return f"{rng.choice(ROADS)}{rng.randint(1, 200)}号"
    return SIMPLE["text"]
