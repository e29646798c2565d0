// What the viewer and the editor share.

/** Marks the elements with these ids (separated by spaces). */
export function lights(viewer, ids, marker) {
  const registry = viewer.get("elementRegistry");
  for (const id of (ids || "").split(" ")) if (id && registry.get(id)) viewer.get("canvas").addMarker(id, marker);
}

/** Gives the drawing a name for those who do not see it. */
export function named(viewer, box) {
  const svg = box.querySelector("svg");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", box.getAttribute("aria-label") || "流程图");
  for (const link of box.querySelectorAll(".bjs-powered-by")) link.setAttribute("aria-label", "流程图由 bpmn.io 绘制（新窗口打开）");
}

/** Narrower than this the whole drawing is shown first, and the list beneath is what is read. */
export const NARROW = 600;

/** Small buttons on the drawing: what they say, and what they do. */
export function zoomer(box, actions) {
  const bar = Object.assign(document.createElement("div"), { className: "flow-zoom" });
  for (const [words, act] of Object.entries(actions)) bar.append(Object.assign(document.createElement("button"), { type: "button", textContent: words, onclick: act }));
  box.append(bar);
}

/** Calls back when the box gets another width: a phone is turned, a side column opens. */
export function resized(box, act) {
  let width = box.clientWidth;
  new ResizeObserver(() => {
    if (box.clientWidth === width || !box.clientWidth) return;
    width = box.clientWidth;
    act();
  }).observe(box);
}
