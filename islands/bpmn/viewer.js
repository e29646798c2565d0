// A flow diagram where a page has [data-flow]: drawn by bpmn.io, the case's position lit. The list of states beside it says the same without a script.
import Viewer from "bpmn-js/lib/NavigatedViewer";
import { lights, named } from "./shared.js";

for (const box of document.querySelectorAll("[data-flow]")) show(box);

async function show(box) {
  const xml = document.getElementById(box.dataset.flow).value;
  box.dataset.ready = "1"; // measured only when it is shown
  const viewer = new Viewer({ container: box });
  try {
    await viewer.importXML(xml);
    viewer.get("canvas").zoom("fit-viewport", "auto");
    lights(viewer, box.dataset.lit, "lit");
    named(viewer, box);
  } catch {
    delete box.dataset.ready;
  }
}
