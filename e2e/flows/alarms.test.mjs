// What people do with alarms: one appears on a page that is open, somebody acknowledges it on a telephone, another sees who;
// maintenance is planned and ended; a limit raises an alarm of its own name.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { accessible, touchable } from '../support/checks.mjs';
import { api, demo, eventually, newPage, openBrowser, signIn, signedIn } from '../support/demo.mjs';

const run = promisify(execFile);
let browser;
let dana;
let mei;
let inverter;
before(async () => {
  browser = await openBrowser();
  dana = await signedIn(browser);
  const { page, context } = await newPage(browser);
  await signIn(page, { email: demo.colleague, password: demo.password });
  mei = await context.storageState();
  await context.close();
  // One that is well and that nobody else's flow touches.
  inverter = await eventually('an inverter that is ready', async () => {
    const { body } = await api('/api/v1/inverters');
    return body.items.find((item) => item.ready === 'yes' && item.role === 'read-write' && item.holder === 'organization')
      ?? body.items.find((item) => item.ready === 'yes' && item.role === 'read-write');
  }, 60_000);
});
after(async () => {
  if (inverter) await tell('fault', 'overload', 'off').catch(() => {});
  await browser?.close();
});

/** Causes something at the inverter, as the demo says. */
function tell(...command) {
  return run(demo.simulator, ['tell', join(demo.data_dir, 'consoles', inverter.serial), ...command]);
}

/** Marks the page, so that a reload would show. */
const mark = (page) => page.evaluate(() => { globalThis.same = true; });
const same = (page) => page.evaluate(() => globalThis.same === true);
const article = (page, title) => page.locator('article.alarm', { hasText: title }).filter({ hasText: inverter.name });

test('an alarm appears without a reload, is acknowledged on a telephone, and another sees who', async () => {
  const phone = await newPage(browser, { width: 390, height: 844, state: dana });
  const desk = await newPage(browser, { state: mei });
  for (const { page } of [phone, desk]) {
    await page.goto(`${demo.url}/alarms`);
    await mark(page);
  }
  await tell('fault', 'overload');
  for (const { page } of [phone, desk]) {
    await eventually('the alarm on the page that is open', () => article(page, 'Load above rating').count(), 30_000);
    assert.ok(await same(page), 'the page was not loaded again');
  }
  assert.equal(await article(desk.page, 'Load above rating').getByRole('button').count(), 0, 'who may look finds no button');
  await article(phone.page, 'Load above rating').getByRole('link', { name: 'Load above rating' }).click();
  await phone.page.getByRole('heading', { level: 1, name: 'Load above rating' }).waitFor();
  await touchable(phone.page, 'an alarm');
  await accessible(phone.page, 'an alarm');
  const address = phone.page.url();
  // Looking at it has not acknowledged it.
  assert.equal(await article(desk.page, 'Load above rating').getByText('Acknowledged by').count(), 0);
  await phone.page.getByLabel('Note').fill('On my way');
  await phone.page.getByRole('button', { name: 'Acknowledge' }).click();
  await phone.page.getByText('Acknowledged by', { exact: false }).first().waitFor();
  await eventually('the other sees who', () => article(desk.page, 'Load above rating').getByText(/Acknowledged by Dana Okafor.*On my way/).count());
  assert.ok(await same(desk.page), 'the page was not loaded again');
  await mark(phone.page);
  await tell('fault', 'overload', 'off');
  await eventually('it is over on its own page', () => phone.page.locator('#alarm .hero__eye', { hasText: 'Over' }).count(), 60_000);
  assert.ok(await same(phone.page), 'the page was not loaded again');
  await eventually('its story is told', async () => {
    const story = await phone.page.locator('section', { has: phone.page.getByRole('heading', { name: 'Timeline' }) }).innerText();
    return /Raised/.test(story) && /Acknowledged by Dana Okafor/.test(story) && /Over/.test(story);
  }, 30_000);
  await desk.page.goto(`${demo.url}/alarms?view=history`);
  const past = desk.page.locator(`a[href="${new URL(address).pathname}"]`).first();
  await past.waitFor();
  for (const { seen, context } of [phone, desk]) {
    assert.deepEqual(seen.complaints, []);
    await context.close();
  }
});

test('maintenance is planned, everybody sees it, and it is ended early', async () => {
  const { page, context, seen } = await newPage(browser, { width: 390, height: 844, state: dana });
  const other = await newPage(browser, { state: mei });
  await other.page.goto(`${demo.url}/fleet`);
  await mark(other.page);
  await page.goto(`${demo.url}/inverters/${inverter.id}/maintenance`);
  await page.getByLabel('Ends').fill(tomorrow());
  await page.getByLabel('Reason').fill('Battery exchange');
  await page.getByRole('button', { name: 'Plan maintenance' }).click();
  await page.getByText('Dana Okafor: Battery exchange').waitFor();
  const row = other.page.locator(`#row-${inverter.id}`);
  const words = /Maintenance until .*Dana Okafor: Battery exchange/;
  await eventually('the fleet says so without a reload', async () => words.test(await row.innerText()));
  assert.ok(await same(other.page));
  await other.page.goto(`${demo.url}/inverters/${inverter.id}/maintenance`);
  await other.page.getByText('View only').first().waitFor();
  assert.equal(await other.page.getByRole('button', { name: /End now|Plan/ }).count(), 0);
  await page.getByRole('button', { name: /End now/ }).click();
  await page.getByText('None planned').waitFor();
  await page.getByLabel('Ends').fill('2020-01-01T00:00');
  await page.getByLabel('Reason').fill('Too late');
  await page.getByRole('button', { name: 'Plan maintenance' }).click();
  await page.getByText('not over already').waitFor();
  assert.equal(await page.getByLabel('Reason').inputValue(), 'Too late');
  assert.deepEqual(seen.complaints.filter((each) => !each.includes('422')), []);
  await context.close();
  await other.context.close();
});

test('a limit raises an alarm of its own name, which goes with it', async () => {
  const { page, context } = await newPage(browser, { state: dana });
  await page.goto(`${demo.url}/inverters/${inverter.id}/limits`);
  await page.getByLabel('Value').selectOption('output.voltage');
  await page.getByLabel('Alarm beyond').fill('1');
  await page.getByLabel('Over when back at').fill('0.5');
  await page.locator('#raise_delay').selectOption('0');
  await page.getByRole('button', { name: 'Set limit' }).click();
  await page.getByText('Output voltage above 1').first().waitFor();
  const list = await newPage(browser, { state: dana });
  await list.page.goto(`${demo.url}/alarms`);
  await eventually('the limit raises an alarm', () => article(list.page, 'Output voltage above 1').count(), 60_000);
  await page.getByRole('button', { name: /Remove Output voltage/ }).click();
  await page.getByText('None set').waitFor();
  await eventually('its alarm is over', async () => await article(list.page, 'Output voltage above 1').count() === 0, 60_000);
  await context.close();
  await list.context.close();
});

/** Tomorrow at noon as a form's field has it. */
function tomorrow() {
  return `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 10)}T12:00`;
}
