// A person adds a passkey (Chromium's own authenticator) and an authenticator app, signs in with each, and takes them away.
// An operator signs in with the password and a code. At telephone and desktop width, axe and all. Each test has an account
// of its own, as changing factors signs its other devices out.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, authenticator } from '../support/checks.mjs';
import { demo, newPage, openBrowser, signIn, totp } from '../support/demo.mjs';
import { newcomer, operatorState } from '../support/people.mjs';

/** Not a page that leads there afterwards. */
const atFleet = (url) => url.pathname === '/fleet';

let browser;
let operator;
before(async () => {
  browser = await openBrowser();
  operator = await operatorState(browser);
});
after(() => browser?.close());

/** Pages that may take their time: three sign-ins a test, each with a password hash, beside everything else that runs. */
async function patientPage(options) {
  const made = await newPage(browser, options);
  made.context.setDefaultTimeout(60_000);
  return made;
}

async function signOut(page) {
  await page.getByRole('button', { name: /sign out/i }).first().click();
  await page.waitForURL('**/sign-in**');
}

for (const width of [390, 1280]) {
  describe(`${width} px`, () => {
    test('a passkey is added, opens the account without a password, and goes', async () => {
      const kim = await newcomer(browser, operator, `kim.passkey.${width}@example.com`, 'Kim Sato');
      const { page, context, seen } = await patientPage({ width });
      await authenticator(page);
      await signIn(page, kim);
      await page.goto(`${demo.url}/me/security/passkeys/new`);
      await accessible(page, 'new passkey');
      await page.getByLabel('Name').fill(`Test at ${width}`);
      await page.getByRole('button', { name: 'Make a passkey' }).click();
      await page.getByRole('heading', { name: 'Keep these recovery codes' }).waitFor();
      assert.equal(await page.locator('.codes li').count(), 10);
      await accessible(page, 'recovery codes');
      await page.getByRole('link', { name: 'I have kept them' }).click();
      await page.getByText(`Test at ${width}`).waitFor();
      await accessible(page, 'security');
      await signOut(page);
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
      await page.waitForURL(atFleet);
      // The password alone is not enough any more.
      await signOut(page);
      await page.getByLabel('E-mail').fill(kim.email);
      await page.getByLabel('Password', { exact: true }).fill(kim.password);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('heading', { name: 'Type the code' }).waitFor();
      await accessible(page, 'code');
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
      await page.waitForURL(atFleet);
      await page.goto(`${demo.url}/me/security`);
      await page.getByLabel(`Change Test at ${width}`).click();
      await page.getByRole('button', { name: 'Remove passkey' }).click();
      await page.getByText('The passkey was removed.').waitFor();
      assert.deepEqual(seen.complaints, []);
      await context.close();
    });

    // ASVS 5.0: 3.3.1.
    test('an authenticator app works without scripts, and a code counts once', async () => {
      const kim = await newcomer(browser, operator, `kim.app.${width}@example.com`, 'Kim Sato');
      const { page, context } = await patientPage({ width, script: false });
      await signIn(page, kim);
      await page.goto(`${demo.url}/me/security`);
      await page.getByRole('button', { name: 'Set up' }).click();
      await page.getByRole('img', { name: /QR code/ }).waitFor();
      const secret = await page.locator('.secret').innerText();
      const used = totp(secret);
      await page.getByRole('textbox', { name: 'Code' }).fill(used);
      await page.getByRole('button', { name: 'Finish' }).click();
      await page.getByRole('heading', { name: 'Keep these recovery codes' }).waitFor();
      const [recovery] = await page.locator('.codes li').allInnerTexts();
      await signOut(page);
      const password = async () => {
        await page.goto(`${demo.url}/sign-in`);
        await page.getByLabel('E-mail').fill(kim.email);
        await page.getByLabel('Password', { exact: true }).fill(kim.password);
        await page.getByRole('button', { name: 'Sign in', exact: true }).click();
        await page.getByRole('heading', { name: 'Type the code' }).waitFor();
      };
      await password();
      // The one that was used, also where the half minute is over by now.
      await page.getByRole('textbox', { name: 'Code' }).fill(used);
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.getByRole('alert').waitFor();
      await page.getByRole('textbox', { name: 'Code' }).fill(totp(secret, 1));
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(atFleet);
      await signOut(page);
      await password();
      await page.getByRole('textbox', { name: 'Code' }).fill(recovery.toLowerCase());
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForURL(atFleet);
      await page.goto(`${demo.url}/me/security`);
      await page.getByText('9 of 10 left.').waitFor();
      await page.locator('summary', { hasText: 'Remove' }).first().click();
      await page.getByRole('button', { name: 'Remove authenticator app' }).click();
      await page.getByText('The authenticator app was removed.').waitFor();
      await context.close();
    });
  });
}

test('another device is signed out from here, and its open page says so by itself', async () => {
  const kim = await newcomer(browser, operator, 'kim.devices@example.com', 'Kim Sato');
  const there = await newPage(browser);
  await signIn(there.page, kim);
  const here = await newPage(browser);
  await signIn(here.page, kim);
  await here.page.goto(`${demo.url}/me/security`);
  await here.page.getByRole('button', { name: 'Sign out all other devices' }).click();
  await here.page.getByText('All other devices are signed out.').waitFor();
  await there.page.waitForURL('**/sign-in?why=ended');
  await here.context.close();
  await there.context.close();
});

test('an operator signs in with a code', async () => {
  const { page, context } = await newPage(browser, { state: operator });
  await page.goto(`${demo.url}/op/audit`);
  assert.match(page.url(), /\/op\/audit/);
  await context.close();
});
