// What every page needs: buttons that cannot be pressed twice, drafts saved while typing, files sent when chosen, unread counts that keep up, printing.
"use strict";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) { event.preventDefault(); return; }
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 8000);
});

// On a phone the rows of the menu scroll sideways: they begin where one is.
for (const here of document.querySelectorAll("nav a[aria-current]")) {
  const row = here.closest("ul") || here.parentElement;
  if (row.scrollWidth > row.clientWidth) row.scrollLeft = here.offsetLeft - row.offsetLeft - 48;
}

// On a phone a table that is wider than the screen becomes cards, as the generic lists are: each cell says the name of its column.
const narrow = matchMedia("(max-width: 760px)");
const deal = () => {
  for (const box of narrow.matches ? document.querySelectorAll(".scroll") : []) {
    const table = box.querySelector("table.list:not(.cards)");
    if (!table?.tHead || box.scrollWidth <= box.clientWidth) continue;
    const names = [...table.tHead.rows[0].cells].map((head) => (head.querySelector(".visually-hidden") ? "" : head.textContent.trim()));
    for (const row of table.tBodies[0].rows) {
      for (const cell of row.cells.length === names.length ? row.cells : []) {
        if (cell.cellIndex && cell.tagName === "TD" && names[cell.cellIndex]) cell.dataset.label ??= names[cell.cellIndex];
        if (cell.textContent.trim() === "—") cell.classList.add("nil");
      }
    }
    table.classList.add("cards");
  }
};
narrow.addEventListener("change", deal);
document.addEventListener("toggle", deal, true); // what was folded had no width
deal();

// A link into something folded opens it, and what holds it.
const unfold = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target?.closest?.("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  target?.scrollIntoView?.();
};
addEventListener("hashchange", unfold);
if (location.hash) unfold();

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) window.print();
});

const waiting = document.querySelector("[data-reload]");
if (waiting) setTimeout(() => location.reload(), Number(waiting.dataset.reload));

// A chosen file goes at once: one tap less, and nothing chosen is forgotten.
document.addEventListener("change", (event) => {
  const input = event.target.closest("input[data-upload]");
  if (!input || !input.files.length) return;
  const label = document.querySelector(`label[for="${input.id}"]`);
  if (label) label.textContent = "正在上传…";
  input.form.requestSubmit();
});

// Parts of a form that only one answer needs, such as the address of a parcel: data-shown-by names the field, data-when its value, data-above what it must be more than.
for (const part of document.querySelectorAll("[data-shown-by]")) {
  const form = part.closest("form");
  const show = () => {
    const said = new FormData(form).get(part.dataset.shownBy) ?? "";
    const wanted = "when" in part.dataset ? said === part.dataset.when : Number(said) > Number(part.dataset.above);
    part.hidden = !wanted && !part.querySelector(".wrong");
  };
  form.addEventListener("input", show);
  show();
}

const draft = document.querySelector("form[data-save]");
if (draft) {
  const note = document.querySelector("[data-saved]");
  let timer;
  draft.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const answer = await fetch(draft.dataset.save, { method: "POST", body: new FormData(draft), headers: { Accept: "application/json" } });
        note.textContent = answer.ok ? "已自动保存" : "还没有保存，请检查网络";
      } catch { note.textContent = "还没有保存，请检查网络"; }
    }, 600);
  });
}

const stream = document.body.dataset.stream;
if (stream && window.EventSource) {
  const source = new EventSource(stream, { withCredentials: true });
  source.addEventListener("changed", (event) => {
    const what = JSON.parse(event.data).what;
    const here = document.querySelector("[data-live]")?.dataset.live;
    if (here && (what === here || what.startsWith(`${here}:`))) document.querySelector("[data-live-note]")?.removeAttribute("hidden");
    if (what === "messages") {
      document.querySelectorAll("[data-unread]").forEach((count) => { count.textContent = String(Number(count.textContent) + 1); });
      document.querySelectorAll("[data-unread-box]").forEach((box) => box.removeAttribute("hidden"));
    }
  });
}

// Names while typing, in the browser's own list: keyboard and screen readers know it.
for (const box of document.querySelectorAll("input[data-suggest]")) {
  let timer;
  if (!box.list) {
    const list = box.parentElement.appendChild(Object.assign(document.createElement("datalist"), { id: `${box.id}-names` }));
    box.setAttribute("list", list.id);
  }
  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      try {
        const answer = await fetch(`${box.dataset.suggest}?q=${encodeURIComponent(box.value)}`);
        const { names } = await answer.json();
        box.list.replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), Array.isArray(name) ? { value: name[0], label: name[1] } : { value: name })));
      } catch { /* suggestions are a convenience: searching works without */ }
    }, 200);
  });
}
