// People of a flow's own, so that no flow finds what another left behind.
//
// In: a browser, the maker's operator. Out: accounts that came the whole way in: approved, mailed, a password chosen.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { demo, mailedLink, newPage, signInAsOperator } from './demo.mjs';

/** Nobody would guess it, and nothing in it is about a person. */
export const PASSWORD = 'seven lanterns over a wet quay';

/** Signs the operator in once and returns what a context needs to be signed in. */
export async function operatorState(browser) {
  const { page, context } = await newPage(browser);
  await signInAsOperator(page);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** Approves an address, as an operator does after a call. `look` is shown the page. */
export async function approve(browser, operator, email, { width = 1280, look = async () => {} } = {}) {
  const { page, context } = await newPage(browser, { width, state: operator });
  await page.goto(`${demo.url}/op/allow-list`);
  await look(page, 'allow-list');
  await page.getByLabel('E-mail', { exact: true }).fill(email);
  await page.getByLabel('Company', { exact: true }).fill('Quayside Housing');
  await page.getByLabel('Who spoke with the customer').fill('Riley Tran');
  await page.getByLabel('I called back on the number we have on file').check();
  await page.getByLabel('They named an order or serial number').check();
  await page.getByLabel('Order or serial they named').fill('PO 20931');
  await page.getByRole('button', { name: 'Approve address' }).click();
  await page.locator('.allowed b').getByText(email, { exact: true }).waitFor();
  await context.close();
}

/** Asks for the link of an approved address; the link. */
export async function askToRegister(page, email) {
  await page.goto(`${demo.url}/register`);
  await page.getByLabel('E-mail').fill(email);
  await page.getByRole('main').getByRole('button').click();
  await page.getByRole('heading', { name: 'Check your e-mail' }).waitFor();
  return mailedLink(email, '/verify/');
}

/** Somebody new: approved and registered. What signs them in, and what a context needs to be them. */
export async function newcomer(browser, operator, email, name) {
  await approve(browser, operator, email);
  const { page, context } = await newPage(browser);
  await page.goto(await askToRegister(page, email));
  await page.getByLabel('Your name').fill(name);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Create my account' }).click();
  await page.waitForURL('**/fleet**');
  const state = await context.storageState();
  await context.close();
  return { email, password: PASSWORD, name, state };
}

/** Presses the PAIR button of the demo's inverter that nobody has yet. */
export async function pressButton() {
  await promisify(execFile)(demo.simulator, ['tell', demo.unpaired_console, 'button']);
}

/** Sends a form as the page that is open would; the address at which that ends. */
export async function send(page, path, form) {
  const { status, url } = await page.evaluate(async ([to, fields]) => {
    const answer = await fetch(to, { method: 'POST', body: new URLSearchParams(fields) });
    return { status: answer.status, url: answer.url };
  }, [path, form]);
  assert.equal(status, 200, `${path} ended at ${url}`);
  return new URL(url).pathname;
}
