// What is asked of every page, and an authenticator for passkeys.
//
// In: a page that has loaded. Out: nothing, or a failed assertion that names the page.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** axe finds nothing, and nothing sticks out sideways. */
export async function accessible(page, name) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async (rules) => {
    const { violations: found } = await axe.run(document, { runOnly: rules });
    return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html.slice(0, 120)).slice(0, 3).join(' | ')}`);
  }, RULES);
  assert.deepEqual(violations, [], `axe on ${name}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wide <= 0, `${name} sticks out by ${wide} px`);
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
