// form[data-offline]: kept on the phone while it is filled in, then handed to the queue. Without this script it is a plain form.
// data-title: how the record is called in the queue; data-after: where to go once it is sent.
"use strict";

const FieldForms = (() => {
  const PAUSE = 300; // ms without typing until the draft is kept
  const HIDDEN = new Set(["csrfmiddlewaretoken", "key", "started_at", "finished_at"]);
  const GONE = "这条记录已经在别处发出或者删除，这里的改动没有保存。请到“待发”里查看。";

  async function start(form) {
    const account = await Field.ready;
    if (!account) return;
    const address = new URL(form.action, location.href).pathname;
    const wanted = new URLSearchParams(location.hash.slice(1)).get("record");
    const id = FieldStore.draftOf(account, address, (await refused(wanted, account, address))?.key);
    await alone(form, id);
    form.noValidate = true; // problems are told all at once, in the page's own words
    const draft = await open(form, id, account, address, await refused(wanted, account, address));
    draft.say = (text) => { const note = form.querySelector("[data-draft-note]"); if (note) note.textContent = text; };
    const tracks = await Promise.all([...form.querySelectorAll("[data-track]")].map((box) => FieldTrack.start(box, account, id)));
    fill(form, draft.values);
    form.dispatchEvent(new Event("input")); // parts that only one answer needs are shown with it
    for (const track of tracks) await track.restore(draft.sent.find(([name]) => name === track.name)?.[1]);
    for (const part of [FieldParts.photos, FieldParts.signature, FieldParts.place, FieldParts.moments]) part(form, draft);
    if (draft.answer) { tell(form, words(draft.answer)); draft.say("记录还在手机里，可以改好再提交，也可以在“待发”里查看"); }
    watch(form, draft);
    form.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); submit(form, draft, tracks); });
    form.dataset.ready = "1";
    noteQueued(form, address, draft);
  }

  // The record that the server refused and the person came to correct.
  async function refused(key, account, address) {
    const record = key && (await FieldStore.get("records", key));
    return record?.account === account && record.address === address && record.state === "needs" ? record : null;
  }

  // One tab at a time fills in a form: two would hand over the same record, or each other's walk.
  function alone(form, id) {
    const note = Object.assign(document.createElement("p"), { className: "callout warn", textContent: "这张表正在另一个标签页里填写。请到那一页继续；那一页关闭以后，这里就可以填写。" });
    const timer = setTimeout(() => { form.before(note); form.inert = true; }, 500);
    return new Promise((resolve) => navigator.locks.request(`yiwang-field ${id}`, () => {
      clearTimeout(timer);
      note.remove();
      form.inert = false;
      resolve();
      return new Promise(() => {}); // as long as the page is open
    }));
  }

  // The draft of this form: a refused record that the person came to correct, what was typed before, or a fresh one. What is done to it is done in turn.
  async function open(form, id, account, address, record) {
    const draft = { id, account, address, key: record?.key || Field.uuid(), corrects: Boolean(record), started_at: new Date().toISOString(), values: [], files: [], sent: [], answer: null };
    if (record) {
      const { content, files, answer } = await FieldOutbox.read(record);
      Object.assign(draft, { started_at: content.started_at, values: content.fields, sent: content.fields, files, answer });
    }
    const row = await FieldStore.get("drafts", id);
    if (row) {
      const files = await Promise.all(row.files.map(async (sealed) => ({ sealed, ...(await FieldStore.unsealFile(account, sealed)) })));
      Object.assign(draft, await FieldStore.unseal(account, row.sealed), { files });
    }
    let last = Promise.resolve();
    draft.turn = (work) => { const mine = last.then(work); last = mine.catch(() => {}); return mine; };
    draft.keep = () => draft.turn(() => keep(form, draft));
    draft.keepFile = (about, make, only) => draft.turn(async () => { // `make` gives the content, or nothing where it cannot be read; `only`: it takes the place of the one before
      const blob = await make();
      const sealed = blob && (await FieldStore.sealFile(account, about, blob).catch(() => draft.say("手机内存不足，照片没有加入。请再拍一次")));
      if (!sealed) return;
      draft.files = [...draft.files.filter((file) => !only || file.about.field !== about.field), { about, blob, sealed }];
      await keep(form, draft);
    });
    draft.dropFile = (which) => draft.turn(async () => { draft.files = draft.files.filter((file) => !which(file)); await keep(form, draft); });
    return draft;
  }

  function collect(form) {
    return [...new FormData(form)].filter(([name, value]) => !HIDDEN.has(name) && typeof value === "string");
  }

  async function keep(form, draft) {
    if (draft.closed) return;
    if (draft.corrects && !(await refused(draft.key, draft.account, draft.address))) { draft.say(GONE); return; }
    draft.values = collect(form);
    const { key, started_at, values } = draft;
    try {
      const sealed = await FieldStore.seal(draft.account, { key, started_at, values });
      await FieldStore.put("drafts", { id: draft.id, account: draft.account, address: draft.address, sealed, files: draft.files.map((file) => file.sealed) });
      FieldStore.stay();
      draft.say("已保存在手机里");
    } catch { draft.say("手机存储已满，请尽快提交"); }
  }

  function watch(form, draft) {
    let [timer, touched] = [null, false];
    form.addEventListener("input", () => { touched = true; clearTimeout(timer); timer = setTimeout(draft.keep, PAUSE); });
    document.addEventListener("visibilitychange", () => { if (document.hidden && touched) draft.keep(); }); // a phone may end the page any moment after this
  }

  function fill(form, values) {
    for (const name of new Set(values.map(([one]) => one))) {
      const mine = values.filter(([one]) => one === name).map(([, value]) => value);
      for (const element of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (element.type === "radio" || element.type === "checkbox") element.checked = mine.includes(element.value);
        else if (element.type !== "file") element.value = mine[0];
      }
    }
  }

  // What is missing, as [words, element] in the order of the page.
  function missing(form, draft) {
    const found = [];
    const groups = new Set();
    for (const element of form.querySelectorAll("[required], [data-required], [data-needed], [data-field]:not([multiple])")) {
      if (element.dataset.field) { if (draft.files.filter((file) => file.about.field === element.dataset.field).length > 1) found.push(["这里只留一张照片：请删去其余的，或者另报一个问题", element]); continue; }
      if (element.dataset.needed !== undefined && !FieldParts.begun(element.closest("[data-part]"), draft)) continue;
      if (element.closest("[hidden]") && !element.dataset.required) continue;
      if (element.dataset.required) { if (!draft.files.some((file) => file.about.field === element.dataset.required)) found.push([element.dataset.missing, element.querySelector("canvas, input") || element]); continue; }
      if (element.type === "radio") {
        if (groups.has(element.name)) continue;
        groups.add(element.name);
        if (!form.querySelector(`[name="${CSS.escape(element.name)}"]:checked`)) found.push([element.dataset.missing || `请选择：${labelOf(element)}`, element]);
      } else if (!element.value.trim()) found.push([element.dataset.missing || `请填写：${labelOf(element)}`, element]);
      else if (!element.validity.valid) found.push([`${labelOf(element)}：${element.validationMessage}`, element]);
    }
    return found;
  }

  function labelOf(element) {
    if (element.dataset.label) return element.dataset.label;
    const legend = element.type === "radio" || element.type === "checkbox" ? element.closest("fieldset")?.querySelector("legend") : null;
    return ((legend || element.labels?.[0])?.textContent || "").replace(/\s+/g, " ").replace(" *", "").trim();
  }

  // The record as a person reads it in the queue: [label, text].
  function readable(form) {
    return collect(form).filter(([, value]) => value.trim()).flatMap(([name, value]) => {
      const elements = [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
      const element = elements.find((one) => one.value === value) || elements[0];
      if (!element || (element.type === "hidden" && !element.dataset.label)) return [];
      const chosen = element.type === "radio" || element.type === "checkbox" ? element.labels[0]?.textContent : element.selectedOptions?.[0]?.textContent;
      return [[labelOf(element), (chosen || value).trim()]];
    });
  }

  async function submit(form, draft, tracks) {
    form.inert = true; // nothing is typed, taken or pressed that would not be in the record
    await draft.turn(() => {}); // a photograph that is still being made smaller belongs to it
    const gaps = missing(form, draft);
    tell(form, gaps.map(([text]) => text));
    const taken = !gaps.length && (await draft.turn(() => handOver(form, draft, tracks)));
    if (taken) {
      draft.say("正在发送…");
      await Field.push({ now: true });
      await settle(form, draft);
    } else form.inert = false;
    if (gaps.length) show(gaps[0][1]);
  }

  function show(element) {
    const folded = element.closest("details");
    if (folded) folded.open = true;
    element.focus();
  }

  // Whether the queue has it now; the form and the walk are closed then.
  async function handOver(form, draft, tracks) {
    if (draft.corrects && !(await refused(draft.key, draft.account, draft.address))) { tell(form, [GONE]); return false; }
    for (const track of tracks) await track.stop();
    const walked = tracks.filter((track) => track.points.length).map((track) => [track.name, track.value()]);
    const extra = [["started_at", draft.started_at], ["finished_at", new Date().toISOString()], ...walked];
    const names = new Set(extra.map(([name]) => name));
    const fields = [...collect(form).filter(([name]) => !names.has(name)), ...extra];
    const content = { title: form.dataset.title || document.title, page: location.pathname, started_at: draft.started_at, fields, shown: readable(form) };
    try {
      await FieldOutbox.add({ key: draft.key, account: draft.account, address: draft.address, content, files: draft.files.map((file) => file.sealed), draft: draft.id });
    } catch {
      tell(form, ["手机存储已满，记录没有存下。请先在“待发”里发出其他记录，再提交这一条；已填写的内容还在这一页。"]);
      return false;
    }
    draft.closed = true;
    return true;
  }

  // After the first try: sent, refused in words (the form opens again to be corrected, under the same key), or waiting on the phone.
  async function settle(form, draft) {
    const row = await FieldStore.get("records", draft.key);
    if (row?.state === "sent") {
      const { answer } = await FieldOutbox.read(row);
      location.assign(answer?.next || form.dataset.after || Field.bar.querySelector(".brand").href);
    } else if (row?.state === "needs") {
      history.replaceState(null, "", `#record=${draft.key}`);
      location.reload();
    } else location.assign(Field.bar.querySelector(".queue-link").href);
  }

  const words = (answer) => [answer.detail || "服务器没有接受这条记录。", ...Object.values(answer.errors || {}), ...(answer.hint ? [answer.hint] : [])];

  function tell(form, lines) {
    const box = form.querySelector("[data-problems]");
    if (!lines.length) { box.replaceChildren(); return; }
    const list = Object.assign(document.createElement("ul"), { className: "callout bad mb-2" });
    list.append(...lines.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    box.replaceChildren(list);
    box.scrollIntoView({ block: "nearest" });
  }

  // The same form has a record on the phone already: say so before it is filled in again.
  async function noteQueued(form, address, draft) {
    const rows = (await FieldOutbox.list(draft.account)).filter((row) => row.address === address && row.key !== draft.key && row.state !== "sent");
    if (!rows.length) return;
    const note = Object.assign(document.createElement("p"), { className: "callout warn" });
    const link = Object.assign(document.createElement("a"), { href: Field.bar.querySelector(".queue-link").href, textContent: "查看待发记录" });
    note.append(rows.some((row) => row.state === "needs") ? "这张表有一条记录需要您处理。" : "这张表已经填过一次，记录在手机里等待发送。", link);
    form.before(note);
  }

  return { start, words };
})();

if (Field.able) for (const form of document.querySelectorAll("form[data-offline]")) FieldForms.start(form);
