// A person signs in, mistypes, signs out.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, signIn } from "../support/browser.mjs";
import { demo, origin } from "../support/demo.mjs";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

test("the right password leads to the fleet, and sign-out leads away from it", async () => {
  const page = await open(browser);
  await signIn(page);
  await page.waitForURL("**/fleet");
  await page.getByRole("heading", { level: 1 }).waitFor();
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.name, "__Host-session");
  assert.ok(cookie.httpOnly && cookie.secure, "the cookie is HttpOnly and Secure");

  await page.getByRole("button", { name: "Sign out" }).first().click();
  await page.waitForURL("**/sign-in**");
  await page.goto(`${origin}/fleet`);
  await page.waitForURL("**/sign-in**");
  await page.context().close();
});

test("a wrong password and an unknown address read the same, and keep what was typed", async () => {
  const said = [];
  for (const email of [demo.email, "nobody@example.com"]) {
    const page = await open(browser);
    await signIn(page, email, "not the password at all");
    said.push(await page.getByRole("alert").innerText());
    assert.equal(await page.getByLabel("E-mail").inputValue(), email);
    assert.equal((await page.context().cookies()).length, 0, "no session");
    await page.context().close();
  }
  assert.equal(said[0], said[1]);
});

test("a page asked for before signing in is shown after it", async () => {
  const page = await open(browser);
  await page.goto(`${origin}/fleet?q=x`);
  await page.waitForURL("**/sign-in**");
  await page.getByLabel("E-mail").fill(demo.email);
  await page.getByLabel("Password", { exact: true }).fill(demo.password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.waitForURL("**/fleet?q=x");
  await page.context().close();
});
