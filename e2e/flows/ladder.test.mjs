// Who is asked next: a ladder made, moved and changed on a telephone, a mistake said in plain words, the site's beside the
// organization's. At telephone and desktop width, axe on every page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, fits, settled, touchable } from '../support/checks.mjs';
import { demo, newPage, openBrowser } from '../support/demo.mjs';
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
    let site;
    before(async () => {
      person = await newcomer(browser, operator, `iris.${width}@example.com`, 'Iris Rocha');
      const { page, context } = await newPage(browser, { state: person.state });
      await page.goto(`${demo.url}/me`);
      organization = await send(page, '/organizations/new', { name: `Harbour ${width}` });
      const fields = { name: 'Pier 9', address: '', time_zone: 'America/New_York' };
      await send(page, `${organization}/sites`, fields);
      await page.goto(demo.url + organization);
      site = await page.locator('a[href^="/sites/"]').first().getAttribute('href');
      await context.close();
    }, { timeout: 120_000 });

    test('steps are added, changed, moved and removed', { timeout: 90_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width, state: person.state });
      await page.goto(demo.url + organization);
      await page.getByRole('link', { name: 'Escalation' }).click();
      await page.getByRole('heading', { name: 'Escalation', level: 1 }).waitFor();
      await look(page, width, 'ladder-empty');
      const steps = page.locator('.rung');
      const adding = page.locator('form[aria-labelledby="add"]');
      // Nobody was chosen: it says so, and nothing is kept.
      await adding.getByRole('button', { name: 'Add step' }).click();
      await page.getByRole('alert').getByText('Choose at least one person').waitFor();
      await look(page, width, 'ladder-refused');
      assert.equal(await steps.count(), 0);
      await adding.getByRole('checkbox', { name: 'Iris Rocha' }).check();
      await adding.getByRole('button', { name: 'Add step' }).click();
      await page.getByText('It counts at once').waitFor();
      assert.match(await steps.nth(0).innerText(), /1\. At once/);
      assert.equal(await adding.getByLabel('Minutes to wait').inputValue(), '15');
      await adding.getByRole('checkbox', { name: 'Iris Rocha' }).check();
      await adding.getByRole('button', { name: 'Add step' }).click();
      await steps.nth(1).getByText('15 min after step 1').waitFor();
      await look(page, width, 'ladder');
      await steps.nth(1).getByText('Change step 2').click();
      await steps.nth(1).getByLabel('Minutes to wait').fill('20');
      await look(page, width, 'ladder-changing');
      await steps.nth(1).getByRole('button', { name: 'Save step 2' }).click();
      await steps.nth(1).getByText('20 min after step 1').waitFor();
      await page.getByRole('button', { name: 'Move up step 2' }).click();
      await steps.nth(0).getByText('20 min after the alarm').waitFor();
      await page.getByRole('button', { name: 'Remove step 1' }).click();
      await page.waitForFunction(() => document.querySelectorAll('.rung').length === 1);
      // The browser's own word on the mistake made above.
      assert.deepEqual(seen.complaints.filter((said) => !said.includes('status of 422')), []);
      await context.close();
    });

    test('a site says which ladder counts there, and may have its own', { timeout: 60_000 }, async () => {
      const { page, context } = await newPage(browser, { width, state: person.state });
      await page.goto(demo.url + site);
      await page.getByRole('link', { name: 'Escalation' }).click();
      await page.getByText('counts here now').waitFor();
      await look(page, width, 'ladder-of-site');
      const adding = page.locator('form[aria-labelledby="add"]');
      await adding.getByLabel('Minutes to wait').fill('5');
      await adding.getByRole('checkbox', { name: 'Iris Rocha' }).check();
      await adding.getByRole('button', { name: 'Add step' }).click();
      await page.locator('.rung').getByText('5 min after the alarm').waitFor();
      assert.equal(await page.getByText('counts here now').count(), 0);
      await page.getByText('Remove this ladder').click();
      await page.getByRole('button', { name: 'Remove ladder' }).click();
      await page.getByText('The organization’s ladder counts here, if it has one').waitFor();
      await context.close();
    });
  });
}

async function look(page, width, name) {
  await settled(page);
  await fits(page, `${name} at ${width} px`);
  if (width < 960) await touchable(page, `${name} at ${width} px`);
  await accessible(page, `${name} at ${width} px`);
}
