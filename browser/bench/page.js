// What the script costs a page, in real Chromium: `node bench/page.js [RUNS] [SLOWDOWN] [PICTURE]`. Needs chromium and
// chromedriver.
//
// Loads one page with and without the script's tag, in turns, and compares the medians: time to the load event, time the
// main thread spent in scripts and in all tasks, layouts, long tasks. The page is small, so that nothing hides a cost.
// SLOWDOWN makes the processor that many times slower, as on a phone. PICTURE is how many milliseconds the page's one
// picture takes; 0 for none: a browser waits with the load event for whatever is slowest.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { OUTPUT } from "../scripts/bundle.js";

const RUNS = Number(process.argv[2] || 25);
const SLOWDOWN = Number(process.argv[3] || 4);
const PICTURE_MS = Number(process.argv[4] || 0);

const settings = {
  cookie: "tdv",
  lanes: [{ platform: "tiktok", requires: ["advertising"], unknown: "assume", vendors: ["tiktok"] }],
  gpc: "deny",
  data_layer: "dataLayer",
  forms: true,
  respect_blockers: false,
  single_page: true,
  purchase_event_id: "wc_order_{id}",
  currency: "EUR",
  country: "DE",
  calling_code: "49",
  cookies: ["_ttp", "ttclid"],
  click_ids: ["ttclid", "fbclid"],
  pixels: [{ platform: "tiktok", id: "BENCHPIXEL0000000001", script: "/pixel.js" }],
};
const script = readFileSync(OUTPUT, "utf8").replace('"__TANDEM_SETTINGS__"', JSON.stringify(settings));

/** A product page with a filled data layer, as a shop with Google Tag Manager has it. */
const page = (tag) => `<!doctype html><meta charset=utf-8><title>Mug</title><script>
  dataLayer = [{event: "view_item", ecommerce: {currency: "EUR", value: 18, items: [{item_id: "MUG-01", price: 18}]}}];
  longTasks = 0;
  new PerformanceObserver((list) => longTasks += list.getEntries().length).observe({type: "longtask", buffered: true});
  </script>${tag}<h1>Mug</h1>${PICTURE_MS ? "<img src=/mug>" : ""}${"<p>Stoneware, glazed by hand.</p>".repeat(200)}`;

const answers = {
  "/with": ["text/html", page("<script async src=/s.js></script>")],
  "/without": ["text/html", page("")],
  "/s.js": ["text/javascript", script],
  "/pixel.js": ["text/javascript", ""],
  "/a": ["application/json", '{"visitor":"mg3k2v1x9abcdefghij012345678"}'],
};

const server = createServer((request, response) => {
  const [type, body] = answers[new URL(request.url, "http://localhost").pathname] || ["text/plain", ""];
  const answer = () => response.writeHead(200, { "content-type": type }).end(body);
  request.resume().on("end", () => setTimeout(answer, request.url === "/mug" ? PICTURE_MS : 0));
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const origin = `http://localhost:${server.address().port}`;

const driver = spawn("chromedriver", ["--port=0"], { stdio: ["ignore", "pipe", "ignore"] });
const driverPort = await new Promise((found) => {
  driver.stdout.on("data", (text) => {
    const port = /on port (\d+)\./.exec(text);
    if (port) found(port[1]);
  });
});

async function call(method, path, body) {
  const request = { method, ...(body && { body: JSON.stringify(body) }) };
  const { value } = await (await fetch(`http://127.0.0.1:${driverPort}${path}`, request)).json();
  if (value && value.error) throw new Error(value.message);
  return value;
}

const flags = "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update";
const capabilities = { alwaysMatch: { "goog:chromeOptions": { args: flags.split(" ") } } };

/** One load in a browser of its own, so that no cache and no earlier load helps. */
async function measure(path) {
  const { sessionId } = await call("POST", "/session", { capabilities });
  const session = `/session/${sessionId}`;
  const cdp = (cmd, params = {}) => call("POST", `${session}/goog/cdp/execute`, { cmd, params });
  const run = (code) => call("POST", `${session}/execute/sync`, { script: code, args: [] });
  try {
    await cdp("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
    await cdp("Performance.enable");
    await call("POST", `${session}/url`, { url: origin + path });
    const isDone = path === "/without" ? "return true" : "return performance.getEntriesByName(location.origin + '/a').length > 0";
    while (!(await run(isDone))) await new Promise((next) => setTimeout(next, 10));
    const { metrics } = await cdp("Performance.getMetrics");
    const of = (name) => metrics.find((metric) => metric.name === name).value;
    return {
      "load event, ms": await run("const [n] = performance.getEntriesByType('navigation'); return n.loadEventEnd"),
      "scripts, ms": of("ScriptDuration") * 1000,
      "all tasks, ms": of("TaskDuration") * 1000,
      layouts: of("LayoutCount"),
      "long tasks": await run("return longTasks"),
    };
  } finally {
    await call("DELETE", session);
  }
}

const all = { "/without": [], "/with": [] };
for (let run = 0; run < RUNS; run++) {
  for (const path of run % 2 ? ["/with", "/without"] : ["/without", "/with"]) all[path].push(await measure(path));
}
driver.kill();
server.close();

const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
console.log(`${RUNS} loads each, processor ${SLOWDOWN} times slower, picture of ${PICTURE_MS} ms; medians`);
for (const name of Object.keys(all["/with"][0])) {
  const [without, withIt] = ["/without", "/with"].map((path) => median(all[path].map((one) => one[name])));
  console.log(`${name.padEnd(16)} without ${without.toFixed(1).padStart(8)}   with ${withIt.toFixed(1).padStart(8)}   difference ${(withIt - without).toFixed(1)}`);
}
