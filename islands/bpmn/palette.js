// What can be drawn: exactly what the engine runs. One list serves the palette and the pad beside a selected element.
const KINDS = [
  ["bpmn:UserTask", "bpmn-icon-user-task", "人工环节"],
  ["bpmn:ExclusiveGateway", "bpmn-icon-gateway-xor", "选择分支（走其中一条）"],
  ["bpmn:ParallelGateway", "bpmn-icon-gateway-parallel", "并行分支（同时走，再汇合）"],
  ["bpmn:IntermediateCatchEvent", "bpmn-icon-intermediate-event-catch-timer", "等待时间", { eventDefinitionType: "bpmn:TimerEventDefinition" }],
  ["bpmn:EndEvent", "bpmn-icon-end-event-none", "结束"],
  ["bpmn:EndEvent", "bpmn-icon-end-event-terminate", "终止结束（其他分支一并停止）", { eventDefinitionType: "bpmn:TerminateEventDefinition" }],
  ["bpmn:BusinessRuleTask", "bpmn-icon-business-rule-task", "决策表"],
  ["bpmn:ServiceTask", "bpmn-icon-service-task", "系统环节"],
];

function Palette(palette, create, elementFactory, handTool, lassoTool, globalConnect) {
  const tool = (name, className, title, start) => [name, { group: "tools", className, title, action: { click: start } }];
  const entries = Object.fromEntries([
    tool("hand", "bpmn-icon-hand-tool", "移动画布", (e) => handTool.activateHand(e)),
    tool("lasso", "bpmn-icon-lasso-tool", "框选", (e) => lassoTool.activateSelection(e)),
    tool("connect", "bpmn-icon-connection-multi", "连线", (e) => globalConnect.start(e)),
    ["line", { group: "tools", separator: true }],
    ...KINDS.map(([type, className, title, more], i) => {
      const start = (event) => create.start(event, elementFactory.createShape({ type, ...more }));
      return [`create-${i}`, { group: "create", className, title, action: { dragstart: start, click: start } }];
    }),
  ]);
  this.getPaletteEntries = () => entries;
  palette.registerProvider(this);
}
Palette.$inject = ["palette", "create", "elementFactory", "handTool", "lassoTool", "globalConnect"];

function Pad(contextPad, autoPlace, elementFactory, modeling, connect) {
  const remove = { group: "edit", className: "bpmn-icon-trash", title: "删除", action: { click: (_, element) => modeling.removeElements([element].flat()) } };
  const line = { group: "connect", className: "bpmn-icon-connection-multi", title: "连到另一个元素", action: { click: (e, element) => connect.start(e, element) } };
  this.getMultiElementContextPadEntries = () => ({ remove });
  this.getContextPadEntries = (element) => {
    if (element.waypoints || element.type === "label" || element.type === "bpmn:EndEvent" || element.type === "bpmn:Process") return element.type === "bpmn:Process" ? {} : { remove };
    const entries = { line, remove };
    KINDS.slice(0, 5).forEach(([type, className, title, more], i) => {
      entries[`append-${i}`] = { group: "model", className, title: `接着画：${title}`, action: { click: (_, source) => autoPlace.append(source, elementFactory.createShape({ type, ...more })) } };
    });
    if (element.type === "bpmn:UserTask") entries.timer = { group: "model", className: "bpmn-icon-start-event-timer", title: "贴一个期限", action: { click: (_, host) => deadline(host) } };
    return entries;
  };
  const deadline = (host) => {
    const shape = elementFactory.createShape({ type: "bpmn:BoundaryEvent", eventDefinitionType: "bpmn:TimerEventDefinition" });
    modeling.createShape(shape, { x: host.x + host.width - 20, y: host.y + host.height }, host, { attach: true });
  };
  contextPad.registerProvider(this);
}
Pad.$inject = ["contextPad", "autoPlace", "elementFactory", "modeling", "connect"];

export default { __init__: ["paletteProvider", "contextPadProvider"], paletteProvider: ["type", Palette], contextPadProvider: ["type", Pad] };
