// No page asks anyone but us for anything, and each carries the headers that keep it so.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, signedInState } from "../support/browser.mjs";
import { get, origin } from "../support/demo.mjs";
import { privatePages, publicPages } from "../support/pages.mjs";

let browser;
let state;
before(async () => {
  browser = await launch();
  state = await signedInState(browser);
});
after(() => browser?.close());

test("every request of every page goes to our own origin, and nothing breaks the page's own policy", async () => {
  for (const { name, path } of [...publicPages, ...(await privatePages())]) {
    const page = await open(browser, { state });
    await page.goto(origin + path);
    await page.waitForLoadState("load");
    await page.waitForTimeout(500);
    const foreign = page.watched.requests.filter((url) => !url.startsWith(`${origin}/`) && !url.startsWith("data:"));
    assert.deepEqual(foreign, [], name);
    const policy = page.watched.errors.filter((text) => text.includes("Content Security Policy"));
    assert.deepEqual(policy, [], name);
    await page.context().close();
  }
});

test("the headers forbid foreign and inline script, framing and sniffing", async () => {
  const { headers } = await get("/sign-in");
  const policy = headers["content-security-policy"] ?? "";
  assert.match(policy, /default-src '(self|none)'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|https?:|\*/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.match(headers["strict-transport-security"] ?? "", /max-age=\d{7,}/);
  assert.match(headers["referrer-policy"] ?? "", /no-referrer|same-origin|strict-origin/);
});
