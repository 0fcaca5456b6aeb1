// axe finds no violation on any page, light and dark, narrow and wide; and the keyboard reaches what matters.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { launch, open, signedInState } from "../support/browser.mjs";
import { origin } from "../support/demo.mjs";
import { privatePages, publicPages } from "../support/pages.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

let browser;
let state;
before(async () => {
  browser = await launch();
  state = await signedInState(browser);
});
after(() => browser?.close());

for (const scheme of ["light", "dark"]) {
  for (const width of [390, 1280]) {
    test(`axe finds nothing, ${scheme}, ${width} px`, async () => {
      const wrong = [];
      for (const { name, path } of [...publicPages, ...(await privatePages())]) {
        const signedIn = !publicPages.some((page) => page.path === path);
        const page = await open(browser, { width, scheme, state: signedIn ? state : undefined });
        await page.goto(origin + path);
        await page.waitForLoadState("load");
        // Through the debugger, which the page's own strict policy does not and should not allow for.
        const { violations } = await page.evaluate(`${axe}; axe.run(document, {runOnly: ${JSON.stringify(tags)}})`);
        for (const { id, nodes } of violations) {
          wrong.push(...nodes.map((node) => `${name}: ${id}: ${node.target.join(" ")}: ${node.failureSummary}`));
        }
        await page.context().close();
      }
      assert.deepEqual(wrong, []);
    });
  }
}

test("the first Tab reaches the skip link, and it leads to the content", async () => {
  const page = await open(browser, { state });
  await page.goto(`${origin}/fleet`);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("href")), "#main");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => location.hash), "#main");
  await page.context().close();
});
