// The form beside the drawing. Every field is on the page already, in the words of the office; only those of the chosen element are shown.
const FIELDS = {
  "bpmn:UserTask": ["name", "role", "steps", "stage", "organ"],
  "bpmn:Task": ["name", "role", "steps", "stage", "organ"],
  "bpmn:ServiceTask": ["name", "steps", "stage"],
  "bpmn:BusinessRuleTask": ["name", "decision"],
  "bpmn:IntermediateCatchEvent": ["name", "timer", "unit", "stage"],
  "bpmn:BoundaryEvent": ["name", "timer", "unit", "interrupting"],
  "bpmn:SequenceFlow": ["name", "condition", "default"],
  "bpmn:Process": ["anytime"],
};
const PLAIN = ["bpmn:EndEvent", "bpmn:StartEvent", "bpmn:ExclusiveGateway", "bpmn:ParallelGateway"];

export function properties(modeler, form) {
  const panel = form.querySelector("[data-flow-properties]");
  const field = (name) => panel.querySelector(`[data-property="${name}"]`);
  let chosen = null;
  panel.hidden = false;
  const modeling = modeler.get("modeling");
  const create = (type, values) => modeler.get("moddle").create(type, values);

  const show = (element) => {
    chosen = element;
    const shown = PLAIN.includes(element.type) ? ["name"] : FIELDS[element.type] || [];
    const fromChoice = element.type === "bpmn:SequenceFlow" && element.source && element.source.type !== "bpmn:ExclusiveGateway";
    for (const part of panel.querySelectorAll("[data-property]")) part.hidden = !shown.includes(part.dataset.property) || (fromChoice && part.dataset.property !== "name");
    panel.querySelector("[data-nothing]").hidden = shown.length > 0;
    for (const name of shown) write(field(name), READ[name](element.businessObject));
  };
  const change = (name) => {
    if (!chosen) return;
    WRITE[name](read(field(name)));
  };

  const READ = {
    name: (bo) => bo.name || "",
    role: (bo) => bo.get("yw:role") || "",
    steps: (bo) => (bo.get("yw:steps") || "").split(" ").filter(Boolean),
    stage: (bo) => bo.get("yw:stage") || "",
    organ: (bo) => bo.get("yw:organ") || "",
    unit: (bo) => bo.get("yw:unit") || "",
    decision: (bo) => bo.get("yw:decision") || "",
    anytime: (bo) => (bo.get("yw:anytime") || "").split(" ").filter(Boolean),
    timer: (bo) => bo.eventDefinitions?.[0]?.timeDuration?.body || "",
    interrupting: (bo) => bo.cancelActivity !== false,
    condition: (bo) => bo.conditionExpression?.body || "",
    default: (bo) => bo.sourceRef?.default === bo,
  };
  const own = (name) => (value) => modeling.updateProperties(chosen, { [`yw:${name}`]: (Array.isArray(value) ? value.join(" ") : value) || undefined });
  const WRITE = {
    name: (value) => modeling.updateLabel(chosen, value),
    role: own("role"), steps: own("steps"), stage: own("stage"), organ: own("organ"), unit: own("unit"), decision: own("decision"), anytime: own("anytime"),
    timer: (value) => modeling.updateModdleProperties(chosen, chosen.businessObject.eventDefinitions[0], { timeDuration: create("bpmn:FormalExpression", { body: value }) }),
    interrupting: (value) => modeling.updateProperties(chosen, { cancelActivity: value }),
    condition: (value) => modeling.updateProperties(chosen, { conditionExpression: value ? create("bpmn:FormalExpression", { body: value }) : undefined }),
    default: (value) => modeling.updateProperties(chosen.source, { default: value ? chosen.businessObject : undefined }),
  };

  for (const part of panel.querySelectorAll("[data-property]")) part.addEventListener("change", () => change(part.dataset.property));
  const events = modeler.get("eventBus");
  events.on("selection.changed", ({ newSelection }) => show((newSelection.length === 1 && (newSelection[0].labelTarget || newSelection[0])) || modeler.get("canvas").getRootElement()));
  events.on("commandStack.changed", () => chosen && modeler.get("elementRegistry").get(chosen.id) && !panel.contains(document.activeElement) && show(chosen));
  show(modeler.get("canvas").getRootElement());
}

function read(part) {
  const boxes = [...part.querySelectorAll("input[type=checkbox]")];
  if (boxes.length && "many" in part.dataset) return boxes.filter((b) => b.checked).map((b) => b.value);
  if (boxes.length) return boxes[0].checked;
  return part.querySelector("input, select, textarea").value.trim();
}

function write(part, value) {
  const boxes = [...part.querySelectorAll("input[type=checkbox]")];
  if (boxes.length && "many" in part.dataset) boxes.forEach((b) => { b.checked = value.includes(b.value); });
  else if (boxes.length) boxes[0].checked = value;
  else part.querySelector("input, select, textarea").value = value;
}
