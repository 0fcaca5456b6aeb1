// Every screen at every width, light and dark: nothing sticks out, everything can be touched, axe finds nothing,
// nothing is asked of anybody else. With SCREENS=FOLDER the screens are kept there as pictures.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { accessible, fits, settled, touchable } from '../support/checks.mjs';
import { demo, newPage, openBrowser, totp } from '../support/demo.mjs';
import { operatorState } from '../support/people.mjs';
import { half, makeScene } from '../support/scene.mjs';

const WIDTHS = [320, 390, 1280];
const SCHEMES = ['light', 'dark'];

/** Name, who looks, where; or how one gets there where an address is not enough. */
const SCREENS = [
  // Getting in.
  { name: 'sign-in', who: 'nobody', at: () => '/sign-in' },
  { name: 'sign-in-code', who: 'nobody', at: () => '/sign-in/code', by: half },
  { name: 'register', who: 'nobody', at: () => '/register' },
  { name: 'check-your-mail', who: 'nobody', at: () => '/register', by: asked },
  { name: 'verify', who: 'nobody', at: (scene) => scene.verify },
  { name: 'link-over', who: 'nobody', at: () => '/verify/no-such-link' },
  { name: 'forgot', who: 'nobody', at: () => '/forgot' },
  { name: 'verify-signed', who: 'nobody', at: () => '/verify' },
  { name: 'reset', who: 'nobody', at: (scene) => scene.reset },
  { name: 'confirm', who: 'lee', at: () => '/confirm' },
  // Inverters.
  { name: 'fleet', who: 'dana', at: () => '/fleet' },
  { name: 'fleet-of-one', who: 'lee', at: () => '/fleet' },
  { name: 'inverter', who: 'dana', at: (scene) => scene.ready, chart: true },
  { name: 'inverter-alarm', who: 'dana', at: (scene) => scene.broken, chart: true },
  { name: 'inverter-view-only', who: 'noa', at: (scene) => scene.own },
  { name: 'outage', who: 'dana', at: (scene) => scene.outage },
  { name: 'history-table', who: 'dana', at: (scene) => `${scene.ready}/history.html` },
  { name: 'not-found', who: 'dana', at: () => '/inverters/no-such-inverter' },
  // Tests.
  { name: 'tests', who: 'dana', at: () => '/tests' },
  { name: 'tests-of-inverter', who: 'dana', at: (scene) => `${scene.ready}/tests` },
  { name: 'tests-view-only', who: 'noa', at: (scene) => `${scene.own}/tests` },
  { name: 'tests-report', who: 'dana', at: (scene) => `/tests/report?inverter=${scene.ready.split('/').pop()}&last=12` },
  { name: 'tests-report-of-all', who: 'dana', at: () => '/tests/report?last=12' },
  // Alarms, and what people set for them.
  { name: 'alarms', who: 'dana', at: () => '/alarms' },
  { name: 'no-alarms', who: 'noa', at: () => '/alarms' },
  { name: 'alarms-shelved', who: 'dana', at: () => '/alarms?view=shelved' },
  { name: 'alarms-history', who: 'dana', at: () => '/alarms?view=history' },
  { name: 'alarm', who: 'dana', at: (scene) => scene.alarm },
  { name: 'maintenance', who: 'lee', at: (scene) => `${scene.own}/maintenance` },
  { name: 'maintenance-view-only', who: 'noa', at: (scene) => `${scene.own}/maintenance` },
  { name: 'maintenance-site', who: 'dana', at: (scene) => `${scene.broken}/maintenance?scope=site` },
  { name: 'limits', who: 'lee', at: (scene) => `${scene.own}/limits` },
  { name: 'limits-view-only', who: 'noa', at: (scene) => `${scene.own}/limits` },
  { name: 'inverter-in-maintenance', who: 'lee', at: (scene) => scene.own, chart: true },
  // Adding one.
  { name: 'pair', who: 'lee', at: () => '/pair' },
  { name: 'pair-waiting', who: 'lee', at: (scene) => scene.waiting },
  { name: 'pair-stopped', who: 'lee', at: (scene) => scene.stopped },
  { name: 'pair-name', who: 'lee', at: (scene) => scene.named },
  // Sharing it.
  { name: 'people', who: 'lee', at: (scene) => `${scene.own}/people` },
  { name: 'people-view-only', who: 'noa', at: (scene) => `${scene.own}/people` },
  { name: 'share', who: 'lee', at: (scene) => `${scene.own}/people/new` },
  { name: 'offers', who: 'dana', at: () => '/shares' },
  { name: 'no-offers', who: 'lee', at: () => '/shares' },
  { name: 'settings', who: 'lee', at: (scene) => `${scene.own}/settings` },
  { name: 'remove', who: 'lee', at: (scene) => `${scene.own}/remove` },
  { name: 'inverter-activity', who: 'lee', at: (scene) => `${scene.own}/activity` },
  { name: 'forbidden', who: 'noa', at: (scene) => `${scene.own}/settings` },
  // Organizations.
  { name: 'organizations', who: 'lee', at: () => '/organizations' },
  { name: 'no-organizations', who: 'noa', at: () => '/organizations' },
  { name: 'organization', who: 'lee', at: (scene) => scene.organization },
  { name: 'organization-new', who: 'lee', at: () => '/organizations/new' },
  { name: 'organization-activity', who: 'lee', at: (scene) => `${scene.organization}/activity` },
  { name: 'site', who: 'lee', at: (scene) => scene.site },
  { name: 'severities', who: 'lee', at: (scene) => `${scene.organization}/severities` },
  { name: 'logbook-off', who: 'lee', at: (scene) => `${scene.organization}/logbook` },
  { name: 'ladder', who: 'lee', at: (scene) => `${scene.organization}/ladder` },
  { name: 'ladder-of-site', who: 'lee', at: (scene) => `${scene.site}/ladder` },
  // One's account.
  { name: 'me', who: 'lee', at: () => '/me' },
  { name: 'me-password', who: 'lee', at: () => '/me/password' },
  { name: 'me-address', who: 'lee', at: () => '/me/address' },
  { name: 'me-address-confirm', who: 'lee', at: (scene) => scene.readdress },
  { name: 'me-data', who: 'lee', at: () => '/me/data' },
  { name: 'me-activity', who: 'lee', at: () => '/me/activity' },
  { name: 'notifications', who: 'lee', at: () => '/me/notifications' },
  { name: 'notifications-tested', who: 'lee', at: () => '/me/notifications', by: tried },
  { name: 'phone-new', who: 'lee', at: () => '/me/notifications/phones/new' },
  { name: 'push-new', who: 'lee', at: () => '/me/notifications/push/new' },
  { name: 'webhook-new', who: 'lee', at: () => '/me/notifications/webhooks/new' },
  { name: 'security', who: 'lee', at: () => '/me/security' },
  { name: 'passkey', who: 'lee', at: () => '/me/security/passkeys/new' },
  { name: 'tokens', who: 'lee', at: () => '/me/tokens' },
  { name: 'token-new', who: 'lee', at: () => '/me/tokens/new' },
  { name: 'token-made', who: 'lee', at: () => '/me/tokens/new', by: token },
  { name: 'no-tokens', who: 'noa', at: () => '/me/tokens' },
  { name: 'app', who: 'noa', at: () => '/me/security/app', by: app },
  { name: 'recovery-codes', who: 'noa', at: () => '/me/security/app/code', by: codes },
  { name: 'security-with-app', who: 'noa', at: () => '/me/security' },
  // The operator's.
  { name: 'op-allow-list', who: 'operator', at: () => '/op/allow-list' },
  { name: 'op-devices', who: 'operator', at: () => '/op/devices' },
  { name: 'op-device', who: 'operator', at: () => `/op/devices/${demo.unpaired_serial}` },
  { name: 'op-device-new', who: 'operator', at: () => '/op/devices/new' },
  { name: 'op-accounts', who: 'operator', at: () => '/op/accounts' },
  { name: 'op-account', who: 'operator', at: () => '/op/accounts/account?email=lee.moreno%40example.com' },
  { name: 'op-deliveries', who: 'operator', at: () => '/op/deliveries' },
  { name: 'op-quarantine', who: 'operator', at: () => '/op/quarantine' },
  { name: 'op-health', who: 'operator', at: () => '/op/health' },
  { name: 'op-audit', who: 'operator', at: () => '/op/audit' },
  { name: 'op-audit-verified', who: 'operator', at: () => '/op/audit/verify', by: verified },
];

