// The editor: bpmn-js with only the elements that the engine runs, in Chinese, and a form beside it for what is ours (role, steps, stage, timer, condition).
import Modeler from "bpmn-js/lib/Modeler";
import palette from "./palette.js";
import { NARROW, lights, named, resized, zoomer } from "./shared.js";
import { properties } from "./properties.js";

const OURS = {
  name: "Yiwang", uri: "urn:yiwang:flow:1", prefix: "yw", xml: { tagAlias: "lowerCase" },
  types: [
    { name: "Element", extends: ["bpmn:FlowElement"], properties: ["role", "steps", "stage", "organ", "unit", "decision"].map((name) => ({ name, isAttr: true, type: "String" })) },
    { name: "Process", extends: ["bpmn:Process"], properties: [{ name: "anytime", isAttr: true, type: "String" }] },
  ],
};
const WORDS = {
  "Activate hand tool": "移动画布", "Activate lasso tool": "框选", "Activate create/remove space tool": "拉开距离", "Activate global connect tool": "连线",
  "Connect to other element": "连到另一个元素", Delete: "删除", "Open {element}": "打开",
};

const PALETTE = 120; // pixels that the palette covers

const form = document.querySelector("[data-flow-edit]");
if (form) edit(form);

async function edit(form) {
  const box = form.querySelector("[data-flow-canvas]");
  const source = form.querySelector("[name=bpmn]");
  box.dataset.ready = "1";
  const translate = (words, values = {}) => (WORDS[words] || words).replace(/{([^}]+)}/g, (all, key) => values[key] ?? all);
  const modeler = new Modeler({ container: box, moddleExtensions: { yw: OURS }, additionalModules: [palette, { translate: ["value", translate] }] });
  try {
    await modeler.importXML(source.value);
  } catch {
    delete box.dataset.ready; // the source stays on the page to be mended
    return;
  }
  form.classList.add("drawn");
  const canvas = modeler.get("canvas");
  begin(canvas);
  named(modeler, box);
  zoomer(box, { 缩小: () => modeler.get("zoomScroll").stepZoom(-1), 放大: () => modeler.get("zoomScroll").stepZoom(1), 全图: () => whole(canvas) });
  resized(box, () => { canvas.resized(); begin(canvas); });
  properties(modeler, form);
  report(modeler, form);
  let sent = false;
  form.addEventListener("submit", async (event) => {
    if (sent) return;
    event.preventDefault();
    source.value = (await modeler.saveXML({ format: true })).xml;
    sent = true;
    form.requestSubmit(event.submitter);
  });
}

/** Where there is room the beginning of the drawing at a size that can be read, clear of the palette; on a phone the whole. */
function begin(canvas) {
  const { inner, outer } = canvas.viewbox();
  const scale = 0.8;
  if (outer.width < NARROW) return whole(canvas);
  const height = outer.height / scale;
  canvas.viewbox({ x: inner.x - PALETTE / scale, y: inner.y + Math.min(0, inner.height - height) / 2 - 20, width: outer.width / scale, height });
}

/** Everything, clear of the palette, which lies above the drawing on a phone. */
function whole(canvas) {
  const { inner, outer } = canvas.viewbox();
  const [left, top] = outer.width < NARROW ? [10, PALETTE] : [PALETTE, 10];
  const scale = Math.min(1, (outer.width - left - 10) / inner.width, (outer.height - top - 10) / inner.height);
  canvas.viewbox({ x: inner.x - left / scale, y: inner.y - top / scale, width: outer.width / scale, height: outer.height / scale });
}

/** Each sentence of the report lights its element and goes there; the first that forbids publishing is in view. */
function report(modeler, form) {
  const first = modeler.get("elementRegistry").get(document.querySelector("[data-element]:not([data-hint])")?.dataset.element);
  if (first && form.querySelector("[data-flow-canvas]").clientWidth >= NARROW) modeler.get("canvas").scrollToElement(first, { top: 80, right: 80, bottom: 80, left: PALETTE + 20 });
  for (const item of document.querySelectorAll("[data-element]")) {
    const element = modeler.get("elementRegistry").get(item.dataset.element);
    if (!element) continue;
    lights(modeler, element.id, "hint" in item.dataset ? "worth" : "wrong");
    item.hidden = false;
    item.addEventListener("click", () => {
      modeler.get("selection").select(element);
      modeler.get("canvas").scrollToElement(element);
      form.querySelector("[data-flow-canvas]").scrollIntoView({ block: "nearest" });
    });
  }
}
