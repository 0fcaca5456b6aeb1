// A person opens an inverter, watches a value change by itself, and changes the range of the chart.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, signedInState } from "../support/browser.mjs";
import { origin } from "../support/demo.mjs";
import { inverters } from "../support/pages.mjs";

let browser;
let state;
before(async () => {
  browser = await launch();
  state = await signedInState(browser);
});
after(() => browser?.close());

test("from the fleet to an inverter by a click", async () => {
  const page = await open(browser, { state });
  await page.goto(`${origin}/fleet`);
  const [first] = await inverters();
  await page.locator(`a[href^="/inverters/${first.id}"]`).first().click();
  await page.waitForURL(`**/inverters/${first.id}**`);
  assert.match(await page.title(), new RegExp(first.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")));
  assert.deepEqual(page.watched.errors, []);
  await page.context().close();
});

test("a value changes without anything being pressed", async () => {
  const page = await open(browser, { state });
  const live = (await inverters()).find((item) => item.state === "normal") ?? (await inverters())[0];
  await page.goto(`${origin}/inverters/${live.id}`);
  const values = () => page.locator("main dd").allInnerTexts();
  const before = JSON.stringify(await values());
  await page.waitForFunction(
    (before) => JSON.stringify([...document.querySelectorAll("main dd")].map((dd) => dd.innerText)) !== before,
    before,
    { timeout: 45_000 },
  );
  assert.notEqual(JSON.stringify(await values()), before);
  await page.context().close();
});

test("the range changes the chart and the address", async () => {
  const page = await open(browser, { state });
  const [first] = await inverters();
  await page.goto(`${origin}/inverters/${first.id}`);
  await page.locator("canvas").first().waitFor();
  for (const range of ["1h", "30d"]) {
    const loaded = page.waitForResponse((response) => response.url().includes("history") && response.ok());
    await page.getByText(range, { exact: true }).first().click();
    await loaded;
    await page.waitForFunction((range) => location.search.includes(`range=${range}`), range);
  }
  assert.ok((await page.locator("canvas").count()) > 0, "the chart is drawn");
  assert.deepEqual(page.watched.errors, []);
  await page.context().close();
});

test("everything but the chart and the live updates reads without script", async () => {
  const page = await open(browser, { state, script: false });
  const [first] = await inverters();
  await page.goto(`${origin}/inverters/${first.id}`);
  assert.ok((await page.locator("main dd").count()) >= 4, "values are in the HTML");
  assert.match(await page.locator("main").innerText(), new RegExp(first.serial));
  await page.context().close();
});

test("someone else's inverter and one that is not there are the same 404", async () => {
  const page = await open(browser, { state });
  const missing = await page.goto(`${origin}/inverters/AAAAAAAAAAAAAAAAAAAAAA`);
  assert.equal(missing.status(), 404);
  await page.context().close();
});