let browser;
let scene;
before(async () => {
  browser = await openBrowser();
  scene = await makeScene(browser);
}, { timeout: 240_000 });
after(() => browser?.close());

for (const screen of SCREENS) {
  test(screen.name, async () => {
    // The many pages before these take longer than a sign-in counts as fresh.
    if (screen.who === 'operator' && !scene.operator.anew) scene.operator = { state: await operatorState(browser), anew: true };
    const { page, context, seen } = await newPage(browser, { width: WIDTHS[0], height: 844, state: scene[screen.who].state });
    const path = screen.at(scene);
    if (screen.by) await screen.by(page, scene);
    else await page.goto(demo.url + path);
    await page.getByRole('heading', { level: 1 }).first().waitFor();
    // It is the page that is meant, not one that asks who one is first.
    assert.equal(new URL(page.url()).pathname, new URL(path, demo.url).pathname);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      // What is not in sight is painted later: only a page that is loaded anew has all of its colours at once.
      if (!screen.by) await page.reload();
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: width < 960 ? 844 : 900 });
        if (screen.chart) await page.locator('.uplot canvas').first().waitFor();
        await check(page, `${screen.name} at ${width} px, ${colorScheme}`, width);
        await accessible(page, `${screen.name} at ${width} px, ${colorScheme}`);
        await keep(page, `${screen.name}-${width}${colorScheme === 'dark' ? '-dark' : ''}`);
      }
    }
    if (await unfold(page)) {
      for (const width of WIDTHS) {
        await page.setViewportSize({ width, height: 900 });
        await check(page, `${screen.name} unfolded at ${width} px`, width);
      }
      await accessible(page, `${screen.name} unfolded`);
    }
    const foreign = seen.requests.filter((url) => !url.startsWith(demo.url) && !url.startsWith('data:'));
    assert.deepEqual(foreign, [], 'requests to others');
    await context.close();
  });
}

