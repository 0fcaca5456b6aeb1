// P18 and P19: what the first dashboard weighs, what Lighthouse says, how long a click takes to become a drawn chart.
// In: a running demo (DEMO_JSON), or `--xtask PATH` to start an optimised one. Out: lines, and `--json FILE`.
// All requests go to the demo on this machine.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    xtask: { type: "string" },
    json: { type: "string" },
    repeats: { type: "string", default: "3" },
    clicks: { type: "string", default: "40" },
  },
  allowPositionals: true,
});
const rows = [];

function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

/** Prints one figure with its bounds, as the other benchmarks do. */
function judge(id, what, value, unit, { floor, target, least = false }) {
  const holds = (bound) => (least ? value >= bound : value <= bound);
  const verdict = holds(target) ? "target met" : holds(floor) ? "floor met" : "BELOW FLOOR";
  console.log(`${id}   ${what}: ${value.toFixed(1)} ${unit}  floor ${floor}, target ${target}: ${verdict}`);
  rows.push({ id, what, value, unit, floor, target, verdict });
}

/** Starts an optimised demo unless one is running; returns how to end it. */
async function demo() {
  if (process.env.DEMO_JSON) return () => {};
  if (!options.xtask) throw new Error("give DEMO_JSON=FILE of a running demo, or run `cargo xtask bench pages`");
  const file = join(mkdtempSync(join(tmpdir(), "pages-")), "demo.json");
  const child = spawn(options.xtask, ["demo", "--release", "--seconds", "1200", "--json", file], { stdio: "ignore" });
  for (let waited = 0; !existsSync(file); waited += 1) {
    if (child.exitCode !== null) throw new Error(`the demo ended with ${child.exitCode}`);
    if (waited > 900) throw new Error("the demo's page was not live within 900 s");
    await sleep(1_000);
  }
  process.env.DEMO_JSON = file;
  return () => new Promise((resolve) => (child.once("exit", resolve), child.kill("SIGINT")));
}

/** Bytes over the wire of each resource that `visit` loads, by address, with an empty cache. */
async function weigh(page, visit) {
  const client = await page.context().newCDPSession(page);
  await client.send("Network.enable");
  await client.send("Network.setCacheDisabled", { cacheDisabled: true });
  const addresses = new Map();
  const bytes = new Map();
  client.on("Network.responseReceived", ({ requestId, response }) => addresses.set(requestId, response.url));
  client.on("Network.loadingFinished", ({ requestId, encodedDataLength }) =>
    bytes.set(addresses.get(requestId), encodedDataLength),
  );
  await visit();
  await page.waitForTimeout(1_000);
  await client.detach();
  return bytes;
}

/** P18: everything that a first visit to the fleet and one inverter loads. */
async function weight(browser, state, support, inverter) {
  const { page } = await support.newPage(browser, { state });
  const bytes = await weigh(page, async () => {
    await page.goto(`${support.demo.url}/fleet`, { waitUntil: "load" });
    await page.goto(`${support.demo.url}/inverters/${inverter.id}`, { waitUntil: "load" });
    await page.locator("canvas").first().waitFor();
  });
  for (const [address, size] of bytes) console.log(`       ${(size / 1000).toFixed(1).padStart(7)} KB  ${address}`);
  const total = [...bytes.values()].reduce((sum, size) => sum + size, 0);
  judge("P18", "fleet + inverter, first visit, compressed", total / 1000, "KB", { floor: 250, target: 90 });
  await page.context().close();
}

/** P18: Lighthouse's performance score of the fleet page, desktop and mobile. */
async function lighthouse(browser, state, support, port) {
  const { default: run, desktopConfig } = await import("lighthouse");
  const cookie = state.cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
  const flags = { port, extraHeaders: { Cookie: cookie }, onlyCategories: ["performance"], logLevel: "error" };
  for (const [kind, config, bounds] of [
    ["desktop", desktopConfig, { floor: 90, target: 100, least: true }],
    ["mobile", undefined, { floor: 80, target: 95, least: true }],
  ]) {
    const scores = [];
    for (let repeat = 0; repeat < Number(options.repeats); repeat += 1) {
      const { lhr } = await run(`${support.demo.url}/fleet`, flags, config);
      scores.push(100 * lhr.categories.performance.score);
    }
    judge("P18", `Lighthouse performance, ${kind}`, percentile(scores, 0.5), "", bounds);
  }
}

/** P19: the 30-day answer's size, and from the click to the last stroke on the canvas. */
async function chart(browser, state, support, inverter) {
  const { page } = await support.newPage(browser, { state });
  await page.addInitScript(() => {
    window.drawnAt = 0;
    const { prototype } = CanvasRenderingContext2D;
    for (const name of ["stroke", "fill", "clearRect"]) {
      const original = prototype[name];
      prototype[name] = function drawn(...words) {
        window.drawnAt = performance.now();
        return original.apply(this, words);
      };
    }
  });
  const bytes = await weigh(page, () => page.goto(`${support.demo.url}/inverters/${inverter.id}?range=30d`, { waitUntil: "load" }));
  const sizes = [...bytes].filter(([address]) => /\/(chart|history)\?/.test(address ?? "")).map(([, size]) => size);
  if (sizes.length > 0) {
    judge("P19", "30-day chart payload", Math.max(...sizes) / 1000, "KB", { floor: 40, target: 18 });
  }
  await page.locator("canvas").first().waitFor();
  const times = [];
  for (let click = 0; click < Number(options.clicks); click += 1) {
    for (const range of ["1h", "30d"]) {
      const label = page.getByText(range, { exact: true }).first();
      await label.scrollIntoViewIfNeeded();
      const begin = await label.evaluate((element) => {
        const begin = performance.now();
        element.click();
        return begin;
      });
      await page.waitForFunction((begin) => window.drawnAt > begin && performance.now() - window.drawnAt > 120, begin);
      if (range === "30d") times.push((await page.evaluate(() => window.drawnAt)) - begin);
    }
  }
  judge("P19", "click → drawn, 30 days, p95", percentile(times, 0.95), "ms", { floor: 150, target: 50 });
  console.log(`       p50 ${percentile(times, 0.5).toFixed(1)} ms of ${times.length}`);
  await page.context().close();
}

const end = await demo();
try {
  const support = await import("../support/demo.mjs");
  const port = 20_000 + (process.pid % 20_000);
  const browser = await support.openBrowser([`--remote-debugging-port=${port}`]);
  try {
    const state = await support.signedIn(browser);
    const { body } = await support.api("/api/v1/inverters");
    const inverter = body.items.find((item) => item.state === "normal") ?? body.items[0];
    await weight(browser, state, support, inverter);
    await chart(browser, state, support, inverter);
    await lighthouse(browser, state, support, port);
  } finally {
    await browser.close();
  }
  if (options.json) writeFileSync(options.json, JSON.stringify(rows, null, 2));
} finally {
  await end();
}
