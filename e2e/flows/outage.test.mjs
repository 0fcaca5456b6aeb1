// A power loss when it is over: from the letter that tells of it to its page, which says the same, and to the readings around it. The loss
// is one of the demo's last day. At telephone and desktop width, axe on the page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, fits, settled, touchable } from '../support/checks.mjs';
import { demo, newPage, openBrowser, signedIn } from '../support/demo.mjs';
import { lossMails } from '../support/scene.mjs';

let browser;
let state;
let mails;
before(async () => {
  browser = await openBrowser();
  state = await signedIn(browser);
  mails = await lossMails();
}, { timeout: 90_000 });
after(() => browser?.close());

for (const width of [390, 1280]) {
  describe(`${width} px`, () => {
    test('a letter tells of a power loss, and its page says how it went', { timeout: 60_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width, state });
      // An inverter of which nothing was known when it began has no prediction; the one of the demo's last day has.
      let mail;
      for (mail of mails) {
        await page.goto(demo.url + mail.path);
        if (await page.locator('dt', { hasText: 'Predicted at its start' }).count() > 0) break;
      }
      const title = await page.getByRole('heading', { level: 1 }).innerText();
      // A letter about one loss and one about several word it differently; how long it was stands in both.
      const length = plain(title).match(/^The battery held for (.+), until power was back$/)[1];
      assert.ok(plain(mail.text).includes(length), `${length} in the letter: ${mail.text}`);
      const figure = (name) => page.locator('dt', { hasText: name }).locator('xpath=following-sibling::dd[1]').innerText();
      const lowest = plain(await figure('Lowest battery voltage'));
      assert.match(lowest, /^\d+\.\d V$/);
      assert.ok(plain(mail.text).includes(lowest), `${lowest} in the letter: ${mail.text}`);
      assert.match(plain(await figure('Predicted at its start')), /^\d+ min \(\d+ to \d+\)$/);
      // Whoever reads it elsewhere, or in a night in which the clock is changed, knows which hour it was.
      assert.match(plain(await figure('On battery from')), / [AP]M [A-Z]{3}$/);
      const bar = await page.getByRole('img', { name: /^On battery for \d+ minutes of the \d+ minutes/ }).getAttribute('aria-label');
      assert.equal(bar.match(/for (\d+) minutes/)[1], title.match(/for (\d+)\smin/)[1]);
      await settled(page);
      await accessible(page, `outage at ${width} px`);
      await fits(page, `outage at ${width} px`);
      if (width < 960) await touchable(page, `outage at ${width} px`);
      await page.getByRole('link', { name: 'See the readings' }).click();
      await page.waitForURL('**/history.html?**');
      assert.ok(await page.locator('table tbody tr').count() > 3, 'readings around it');
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });
  });
}

function plain(text) {
  return text.replace(/\s+/g, ' ').trim();
}