/** A window that has just changed its size is laid out first. */
async function check(page, name, width) {
  await settled(page);
  await fits(page, name);
  if (width < 960) await touchable(page, name);
}

/** Shows what lies behind every summary; whether there is one. */
async function unfold(page) {
  return page.evaluate(() => {
    const folded = [...document.querySelectorAll('details:not([open])')];
    folded.forEach((each) => { each.open = true; });
    return folded.length > 0;
  });
}

async function asked(page) {
  await page.goto(`${demo.url}/register`);
  await page.getByLabel('E-mail').fill('somebody@example.com');
  await page.getByRole('main').getByRole('button').click();
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
}

/** One way that works and one that does not, each with what came of it. */
async function tried(page) {
  await page.goto(`${demo.url}/me/notifications`);
  if (!(await page.getByText('hooks.example').count())) {
    await page.goto(`${demo.url}/me/notifications/webhooks/new`);
    await page.getByLabel('Address').fill('https://hooks.example/inverters/of/quayside');
    await page.getByRole('button', { name: 'Add webhook' }).click();
    await page.getByRole('link', { name: 'I have copied it' }).click();
  }
  await page.getByRole('button', { name: /Send test to/ }).first().click();
  await page.locator('.receipt').first().waitFor();
}

async function token(page) {
  await page.goto(`${demo.url}/me/tokens/new`);
  await page.getByLabel('Name', { exact: true }).fill('Night report');
  await page.getByRole('button', { name: 'Make token' }).click();
  await page.getByRole('heading', { name: 'Night report' }).waitFor();
}

async function app(page) {
  await page.goto(`${demo.url}/me/security`);
  await page.getByRole('button', { name: 'Set up' }).click();
  await page.getByRole('img', { name: /QR code/ }).waitFor();
}

/** Finishes what `app` began, or begins it. The page's address stays that of the form. */
async function codes(page, { noa }) {
  await app(page);
  const secret = await page.locator('.secret').innerText();
  await page.getByRole('textbox', { name: 'Code' }).fill(totp(secret));
  await page.getByRole('button', { name: 'Finish' }).click();
  await page.getByRole('heading', { name: 'Keep these recovery codes' }).waitFor();
  // Another factor gives the session another token.
  noa.state = await page.context().storageState();
}

async function verified(page) {
  await page.goto(`${demo.url}/op/audit`);
  await page.getByRole('button', { name: 'Verify the log' }).click();
  await page.waitForURL('**/op/audit/verify');
}

async function keep(page, name) {
  const folder = process.env.SCREENS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
