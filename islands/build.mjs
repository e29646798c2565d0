// Builds what browsers get: one stylesheet (Tabler with our colours), one icon sprite, the chart island, maps, flow diagrams, and the accessibility checker of the tests.
// The manifest holds the digest of every source, so that `./yiwang check` can prove without Node that the bundles are of these sources.
import { createHash } from "node:crypto";
import { copyFileSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const OUT = "../src/yiwang/shells/static";
const ICONS = ["home", "search", "list-check", "user", "users", "eye", "folder", "shield-check", "id", "alarm", "building", "map-pin", "list", "star", "bell",
  "phone", "upload", "file-text", "circle-check", "circle-x", "alert-triangle", "clock", "player-pause", "arrow-right", "typography", "login", "logout", "info-circle",
  "printer", "camera", "signature", "download", "qrcode", "pencil", "trash", "plus", "coin", "message", "checklist", "chart-bar", "sitemap",
  "baby-carriage", "address-book", "school", "briefcase", "heart", "building-community", "umbrella", "stethoscope", "medal", "bus", "plane", "flower", // themes of the portal
  "building-store", "license", "certificate", "receipt-tax", "users-group", "trending-up", "truck", "leaf", "map-2", "bolt", "tractor", "door-exit", "menu-2"];

await build({ entryPoints: ["look/yiwang.css"], bundle: true, minify: true, outfile: `${OUT}/yiwang.css`, loader: { ".woff2": "empty", ".woff": "empty" }, legalComments: "none" });
await build({ entryPoints: ["chart/chart.js"], bundle: true, minify: true, format: "iife", target: "es2020", outfile: `${OUT}/js/chart.js`, legalComments: "none" });

await build({ entryPoints: ["map/map.css"], bundle: true, minify: true, outfile: `${OUT}/map.css`, legalComments: "none", loader: { ".svg": "dataurl" } });
await build({ entryPoints: ["map/map.js"], bundle: true, minify: true, format: "iife", target: "es2021", outfile: `${OUT}/map.js`, legalComments: "none", define: { "import.meta.url": "document.baseURI" } });
await build({ entryPoints: ["node_modules/maplibre-gl/dist/maplibre-gl-worker.mjs"], bundle: true, minify: true, format: "esm", outfile: `${OUT}/map-worker.js`, legalComments: "none" });
await build({ entryPoints: ["scan/scan.js"], bundle: true, minify: true, format: "iife", target: "es2021", outfile: `${OUT}/js/field-scan.js`, legalComments: "none" });

await build({ entryPoints: ["bpmn/bpmn.css"], bundle: true, minify: true, outfile: `${OUT}/bpmn.css`, legalComments: "none", assetNames: "bpmn",
  loader: { ".woff2": "file", ".woff": "empty", ".ttf": "empty", ".eot": "empty", ".svg": "empty" } });
for (const name of ["viewer", "modeler"]) {
  await build({ entryPoints: [`bpmn/${name}.js`], bundle: true, minify: true, format: "iife", target: "es2021", outfile: `${OUT}/bpmn-${name}.js`, legalComments: "none" });
}

const symbols = ICONS.map((name) => {
  const svg = readFileSync(`node_modules/@tabler/icons/icons/outline/${name}.svg`, "utf8");
  const body = svg.replace(/<!--[\s\S]*?-->/, "").replace(/<svg[^>]*>/, "").replace("</svg>", "").replace(/\s+/g, " ").trim();
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
});
writeFileSync(`${OUT}/icons.svg`, `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>\n`);
copyFileSync("node_modules/axe-core/axe.min.js", "../tests/journeys/axe.min.js");

const sources = ["build.mjs", "package.json", "package-lock.json", ...["chart", "look", "map", "scan", "bpmn"].flatMap((folder) => readdirSync(folder).sort().map((name) => `${folder}/${name}`))];
const digest = (path) => createHash("sha256").update(readFileSync(path)).digest("hex");
const outputs = [`${OUT}/yiwang.css`, `${OUT}/js/chart.js`, `${OUT}/icons.svg`, `${OUT}/map.css`, `${OUT}/map.js`, `${OUT}/map-worker.js`, `${OUT}/bpmn.css`, `${OUT}/bpmn.woff2`, `${OUT}/bpmn-viewer.js`, `${OUT}/bpmn-modeler.js`, `${OUT}/js/field-scan.js`, "../tests/journeys/axe.min.js"];
writeFileSync("manifest.json", JSON.stringify({ sources: Object.fromEntries(sources.map((p) => [p, digest(p)])), outputs: Object.fromEntries(outputs.map((p) => [p, digest(p)])) }, null, 1) + "\n");
