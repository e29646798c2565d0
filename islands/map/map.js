// A map where a page has [data-map]: county boundaries as ground (indicative), the shapes of a register or of one row on it, and drawing for forms.
// No tiles and no glyphs are fetched from anywhere: the ground is our own GeoJSON.
import * as maplibregl from "maplibre-gl";

const CITY = [[109.4, 20.1], [111.1, 21.95]];
const BLUE = "#1f5fbf";

function start(box) {
  maplibregl.setWorkerUrl(box.dataset.worker);
  const map = new maplibregl.Map({
    container: box, bounds: CITY, attributionControl: false, dragRotate: false, cooperativeGestures: true,
    locale: { "Map.Title": `${box.getAttribute("aria-label") || "地图"}（方向键移动）`, "CooperativeGesturesHandler.WindowsHelpText": "按住 Ctrl 滚动可缩放地图", "CooperativeGesturesHandler.MacHelpText": "按住 ⌘ 滚动可缩放地图",
      "CooperativeGesturesHandler.MobileHelpText": "用两个手指移动地图", "NavigationControl.ZoomIn": "放大", "NavigationControl.ZoomOut": "缩小", "Popup.Close": "关闭" },
    style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": "#eef3f8" } }] },
  });
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }));
  map.addControl(new maplibregl.ScaleControl());
  map.on("load", () => { ground(map, box); shapes(map, box); box.dataset.ready = "1"; });
  return map;
}

function ground(map, box) {
  if (!box.dataset.ground) return;
  map.addSource("counties", { type: "geojson", data: box.dataset.ground });
  map.addLayer({ id: "land", type: "fill", source: "counties", paint: { "fill-color": "#fbfcfe" } });
  map.addLayer({ id: "border", type: "line", source: "counties", paint: { "line-color": "#9fb0c6", "line-width": 1 } });
  names(map, box.dataset.ground);
}

// The counties' names, as text of the page: no glyphs are needed. One that is wider than its county on the screen waits until one has come nearer.
async function names(map, address) {
  const counties = await fetch(address).then((answer) => answer.json()).catch(() => ({ features: [] }));
  const shown = counties.features.map((county) => {
    const text = Object.assign(document.createElement("span"), { className: "map-name", textContent: county.properties.name });
    const [west, east] = boundsOf({ features: [county] });
    new maplibregl.Marker({ element: text }).setLngLat([(west[0] + east[0]) / 2, (west[1] + east[1]) / 2]).addTo(map);
    text.setAttribute("aria-hidden", "true");
    return { text, west, east };
  });
  const fit = () => {
    for (const { text, west, east } of shown) text.hidden = map.project(east).x - map.project(west).x < 12 * text.textContent.length + 8;
  };
  map.on("zoom", fit);
  fit();
}

