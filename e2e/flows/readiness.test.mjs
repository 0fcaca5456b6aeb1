// How long the lights would hold: each state of protection in the demo, on the page what the API says.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible } from '../support/checks.mjs';
import { api, demo, eventually, newPage, openBrowser, signedIn } from '../support/demo.mjs';

let browser;
let state;
before(async () => {
  browser = await openBrowser();
  state = await signedIn(browser);
});
after(() => browser?.close());

/** An inverter of the demo that is protected so. */
async function protectedSo(protection) {
  return eventually(`an inverter that is ${protection}`, async () => {
    const { body } = await api('/api/v1/inverters');
    return body.items.find((item) => item.readiness.protection === protection && item.freshness !== 'offline');
  }, 60_000);
}

for (const [protection, words] of [
  ['protected', /Protected/],
  ['degraded', /Degraded/],
  ['recharging', /Recharging, full at about/],
  ['unprotected', /Unprotected/],
  ['unknown', /Unknown/],
]) {
  test(`a battery that is ${protection} says so, and what that rests on`, async () => {
    const inverter = await protectedSo(protection);
    const { page, context, seen } = await newPage(browser, { state, width: 390 });
    await page.goto(`${demo.url}/inverters/${inverter.id}`);
    await page.locator('#i-readiness').getByText(words).first().waitFor();
    const hero = await page.locator('#i-hero').innerText();
    if (inverter.readiness.now) {
      assert.match(hero, /\d+\smin ±\s\d+/);
      assert.match(hero, /Estimated from the .+ annual test.+ Nine times in ten it is from \d+ to \d+\smin\./s);
    } else {
      assert.doesNotMatch(hero, /±/);
      assert.ok(inverter.readiness.why_unknown, JSON.stringify(inverter.readiness));
    }
    await accessible(page, `inverter-${protection}`);
    assert.deepEqual(seen.complaints, []);
    await context.close();
  });
}
