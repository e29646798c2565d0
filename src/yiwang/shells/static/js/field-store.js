// The phone's own store: pages, drafts, outgoing records and track points of one account, sealed with a key that never leaves the browser.
// Runs in pages and in the service worker. Sealed = {iv, data}: AES-GCM 256, bound to the account. What this protects, and what not: docs/shells/field.md.
"use strict";

const FieldStore = (() => {
  const STORES = { state: "name", keys: "account", pages: "id", drafts: "id", records: "key", points: "id" };
  const OWNED = ["keys", "pages", "drafts", "records", "points"];
  let [opened, ended] = [null, false];

  function open() {
    opened ??= new Promise((resolve, reject) => {
      const request = indexedDB.open("yiwang-field", 1);
      request.onupgradeneeded = () => {
        for (const [name, keyPath] of Object.entries(STORES)) {
          const store = request.result.createObjectStore(name, { keyPath, autoIncrement: name === "points" });
          if (OWNED.includes(name)) store.createIndex("account", "account");
          if (name === "points") store.createIndex("track", "track");
        }
      };
      request.onsuccess = () => { request.result.onversionchange = () => { request.result.close(); opened = null; }; resolve(request.result); };
      request.onerror = () => { opened = null; reject(request.error); };
    });
    return opened;
  }

  // One transaction: `work` gets the object stores named and returns a request or nothing; resolves with the request's result once all is on disk.
  async function within(names, mode, work) {
    if (ended && mode === "readwrite") throw new Error("signed out");
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(names, mode);
      const request = work(...[names].flat().map((name) => transaction.objectStore(name)));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  const get = (name, key) => within(name, "readonly", (store) => store.get(key));
  const put = (name, row) => within(name, "readwrite", (store) => store.put(row));
  const drop = (name, key) => within(name, "readwrite", (store) => store.delete(key));
  const of = (name, account) => within(name, "readonly", (store) => store.index("account").getAll(account));
  const track = (id) => within("points", "readonly", (store) => store.index("track").getAll(id));

  const dropTrack = (id) => within("points", "readwrite", (points) => sweep(points, id));

  function sweep(points, tracks) {
    points.index("track").openKeyCursor(tracks).onsuccess = (event) => { const at = event.target.result; if (at) { points.delete(at.primaryKey); at.continue(); } };
  }

  // The name of a form's draft; a refused record is corrected in a draft of its own. The names of its tracks begin with it and a space.
  const draftOf = (account, address, key = "") => [account, key, address].filter(Boolean).join(" ");

  // One transaction: the draft and its walk go, and `change` is done to the records. Nobody finds both, or neither.
  function instead(draft, change) {
    return within(["records", "drafts", "points"], "readwrite", (records, drafts, points) => {
      change(records);
      drafts.delete(draft);
      sweep(points, IDBKeyRange.bound(`${draft} `, `${draft} \uffff`));
    });
  }

  async function keyOf(account) {
    const found = await get("keys", account);
    if (found) return found.key;
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
    await within("keys", "readwrite", (store) => store.add({ account, key })).catch(() => {}); // another tab was first: its key holds
    return (await get("keys", account)).key;
  }

  const bound = (account) => new TextEncoder().encode(account);

  async function sealBytes(account, bytes) {
    const iv = crypto.getRandomValues(new Uint8Array(12));
    return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: bound(account) }, await keyOf(account), bytes) };
  }

  async function openBytes(account, sealed) {
    return crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv, additionalData: bound(account) }, await keyOf(account), sealed.data);
  }

  const seal = (account, value) => sealBytes(account, new TextEncoder().encode(JSON.stringify(value)));
  const unseal = async (account, sealed) => JSON.parse(new TextDecoder().decode(await openBytes(account, sealed)));

  // A file: four bytes with the length of its description, the description as JSON, the content.
  async function sealFile(account, about, blob) {
    const head = new TextEncoder().encode(JSON.stringify(about));
    const content = new Uint8Array(await blob.arrayBuffer());
    const packed = new Uint8Array(4 + head.length + content.length);
    new DataView(packed.buffer).setUint32(0, head.length);
    packed.set(head, 4);
    packed.set(content, 4 + head.length);
    return sealBytes(account, packed);
  }

  async function unsealFile(account, sealed) {
    const packed = await openBytes(account, sealed);
    const length = new DataView(packed).getUint32(0);
    const about = JSON.parse(new TextDecoder().decode(new Uint8Array(packed, 4, length)));
    return { about, blob: new Blob([packed.slice(4 + length)], { type: about.type }) };
  }

  let staying;
  const stay = () => (staying ??= navigator.storage?.persist?.().catch(() => false)); // asks the browser, once, not to clear the store when the disk gets short

  const account = async () => (await get("state", "account"))?.value || "";

  // The phone is `account`'s from now on: nothing of anybody else stays.
  async function claim(account) {
    for (const name of OWNED) {
      await within(name, "readwrite", (store) => {
        store.openCursor().onsuccess = (event) => { const at = event.target.result; if (at) { if (at.value.account !== account) at.delete(); at.continue(); } };
      });
    }
    await put("state", { name: "account", value: account });
  }

  const clear = (...names) => within(names, "readwrite", (...stores) => { for (const store of stores) store.clear(); });

  // Everything goes, and this page writes nothing any more: it is about to be left.
  async function leave() {
    const gone = clear(...Object.keys(STORES));
    ended = true;
    await gone;
  }

  // What was never sent: records, and forms that somebody began to fill in or to walk.
  async function unsent() {
    const [records, drafts, points] = await Promise.all(["records", "drafts", "points"].map((name) => within(name, "readonly", (store) => store.getAll())));
    const begun = new Set([...drafts.map((row) => row.id), ...points.map((row) => row.track.slice(0, row.track.lastIndexOf(" ")))]);
    return { records: records.filter((row) => row.state !== "sent").length, begun: begun.size };
  }

  // Signed out where nobody was asked: what was never sent stays, sealed and shown to nobody, until its owner signs in again (`claim`); all else goes.
  async function shut() {
    const { records, begun } = await unsent();
    await clear(...(records || begun ? ["state", "pages"] : Object.keys(STORES)));
  }

  // Whoever listens (pages, the worker) hears what changed.
  function tell(message) {
    const channel = new BroadcastChannel("yiwang-field");
    channel.postMessage(message);
    channel.close();
  }

  return { get, put, drop, of, track, dropTrack, draftOf, instead, stay, seal, unseal, sealFile, unsealFile, account, claim, leave, unsent, shut, tell };
})();
