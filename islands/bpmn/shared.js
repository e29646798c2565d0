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
