// The service worker. Files of the shell lie in a versioned cache; pages of a person only in the sealed store, served back to nobody but that person's phone.
// YIWANG (addresses and version), FieldStore and FieldOutbox stand before this: shells/field/app.py puts them together.
"use strict";

const CACHE = `field-${YIWANG.version}`;
const SLOW = 8_000; // ms after which a kept page is shown instead of waiting on
const FRESH = 10 * 60_000; // ms within which a page is not fetched ahead again
const OLD = 3 * 24 * 3600_000; // ms after which a kept page is thrown away
const MOST = 60; // pages fetched ahead at once
const OURS = new Set(["worker.js", "precache.json", "account"].map((name) => YIWANG.home + name));

addEventListener("install", (event) => event.waitUntil(install()));
addEventListener("activate", (event) => event.waitUntil(activate()));
addEventListener("sync", (event) => { if (event.tag === "yiwang-field-send") event.waitUntil(sendAll()); });
addEventListener("message", (event) => { if (event.data?.keep) event.waitUntil(keepAhead(event.data.keep)); });

// Fails while something waits for a later try: only then does the browser come back.
async function sendAll() {
  if ((await FieldOutbox.flush({ now: true })) === "offline") throw new Error("not sent yet");
}

async function install() {
  const list = await (await fetch(YIWANG.precache, { cache: "no-store" })).json();
  const cache = await caches.open(CACHE);
  await Promise.all(list.files.map(async (address) => {
    const answer = await fetch(address, { cache: "reload", credentials: "omit" }); // without a session: these files are the same for everybody
    if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
    await cache.put(address, answer);
  }));
  await skipWaiting();
}

// The version before stays: pages kept under it name its files.
async function activate() {
  const names = (await caches.keys()).filter((name) => name.startsWith("field-") && name !== CACHE);
  await Promise.all(names.slice(0, -1).map((name) => caches.delete(name)));
  await clients.claim();
}

addEventListener("fetch", (event) => {
  const request = event.request;
  const url = new URL(request.url);
  if (url.origin !== location.origin || request.headers.has("range")) return;
  if (request.method === "POST" && url.pathname.startsWith(YIWANG.accounts)) event.respondWith(door(event, url));
  else if (request.method !== "GET" || OURS.has(url.pathname)) return;
  else if (url.pathname.startsWith(YIWANG.home) && url.pathname !== YIWANG.offline && !url.pathname.endsWith(".webmanifest")) event.respondWith(page(event, url));
  else if (isOfField(request, url)) event.respondWith(still(request));
});

function isOfField(request, url) {
  const from = request.referrer ? new URL(request.referrer).pathname : "";
  return url.pathname.startsWith(YIWANG.home) || from.startsWith(YIWANG.home) || from.startsWith(YIWANG.static);
}

// Files: as kept, else from the network. What pages of a system need beyond the shell's own list is kept when first used.
async function still(request) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(request, { ignoreVary: true });
  if (kept) return kept;
  try {
    const answer = await fetch(request);
    if (answer.ok && new URL(request.url).pathname.startsWith(YIWANG.static)) await cache.put(request, answer.clone());
    return answer;
  } catch (problem) {
    const older = await caches.match(request, { ignoreVary: true });
    if (older) return older;
    throw problem;
  }
}

// Signing in or out, wherever on the site: the phone's store follows the session.
async function door(event, url) {
  const answer = await fetch(event.request);
  event.waitUntil(follow(url.pathname.endsWith("/logout/")));
  return answer;
}

async function follow(leaving) {
  const session = await fetch(YIWANG.account, { credentials: "same-origin", cache: "no-store" }).then((answer) => answer.json()).catch(() => null);
  if (!session) return;
  if (session.account) {
    if (session.account !== (await FieldStore.account())) await FieldStore.claim(session.account);
    await FieldOutbox.flush({ now: true }); // what waited for its owner
  } else if (leaving) await FieldStore.shut();
}

// Pages: the network first; what was kept when it fails, stumbles or takes too long.
async function page(event, url) {
  const address = url.pathname + url.search;
  const fresh = fetch(event.request).then(async (answer) => { await keep(address, answer.clone()).catch(() => {}); return answer; });
  const late = new Promise((resolve) => setTimeout(resolve, SLOW));
  event.waitUntil(fresh.catch(() => {}));
  try {
    const answer = (await Promise.race([fresh, late])) || (await kept(address)) || (await fresh);
    return [502, 503, 504].includes(answer.status) ? (await kept(address)) || answer : answer;
  } catch {
    const found = await kept(address);
    if (found) return found;
    if (event.request.mode !== "navigate") return Response.error();
    return (await caches.match(YIWANG.offline, { ignoreVary: true })) || Response.error();
  }
}

async function keep(address, answer) {
  const id = `${await FieldStore.account()} ${address}`;
  if ([403, 404, 410].includes(answer.status)) return FieldStore.drop("pages", id); // no longer this person's to see
  const type = answer.headers.get("Content-Type") || "";
  if (!answer.ok || answer.type === "opaqueredirect" || answer.redirected || !/^(text\/html|application\/(geo\+)?json)/.test(type)) return;
  const text = await answer.text();
  const account = type.startsWith("text/html") ? text.match(/ data-account="(\w+)"/)?.[1] : await FieldStore.account();
  if (!account) return;
  if (account !== (await FieldStore.account())) await FieldStore.claim(account); // the server says who is signed in
  const policy = answer.headers.get("Content-Security-Policy") || "default-src 'self'";
  await FieldStore.put("pages", { id: `${account} ${address}`, account, kept_at: Date.now(), sealed: await FieldStore.seal(account, { text, type, policy }) });
}

async function kept(address) {
  const account = await FieldStore.account();
  const row = account && (await FieldStore.get("pages", `${account} ${address}`));
  if (!row) return null;
  const { text, type, policy } = await FieldStore.unseal(account, row.sealed);
  const dated = type.startsWith("text/html") ? text.replace(' data-account="', ` data-kept-at="${row.kept_at}" data-account="`) : text; // the page says how old it is
  return new Response(dated, { headers: { "Content-Type": type, "Content-Security-Policy": policy } });
}

// What a page asks to have ready for a place without a network.
async function keepAhead(addresses) {
  const account = await FieldStore.account();
  const now = Date.now();
  for (const row of await FieldStore.of("pages", account)) if (now - row.kept_at > OLD) await FieldStore.drop("pages", row.id);
  let count = 0;
  for (const address of addresses.slice(0, MOST)) {
    const row = await FieldStore.get("pages", `${account} ${address}`);
    try {
      if (!row || now - row.kept_at > FRESH) await keep(address, await fetch(address, { credentials: "same-origin", redirect: "manual", headers: { Accept: "text/html" } }));
      if (await FieldStore.get("pages", `${account} ${address}`)) count += 1;
    } catch { break; }
  }
  FieldStore.tell({ what: "kept", count, asked: addresses.length });
}
