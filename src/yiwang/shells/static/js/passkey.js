// Says in words when a passkey could not be made or used; allauth's own script only writes to the console.
"use strict";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const place = document.querySelector("[data-passkey-problem]");
  const cancelled = event.detail.exception?.name === "NotAllowedError";
  place.textContent = cancelled ? "没有完成：操作已取消或超时，请再试一次。" : "这台设备或浏览器没有能用的通行密钥，请改用其他方式。";
  place.hidden = false;
});
