// The record of tests: from the calendar to an inverter's own page and to the report, as a page and as files. At telephone and desktop
// width, axe on every page. Notes on failed tests are played against the pages' own tests: no inverter of the demo fails one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { accessible, touchable } from '../support/checks.mjs';
import { demo, newPage, openBrowser, signIn } from '../support/demo.mjs';

let browser;
before(async () => {
  browser = await openBrowser();
}, { timeout: 120_000 });
after(() => browser?.close());

for (const width of [390, 1280]) {
  describe(`${width} px`, () => {
    // ASVS 5.0: 5.4.1, 5.4.2.
    test('the calendar leads to the inverter and to the report', { timeout: 90_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width });
      await signIn(page);
      await page.goto(`${demo.url}/fleet`);
      await page.getByRole('link', { name: 'Tests' }).filter({ visible: true }).first().click();
      await page.getByRole('heading', { name: 'Test record', level: 1 }).waitFor();
      await look(page, width, 'tests');
      // Two words that are not the same: what is not kept was not missed.
      assert.match(await page.getByRole('main').innerText(), /up to date/);
      await page.locator('.matrix tbody th[scope="row"] a, .tcard h3 a').filter({ visible: true }).first().click();
      await page.getByRole('heading', { name: /^Tests of / }).waitFor();
      await look(page, width, 'tests-of-inverter');
      await page.getByRole('link', { name: 'Report' }).click();
      await page.getByText('Emergency lighting test report').waitFor();
      await look(page, width, 'tests-report');
      const files = [['PDF to sign', '%PDF-1.7'], ['CSV', 'record,inverter,serial'], ['JSON', '{']];
      for (const [name, begins] of files) {
        const arriving = page.waitForEvent('download');
        await page.getByRole('link', { name, exact: true }).click();
        const download = await arriving;
        const bytes = readFileSync(await download.path()).toString('latin1');
        assert.ok(bytes.startsWith(begins), `${name}: ${bytes.slice(0, 40)}`);
        assert.match(download.suggestedFilename(), /^TR-\d{4}-\d{2}-[0-9A-Za-z]+\.(pdf|csv|json)$/);
      }
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });
  });
}

async function look(page, width, name) {
  await accessible(page, `${name} at ${width} px`);
  if (width < 960) await touchable(page, `${name} at ${width} px`);
}
