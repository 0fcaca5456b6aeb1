// Every screen at every width, light and dark: nothing sticks out, everything can be touched, axe finds nothing,
// nothing is asked of anybody else. With SCREENS=FOLDER the screens are kept there as pictures.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { api, demo, eventually, newPage, openBrowser, signedIn } from '../support/demo.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WIDTHS = [320, 390, 1280];
const SCHEMES = ['light', 'dark'];
const TOUCH_PX = 44;

let browser;
let state;
let screens;
before(async () => {
  browser = await openBrowser();
  state = await signedIn(browser);
  const items = await eventually('inverters on the API', async () => {
    const { body } = await api('/api/v1/inverters');
    return body.items?.length && body.items;
  });
  const found = (which) => {
    const item = items.find(which);
    assert.ok(item, `no inverter of the demo is ${which}`);
    return item.id;
  };
  const [ready, broken] = [found((item) => item.ready === 'yes'), found((item) => item.state === 'alarm')];
  screens = [
    { name: 'sign-in', path: '/sign-in', state: undefined },
    { name: 'fleet', path: '/fleet', state },
    { name: 'inverter', path: `/inverters/${ready}`, state, chart: true },
    { name: 'inverter-alarm', path: `/inverters/${broken}`, state, chart: true },
    { name: 'history-table', path: `/inverters/${ready}/history.html`, state },
    { name: 'not-found', path: '/inverters/no-such-inverter', state },
    { name: 'security', path: '/me/security', state },
    { name: 'passkey', path: '/me/security/passkeys/new', state },
    { name: 'confirm', path: '/confirm', state },
  ];
});
after(() => browser?.close());

for (const width of WIDTHS) {
  for (const scheme of SCHEMES) {
    describe(`${width} px, ${scheme}`, () => {
      for (const at of [0, 1, 2, 3, 4, 5, 6, 7, 8]) {
        test(`screen ${at}`, async (t) => {
          const screen = screens[at];
          t.diagnostic(screen.name);
          const { page, context, seen } = await newPage(browser, { width, height: width < 960 ? 844 : 900, scheme, state: screen.state });
          await page.goto(demo.url + screen.path);
          await page.getByRole('heading', { level: 1 }).first().waitFor();
          if (screen.chart) await page.locator('.uplot canvas').first().waitFor();
          await assertFits(page, screen.name);
          if (width < 960) await assertTouchable(page, screen.name);
          await assertAccessible(page, screen.name);
          const foreign = seen.requests.filter((url) => !url.startsWith(demo.url) && !url.startsWith('data:'));
          assert.deepEqual(foreign, [], 'requests to others');
          await keep(page, `${screen.name}-${width}${scheme === 'dark' ? '-dark' : ''}`);
          await context.close();
        });
      }
    });
  }
}

async function assertFits(page, name) {
  const { inner, scroll } = await page.evaluate(() => ({ inner: innerWidth, scroll: document.documentElement.scrollWidth }));
  assert.ok(scroll <= inner, `${name} is ${scroll} px wide in a window of ${inner} px`);
}

/** WCAG 2.5.5: 44 px each way, but for links inside a sentence; what a label covers counts as the label's size. */
async function assertTouchable(page, name) {
  const small = await page.evaluate((least) => {
    const visible = (element) => element.checkVisibility?.({ visibilityProperty: true, opacityProperty: true }) && element.getClientRects().length > 0;
    const inline = (element) => getComputedStyle(element).display === 'inline';
    const size = (element) => {
      const boxes = [element, ...(element.labels ?? [])].map((each) => each.getBoundingClientRect());
      return { width: Math.max(...boxes.map((box) => box.width)), height: Math.max(...boxes.map((box) => box.height)) };
    };
    return [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary, [role=button]')]
      .filter((element) => visible(element) && !inline(element) && !element.closest('.skip') && !element.classList.contains('skip'))
      .map((element) => ({ ...size(element), html: element.outerHTML.slice(0, 160) }))
      .filter((box) => box.width > 1.5 && (box.width < least - 0.5 || box.height < least - 0.5));
  }, TOUCH_PX);
  assert.deepEqual(small, [], `${name}: smaller than ${TOUCH_PX} px`);
}

async function assertAccessible(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] });
    return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(' | ')}`);
  });
  assert.deepEqual(violations, [], `axe on ${name}`);
}

async function keep(page, name) {
  const folder = process.env.SCREENS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
