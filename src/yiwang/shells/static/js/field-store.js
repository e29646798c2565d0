// The phone's own store: pages, drafts, outgoing records and track points of one account, sealed with a key that never leaves the browser.
// Runs in pages and in the service worker. Sealed = {iv, data}: AES-GCM 256, bound to the account. What this protects, and what not: docs/shells/field.md.
"use strict";

const FieldStore = (() => {
  const STORES = { state: "name", keys: "account", pages: "id", drafts: "id", records: "key", points: "id" };
  const OWNED = ["keys", "pages", "drafts", "records", "points"];
  let opened;

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

  // One transaction: `work` gets the object store and returns a request or nothing; resolves with the request's result once all is on disk.
  async function within(name, mode, work) {
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction(name, mode);
      const request = work(transaction.objectStore(name));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  }

  const get = (name, key) => within(name, "readonly", (store) => store.get(key));
  const put = (name, row) => within(name, "readwrite", (store) => store.put(row));
  const drop = (name, key) => within(name, "readwrite", (store) => store.delete(key));
  const of = (name, account) => within(name, "readonly", (store) => store.index("account").getAll(account));
  const track = (id) => within("points", "readonly", (store) => store.index("track").getAll(id));

  async function dropTrack(id) {
    await within("points", "readwrite", (store) => {
      store.index("track").openKeyCursor(id).onsuccess = (event) => { const at = event.target.result; if (at) { store.delete(at.primaryKey); at.continue(); } };
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

  async function leave() {
    for (const name of Object.keys(STORES)) await within(name, "readwrite", (store) => store.clear());
  }

  // Whoever listens (pages, the worker) hears what changed.
  function tell(message) {
    const channel = new BroadcastChannel("yiwang-field");
    channel.postMessage(message);
    channel.close();
  }

  return { get, put, drop, of, track, dropTrack, seal, unseal, sealFile, unsealFile, account, claim, leave, tell };
})();
