// Takes the pictures that docs/screens keeps: each page at 390 and 1280 px, light and dark.
// In: a running demo (DEMO_JSON). Out: PNG files. Run by hand: `npm run screens -- ../docs/screens`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch, open, signedInState } from "./support/browser.mjs";
import { origin } from "./support/demo.mjs";
import { privatePages, publicPages } from "./support/pages.mjs";

const folder = process.argv[2] ?? "results/screens";
mkdirSync(folder, { recursive: true });
const browser = await launch();
try {
  const state = await signedInState(browser);
  const signedIn = (await privatePages()).map((page) => ({ ...page, state }));
  for (const { name, path, state: cookies } of [...publicPages, ...signedIn]) {
    for (const width of [390, 1280]) {
      for (const scheme of ["light", "dark"]) {
        const page = await open(browser, { width, scheme, state: cookies });
        await page.goto(origin + path);
        await page.waitForLoadState("load");
        await page.waitForTimeout(1_500);
        const file = join(folder, `${name}-${width}-${scheme}.png`);
        await page.screenshot({ path: file });
        console.log(file);
        await page.context().close();
      }
    }
  }
} finally {
  await browser.close();
}
