// A patrol: the track as [lon, lat, ISO time, accuracy, segment] and the place of each finding. Where the shell's own recorder runs (FieldTrack), only the findings' places are kept here.
"use strict";

(() => {
  const form = document.getElementById("patrol");
  const shell = typeof FieldTrack !== "undefined";
  const points = [];
  let [watch, segment, last] = [null, 0, null];

  function note(text) { form.querySelector("[data-walk-note]").textContent = text; }

  function heard({ coords, timestamp }) {
    last = { coords, timestamp };
    if (watch === null) return;
    points.push([Number(coords.longitude.toFixed(7)), Number(coords.latitude.toFixed(7)), new Date(timestamp).toISOString(), Math.round(coords.accuracy), segment]);
    note(`已记录 ${points.length} 点，误差约 ${Math.round(coords.accuracy)} 米`);
    form.querySelector("[data-track]").dataset.points = points.length;
  }

  function walk() {
    const button = form.querySelector("[data-walk]");
    if (watch !== null) {
      navigator.geolocation.clearWatch(watch); watch = null; segment += 1; button.textContent = "继续记录";
      return;
    }
    form.elements.started_at.value ||= new Date().toISOString();
    watch = navigator.geolocation.watchPosition(heard, () => note("不能定位，请允许使用位置"), { enableHighAccuracy: true, maximumAge: 0 });
    button.textContent = "暂停记录"; note("正在定位…");
  }

  // Where a finding is: the walk's own last position while one is recorded, else asked for now.
  function mark(box) {
    const found = ({ coords }) => {
      box.querySelector("[data-finding-place]").value = `${coords.longitude},${coords.latitude}`;
      box.querySelector("[data-finding-at]").value = new Date().toISOString();
      box.querySelector("[data-finding-note]").textContent = `位置已记录（误差约 ${Math.round(coords.accuracy)} 米）`;
    };
    if (watch !== null && last) { found(last); return; }
    const lost = () => { box.querySelector("[data-finding-note]").textContent = "不能定位，请走到开阔处重新选择类型"; };
    navigator.geolocation.getCurrentPosition(found, lost, { enableHighAccuracy: true, timeout: 15000, maximumAge: 30000 });
  }

  for (const box of form.querySelectorAll("[data-finding]")) box.querySelector("[data-finding-kind]").addEventListener("change", () => mark(box));
  if (shell) { form.querySelector("[data-walk]").remove(); form.querySelector("[data-walk-note]").remove(); form.querySelector("[name=track]").remove(); return; }
  form.querySelector("[data-walk]").addEventListener("click", walk);
  form.addEventListener("submit", () => {
    form.elements.finished_at.value = new Date().toISOString();
    if (points.length) { form.elements.started_at.value = points[0][2]; form.elements.track.value = JSON.stringify({ points }); }
  });
})();
