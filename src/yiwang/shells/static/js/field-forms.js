// form[data-offline]: kept on the phone while it is filled in, then handed to the queue. Without this script it is a plain form.
// data-title: how the record is called in the queue; data-after: where to go once it is sent.
"use strict";

const FieldForms = (() => {
  const PAUSE = 300; // ms without typing until the draft is kept
  const HIDDEN = new Set(["csrfmiddlewaretoken", "key", "started_at", "finished_at"]);

  async function start(form) {
    const account = await Field.ready;
    if (!account) return;
    const address = new URL(form.action, location.href).pathname;
    form.noValidate = true; // problems are told all at once, in the page's own words
    const draft = await open(form, account, address);
    draft.say = (text) => { const note = form.querySelector("[data-draft-note]"); if (note) note.textContent = text; };
    const tracks = await Promise.all([...form.querySelectorAll("[data-track]")].map((box) => FieldTrack.start(box, account, address)));
    fill(form, draft.values);
    form.dispatchEvent(new Event("input")); // parts that only one answer needs are shown with it
    for (const track of tracks) await track.restore(draft.values.find(([name]) => name === track.name)?.[1]);
    for (const part of [FieldParts.photos, FieldParts.signature, FieldParts.place]) part(form, draft);
    if (draft.answer) tell(form, words(draft.answer));
    watch(form, draft);
    form.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); submit(form, draft, tracks); });
    form.dataset.ready = "1";
    noteQueued(form, address, draft);
  }

  // The draft of this form: a refused record that the person came to correct, what was typed before, or a fresh one.
  async function open(form, account, address) {
    const id = `${account} ${address}`;
    const draft = { id, account, address, key: Field.uuid(), started_at: new Date().toISOString(), values: [], files: [], answer: null };
    const wanted = new URLSearchParams(location.hash.slice(1)).get("record");
    const record = wanted && (await FieldStore.get("records", wanted));
    const row = await FieldStore.get("drafts", id);
    if (record?.account === account && record.address === address && record.state === "needs") {
      const { content, files, answer } = await FieldOutbox.read(record);
      Object.assign(draft, { key: record.key, started_at: content.started_at, values: content.fields, files, answer });
    } else if (row) { // its key is never used twice: the server would take the second for a repeat
      const files = await Promise.all(row.files.map(async (sealed) => ({ sealed, ...(await FieldStore.unsealFile(account, sealed)) })));
      const typed = await FieldStore.unseal(account, row.sealed);
      Object.assign(draft, typed, { files, key: (await handedOver(typed.key)) ? draft.key : typed.key });
    }
    draft.keep = () => keep(form, draft);
    draft.keepFile = async (about, blob) => { draft.files.push({ about, blob, sealed: await FieldStore.sealFile(account, about, blob) }); await draft.keep(); };
    draft.dropFile = async (file) => { draft.files.splice(draft.files.indexOf(file), 1); await draft.keep(); };
    return draft;
  }

  // Whether the queue has it already, from another tab for instance, and it did not come back.
  async function handedOver(key) {
    const record = await FieldStore.get("records", key);
    return Boolean(record) && record.state !== "needs";
  }

  function collect(form) {
    return [...new FormData(form)].filter(([name, value]) => !HIDDEN.has(name) && typeof value === "string");
  }

  async function keep(form, draft) {
    if (draft.closed || (await handedOver(draft.key))) return;
    draft.values = collect(form);
    const { key, started_at, values } = draft;
    try {
      const sealed = await FieldStore.seal(draft.account, { key, started_at, values });
      if (draft.closed) return; // sent while this was being sealed
      await FieldStore.put("drafts", { id: draft.id, account: draft.account, address: draft.address, sealed, files: draft.files.map((file) => file.sealed) });
      draft.say("已保存在手机里");
    } catch { draft.say("手机存储已满，请尽快提交"); }
  }

  function watch(form, draft) {
    let timer;
    form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(draft.keep, PAUSE); });
    document.addEventListener("visibilitychange", () => { if (document.hidden) draft.keep(); }); // a phone may end the page any moment after this
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
    for (const element of form.querySelectorAll("[required], [data-required]")) {
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
    const gaps = missing(form, draft);
    if (gaps.length) { tell(form, gaps.map(([text]) => text)); gaps[0][1].focus(); return; }
    tell(form, []);
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const walked = tracks.filter((track) => track.points.length).map((track) => [track.name, track.value()]);
    const extra = [["started_at", draft.started_at], ["finished_at", new Date().toISOString()], ...walked];
    const names = new Set(extra.map(([name]) => name));
    const fields = [...collect(form).filter(([name]) => !names.has(name)), ...extra];
    const content = { title: form.dataset.title || document.title, page: location.pathname, started_at: draft.started_at, fields, shown: readable(form) };
    try {
      await navigator.storage?.persist?.().catch(() => false);
      await FieldOutbox.add({ key: draft.key, account: draft.account, address: draft.address, content, files: draft.files.map((file) => file.sealed) });
    } catch {
      button.disabled = false;
      tell(form, ["手机存储已满，记录没有存下。请先在“待发”里发出其他记录，再提交这一条；已填写的内容还在这一页。"]);
      return;
    }
    draft.closed = true;
    await FieldStore.drop("drafts", draft.id);
    for (const track of tracks) await track.clear();
    draft.say("正在发送…");
    await Field.push({ now: true });
    await settle(form, draft, button, tracks);
  }

  // After the first try: sent, refused in words (the form stays, under the same key), or waiting on the phone.
  async function settle(form, draft, button, tracks) {
    const row = await FieldStore.get("records", draft.key);
    if (row?.state === "sent") {
      const { answer } = await FieldOutbox.read(row);
      location.assign(answer?.next || form.dataset.after || Field.bar.querySelector(".brand").href);
    } else if (row?.state === "needs") {
      const { content, answer } = await FieldOutbox.read(row);
      for (const track of tracks) await track.restore(content.fields.find(([name]) => name === track.name)?.[1]);
      button.disabled = false;
      draft.closed = false;
      draft.say("记录还在手机里，可以改好再提交，也可以在“待发”里查看");
      history.replaceState(null, "", `#record=${draft.key}`);
      tell(form, words(answer));
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
