// What the screens show: Lee and Noa came to the demo, Lee with an inverter, an organization, a site, offers and a token.
//
// In: a browser. Out: who is there, and the addresses at which a page of each kind is found.
import assert from 'node:assert/strict';
import { api, demo, eventually, mailedLink, newPage, signedIn } from './demo.mjs';
import { approve, askToRegister, newcomer, operatorState, pressButton, send } from './people.mjs';

/** No such inverters: nobody is told, so that their pages stand still. */
const NOBODYS = ['2410-09001', '2410-09002'];

/** Makes everything that a page of the list in the flow `screens` needs. */
export async function makeScene(browser) {
  const operator = await operatorState(browser);
  const dana = await signedIn(browser);
  const lee = await newcomer(browser, operator, 'lee.moreno@example.com', 'Lee Moreno');
  const noa = await newcomer(browser, operator, 'noa.brandt@example.com', 'Noa Brandt');
  const { page, context } = await newPage(browser, { state: lee.state });
  await page.goto(`${demo.url}/me`);
  const scene = { operator: { state: operator }, dana: { state: dana }, lee, noa, nobody: { state: undefined } };
  Object.assign(scene, await inverters(), await pairings(page), await organization(page), await links(browser, page, operator));
  await offers(page, scene);
  await rules(page, scene);
  scene.alarm = await alarm(browser, dana);
  scene.outage = (await lossMails())[0].path;
  await context.close();
  return scene;
}

/** The demo's inverters, by what they show. */
async function inverters() {
  const items = await eventually('inverters on the API', async () => {
    const { body } = await api('/api/v1/inverters');
    return body.items?.length && body.items;
  });
  const found = (which) => {
    const item = items.find(which);
    assert.ok(item, `no inverter of the demo is ${which}`);
    return `/inverters/${item.id}`;
  };
  return { ready: found((item) => item.ready === 'yes'), broken: found((item) => item.state === 'alarm') };
}

/** An inverter that Lee paired, an attempt that was stopped, one that waits. */
async function pairings(page) {
  const attempt = await send(page, '/pair', { serial: demo.unpaired_serial });
  await pressButton();
  const named = `${attempt}/name`;
  await eventually('the press has paired it', async () => {
    await page.goto(demo.url + attempt);
    return new URL(page.url()).pathname === named;
  });
  const own = await send(page, named, { name: 'Garage ramp', place: 'Panel EP-3, breaker 6' });
  const stopped = await send(page, '/pair', { serial: NOBODYS[0] });
  await send(page, `${stopped}/cancel`, {});
  return { named, own, stopped, waiting: await send(page, '/pair', { serial: NOBODYS[1] }) };
}

/** An organization with a site, and somebody invited. */
async function organization(page) {
  const organization = await send(page, '/organizations/new', { name: 'Quayside Housing' });
  await send(page, `${organization}/invite`, { email: demo.colleague, role: 'viewer' });
  const fields = { name: 'Pier House', address: '4 Quay Street, Boston', time_zone: 'America/New_York' };
  await send(page, `${organization}/sites`, fields);
  await page.goto(demo.url + organization);
  const site = await page.locator('a[href^="/sites/"]').first().getAttribute('href');
  await send(page, '/me/tokens/new', { name: 'Building dashboard', scope: 'read', reach: 'all', life: '90' });
  return { organization, site };
}

/** Mailed links that nobody has used: to register, for a new password, for another address. */
async function links(browser, page, operator) {
  const path = (link) => new URL(link).pathname;
  await approve(browser, operator, 'kit.arden@example.com');
  const kit = await newPage(browser);
  const verify = path(await askToRegister(kit.page, 'kit.arden@example.com'));
  await kit.page.goto(`${demo.url}/forgot`);
  await send(kit.page, '/forgot', { email: 'lee.moreno@example.com' });
  const reset = path(await mailedLink('lee.moreno@example.com', '/reset/'));
  await kit.context.close();
  await approve(browser, operator, 'lee@example.com');
  await send(page, '/me/address', { email: 'lee@example.com' });
  return { verify, reset, readdress: path(await mailedLink('lee@example.com', '/me/address/')) };
}

/** Lee's inverter with people: one who accepted, two who have not answered yet. */
async function offers(page, { own, noa, organization }) {
  const code = organization.split('/').at(-1);
  await send(page, `${own}/people/new`, { recipient: noa.email, role: 'read-only' });
  const other = await newPage(page.context().browser(), { state: noa.state });
  await other.page.goto(`${demo.url}/shares`);
  await other.page.getByRole('button', { name: /Accept.*Garage ramp/ }).click();
  await other.page.waitForURL('**/fleet**');
  await other.context.close();
  await send(page, `${own}/people/new`, { recipient: noa.email, role: 'read-write' });
  await send(page, `${own}/people/new`, { recipient: demo.email, role: 'read-only' });
  await send(page, `${own}/people/new`, { recipient: code, role: 'read-write' });
}

/** Lee's inverter in maintenance and with a limit. */
async function rules(page, { own }) {
  const to = new Date(Date.now() + 3 * 86_400_000).toISOString().slice(0, 16);
  await eventually('a window is planned', async () => {
    await send(page, `${own}/maintenance`, { to, reason: 'Battery exchange' });
    return true;
  }, 60_000);
  const limit = { quantity: 'battery.voltage', side: 'below', raise: '90', clear: '95', raise_delay: '60', clear_delay: '60', severity: 'critical' };
  await send(page, `${own}/limits`, limit);
}

/** The address of an alarm that the demo has. */
async function alarm(browser, state) {
  const { page, context } = await newPage(browser, { state });
  const found = await eventually('an alarm of the demo', async () => {
    await page.goto(`${demo.url}/alarms`);
    return page.locator('article.alarm h3 a').first().getAttribute('href');
  }, 60_000);
  await context.close();
  return found;
}

/** The letters to the demo's account that tell of a power loss, newest first: their text, and the page each leads to. */
export async function lossMails() {
  return eventually('a letter that tells of a power loss', async () => {
    const page = await (await fetch(demo.mail_url)).text();
    const letters = page.split('<article>').filter((each) => each.includes(`To ${demo.email},`) && each.includes('/outages/'));
    const found = letters.map((text) => ({ text, path: text.match(/\/inverters\/[^/"<]+\/outages\/\d+/)[0] }));
    return found.length > 0 && found;
  }, 60_000);
}

/** Types a password at the door and stops before the second factor. */
export async function half(page) {
  await page.goto(`${demo.url}/sign-in`);
  await page.getByLabel('E-mail').fill(demo.operator_email);
  await page.getByLabel('Password', { exact: true }).fill(demo.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

