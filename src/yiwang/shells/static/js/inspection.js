// The on-site check: kept in the phone as it is filled in, sent whole under a key made here, sent again until the server has it.
"use strict";

const form = document.getElementById("inspection");
const store = form.dataset.key;
const kept = document.getElementById("kept");
const canvas = document.getElementById("sign");
const pen = canvas.getContext("2d");
const state = JSON.parse(localStorage.getItem(store) || "null") || { key: uuid(), started_at: new Date().toISOString(), photos: [], place: null, accuracy: null, values: {}, signature: "" };

function uuid() {
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6] & 15) | 64; b[8] = (b[8] & 63) | 128;
  const h = [...b].map((x) => x.toString(16).padStart(2, "0")).join("");
  return `${h.slice(0, 8)}-${h.slice(8, 12)}-${h.slice(12, 16)}-${h.slice(16, 20)}-${h.slice(20)}`;
}

function keep() {
  try { localStorage.setItem(store, JSON.stringify(state)); kept.textContent = "已保存在手机里"; }
  catch { kept.textContent = "手机存储已满，请尽快提交"; }
}

form.addEventListener("input", () => {
  state.values = Object.fromEntries([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken"));
  keep();
});
for (const [name, value] of Object.entries(state.values)) {
  const found = form.elements[name];
  if (!found) continue;
  if (found instanceof RadioNodeList) found.value = value; else found.value = value;
}

function show() {
  const thumbs = document.getElementById("thumbs");
  thumbs.replaceChildren(...state.photos.map((photo, n) => {
    const image = new Image(); image.src = photo.content; image.alt = `现场照片 ${n + 1}`; return image;
  }));
  if (state.place) document.getElementById("place").textContent = `已记录（误差约 ${Math.round(state.accuracy)} 米）`;
}

document.getElementById("camera").addEventListener("change", async (event) => {
  for (const file of event.target.files) {
    const picture = await createImageBitmap(file);
    const scale = Math.min(1, 1600 / Math.max(picture.width, picture.height));
    const sheet = Object.assign(document.createElement("canvas"), { width: picture.width * scale, height: picture.height * scale });
    sheet.getContext("2d").drawImage(picture, 0, 0, sheet.width, sheet.height);
    state.photos.push({ content: sheet.toDataURL("image/jpeg", 0.8), taken_at: new Date().toISOString(), place: state.place });
  }
  event.target.value = "";
  keep(); show();
});

document.getElementById("locate").addEventListener("click", () => {
  const words = document.getElementById("place");
  words.textContent = "正在定位…";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => { state.place = [coords.longitude, coords.latitude]; state.accuracy = coords.accuracy; keep(); show(); },
    () => { words.textContent = "不能定位，请允许使用位置或在说明里写明地址"; },
    { enableHighAccuracy: true, timeout: 15000 },
  );
});

function fit() {
  canvas.width = canvas.clientWidth; canvas.height = canvas.clientHeight;
  pen.lineWidth = 2.5; pen.lineCap = "round"; pen.strokeStyle = "#111";
  if (state.signature) { const image = new Image(); image.onload = () => pen.drawImage(image, 0, 0); image.src = state.signature; }
}
let drawing = false;
canvas.addEventListener("pointerdown", (e) => { drawing = true; pen.beginPath(); pen.moveTo(e.offsetX, e.offsetY); canvas.setPointerCapture(e.pointerId); });
canvas.addEventListener("pointermove", (e) => { if (drawing) { pen.lineTo(e.offsetX, e.offsetY); pen.stroke(); } });
canvas.addEventListener("pointerup", () => { drawing = false; state.signature = canvas.toDataURL("image/png"); keep(); });
document.getElementById("clear").addEventListener("click", () => { pen.clearRect(0, 0, canvas.width, canvas.height); state.signature = ""; keep(); });

function record() {
  const values = state.values;
  const findings = {};
  for (const [name, value] of Object.entries(values)) if (name.startsWith("r-")) findings[name.slice(2)] = { result: value, note: values[`n-${name.slice(2)}`] || "" };
  return {
    key: state.key, started_at: state.started_at, finished_at: new Date().toISOString(), place: state.place, accuracy: state.accuracy, findings,
    passed: values.passed ? values.passed === "yes" : null, remarks: values.remarks || "", companion: values.companion || "", signature: state.signature, photos: state.photos,
  };
}

async function send() {
  const problems = document.getElementById("problems");
  problems.replaceChildren();
  try {
    const answer = await fetch(form.dataset.send, {
      method: "POST", body: JSON.stringify(record()),
      headers: { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value },
    });
    const body = await answer.json();
    if (answer.ok) { localStorage.removeItem(store); location.assign("/field/"); return; }
    const list = document.createElement("div");
    list.className = "callout bad";
    list.textContent = [body.detail, ...Object.values(body.errors || {}), body.hint].filter(Boolean).join("；");
    problems.append(list);
  } catch {
    kept.textContent = "没有网络，记录保存在手机里，联网后会自动提交";
    window.addEventListener("online", send, { once: true });
  }
}
form.addEventListener("submit", (event) => { event.preventDefault(); event.stopPropagation(); send(); });
fit(); show();
