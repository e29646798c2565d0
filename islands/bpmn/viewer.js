// A flow diagram where a page has [data-flow]: drawn by bpmn.io at a size that can be read, the case's position lit and in view. It scrolls like any part of a page,
// by finger, wheel or keys. The list of states beside it says the same without a script.
import Viewer from "bpmn-js/lib/Viewer";
import { READABLE, lights, named, zoomer } from "./shared.js";

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
  const whole = () => Math.min(READABLE, (scroller.clientWidth - 4) / (width + 40));
  let scale = 0;
  const size = (wanted) => {
    scale = Math.min(2, Math.max(0.2, wanted));
    paper.style.width = `${(width + 40) * scale}px`;
    paper.style.height = `${(height + 40) * scale}px`;
    canvas.resized();
    canvas.viewbox({ x: x - 20, y: y - 20, width: width + 40, height: height + 40 });
  };
  size(Math.max(READABLE * (scroller.clientWidth < 480 ? 0.65 : 0.8), whole()));
  lights(viewer, box.dataset.lit, "lit");
  named(viewer, box);
  box.append(...box.querySelectorAll(".bjs-powered-by"));
  zoomer(box, { "-": () => size(scale / 1.25), "+": () => size(scale * 1.25), "全图": () => size(whole()) });
  const lit = viewer.get("elementRegistry").get((box.dataset.lit || "").split(" ")[0]);
  if (lit) scroller.scrollTo((lit.x + lit.width / 2 - x + 20) * scale - scroller.clientWidth / 2, (lit.y + lit.height / 2 - y + 20) * scale - scroller.clientHeight / 2);
}
