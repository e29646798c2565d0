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

/** The scale at which the words of a drawing are as large as the page's small print. */
export const READABLE = 1;

/** Small buttons on the drawing: what they say, and what they do. */
export function zoomer(box, actions) {
  const names = { "-": "缩小", "+": "放大", 全图: "看全图" };
  const bar = Object.assign(document.createElement("div"), { className: "flow-zoom" });
  for (const [words, act] of Object.entries(actions)) {
    const button = Object.assign(document.createElement("button"), { type: "button", textContent: words, onclick: act });
    button.setAttribute("aria-label", names[words]);
    bar.append(button);
  }
  box.append(bar);
}
