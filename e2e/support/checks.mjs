// What is asked of every page, and an authenticator for passkeys.
//
// In: a page that has loaded. Out: nothing, or a failed assertion that names the page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const TOUCH_PX = 44;

/** axe finds nothing, and nothing sticks out sideways. */
export async function accessible(page, name) {
  await fits(page, name);
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe);
  const violations = await page.evaluate(async (rules) => {
    const { violations: found } = await globalThis.axe.run(document, { runOnly: rules, resultTypes: ['violations'] });
    return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(' | ')}`);
  }, RULES);
  assert.deepEqual(violations, [], `axe on ${name}`);
}

/** Colours have changed: axe would read one of half the way. */
export async function settled(page) {
  await page.evaluate(async () => {
    const frame = () => new Promise((resolve) => { requestAnimationFrame(resolve); });
    await frame();
    await frame();
    const ending = document.getAnimations().filter((each) => Number.isFinite(each.effect.getComputedTiming().endTime));
    await Promise.all(ending.map((each) => each.finished.catch(() => {})));
  });
}

/** Nothing sticks out sideways. */
export async function fits(page, name) {
  const { inner, scroll } = await page.evaluate(() => ({ inner: innerWidth, scroll: document.documentElement.scrollWidth }));
  assert.ok(scroll <= inner, `${name} is ${scroll} px wide in a window of ${inner} px`);
}

/** WCAG 2.5.5: 44 px each way, but for links inside a sentence; what a label covers counts as the label's size. */
export async function touchable(page, name) {
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

/** An authenticator with a screen lock whose owner always agrees. */
export async function authenticator(page) {
  const client = await page.context().newCDPSession(page);
  await client.send('WebAuthn.enable');
  await client.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
