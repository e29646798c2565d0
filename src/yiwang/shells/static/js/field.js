// Every field page: starts the worker, counts what waits, sends when it can, keeps the phone in step with who is signed in.
"use strict";

const Field = (() => {
  const bar = document.querySelector("[data-field]");
  const able = window.isSecureContext && "serviceWorker" in navigator && "indexedDB" in window && "locks" in navigator;
  let timer;

  const uuid = () => crypto.randomUUID();
  const ready = able ? begin() : Promise.resolve("");

  // Resolves with the account whose phone this is now; empty where the browser cannot keep anything.
  async function begin() {
    FieldOutbox.setup({ whose: bar.dataset.whose });
    const own = bar.dataset.account;
    if (own && own !== (await FieldStore.account())) await FieldStore.claim(own);
    return own || FieldStore.account();
  }

  async function work() {
    const account = await ready;
    new BroadcastChannel("yiwang-field").addEventListener("message", (event) => heard(event.data));
    for (const name of ["online", "offline"]) window.addEventListener(name, network);
    document.addEventListener("visibilitychange", () => { if (!document.hidden) push(); });
    addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); }); // what it shows was handed over, or is another tab's, meanwhile
    network();
    if (account) await count();
    await navigator.serviceWorker.register(bar.dataset.worker, { scope: "/" }).catch(() => {});
    if (bar.dataset.account) navigator.serviceWorker.ready.then(keepAhead);
  }

  function keepAhead(registration) {
    const here = location.pathname + location.search;
    const links = [...document.querySelectorAll("a[data-keep], a.brand, .queue-link")].map((link) => new URL(link.href)).filter((url) => url.origin === location.origin);
    if (navigator.onLine) registration.active.postMessage({ keep: [...new Set([here, ...links.map((url) => url.pathname + url.search)])] });
  }

  function network() {
    const kept = Number(bar.dataset.keptAt);
    for (const note of document.querySelectorAll("[data-offline-note]")) {
      note.hidden = navigator.onLine && !kept;
      note.textContent = [navigator.onLine ? "" : "没有网络", kept ? `内容存于 ${clock(kept)}` : ""].filter(Boolean).join("，");
    }
    if (navigator.onLine) push({ now: true });
  }

  // Tries to send, and again after growing pauses as long as the page is open.
  async function push(options) {
    if (!able || !navigator.onLine) return "offline";
    const outcome = await FieldOutbox.flush(options);
    clearTimeout(timer);
    if (outcome === "offline") {
      const rows = (await FieldOutbox.list(await ready)).filter((row) => row.state === "waiting");
      if (rows.length) FieldOutbox.wake();
      if (rows.length) timer = setTimeout(push, Math.max(1_000, Math.min(...rows.map((row) => row.next_at)) - Date.now()));
    }
    return outcome;
  }

  async function count() {
    const all = await FieldOutbox.list(await ready);
    const rows = all.filter((row) => row.state !== "sent");
    for (const badge of document.querySelectorAll("[data-waiting]")) {
      badge.textContent = String(rows.length);
      badge.classList.toggle("needs", rows.some((row) => row.state === "needs"));
    }
    const since = Number(bar.dataset.keptAt) || performance.timeOrigin; // what was sent before the page came from the server, the page itself takes into account
    const [waiting, known] = [rows, all.filter((row) => row.state !== "sent" || row.sent_at > since)].map((some) => new Set(some.map((row) => row.address)));
    for (const mark of document.querySelectorAll("[data-queued-for]")) {
      mark.hidden = !known.has(mark.dataset.queuedFor);
      mark.textContent = waiting.has(mark.dataset.queuedFor) ? "已填写，还没有发出" : "已填写，已发出";
    }
    return rows;
  }

  function heard(message) {
    if (message.what === "records") count();
    if (message.what === "kept") say("[data-kept-note]", message.count < message.asked ? `已存到手机 ${message.count} 页，还有 ${message.asked - message.count} 页没有存好。` : "这些任务已经存到手机里，没有网络也能打开和填写。");
    if (message.what === "sign-in") askToSignIn();
  }

  function clock(at) {
    const [day, today] = [new Date(at), new Date()];
    return day.toLocaleString("zh-CN", { hour: "2-digit", minute: "2-digit", ...(day.toDateString() === today.toDateString() ? {} : { month: "numeric", day: "numeric" }) });
  }

  function say(place, text) {
    for (const note of document.querySelectorAll(place)) note.textContent = text;
  }

  function askToSignIn() {
    const note = document.querySelector("[data-app-note]");
    const link = Object.assign(document.createElement("a"), { textContent: "重新登录", href: `${bar.dataset.login}?next=${encodeURIComponent(location.pathname)}` });
    const words = Object.assign(document.createElement("p"), { className: "callout warn", textContent: "登录已经过期，记录还在手机里。请用原来的账号" });
    words.append(link, "，之后会自动发送。");
    note?.replaceChildren(words);
  }

  return { able, ready, bar, uuid, push, count, work };
})();
if (Field.able) Field.work();

// Today's tasks: by distance from here, or as they came (by time).
const errands = document.querySelector("[data-errands]");
if (errands) {
  const rows = [...errands.children];
  const order = document.querySelector("[data-order]");
  const [near, soon, note] = ["[data-nearest]", "[data-soonest]", "[data-order-note]"].map((name) => order.querySelector(name));
  order.hidden = !("geolocation" in navigator) || !rows.some((row) => row.dataset.lon);

  const pressed = (button) => { for (const one of [near, soon]) one.setAttribute("aria-pressed", String(one === button)); };
  const words = (metres) => (metres < 1000 ? `约 ${Math.round(metres / 10) * 10} 米` : `约 ${(metres / 1000).toFixed(1)} 公里`);

  near.addEventListener("click", () => {
    note.textContent = "正在定位…";
    navigator.geolocation.getCurrentPosition(({ coords }) => {
      const far = new Map(rows.map((row) => [row, row.dataset.lon ? FieldPlaces.metres([coords.longitude, coords.latitude], [Number(row.dataset.lon), Number(row.dataset.lat)]) : Infinity]));
      for (const [row, metres] of far) row.querySelector("[data-distance]").textContent = metres < Infinity ? `· ${words(metres)}` : "· 位置不详";
      errands.append(...[...rows].sort((a, b) => far.get(a) - far.get(b)));
      note.textContent = "已经由近到远排列";
      pressed(near);
    }, () => { note.textContent = "不能定位，请允许使用位置"; }, { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 });
  });
  soon.addEventListener("click", () => { errands.append(...rows); note.textContent = "已经按时间排列"; pressed(soon); });
}
