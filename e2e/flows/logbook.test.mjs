// A record for years: started by an owner who agreed, looked at, exported and checked by standard tools, given up by its name; and the page for
// whoever has no account. At telephone and desktop width, axe on every page.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { accessible, fits, settled, touchable } from '../support/checks.mjs';
import { demo, newPage, openBrowser, signIn } from '../support/demo.mjs';
import { newcomer, operatorState, send } from '../support/people.mjs';

let browser;
let operator;
before(async () => {
  browser = await openBrowser();
  operator = await operatorState(browser);
}, { timeout: 120_000 });
after(() => browser?.close());

for (const width of [390, 1280]) {
  describe(`${width} px`, () => {
    let person;
    let organization;
    before(async () => {
      person = await newcomer(browser, operator, `lena.${width}@example.com`, 'Lena Brandt');
      const { page, context } = await newPage(browser, { state: person.state });
      await page.goto(`${demo.url}/me`);
      organization = await send(page, '/organizations/new', { name: `Library ${width}` });
      await context.close();
    }, { timeout: 120_000 });

    test('an owner starts a logbook, exports it, and gives it up', { timeout: 90_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width, state: person.state });
      await page.goto(demo.url + organization);
      await page.getByRole('link', { name: 'Logbook' }).click();
      await page.getByText('Off. Tests and outages').waitFor();
      await look(page, width, 'logbook-off');
      await page.getByLabel('Years that entries are kept').selectOption('3');
      await page.getByLabel(/^Keep tests and outages/).check();
      await page.getByRole('button', { name: 'Start the logbook' }).click();
      await page.getByText('is kept for 3 years').waitFor();
      await page.getByText('The next test or outage comes here').waitFor();
      await look(page, width, 'logbook-on');
      const downloading = page.waitForEvent('download');
      await page.getByRole('button', { name: 'Export the logbook' }).click();
      await checked(await (await downloading).path());
      await page.getByText('Turn it off and delete it').click();
      await look(page, width, 'logbook-ending');
      await page.getByLabel(/^Type Library/).fill(`Library ${width}`);
      await page.getByRole('button', { name: 'Delete the logbook' }).click();
      await page.getByText('Tests and outages go after 30 days again').waitFor();
      await page.getByRole('button', { name: 'Start the logbook' }).waitFor();
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });

    test('whoever has no account reads how to check it', { timeout: 60_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width });
      await page.goto(`${demo.url}/verify`);
      await page.getByRole('heading', { name: 'Check what we signed' }).waitFor();
      await page.getByText('Signs since').waitFor();
      await look(page, width, 'verify-logbook');
      for (const summary of await page.locator('summary').all()) await summary.click();
      await look(page, width, 'verify-logbook-open');
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });
  });
}

test('the demo keeps a logbook', { timeout: 60_000 }, async () => {
  const { page, context } = await newPage(browser);
  await signIn(page);
  await page.goto(`${demo.url}/organizations`);
  await page.getByRole('main').getByRole('link').filter({ hasText: 'Harborview' }).first().click();
  await page.getByRole('link', { name: 'Logbook' }).click();
  await page.getByText('is kept for 5 years').waitFor();
  await context.close();
});

/** What was exported is whole, as the script that is published says with openssl. */
async function checked(file) {
  const folder = mkdtempSync(path.join(tmpdir(), 'logbook-'));
  const { page, context } = await newPage(browser);
  await page.goto(`${demo.url}/verify`);
  const text = (address) => page.evaluate(async (from) => (await fetch(from)).text(), address);
  for (const name of ['key.pem', 'check.py']) writeFileSync(path.join(folder, name), await text(`/verify/${name}`));
  const said = execFileSync('python3', ['check.py', file, 'key.pem'], { cwd: folder, encoding: 'utf8' });
  assert.match(said, /whole: the last entry is 0/);
  await context.close();
  rmSync(folder, { recursive: true });
}

async function look(page, width, name) {
  await settled(page);
  await accessible(page, `${name} at ${width}`);
  await fits(page, `${name} at ${width}`);
  if (width < 960) await touchable(page, `${name} at ${width}`);
}
