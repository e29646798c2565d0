// Parts of a field form beyond text: photographs, a signature, the place. Each works on the draft that field-forms.js keeps:
// draft.files [{about: {id, field, name, type, taken_at, place, accuracy}, blob, sealed}], and `keepFile`, `dropFile` to change them, each in its turn.
"use strict";

const FieldParts = (() => {
  const FRESH = 120_000; // ms within which a picture is taken to be of now and here
  const LONGEST = 1600; // px of a photograph's longer side: enough to read a label, a tenth of what a camera makes

  // JPEG of at most LONGEST px; turned as the camera was held.
  async function smaller(file) {
    const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST / Math.max(picture.width, picture.height));
    const sheet = Object.assign(document.createElement("canvas"), { width: Math.round(picture.width * scale), height: Math.round(picture.height * scale) });
    sheet.getContext("2d").drawImage(picture, 0, 0, sheet.width, sheet.height);
    picture.close();
    return new Promise((resolve) => sheet.toBlob(resolve, "image/jpeg", 0.8));
  }

  // input[type=file][data-photos]: chosen or taken pictures, each with moment and place; thumbs in the element that data-thumbs names.
  function photos(form, draft) {
    for (const input of form.querySelectorAll("input[type=file][data-photos]")) {
      const thumbs = document.getElementById(input.dataset.thumbs);
      const field = input.name;
      input.dataset.field = field;
      input.removeAttribute("name"); // they travel from the draft, made smaller
      const show = () => thumbs.replaceChildren(...draft.files.filter((file) => file.about.field === field).map((file, n) => thumb(file, n, async () => { await draft.dropFile((one) => one === file); show(); input.focus(); })));
      input.addEventListener("change", async () => {
        const made = [...input.files].map((file, n) => {
          const about = { id: Field.uuid(), field, name: `现场照片${draft.files.length + n + 1}.jpg`, type: "image/jpeg", ...takenAt(form, file) };
          return draft.keepFile(about, () => smaller(file).catch(() => draft.say(`“${file.name}”不是能读的照片，没有加入。`)));
        });
        input.value = "";
        await Promise.all(made);
        show();
      });
      show();
    }
  }

  function thumb({ about, blob }, n, remove) {
    const figure = Object.assign(document.createElement("figure"), { className: "thumb-box" });
    const image = Object.assign(new Image(), { src: URL.createObjectURL(blob), alt: `照片 ${n + 1}` });
    const button = Object.assign(document.createElement("button"), { type: "button", className: "plain", textContent: "删除" });
    button.setAttribute("aria-label", `删除照片 ${n + 1}`);
    button.addEventListener("click", remove);
    const time = Object.assign(document.createElement("figcaption"), { className: "muted", textContent: new Date(about.taken_at).toLocaleTimeString("zh-CN", { hour: "2-digit", minute: "2-digit" }) });
    figure.append(image, time, button);
    return figure;
  }

  // A picture from the album was not taken now, and nobody knows where.
  function takenAt(form, file) {
    const [now, made] = [Date.now(), file.lastModified || Infinity];
    if (now - made > FRESH) return { taken_at: new Date(made).toISOString(), place: null, accuracy: null };
    return { taken_at: new Date(now).toISOString(), ...placeOf(form) };
  }

  // [data-part]: what belongs together, such as one thing that was found. Its input[data-moment] holds when it was begun.
  function moments(form) {
    for (const moment of form.querySelectorAll("[data-part] [data-moment]")) {
      moment.closest("[data-part]").addEventListener("input", () => { moment.value ||= new Date().toISOString(); });
    }
  }

  // Whether anything was put into a part: then what is data-needed in it is required.
  function begun(part, draft) {
    const filled = [...part.querySelectorAll("[name]:not([data-moment])")].some((one) => one.value.trim());
    return filled || [...part.querySelectorAll("[data-field]")].some((input) => draft.files.some((file) => file.about.field === input.dataset.field));
  }

  function placeOf(form) {
    const text = form.querySelector("[data-place] input[name=place]")?.value;
    return { place: text ? text.split(",").map(Number) : null, accuracy: Number(form.querySelector("[data-place] input[name=accuracy]")?.value) || null };
  }

  // [data-sign]: a canvas instead of a file; what is drawn is kept as one PNG under the file field's name.
  function signature(form, draft) {
    for (const box of form.querySelectorAll("[data-sign]")) {
      const input = box.querySelector("input[type=file]");
      const canvas = box.querySelector("canvas");
      const field = input.name;
      input.removeAttribute("name");
      input.closest("[data-plain]").hidden = true;
      for (const part of box.querySelectorAll("[data-drawn]")) part.hidden = false;
      const pen = canvas.getContext("2d");
      const mine = (file) => file.about.field === field;
      fit(canvas, pen, draft.files.find(mine)?.blob);
      write(canvas, pen, () => {
        const picture = new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
        draft.keepFile({ id: Field.uuid(), field, name: "签名.png", type: "image/png", taken_at: new Date().toISOString(), ...placeOf(form) }, () => picture, true);
      });
      box.querySelector("[data-clear]").addEventListener("click", () => { pen.clearRect(0, 0, canvas.width, canvas.height); draft.dropFile(mine); });
    }
  }

  function fit(canvas, pen, blob) {
    canvas.width = canvas.clientWidth;
    canvas.height = canvas.clientHeight;
    Object.assign(pen, { lineWidth: 2.5, lineCap: "round", strokeStyle: "#111" });
    if (blob) createImageBitmap(blob).then((picture) => pen.drawImage(picture, 0, 0));
  }

  function write(canvas, pen, done) {
    let drawing = false;
    canvas.addEventListener("pointerdown", (event) => { drawing = true; pen.beginPath(); pen.moveTo(event.offsetX, event.offsetY); canvas.setPointerCapture(event.pointerId); });
    canvas.addEventListener("pointermove", (event) => { if (drawing) { pen.lineTo(event.offsetX, event.offsetY); pen.stroke(); } });
    canvas.addEventListener("pointerup", () => { if (drawing) done(); drawing = false; });
    canvas.addEventListener("pointercancel", () => { if (drawing) done(); drawing = false; });
  }

  // [data-place]: a button, words, and the hidden fields place ("lon,lat") and accuracy (metres); their names may begin with what they belong to.
  function place(form) {
    for (const box of form.querySelectorAll("[data-place]")) {
      const [where, accuracy, note] = ["input[name$=place]", "input[name$=accuracy]", "[data-place-note]"].map((name) => box.querySelector(name));
      const show = () => { if (where.value) note.textContent = `已记录（误差约 ${Math.round(accuracy.value)} 米）`; };
      box.querySelector("[data-locate]").addEventListener("click", () => {
        note.textContent = "正在定位…";
        navigator.geolocation.getCurrentPosition(({ coords }) => {
          where.value = `${coords.longitude.toFixed(7)},${coords.latitude.toFixed(7)}`;
          accuracy.value = coords.accuracy.toFixed(1);
          where.dispatchEvent(new Event("input", { bubbles: true }));
          show();
        }, () => { note.textContent = "不能定位，请允许使用位置或在说明里写明地址"; }, { enableHighAccuracy: true, timeout: 15_000, maximumAge: 10_000 }); // the fix of a walk that is being recorded will do
      });
      show();
    }
  }

  return { photos, signature, place, moments, begun };
})();
