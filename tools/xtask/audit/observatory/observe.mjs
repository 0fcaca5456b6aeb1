// Mozilla's HTTP observatory, its retriever and its rules, on one port of this machine.
//
// In: the port; the cookie of a session in SESSION. Out: JSON with each page and each rule. Its own command takes a host
// name and no port; its library takes both. Nothing is asked of anybody but localhost.
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const library = new URL('.', import.meta.resolve('@mdn/mdn-http-observatory/package.json').replace('package.json', ''));
// Its list of sites that browsers know to be HTTPS alone is fetched when it is installed, which is left out here.
const preloaded = new URL('conf/hsts-preload.json', library);
if (!existsSync(preloaded)) writeFileSync(preloaded, '{}');
const { ALL_TESTS } = await import(new URL('src/constants.js', library));
const { retrieve } = await import(new URL('src/retriever/retriever.js', library));
const { version } = createRequire(import.meta.url)('@mdn/mdn-http-observatory/package.json');

const port = process.argv[2];
const ACCEPT = 'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
/** Path, whether somebody is signed in. */
const PAGES = [['/sign-in', false], ['/fleet', true], ['/alarms', true], ['/me/security', true]];

const pages = [];
for (const [path, signedIn] of PAGES) {
  const headers = signedIn ? [ACCEPT, `Cookie: ${process.env.SESSION}`] : [ACCEPT];
  // Plain HTTP is asked of the same port, where nobody speaks it: the product opens no other.
  const seen = await retrieve('localhost', { httpPort: port, httpsPort: port, path, headers });
  if (!seen.responses.auto) throw new Error(`${path} could not be fetched`);
  const rules = ALL_TESTS.map((rule) => rule(seen)).map((out) => ({
    name: out.constructor.name, result: out.result, pass: out.pass, expected: out.expectation,
  }));
  pages.push({ path, status: seen.responses.auto.status, rules });
}
console.log(JSON.stringify({ version, pages }, null, 1));
