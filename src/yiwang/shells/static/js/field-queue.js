// The queue as people see it: what waits, what is being sent, what has been sent, what needs them.
"use strict";

const FieldQueue = (() => {
  const box = document.querySelector("[data-queue]");
  const WORDS = { waiting: ["等待发送", "warn"], sending: ["正在发送", ""], sent: ["已发出", "good"], needs: ["需要您处理", "bad"] };

  const make = (tag, properties = {}, ...children) => { const element = Object.assign(document.createElement(tag), properties); element.append(...children); return element; };
  const clock = (at) => new Date(at).toLocaleString("zh-CN", { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });

  async function show() {
    const account = await Field.ready;
    const rows = account ? await FieldOutbox.list(account) : [];
    const open = new Set([...box.querySelectorAll("details[open]")].map((one) => one.dataset.key));
    const cards = await Promise.all(rows.reverse().map((row) => card(row, open)));
    box.replaceChildren(...(cards.length ? cards : [make("p", { className: "empty-state", textContent: "没有待发的记录。在现场填好的表会先出现在这里。" })]));
    document.querySelector("[data-send-now]").hidden = !rows.some((row) => row.state === "waiting");
  }

  async function card(row, open) {
    const { content, files, answer } = await FieldOutbox.read(row);
    const [label, colour] = WORDS[row.state];
    const item = make("section", { className: "panel queue-card" });
    item.dataset.key = row.key;
    item.dataset.state = row.state;
    item.append(make("h2", { textContent: content.title }), make("p", { className: "mb-1" }, make("span", { className: `tag ${colour}`, textContent: label }), ` ${moment(row, files)}`));
    if (row.state === "sending") item.append(progress(row));
    if (row.state === "needs") item.append(told(answer), actions(row, content, answer));
    if (row.state !== "sent") item.append(details(row, content, files, open));
    return item;
  }

  function moment(row, files) {
    if (row.state === "sent") return `${clock(row.sent_at)} 发出`;
    const tried = row.tries ? `，试过 ${row.tries} 次` : "";
    return `${clock(row.made_at)} 填写${files.length ? `，照片和签名共 ${files.length} 张` : ""}${tried}`;
  }

  function progress(row) {
    const bar = make("progress", { max: 1, className: "w-100" });
    bar.dataset.progress = row.key;
    bar.setAttribute("aria-label", "发送进度");
    return bar;
  }

  function told(answer) {
    const list = make("ul", { className: "callout bad" });
    list.append(...FieldForms.words(answer || {}).map((text) => make("li", { textContent: text })));
    return list;
  }

  function actions(row, content, answer) {
    const correct = make("a", { className: "btn btn-primary", href: `${content.page}#record=${row.key}`, textContent: answer?.status === 409 ? "打开查看" : "打开更正" });
    const again = make("button", { type: "button", className: "btn", textContent: "再发一次" });
    again.addEventListener("click", async () => { await FieldStore.put("records", { ...row, state: "waiting", next_at: 0 }); FieldStore.tell({ what: "records" }); await show(); await Field.push({ now: true }); await show(); });
    const discard = make("button", { type: "button", className: "btn", textContent: "不要了" });
    discard.addEventListener("click", async () => { if (confirm(`“${content.title}”这条记录和照片会从手机上删除，不能恢复。确定吗？`)) { await FieldOutbox.drop(row); show(); } });
    return make("p", { className: "actions" }, correct, again, discard);
  }

  function details(row, content, files, open) {
    const facts = make("dl", { className: "facts" });
    for (const [name, text] of content.shown) facts.append(make("dt", { textContent: name }), make("dd", { textContent: text }));
    const thumbs = make("div", { className: "thumbs mt-2" }, ...files.map(({ about, blob }, n) => Object.assign(new Image(), { src: URL.createObjectURL(blob), alt: about.type === "image/png" ? "签名" : `照片 ${n + 1}` })));
    const whole = make("details", { open: open.has(row.key) }, make("summary", { textContent: "查看填写的内容" }), facts, thumbs);
    whole.dataset.key = row.key;
    return whole;
  }

  function heard({ what, key, done, of }) {
    if (what === "progress") { const bar = box.querySelector(`[data-progress="${key}"]`); if (bar) Object.assign(bar, { max: of, value: done }); }
    if (what === "records") { clearTimeout(heard.timer); heard.timer = setTimeout(show, 50); }
  }

  function work() {
    new BroadcastChannel("yiwang-field").addEventListener("message", (event) => heard(event.data));
    document.querySelector("[data-send-now]").addEventListener("click", () => Field.push({ now: true }));
    show();
  }

  return { work };
})();
if (Field.able) FieldQueue.work();
