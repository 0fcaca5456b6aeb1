// A person signs in, opens an inverter, watches a value change, changes the range.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { api, demo, eventually, newPage, openBrowser, signIn, signedIn } from '../support/demo.mjs';

let browser;
let state;
before(async () => {
  browser = await openBrowser();
  state = await signedIn(browser);
});
after(() => browser?.close());

/** An inverter that reports now, by the API. */
async function liveInverter() {
  return eventually('an inverter with a reading of the last 20 s', async () => {
    const { body } = await api('/api/v1/inverters');
    return body.items.find((item) => Object.values(item.latest).some((value) => Date.now() - Date.parse(value.time) < 20_000)
      && 'output.voltage' in item.latest);
  }, 60_000);
}

test('a wrong password is refused in plain words, the right one opens the fleet', async () => {
  const { page, context } = await newPage(browser);
  await page.goto(`${demo.url}/sign-in`);
  await page.getByLabel('E-mail').fill(demo.email);
  await page.getByLabel('Password', { exact: true }).fill('not the password at all');
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('alert').first().waitFor();
  assert.match(page.url(), /\/sign-in/);
  await signIn(page);
  await page.getByRole('heading', { level: 1 }).waitFor();
  const cookie = (await context.cookies()).find((each) => each.name === '__Host-session');
  assert.ok(cookie?.httpOnly && cookie.secure && cookie.sameSite === 'Lax', JSON.stringify(cookie));
  await context.close();
});

test('the fleet lists every inverter of the account, and a search narrows it', async () => {
  const { body } = await api('/api/v1/inverters');
  assert.ok(body.items.length >= 8, `${body.items.length} inverters`);
  const { page, context } = await newPage(browser, { state });
  await page.goto(`${demo.url}/fleet`);
  for (const item of body.items) await page.getByText(item.name, { exact: true }).first().waitFor();
  await page.goto(`${demo.url}/fleet?q=${encodeURIComponent(body.items[0].serial)}`);
  await page.getByText(body.items[0].name, { exact: true }).first().waitFor();
  assert.equal(await page.getByText(body.items[1].name, { exact: true }).count(), 0);
  await context.close();
});

test('a value on the inverter page changes by itself', async () => {
  const inverter = await liveInverter();
  const { page, context, seen } = await newPage(browser, { state });
  await page.goto(`${demo.url}/inverters/${inverter.id}`);
  await page.getByRole('heading', { level: 1, name: inverter.name }).waitFor();
  const values = () => page.locator('#i-stats [data-flash]').allInnerTexts();
  const first = JSON.stringify(await values());
  assert.notEqual(first, '[]', 'the page shows its values');
  await eventually('a value that moved without a reload', async () => JSON.stringify(await values()) !== first, 60_000);
  assert.deepEqual(seen.complaints, []);
  await context.close();
});

test('changing the range draws another chart', async () => {
  const inverter = await liveInverter();
  const { page, context, seen } = await newPage(browser, { state });
  await page.goto(`${demo.url}/inverters/${inverter.id}`);
  await page.locator('.uplot canvas').first().waitFor();
  for (const range of ['6h', '7d', '30d', '1h']) {
    await page.getByText(range, { exact: true }).first().click();
    await page.waitForURL(new RegExp(`range=${range}`));
    await page.locator('.uplot canvas').first().waitFor();
  }
  assert.deepEqual(seen.complaints, []);
  await context.close();
});

test('without script the fleet, the values and a table of the history can be read', async () => {
  const inverter = await liveInverter();
  const { page, context } = await newPage(browser, { state, script: false });
  await page.goto(`${demo.url}/fleet`);
  await page.getByRole('link', { name: new RegExp(inverter.name) }).first().click();
  await page.getByRole('heading', { level: 1, name: inverter.name }).waitFor();
  await page.getByRole('link', { name: /table/i }).first().click();
  assert.ok(await page.locator('table tbody tr').count() > 3);
  await context.close();
});

test('the keyboard alone reaches an inverter, and focus is visible', async () => {
  const { page, context } = await newPage(browser, { state });
  await page.goto(`${demo.url}/fleet`);
  await page.keyboard.press('Tab');
  const skip = await page.evaluate(() => document.activeElement?.textContent);
  assert.match(skip ?? '', /skip/i);
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, 'none', await page.evaluate(() => document.activeElement?.outerHTML.slice(0, 200)));
    if (await page.evaluate(() => document.activeElement?.getAttribute('href')?.startsWith('/inverters/'))) break;
  }
  await page.keyboard.press('Enter');
  await page.waitForURL('**/inverters/**');
  await context.close();
});

// ASVS 5.0: 7.4.1.
test('signing out ends the session, also for a copied cookie', async () => {
  const { page, context } = await newPage(browser);
  await signIn(page);
  const stolen = await context.storageState();
  await page.getByRole('button', { name: /sign out/i }).first().click();
  await page.waitForURL('**/sign-in**');
  const thief = await newPage(browser, { state: stolen });
  await thief.page.goto(`${demo.url}/fleet`);
  assert.match(thief.page.url(), /\/sign-in/);
  await thief.context.close();
  await context.close();
});
