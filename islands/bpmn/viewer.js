// A flow diagram where a page has [data-flow]: drawn by bpmn.io, the case's position lit and in view; at a size that can be read where there is room, the whole of it on a
// phone, from where it is enlarged. It scrolls like any part of a page, by finger, wheel or keys. The list beneath it says the same without a script.
import Viewer from "bpmn-js/lib/Viewer";
import { NARROW, lights, named, resized, zoomer } from "./shared.js";

for (const box of document.querySelectorAll("[data-flow]")) show(box);

async function show(box) {
  const xml = document.getElementById(box.dataset.flow).value;
  box.dataset.ready = "1"; // measured only when it is shown
  const scroller = box.appendChild(Object.assign(document.createElement("div"), { className: "flow-scroll", tabIndex: 0 }));
  const paper = scroller.appendChild(document.createElement("div"));
  const viewer = new Viewer({ container: paper });
  try {
    await viewer.importXML(xml);
  } catch {
    scroller.remove();
    delete box.dataset.ready;
    return;
  }
  const canvas = viewer.get("canvas");
  const { x, y, width, height } = canvas.viewbox().inner;
  const whole = () => Math.min(1, (scroller.clientWidth - 2) / (width + 40));
  const begin = () => (scroller.clientWidth < NARROW ? whole() : Math.max(0.8, whole()));
  let scale = 0;
  let chosen = false; // somebody has zoomed: what they chose stays
  const size = (wanted) => {
    const middle = scale ? [(scroller.scrollLeft + scroller.clientWidth / 2) / scale, (scroller.scrollTop + scroller.clientHeight / 2) / scale] : place();
    scale = Math.min(2, Math.max(0.1, wanted));
    paper.style.width = `${(width + 40) * scale}px`;
    paper.style.height = `${(height + 40) * scale}px`;
    canvas.resized();
    canvas.viewbox({ x: x - 20, y: y - 20, width: width + 40, height: height + 40 });
    scroller.scrollTo(middle[0] * scale - scroller.clientWidth / 2, middle[1] * scale - scroller.clientHeight / 2);
  };
  const choose = (wanted) => { chosen = true; size(wanted); };
  const place = () => {
    const lit = viewer.get("elementRegistry").get((box.dataset.lit || "").split(" ")[0]);
    return lit ? [lit.x + lit.width / 2 - x + 20, lit.y + lit.height / 2 - y + 20] : [0, 0];
  };
  size(begin());
  lights(viewer, box.dataset.lit, "lit");
  named(viewer, box);
  box.append(...box.querySelectorAll(".bjs-powered-by"));
  zoomer(box, { 缩小: () => choose(scale / 1.4), 放大: () => choose(scale * 1.4), 全图: () => { size(whole()); chosen = false; } });
  resized(scroller, () => { if (!chosen) size(begin()); });
}
