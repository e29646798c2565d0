// [data-track]: a walk recorded point by point. Every point goes to the phone's disk, sealed, as it comes, so that nothing but the phone itself can lose it.
// data-name: the form field it is sent in; data-within: worst accuracy accepted (m, 50); data-step: shortest distance between two points (m, 5).
"use strict";

const FieldTrack = (() => {
  const STILL = 60_000; // ms after which a point is kept although nobody moved: shows that the walk went on
  const FASTEST = 60; // m/s: beyond it a point is a jump of the receiver, not of a person
  const ANOTHER = 4 * 3600_000; // ms after which a walk that lies on the phone may be another than this one

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

  // `draft` is the name of the draft that the walk belongs to.
  async function start(box, account, draft) {
    const name = box.dataset.name || "track";
    const id = `${draft} ${name}`;
    const limits = { within: Number(box.dataset.within) || 50, step: Number(box.dataset.step) || 5 };
    const points = (await Promise.all((await FieldStore.track(id)).map((row) => FieldStore.unseal(account, row.sealed)))).flat();
    const { button, again, words, worse } = face(box);
    let [watch, lock, segment, saved, written] = [null, null, 0, points.length, Promise.resolve()];

    const value = () => (points.length ? JSON.stringify({ points, ...measure(points), started_at: points[0][2], ended_at: points.at(-1)[2] }) : "");

    function keep(more) {
      points.push(...more);
      written = written.then(write);
      return written;
    }
    // All that is not on the disk yet, together: what did not fit is tried again with the next point.
    async function write() {
      const fresh = points.slice(saved);
      try {
        if (fresh.length) await FieldStore.put("points", { account, track: id, sealed: await FieldStore.seal(account, fresh) });
        saved += fresh.length;
        FieldStore.stay();
      } catch { worse.textContent = `手机存储已满，最近 ${fresh.length} 点还没有存到手机里。请不要关闭这一页，尽快提交。`; }
      show();
    }
    function show() {
      const { metres, seconds } = measure(points);
      const length = metres < 1000 ? `${metres} 米` : `${(metres / 1000).toFixed(2)} 公里`;
      words.textContent = points.length ? `已走 ${length}，${Math.floor(seconds / 60)} 分钟，记录 ${points.length} 点` : "还没有开始记录";
      button.textContent = watch !== null ? "暂停记录" : points.length ? "继续记录" : "开始记录轨迹";
      button.classList.toggle("btn-primary", watch === null);
      again.hidden = watch !== null || !points.length;
      box.dataset.points = saved;
    }
    // What lies on the phone may be a walk that was never handed in.
    function begin() {
      const last = points.length ? points.at(-1) : null;
      segment = last ? last[4] + 1 : 0;
      if (last && Date.now() - Date.parse(last[2]) > ANOTHER) worse.textContent = `上次记录到 ${new Date(last[2]).toLocaleString("zh-CN", { dateStyle: "medium", timeStyle: "short" })}。如果不是这一次的，请先重新记录。`;
      show();
    }
    function heard({ coords, timestamp }) {
      const point = [Number(coords.longitude.toFixed(7)), Number(coords.latitude.toFixed(7)), new Date(timestamp).toISOString(), Math.round(coords.accuracy), segment];
      worse.textContent = point[3] > limits.within ? `信号弱（误差约 ${point[3]} 米），走到开阔处会继续` : `误差约 ${point[3]} 米`;
      if (worth(points.at(-1), point, limits)) keep([point]);
    }
    async function awake() {
      if (watch !== null && !document.hidden) lock = await navigator.wakeLock?.request("screen").catch(() => null);
    }
    function pause() {
      if (watch === null) return;
      navigator.geolocation.clearWatch(watch);
      watch = null;
      segment += 1;
      lock?.release();
      worse.textContent = "";
    }
    button.addEventListener("click", () => {
      if (watch !== null) pause();
      else {
        watch = navigator.geolocation.watchPosition(heard, () => { worse.textContent = "不能定位，请允许使用位置"; }, { enableHighAccuracy: true, maximumAge: 2_000 });
        awake();
      }
      show();
    });
    again.addEventListener("click", async () => {
      if (confirm(`已经记录的 ${points.length} 点会从手机上删除，不能恢复。确定重新记录吗？`)) { await clear(); button.focus(); }
    });
    document.addEventListener("visibilitychange", awake);

    // A record that came back from the server brings its walk with it.
    async function restore(text) {
      if (text && !points.length) await keep(JSON.parse(text).points);
      begin();
    }
    // No point comes after this until the walk goes on.
    async function stop() {
      pause();
      await written;
      show();
    }
    async function clear() {
      await stop();
      points.length = saved = segment = 0;
      await FieldStore.dropTrack(id);
      worse.textContent = "";
      show();
    }
    begin();
    return { name, points, value, restore, stop, clear };
  }

  function face(box) {
    const make = (tag, properties) => box.appendChild(Object.assign(document.createElement(tag), properties));
    const button = make("button", { type: "button", className: "btn" });
    box.append(" ");
    const again = make("button", { type: "button", className: "btn", textContent: "重新记录", hidden: true });
    const words = make("p", { className: "track-words" });
    words.setAttribute("role", "status");
    return { button, again, words, worse: make("p", { className: "muted" }) };
  }

  return { measure, worth, start };
})();
