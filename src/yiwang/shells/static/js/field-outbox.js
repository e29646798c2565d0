// Outgoing records: sealed, sent one after another in the order they were made, each under its own key, so that a repeat is harmless.
// States: waiting, sending, sent, needs (the server refused in words: the person corrects or discards).
"use strict";

const FieldOutbox = (() => {
  const PATIENCE = 120_000; // ms for one record with its photos on a slow network
  const LONGEST = 15 * 60_000; // ms between two tries
  const BUSY = new Set([429, 502, 503, 504]); // the server takes nothing now
  const LISTED = 24 * 3600_000; // ms a sent record is still listed
  const FAILED = new Set([408, 425, 500]); // this record failed there; the next may not
  let whose = self.YIWANG?.account || "";
  const setup = (options) => { whose = options.whose; };

  // content: {title, page, fields: [[name, value]], shown: [[label, text]]}; files: sealed by FieldStore.sealFile; draft: what the record was until now.
  async function add({ key, account, address, content, files, draft = FieldStore.draftOf(account, address, key) }) {
    const row = { key, account, address, made_at: Date.now(), tries: 0, next_at: 0, state: "waiting", sealed: await FieldStore.seal(account, content), files, answer: null };
    await FieldStore.instead(draft, (records) => records.put(row));
    FieldStore.tell({ what: "records" });
    await wake();
  }

  // Where the browser has Background Sync, it also sends with the page closed. It tries a few times; each page that is opened asks it anew.
  async function wake() {
    (await self.navigator.serviceWorker?.getRegistration())?.sync?.register("yiwang-field-send").catch(() => {});
  }

  // Oldest first. What was sent more than a day ago is forgotten.
  async function list(account) {
    const [rows, now] = [await FieldStore.of("records", account), Date.now()];
    const past = (row) => row.state === "sent" && now - row.sent_at > LISTED;
    for (const row of rows.filter(past)) await FieldStore.drop("records", row.key);
    return rows.filter((row) => !past(row)).sort((a, b) => a.made_at - b.made_at);
  }

  async function read(row) {
    const content = await FieldStore.unseal(row.account, row.sealed);
    const files = await Promise.all(row.files.map(async (sealed) => ({ sealed, ...(await FieldStore.unsealFile(row.account, sealed)) })));
    return { content, files, answer: row.answer && (await FieldStore.unseal(row.account, row.answer)) };
  }

  // With what was begun to correct it.
  async function drop({ key, account, address }) {
    await FieldStore.instead(FieldStore.draftOf(account, address, key), (records) => records.delete(key));
    FieldStore.tell({ what: "records" });
  }

  async function keep(row, changes, answer) {
    const kept = await FieldStore.get("records", row.key);
    if (!kept) return; // discarded or signed out meanwhile
    await FieldStore.put("records", { ...kept, ...changes, ...(answer ? { answer: await FieldStore.seal(row.account, answer) } : {}) });
    FieldStore.tell({ what: "records" });
  }

  // Sends everything that waits. Returns "done", "offline" (something waits for a later try), "sign-in" or "other" (somebody else is signed in now). `now` ignores the pauses between tries.
  const flush = ({ now = false } = {}) => navigator.locks.request("yiwang-field-send", () => send(now));

  async function send(now) {
    const account = await FieldStore.account();
    const waiting = account ? (await list(account)).filter((row) => row.state === "waiting" || row.state === "sending") : [];
    if (!waiting.length) return "done";
    const due = waiting.filter((row) => now || row.next_at <= Date.now());
    if (!due.length) return "offline";
    const session = await ask();
    if (!session) return pause(due[0]);
    if (!session.account) { FieldStore.tell({ what: "sign-in" }); return "sign-in"; }
    if (session.account !== account) { await FieldStore.claim(session.account); FieldStore.tell({ what: "records" }); return "other"; }
    let left = due.length < waiting.length;
    for (const row of due) {
      const outcome = await one(row, session.token);
      if (outcome === "failed") left = true;
      else if (outcome !== "next") return outcome;
    }
    return left ? "offline" : "done";
  }

  async function ask() {
    try {
      const answer = await fetch(whose, { credentials: "same-origin", headers: { Accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(20_000) });
      return answer.ok ? await answer.json() : null;
    } catch { return null; }
  }

  async function one(row, token) {
    await keep(row, { state: "sending" });
    let answer;
    try {
      answer = await post(row, token);
    } catch { return pause(row); }
    if (answer.status >= 200 && answer.status < 300) {
      await sent(row, answer.body);
      return "next";
    }
    if (answer.status === 401) { await keep(row, { state: "waiting" }); FieldStore.tell({ what: "sign-in" }); return "sign-in"; }
    if (BUSY.has(answer.status)) return pause(row);
    if (FAILED.has(answer.status)) { await pause(row); return "failed"; }
    await keep(row, { state: "needs" }, { status: answer.status, ...answer.body });
    return "next";
  }

  // The city has it: what was filled in goes, and what was begun to correct it; the title stays for the list of what was sent.
  async function sent(row, answer) {
    const { title } = await FieldStore.unseal(row.account, row.sealed);
    const [sealed, told] = await Promise.all([{ title }, answer].map((value) => FieldStore.seal(row.account, value)));
    if ((await FieldStore.get("records", row.key))?.made_at !== row.made_at) return; // signed out, or corrected, meanwhile
    const left = { ...row, state: "sent", sent_at: Date.now(), sealed, files: [], answer: told };
    await FieldStore.instead(FieldStore.draftOf(row.account, row.address, row.key), (records) => records.put(left));
    FieldStore.tell({ what: "records" });
  }

  async function pause(row) {
    const tries = row.tries + 1;
    await keep(row, { state: "waiting", tries, next_at: Date.now() + Math.min(LONGEST, 5_000 * 2 ** (tries - 1)) });
    return "offline";
  }

  async function post(row, token) {
    const { content, files } = await read(row);
    const form = new FormData();
    form.append("key", row.key);
    for (const [name, value] of content.fields) form.append(name, value);
    for (const { about, blob } of files) {
      form.append(about.field, blob, about.name);
      form.append(`${about.field}_about`, JSON.stringify({ taken_at: about.taken_at, place: about.place, accuracy: about.accuracy }));
    }
    const headers = { Accept: "application/json", "X-CSRFToken": token, "X-Idempotency-Key": row.key };
    return self.XMLHttpRequest ? viaPage(row, form, headers) : viaWorker(row, form, headers);
  }

  async function viaWorker(row, form, headers) {
    const answer = await fetch(row.address, { method: "POST", body: form, headers, credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE) });
    return { status: answer.status, body: await answer.json().catch(() => ({})) };
  }

  // A page can show how much has gone; fetch cannot.
  function viaPage(row, form, headers) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", row.address);
      request.timeout = PATIENCE;
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.upload.onprogress = (event) => FieldStore.tell({ what: "progress", key: row.key, done: event.loaded, of: event.total });
      request.onload = () => resolve({ status: request.status, body: parsed(request.responseText) });
      request.onerror = request.ontimeout = request.onabort = () => reject(new Error("no answer"));
      request.send(form);
    });
  }

  function parsed(text) {
    try { const body = JSON.parse(text); return typeof body === "object" && body ? body : {}; } catch { return {}; }
  }

  return { setup, add, wake, list, read, drop, flush };
})();
