// A headless Chromium that trusts the demo's certificate, and pages in it.
// In: a width and a colour scheme. Out: a page, signed in if asked; what it requested and complained about.
// Never talks to any host but the demo's.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { demo, origin, verifiedPin } from "./demo.mjs";

const candidates = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const executablePath = candidates.find((path) => path && existsSync(path));
if (!executablePath) throw new Error("no Chromium: apt-get install chromium, or name one by CHROMIUM=PATH");

/** The three widths that are promised, and a height for each. */
export const widths = [320, 390, 1280];
const heights = { 320: 640, 390: 844, 1280: 900 };

/** Starts the browser. Close it with `.close()`. */
export async function launch() {
  const quiet = ["disable-gpu", "disable-quic", "no-first-run", "disable-background-networking"];
  const silent = ["disable-component-update", "disable-sync", "disable-default-apps", "disable-domain-reliability"];
  const args = [...quiet, ...silent, `ignore-certificate-errors-spki-list=${await verifiedPin()}`];
  if (process.getuid?.() === 0) args.push("no-sandbox");
  return chromium.launch({ executablePath, headless: true, args: args.map((word) => `--${word}`) });
}

/** A new context and page; `page.watched` collects requests, page errors and console errors. */
export async function open(browser, { width = 1280, scheme = "light", state, script = true } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: heights[width] ?? 900 },
    colorScheme: scheme,
    storageState: state,
    reducedMotion: "reduce",
    javaScriptEnabled: script,
    hasTouch: width < 960,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.watched = { requests: [], errors: [] };
  page.on("request", (request) => page.watched.requests.push(request.url()));
  page.on("pageerror", (error) => page.watched.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") page.watched.errors.push(message.text());
  });
  return page;
}

/** Fills in the sign-in form as a person would. */
export async function signIn(page, email = demo.email, password = demo.password) {
  await page.goto(`${origin}/sign-in`);
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

/** Cookies of a fresh sign-in, for tests that are about other things. */
export async function signedInState(browser) {
  const page = await open(browser);
  await signIn(page);
  await page.waitForURL("**/fleet");
  const state = await page.context().storageState();
  await page.context().close();
  return state;
}
