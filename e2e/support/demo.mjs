// The running demo and a browser that trusts it.
//
// In: the file that `cargo xtask demo --json` wrote (DEMO_JSON). Out: its addresses and accounts, and a browser whose
// only exception is the demo's own key, read over a connection that was verified against the demo's root.
import { createHash, createHmac, X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { chromium } from 'playwright-core';

/** What the demo says of itself. */
export const demo = read();

function read() {
  const path = process.env.DEMO_JSON;
  if (!path || !existsSync(path)) {
    throw new Error('DEMO_JSON must name the file that `cargo xtask demo --json FILE` wrote; start the demo first');
  }
  return JSON.parse(readFileSync(path, 'utf8'));
}

/** A browser, started with `more` arguments. Chromium is the system's: no download of another one. */
export async function openBrowser(more = []) {
  const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
    .find((path) => path && existsSync(path));
  if (!executablePath) throw new Error('no Chromium here: `apt-get install chromium`, or say where with CHROMIUM');
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync', `--ignore-certificate-errors-spki-list=${await publicKeyHash()}`, ...more,
    ],
  });
}

/** SHA-256 of the server's public key, base64, read over TLS that the demo's root vouches for. */
function publicKeyHash() {
  const { hostname, port } = new URL(demo.url);
  return new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: Number(port), servername: hostname, ca: readFileSync(demo.ca_file), ALPNProtocols: ['h2', 'http/1.1'], minVersion: 'TLSv1.3' },
      () => {
        const certificate = new X509Certificate(socket.getPeerCertificate().raw);
        const key = certificate.publicKey.export({ type: 'spki', format: 'der' });
        socket.end();
        resolve(createHash('sha256').update(key).digest('base64'));
      },
    );
    socket.once('error', reject);
  });
}

/** A page of its own context. Every request it makes and every complaint of the page is kept. */
export async function newPage(browser, { width = 1280, height = 900, scheme = 'light', script = true, touch = width < 960, state } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: scheme, javaScriptEnabled: script, hasTouch: touch,
    reducedMotion: 'reduce', locale: 'en-US', timezoneId: 'America/New_York', storageState: state,
  });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const seen = { requests: [], complaints: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.complaints.push(message.text());
  });
  page.on('pageerror', (error) => seen.complaints.push(String(error)));
  return { page, context, seen };
}

/** Signs in as somebody, the demo's account if nobody is named, and ends on the fleet. */
export async function signIn(page, who = demo) {
  await page.goto(`${demo.url}/sign-in`);
  await page.getByLabel('E-mail').fill(who.email);
  await page.getByLabel('Password', { exact: true }).fill(who.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.waitForURL((url) => url.pathname === '/fleet');
}

/** Signs in once and returns what a context needs to be signed in. */
export async function signedIn(browser) {
  const { page, context } = await newPage(browser);
  await signIn(page);
  const state = await context.storageState();
  await context.close();
  return state;
}

/** The code that an authenticator app shows for a secret (RFC 6238), `steps` half minutes from now. */
export function totp(secret, steps = 0) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret.replace(/\s/g, '')].map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac('sha1', key).update(step).digest();
  const number = hash.readUInt32BE(hash[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** JSON from the API with the demo's token, over TLS that the demo's root vouches for. */
export async function api(path, options = {}) {
  const { hostname, port } = new URL(demo.url);
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1', port, servername: hostname, path, ca: readFileSync(demo.ca_file), method: options.method ?? 'GET',
        headers: { host: `${hostname}:${port}`, ...(options.token === null ? {} : { authorization: `Bearer ${options.token ?? demo.token}` }), ...options.headers },
      },
      (response) => {
        const chunks = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          let body = text;
          try { body = JSON.parse(text); } catch { /* not JSON: the text is the body */ }
          resolve({ status: response.statusCode, headers: response.headers, body });
        });
      },
    );
    sent.once('error', reject);
    sent.end(options.body);
  });
}

/** Tries until `check` returns something true, for at most `limit` milliseconds; returns it. */
export async function eventually(what, check, limit = 15_000) {
  const end = Date.now() + limit;
  let last;
  for (;;) {
    try {
      const found = await check();
      if (found) return found;
    } catch (error) { last = error; }
    if (Date.now() > end) throw new Error(`not within ${limit / 1000} s: ${what}${last ? ` (${last})` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Signs in as the maker's operator. A code counts once: where the present one was used, the next, or half a minute later. */
export async function signInAsOperator(page) {
  await page.goto(`${demo.url}/sign-in`);
  await page.getByLabel('E-mail').fill(demo.operator_email);
  await page.getByLabel('Password', { exact: true }).fill(demo.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { name: 'Type the code' }).waitFor();
  await eventually('the operator is in', async () => {
    for (const ahead of [0, 1]) {
      await page.getByLabel('Code').fill(totp(demo.operator_secret, ahead));
      await page.getByRole('button', { name: 'Sign in', exact: true }).click();
      await page.waitForLoadState();
      if (new URL(page.url()).pathname === '/fleet') return true;
    }
    await new Promise((resolve) => setTimeout(resolve, 31_000));
    return false;
  }, 90_000);
}

/** The newest link below `path` that was mailed to `email`, once its mail is there. */
export async function mailedLink(email, path) {
  return eventually(`a mail to ${email}`, async () => {
    const page = await (await fetch(demo.mail_url)).text();
    const mail = page.split('<article>').find((each) => each.includes(`To ${email},`) && each.includes(`${demo.url}${path}`));
    return mail?.match(new RegExp(`href="(${demo.url}${path}[A-Za-z0-9_-]+)"`))?.[1];
  }, 60_000);
}
