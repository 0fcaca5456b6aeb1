// The way in, as two people and an operator go it: an address is approved, its owner registers by a mailed link, adds a
// passkey, pairs an inverter with the press of its button, shares it view-only; the other sees values and nothing to
// change; access is taken away and everything is gone at once. At telephone and desktop width, axe on every page.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible, authenticator } from '../support/checks.mjs';
import { demo, eventually, mailedLink, newPage, openBrowser, signIn } from '../support/demo.mjs';
import { approve, operatorState, PASSWORD, pressButton } from '../support/people.mjs';

/** The page must have turned this long after the press's report: two seconds, and what pressing and reporting take. */
const TURNS_WITHIN_MS = 10_000;

let browser;
let operator;
before(async () => {
  browser = await openBrowser();
  operator = await operatorState(browser);
});
after(() => browser?.close());

for (const width of [390, 1280]) {
  describe(`${width} px`, () => {
    test('from an approved address to a shared inverter and back', { timeout: 240_000 }, async () => {
      const email = `sam.ortega.${width}@example.com`;
      await approve(browser, operator, email, { width, look: accessible });
      const sam = await newPage(browser, { width });
      await authenticator(sam.page);
      await register(sam.page, email);
      await addPasskey(sam.page);
      const inverter = await pair(sam.page, `Stair ${width}`);
      const dana = await newPage(browser, { width });
      await signIn(dana.page);
      await share(sam.page, inverter, demo.email);
      await acceptAndLook(dana.page, inverter, `Stair ${width}`);
      await takeAway(sam.page, inverter);
      await isGone(dana.page, inverter);
      // The browser itself writes a line for each refusal that was asked for.
      const ofOurs = (line) => !/status of (403|404|422)/.test(line);
      assert.deepEqual([...sam.seen.complaints, ...dana.seen.complaints].filter(ofOurs), []);
      await sam.context.close();
      await dana.context.close();
    });
  });
}

test('somebody who is not approved reads the same words, and no mail comes', async () => {
  const { page, context } = await newPage(browser);
  const words = async (email) => {
    await page.goto(`${demo.url}/register`);
    await page.getByLabel('E-mail').fill(email);
    await page.getByRole('main').getByRole('button').click();
    await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
    return (await page.getByRole('main').innerText()).replaceAll(email, 'THE ADDRESS');
  };
  await approve(browser, operator, 'known@example.com');
  const unknown = await words('stranger@example.com');
  assert.equal(await words('known@example.com'), unknown);
  await mailedLink('known@example.com', '/verify/');
  const mails = await (await fetch(demo.mail_url)).text();
  assert.ok(!mails.includes('stranger@example.com'), 'a stranger was written to');
  await context.close();
});

async function register(page, email) {
  await page.goto(`${demo.url}/register`);
  await accessible(page, 'register');
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('main').getByRole('button').click();
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
  await accessible(page, 'check your e-mail');
  const link = await mailedLink(email, '/verify/');
  await page.goto(link);
  await accessible(page, 'choose a password');
  // Looking at a mailed link, as mail scanners do, uses nothing up.
  await page.reload();
  await page.getByLabel('Your name').fill('Sam Ortega');
  await page.getByLabel('Password', { exact: true }).fill('too short');
  await page.getByRole('button', { name: 'Create my account' }).click();
  await page.getByRole('alert').first().waitFor();
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create my account' }).click();
  await page.waitForURL('**/fleet**');
  await accessible(page, 'empty fleet');
  // The link worked once.
  const again = await page.context().newPage();
  await again.goto(link);
  assert.equal(await again.getByLabel('Password', { exact: true }).count(), 0, 'a used link still opens');
  await again.close();
}

async function addPasskey(page) {
  await page.goto(`${demo.url}/me/security/passkeys/new`);
  await page.getByLabel('Name').fill('Telephone');
  await page.getByRole('button', { name: 'Make a passkey' }).click();
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await page.getByRole('button', { name: /sign out/i }).first().click();
  await page.waitForURL('**/sign-in**');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.waitForURL('**/fleet');
}

async function pair(page, name) {
  await page.getByRole('link', { name: /add (an )?inverter/i }).first().click();
  await page.waitForURL('**/pair');
  await accessible(page, 'serial number');
  await page.getByLabel('Serial number').fill(demo.unpaired_serial.toLowerCase());
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Press PAIR in the cabinet' }).waitFor();
  await page.getByRole('timer').waitFor();
  await accessible(page, 'press the button');
  await pressButton();
  await page.waitForURL('**/name', { timeout: TURNS_WITHIN_MS });
  await accessible(page, 'name it');
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Save and open' }).click();
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.locator('#i-stats [data-flash]').first().waitFor();
  return new URL(page.url()).pathname;
}

async function share(page, inverter, email) {
  await page.goto(`${demo.url}${inverter}/people`);
  await accessible(page, 'people');
  await page.getByRole('main').getByRole('link', { name: 'Share' }).click();
  await accessible(page, 'share');
  await page.getByLabel(/^E-mail of the person/).fill(email);
  await page.getByRole('radio', { name: /View only/ }).check();
  await page.getByRole('button', { name: 'Share' }).click();
  await page.getByText('Waiting for an answer').waitFor();
  await accessible(page, 'people, one waiting');
}

async function acceptAndLook(page, inverter, name) {
  await page.goto(`${demo.url}/shares`);
  await accessible(page, 'offers');
  assert.equal((await page.goto(`${demo.url}${inverter}`)).status(), 404, 'an offer opens nothing yet');
  await page.goto(`${demo.url}/shares`);
  await page.getByRole('button', { name: new RegExp(`Accept.*${name}`) }).click();
  await page.goto(`${demo.url}${inverter}`);
  await page.getByRole('heading', { level: 1, name }).waitFor();
  await page.locator('#i-stats [data-flash]').first().waitFor();
  await page.getByText('View only').first().waitFor();
  await accessible(page, 'view only');
  for (const path of ['settings', 'people/new', 'remove']) {
    assert.equal(await page.locator(`a[href$="${inverter}/${path}"]`).count(), 0, `a control that would be refused: ${path}`);
  }
  await page.goto(`${demo.url}${inverter}/people`);
  assert.equal(await page.getByRole('main').getByRole('link', { name: 'Share' }).count(), 0);
  assert.equal((await page.goto(`${demo.url}${inverter}/settings`)).status(), 403);
  await page.goto(`${demo.url}${inverter}`);
  await page.locator('#i-stats [data-flash]').first().waitFor();
}

async function takeAway(page, inverter) {
  await page.goto(`${demo.url}${inverter}/people`);
  await page.getByLabel(/Dana Okafor.*Change or remove/).click();
  await page.getByRole('button', { name: 'Remove', exact: true }).click();
  await eventually('Dana is off the list', async () => await page.getByText('Dana Okafor').count() === 0);
}

/** The page that stood open leaves by itself; asked again it is not there. */
async function isGone(page, inverter) {
  await page.waitForURL((url) => !url.pathname.startsWith(inverter), { timeout: 5_000 });
  assert.equal((await page.goto(`${demo.url}${inverter}`)).status(), 404);
  await page.goto(`${demo.url}/fleet`);
  assert.equal(await page.locator(`a[href^="${inverter}"]`).count(), 0);
}
