// No page scrolls sideways, and everything a finger presses is 44 px, at 320, 390 and 1280 px.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, signedInState, widths } from "../support/browser.mjs";
import { origin } from "../support/demo.mjs";
import { privatePages, publicPages } from "../support/pages.mjs";

let browser;
let state;
before(async () => {
  browser = await launch();
  state = await signedInState(browser);
});
after(() => browser?.close());

/** Elements that stick out of the viewport though nothing around them scrolls. */
function sideways() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const out = [...document.querySelectorAll("body *")].filter((element) => element.getBoundingClientRect().right > width + 1);
  const names = out.map((element) => `${element.tagName.toLowerCase()}.${element.className?.baseVal ?? element.className}`);
  return [`the page is ${document.documentElement.scrollWidth} px wide`, ...names.slice(0, 5)];
}

/** What can be pressed and is smaller than 44 × 44 px. Links inside a sentence may be (WCAG 2.5.8, inline). */
function small() {
  const least = 44;
  const inSentence = (element) => element.tagName === "A" && element.closest("p, li, td, small, label") !== null
    && getComputedStyle(element).display === "inline";
  const found = [];
  for (const element of document.querySelectorAll("a[href], button, summary, select, input, textarea, [role=button]")) {
    if (element.type === "hidden" || element.disabled || inSentence(element) || !element.checkVisibility()) continue;
    // A radio or check box is pressed through its label.
    const pressed = ["radio", "checkbox"].includes(element.type) ? (element.labels?.[0] ?? element) : element;
    const box = pressed.getBoundingClientRect();
    const hidden = box.right <= 0 || box.bottom <= 0 || box.width <= 1 || getComputedStyle(pressed).clipPath !== "none";
    if (!hidden && (box.width < least - 0.5 || box.height < least - 0.5)) {
      const name = (element.getAttribute("aria-label") ?? element.innerText ?? "").trim().slice(0, 30);
      found.push(`${element.tagName.toLowerCase()} "${name}" ${box.width.toFixed(0)} x ${box.height.toFixed(0)}`);
    }
  }
  return found;
}

for (const width of widths) {
  test(`no sideways scrolling and 44 px targets at ${width} px`, async () => {
    const wrong = [];
    for (const { name, path } of [...publicPages, ...(await privatePages())]) {
      const signedIn = !publicPages.some((page) => page.path === path);
      const page = await open(browser, { width, state: signedIn ? state : undefined });
      await page.goto(origin + path);
      await page.waitForLoadState("load");
      wrong.push(...(await page.evaluate(sideways)).map((what) => `${name}: ${what}`));
      wrong.push(...(await page.evaluate(small)).map((what) => `${name}: ${what}`));
      await page.context().close();
    }
    assert.deepEqual(wrong, []);
  });
}
