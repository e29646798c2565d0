// [data-track]: a walk recorded point by point. Every point is on the phone's disk, sealed, before the next one comes, so that nothing but the phone itself can lose it.
// data-name: the form field it is sent in; data-within: worst accuracy accepted (m, 50); data-step: shortest distance between two points (m, 5).
"use strict";

const FieldTrack = (() => {
  const STILL = 60_000; // ms after which a point is kept although nobody moved: shows that the walk went on
  const FASTEST = 60; // m/s: beyond it a point is a jump of the receiver, not of a person

  // Of points [lon, lat, ISO time, accuracy m, segment]: metres walked and seconds from start to end within segments.
  function measure(points) {
    let [metres, seconds] = [0, 0];
    for (let n = 1; n < points.length; n += 1) {
      const [from, to] = [points[n - 1], points[n]];
      if (from[4] !== to[4]) continue; // a pause lies between
      metres += FieldPlaces.metres(from, to);
      seconds += (Date.parse(to[2]) - Date.parse(from[2])) / 1000;
    }
    return { metres: Math.round(metres), seconds: Math.round(seconds) };
  }

  // Whether a new point is worth keeping after `last`.
  function worth(last, point, { within, step }) {
    if (point[3] > within) return false;
    if (!last || last[4] !== point[4]) return true;
    const [metres, time] = [FieldPlaces.metres(last, point), Date.parse(point[2]) - Date.parse(last[2])];
    if (metres > FASTEST * Math.max(1, time / 1000)) return false;
    return metres >= step || time >= STILL;
  }

  async function start(box, account, address) {
    const name = box.dataset.name || "track";
    const id = `${account} ${address} ${name}`;
    const limits = { within: Number(box.dataset.within) || 50, step: Number(box.dataset.step) || 5 };
    const points = await Promise.all((await FieldStore.track(id)).map((row) => FieldStore.unseal(account, row.sealed)));
    const recorder = { name, points, id, value: () => (points.length ? JSON.stringify({ points, ...measure(points), started_at: points[0][2], ended_at: points.at(-1)[2] }) : ""), restore, clear };
    const { button, words, worse } = face(box);
    let [watch, lock, segment] = [null, null, points.length ? points.at(-1)[4] + 1 : 0];

    async function keep(point) {
      points.push(point);
      await FieldStore.put("points", { account, track: id, sealed: await FieldStore.seal(account, point) });
      show();
    }
    function show() {
      const { metres, seconds } = measure(points);
      const length = metres < 1000 ? `${metres} 米` : `${(metres / 1000).toFixed(2)} 公里`;
      words.textContent = points.length ? `已走 ${length}，${Math.floor(seconds / 60)} 分钟，记录 ${points.length} 点` : "还没有开始记录";
      button.textContent = watch !== null ? "暂停记录" : points.length ? "继续记录" : "开始记录轨迹";
      button.classList.toggle("btn-primary", watch === null);
      box.dataset.points = points.length;
    }
    function heard({ coords, timestamp }) {
      const point = [Number(coords.longitude.toFixed(7)), Number(coords.latitude.toFixed(7)), new Date(timestamp).toISOString(), Math.round(coords.accuracy), segment];
      worse.textContent = point[3] > limits.within ? `信号弱（误差约 ${point[3]} 米），走到开阔处会继续` : `误差约 ${point[3]} 米`;
      if (worth(points.at(-1), point, limits)) keep(point);
    }
    async function awake() {
      if (watch !== null && !document.hidden) lock = await navigator.wakeLock?.request("screen").catch(() => null);
    }
    button.addEventListener("click", () => {
      if (watch !== null) { navigator.geolocation.clearWatch(watch); watch = null; segment += 1; lock?.release(); worse.textContent = ""; }
      else {
        watch = navigator.geolocation.watchPosition(heard, () => { worse.textContent = "不能定位，请允许使用位置"; }, { enableHighAccuracy: true, maximumAge: 2_000 });
        awake();
      }
      show();
    });
    document.addEventListener("visibilitychange", awake);

    // A record that came back from the server brings its walk with it.
    async function restore(text) {
      if (!text || points.length) return;
      for (const point of JSON.parse(text).points) await keep(point);
      segment = points.length ? points.at(-1)[4] + 1 : 0;
    }
    async function clear() {
      if (watch !== null) navigator.geolocation.clearWatch(watch);
      watch = null;
      points.length = 0;
      await FieldStore.dropTrack(id);
    }
    show();
    return recorder;
  }

  function face(box) {
    const make = (tag, properties) => box.appendChild(Object.assign(document.createElement(tag), properties));
    const button = make("button", { type: "button", className: "btn" });
    const words = make("p", { className: "track-words" });
    words.setAttribute("role", "status");
    return { button, words, worse: make("p", { className: "muted" }) };
  }

  return { measure, worth, start };
})();
