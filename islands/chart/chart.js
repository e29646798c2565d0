// A chart where a page has one: the figures stand in a JSON block beside it, the same ones in the table that follows, so nothing is lost without this.
import { BarChart, LineChart } from "echarts/charts";
import { AriaComponent, GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

use([LineChart, BarChart, GridComponent, TooltipComponent, MarkLineComponent, AriaComponent, SVGRenderer]);
const INK = "#33415a", LINE = "#1f5fbf", GOAL = "#b3261e";

function option(data) {
  const target = data.target === null ? undefined : {
    silent: true, symbol: "none", lineStyle: { color: GOAL, type: "dashed" },
    data: [{ yAxis: data.target, label: { formatter: `目标 ${data.target}`, color: GOAL, position: "insideEndTop" } }],
  };
  return {
    animation: false,
    aria: { enabled: true, label: { description: data.words } },
    textStyle: { fontFamily: "inherit", color: INK },
    grid: { left: 8, right: 16, top: 28, bottom: 8, containLabel: true },
    tooltip: { trigger: "axis", valueFormatter: (value) => (value === null || value === undefined ? "无" : `${value.toLocaleString("zh-CN")} ${data.unit}`) },
    xAxis: { type: "category", data: data.labels, axisLabel: { color: INK, hideOverlap: true } },
    yAxis: { type: "value", name: data.unit, nameTextStyle: { color: INK }, axisLabel: { color: INK }, min: data.kind === "line" ? (value) => Math.max(0, Math.floor(value.min * 0.9)) : 0 },
    series: [{ name: data.name, type: data.kind, data: data.values, color: LINE, symbolSize: 5, connectNulls: false, markLine: target, barMaxWidth: 28 }],
  };
}

for (const place of document.querySelectorAll("[data-chart]")) {
  const data = JSON.parse(document.getElementById(place.dataset.chart).textContent);
  const chart = init(place, undefined, { renderer: "svg" });
  chart.setOption(option(data));
  new ResizeObserver(() => chart.resize()).observe(place);
}