function shapes(map, box) {
  map.addSource("shapes", { type: "geojson", data: { type: "FeatureCollection", features: [] } });
  map.addLayer({ id: "areas", type: "fill", source: "shapes", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": BLUE, "fill-opacity": 0.2 } });
  map.addLayer({ id: "lines", type: "line", source: "shapes", paint: { "line-color": ["coalesce", ["get", "colour"], BLUE], "line-width": 3 } });
  map.addLayer({ id: "points", type: "circle", source: "shapes", filter: ["==", ["geometry-type"], "Point"],
    paint: { "circle-color": ["coalesce", ["get", "colour"], BLUE], "circle-radius": 6, "circle-stroke-color": "#fff", "circle-stroke-width": 2 } });
  if (box.dataset.shape) one(map, JSON.parse(box.dataset.shape));
  if (box.dataset.features) many(map, box);
  if (box.dataset.draws) draw(map, box);
  for (const layer of ["areas", "lines", "points"]) {
    map.on("click", layer, (event) => tell(map, event));
    map.on("mouseenter", layer, () => { map.getCanvas().style.cursor = "pointer"; });
    map.on("mouseleave", layer, () => { map.getCanvas().style.cursor = ""; });
  }
}

function put(map, data) { map.getSource("shapes").setData(data); }

function one(map, shape) {
  const data = shape.type === "FeatureCollection" ? shape : { type: "FeatureCollection", features: [{ type: "Feature", geometry: shape, properties: {} }] };
  put(map, data);
  const bounds = boundsOf(data);
  if (bounds) map.fitBounds(bounds, { padding: 40, maxZoom: 14, duration: 0 });
}

function many(map, box) {
  const note = document.querySelector("[data-map-note]");
  let asked = 0;
  const load = async () => {
    const mine = ++asked;
    const bounds = map.getBounds();
    const join = box.dataset.features.includes("?") ? "&" : "?";
    try {
      const answer = await fetch(`${box.dataset.features}${join}bbox=${[bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((n) => n.toFixed(5)).join(",")}`);
      const data = await answer.json();
      if (mine !== asked) return;
      put(map, data);
      if (note) note.textContent = data.complete ? `这一范围内有 ${data.numberReturned} 处。` : `这一范围内太多，先显示 ${data.numberReturned} 处；放大后可以看全。`;
      box.dataset.loaded = "1";
    } catch { if (note) note.textContent = "没有读到地图内容，请检查网络后重试。"; }
  };
  map.on("moveend", load);
  load();
}

function tell(map, event) {
  const properties = event.features[0].properties;
  if (!properties.name) return;
  const card = document.createElement("div");
  const title = card.appendChild(document.createElement(properties.link ? "a" : "strong"));
  title.textContent = properties.name;
  if (properties.link) title.href = properties.link;
  for (const [name, text] of Object.entries(JSON.parse(properties.facts || "{}"))) {
    const line = card.appendChild(document.createElement("div"));
    line.textContent = `${name}：${text}`;
  }
  new maplibregl.Popup().setLngLat(event.lngLat).setDOMContent(card).addTo(map);
}

// Drawing writes GeoJSON into the field that data-draws names; data-kind is Point, LineString or Polygon (or their Multi forms).
function draw(map, box) {
  const field = document.getElementById(box.dataset.draws);
  const kind = box.dataset.kind.replace("Multi", "");
  let points = coordinatesOf(field.value, kind);
  const write = () => {
    const geometry = geometryOf(kind, points);
    field.value = geometry ? JSON.stringify(box.dataset.kind.startsWith("Multi") ? { type: box.dataset.kind, coordinates: [geometry.coordinates] } : geometry) : "";
    put(map, { type: "FeatureCollection", features: [...points.map((p) => ({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: p } })), ...(geometry && kind !== "Point" ? [{ type: "Feature", properties: {}, geometry }] : [])] });
  };
  map.on("click", (event) => {
    const point = [Number(event.lngLat.lng.toFixed(6)), Number(event.lngLat.lat.toFixed(6))];
    points = kind === "Point" ? [point] : [...points, point];
    write();
  });
  box.parentElement.querySelector("[data-undo]")?.addEventListener("click", () => { points.pop(); write(); });
  box.parentElement.querySelector("[data-clear]")?.addEventListener("click", () => { points = []; write(); });
  field.addEventListener("change", () => { points = coordinatesOf(field.value, kind); write(); });
  if (points.length) { write(); const bounds = boundsOf({ features: points.map((p) => ({ geometry: { type: "Point", coordinates: p } })) }); map.fitBounds(bounds, { padding: 60, maxZoom: 14, duration: 0 }); }
}

function coordinatesOf(text, kind) {
  try {
    const found = flat(JSON.parse(text).coordinates);
    return kind === "Polygon" ? found.slice(0, -1) : found;
  } catch { return []; }
}

function geometryOf(kind, points) {
  if (kind === "Point") return points.length ? { type: kind, coordinates: points[0] } : null;
  if (kind === "LineString") return points.length > 1 ? { type: kind, coordinates: points } : null;
  return points.length > 2 ? { type: kind, coordinates: [[...points, points[0]]] } : null;
}

function flat(coordinates) { return typeof coordinates[0] === "number" ? [coordinates] : coordinates.flatMap(flat); }

function boundsOf(data) {
  const points = data.features.flatMap((feature) => flat(feature.geometry.coordinates));
  if (!points.length) return null;
  const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
  return [[Math.min(...xs), Math.min(...ys)], [Math.max(...xs), Math.max(...ys)]];
}

// One that is folded away begins when it is opened: before that it has no size.
for (const box of document.querySelectorAll("[data-map]")) {
  const fold = box.closest("details:not([open])");
  if (fold) fold.addEventListener("toggle", () => start(box), { once: true });
  else start(box);
}
