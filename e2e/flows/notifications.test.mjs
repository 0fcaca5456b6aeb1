// What one is told, and by which ways: preferences are kept, a test tells what truly came of it, a webhook waits for its
// challenge, and an address inside the house is never spoken to. At telephone and desktop width, axe on every page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, fits, settled, touchable } from '../support/checks.mjs';
import { demo, eventually, newPage, openBrowser } from '../support/demo.mjs';
import { newcomer, operatorState } from '../support/people.mjs';

const PAGE = `${demo.url}/me/notifications`;

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
    before(async () => {
      person = await newcomer(browser, operator, `nora.${width}@example.com`, 'Nora Duarte');
    }, { timeout: 120_000 });

    test('what is ticked is kept', { timeout: 60_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width, state: person.state });
      await page.goto(PAGE);
      await look(page, width, 'notifications');
      const tick = (name) => page.getByRole('checkbox', { name });
      assert.equal(await tick('E-mail: Needs somebody now').isChecked(), true);
      assert.equal(await tick('Text: Needs somebody now').isDisabled(), true);
      await tick('E-mail: Has a warning').check();
      await page.getByRole('checkbox', { name: 'Hold warnings and news overnight' }).check();
      await page.getByLabel('From').selectOption('1350');
      await page.getByLabel('Remind me of critical alarms').selectOption('4');
      await page.getByRole('button', { name: 'Save changes' }).click();
      await page.getByText('It counts from the next message on.').waitFor();
      await page.reload();
      assert.equal(await tick('E-mail: Has a warning').isChecked(), true);
      assert.equal(await page.getByLabel('From').inputValue(), '1350');
      assert.equal(await page.getByLabel('Remind me of critical alarms').inputValue(), '4');
      await tick('E-mail: Needs somebody now').uncheck();
      await page.getByRole('button', { name: 'Save changes' }).click();
      await page.getByText('you hear of none of them').waitFor();
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });

    test('a test is a mail that arrives, and its receipt is what was answered', { timeout: 60_000 }, async () => {
      const { page, context } = await newPage(browser, { width, state: person.state });
      await page.goto(PAGE);
      await page.getByRole('button', { name: `Send test to ${person.email}` }).click();
      const receipt = page.locator('.receipt');
      await receipt.waitFor();
      await eventually('the receipt', async () => {
        await page.reload();
        return /The mail server took it: kept as/.test(await receipt.innerText());
      });
      await eventually('the mail', async () => {
        const mails = await (await fetch(demo.mail_url)).text();
        return mails.includes('Test message of Inverter Connect') && mails.includes(person.email);
      });
      await context.close();
    });

    test('a webhook inside the house is never called, and the page says why', { timeout: 60_000 }, async () => {
      const { page, context } = await newPage(browser, { width, state: person.state });
      await page.goto(`${PAGE}/webhooks/new`);
      await look(page, width, 'webhook');
      await page.getByLabel('Address').fill('https://localhost:9/hook');
      await page.getByRole('button', { name: 'Add webhook' }).click();
      await page.getByRole('heading', { name: 'secret' }).waitFor();
      assert.match(await page.getByLabel('Secret').inputValue(), /^whsec_[\w-]{43}$/);
      await look(page, width, 'webhook-made');
      await page.getByRole('link', { name: 'I have copied it' }).click();
      await page.getByText('Waits for the answer to its challenge').waitFor();
      await eventually('the reason', async () => {
        await page.reload();
        return (await page.getByRole('main').innerText()).includes('which is not a public address');
      });
      await look(page, width, 'notifications-with-webhook');
      await page.locator('details.sure > summary').last().click();
      await page.getByRole('button', { name: 'Remove it' }).click();
      await page.getByText('The webhook was removed').waitFor();
      await context.close();
    });

    test('a browser says whether it can, and nothing is sent without asking', { timeout: 60_000 }, async () => {
      const { page, context, seen } = await newPage(browser, { width, state: person.state });
      await page.goto(`${PAGE}/push/new`);
      await look(page, width, 'push');
      await page.getByRole('button', { name: 'Get messages here' }).click();
      // Nobody answers the question of a browser without a window: it is refused, and the page says what to do.
      await page.locator('.error:not([hidden])').waitFor();
      const foreign = seen.requests.filter((url) => !url.startsWith(demo.url));
      assert.deepEqual(foreign, []);
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
