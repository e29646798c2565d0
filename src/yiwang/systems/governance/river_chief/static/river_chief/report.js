// The report form of a sign-board: the reporter's own position, only when they ask for it.
"use strict";

document.getElementById("locate").addEventListener("click", () => {
  const words = document.getElementById("where");
  words.textContent = "正在定位…";
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => { document.getElementById("place").value = `${coords.longitude},${coords.latitude}`; words.textContent = `已记录（误差约 ${Math.round(coords.accuracy)} 米）`; },
    () => { words.textContent = "不能定位，将按公示牌的位置登记"; },
    { enableHighAccuracy: true, timeout: 15000 },
  );
});
