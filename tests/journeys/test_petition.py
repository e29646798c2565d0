"""A petition on the phone and across the desks, sealed, answered, taken up; the accused signs in and finds nothing."""

from collections.abc import Callable

from tests.journeys.conftest import Person

Make = Callable[..., Person]
WORDS = "去年十月房屋被征收，协议写明三个月内支付补偿款，到现在没有拿到。"


def write(person: Person, kind: str, title: str, words: str) -> str:
    """Fills in the form and sends it; the address of the petition."""
    page = person.go("/petitions/write").page
    page.get_by_label(kind).check()
    page.locator("#id_title").fill(title)
    page.locator("#id_division").select_option("440802001000")
    page.locator("#id_words").fill(words)
    page.locator("#id_claims").fill("请支付补偿款")
    if kind == "检举控告":
        page.locator("#id_accused").fill("钱世荣")
    person.look("petition-form").click("提交").sees("已经登记")
    return person.page.url


def open_case(person: Person, title: str, at: str = "/work/petitions") -> Person:
    person.go(at).page.get_by_role("link", name=title).first.click()
    return person


def answer(handler: Person, head: Person, title: str) -> None:
    open_case(handler, title, "/work/")
    for field, words in (("claims", "支付补偿款"), ("found", "协议属实"), ("answer", "十五日内支付"), ("basis", "征收与补偿条例第二十五条")):
        handler.page.locator(f"#propose-{field}").fill(words)
    handler.page.locator("[name=result][value=support]").check()
    handler.page.locator("form[action$='/act/propose'] button[type=submit]").click()
    open_case(head, title, "/work/").click("签发").sees("已答复")


def test_a_claim_is_answered_by_a_sealed_letter_and_reviewed_above(person: Make) -> None:
    title = "征收补偿款没有支付"
    writer = person("haitang", width=360)
    address = write(writer, "申诉求决", title, WORDS)
    clerk = open_case(person("xinfang"), title)
    clerk.look("petition-desk").page.locator("#transfer-organ").select_option(label="赤坎区住房和城乡建设局")
    clerk.page.locator("#transfer-matter").select_option("010101")
    clerk.page.locator("form[action$='/act/transfer'] button[type=submit]").click()
    clerk.sees("待受理")
    handler, head = person("zhuandan"), person("zhuandan_head")
    open_case(handler, title).click("受理").sees("办理中")
    answer(handler, head, title)
    writer.page.goto(address)
    writer.until("信访事项处理意见书").look("petition-answered")
    writer.page.get_by_label("不满意", exact=True).first.check()
    writer.click("提交评价").sees("感谢您的评价")
    writer.page.locator("summary", has_text="请求复查").click()
    writer.page.get_by_label("不服的理由").fill("金额不对")
    writer.page.locator("form[action*='/review/'] button").click()
    writer.sees("湛江市住房和城乡建设局")
    answer(person("fucha"), person("fucha_head"), f"复查：{title}")


def test_the_accused_signs_in_and_finds_nothing(person: Make) -> None:
    title = "举报收受好处"
    writer = person("ruoxi")
    address = write(writer, "检举控告", title, "钱世荣收受商户好处，包庇违法占道。")
    number = writer.case_number()
    case = address.rstrip("/").rsplit("/", 1)[1]
    accused = person("beifanying")
    for path in ("/work/", "/work/petitions", f"/work/petitions?q={number}", "/work/r/petition-accused", "/my/messages", f"/work/petitions/{case}", f"/work/cases/{case}"):
        text = accused.go(path).page.locator("main").inner_text()
        assert title not in text and number not in text and "刘若溪" not in text, path
    open_case(person("xinfang"), title).sees("被反映的人和单位不得知悉")
