// input[data-scan]: a button beside it reads a QR code with the camera, or from a photograph where there is no live camera. Typing the number always works.
// data-scan may hold a regular expression whose first group is what is taken from the code: a sign-board's address ends with its number.
import jsQR from "jsqr";

const LARGEST = 1200; // px of a frame given to the decoder: more only takes longer

function pixels(source, width, height) {
  const scale = Math.min(1, LARGEST / Math.max(width, height));
  const sheet = Object.assign(document.createElement("canvas"), { width: Math.round(width * scale), height: Math.round(height * scale) });
  const brush = sheet.getContext("2d", { willReadFrequently: true });
  brush.drawImage(source, 0, 0, sheet.width, sheet.height);
  return brush.getImageData(0, 0, sheet.width, sheet.height);
}

// The browser's own reader where it has one (Chrome on Android), else jsQR; "" when there is no code in the picture.
async function read(source, width, height) {
  if ("BarcodeDetector" in window) {
    const found = await new BarcodeDetector({ formats: ["qr_code"] }).detect(source).catch(() => []);
    if (found.length) return found[0].rawValue;
  }
  const { data, width: w, height: h } = pixels(source, width, height);
  return jsQR(data, w, h)?.data || "";
}

function take(input, text) {
  const found = input.dataset.scan ? text.match(new RegExp(input.dataset.scan)) : null;
  input.value = found ? found[1] ?? found[0] : text;
  for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
  input.focus();
}

function parts(input) {
  const box = Object.assign(document.createElement("div"), { className: "scan" });
  box.innerHTML = '<button type="button" class="btn">扫码</button> <label class="btn">拍照识别<input type="file" accept="image/*" capture="environment" class="visually-hidden"></label><p class="muted" role="status"></p><dialog class="scan-view" aria-label="扫码"><video playsinline muted></video><p>把二维码放在画面中间</p><button type="button" class="btn">关闭</button></dialog>';
  input.after(box);
  const [live, close] = box.querySelectorAll("button");
  return { live, close, file: box.querySelector("input"), note: box.querySelector("[role=status]"), dialog: box.querySelector("dialog"), video: box.querySelector("video") };
}

function start(input) {
  const { live, close, file, note, dialog, video } = parts(input);
  live.hidden = !navigator.mediaDevices?.getUserMedia;
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { video.srcObject?.getTracks().forEach((track) => track.stop()); video.srcObject = null; });
  live.addEventListener("click", async () => {
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch { note.textContent = "不能打开摄像头，请拍照识别或输入编号"; return; }
    dialog.showModal();
    await video.play();
    while (dialog.open) {
      const text = await read(video, video.videoWidth, video.videoHeight);
      if (text) { dialog.close(); note.textContent = "已读出"; take(input, text); return; }
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  });
  file.addEventListener("change", async () => {
    const picture = file.files.length ? await createImageBitmap(file.files[0]).catch(() => null) : null;
    file.value = "";
    const text = picture ? await read(picture, picture.width, picture.height) : "";
    note.textContent = text ? "已读出" : "照片里没有找到二维码，请靠近一些再拍，或输入编号";
    if (text) take(input, text);
  });
}

window.FieldScan = { start }; // for a field that a page adds later
for (const input of document.querySelectorAll("input[data-scan]")) start(input);
