// Signing out takes everything of field work off the phone: say so while there is something to lose. On every page with a form[data-leave];
// where nobody could be asked, the worker leaves what was never sent (FieldStore.shut).
"use strict";

const FieldLeave = (() => {
  const note = document.querySelector("[data-app-note]");
  const tell = (text) => { if (note) note.textContent = text; else alert(text); };

  async function leave(event) {
    event.preventDefault();
    event.stopPropagation();
    const form = event.target;
    if (!navigator.onLine) { tell("现在没有网络，不能退出登录。请锁好手机，有网络后再退出。"); return; }
    const { records, begun } = await FieldStore.unsent();
    const left = [records && `${records} 条记录没有发出`, begun && `${begun} 张现场表没有提交`].filter(Boolean).join("，");
    if (left && !confirm(`还有 ${left}。退出登录会把它们连同照片、轨迹从这部手机上删除，不能恢复。确定退出吗？`)) return;
    await FieldStore.leave();
    form.submit();
  }

  return { start: () => document.querySelector("form[data-leave]")?.addEventListener("submit", leave) };
})();
if (window.isSecureContext && "serviceWorker" in navigator && "indexedDB" in window) FieldLeave.start();
