// What the people's door and its API answer, seen from outside.
import assert from 'node:assert/strict';
import { connect } from 'node:tls';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { api, demo } from '../support/demo.mjs';

// ASVS 5.0: 12.1.1, 12.2.1.
test('TLS below 1.3 is refused', async () => {
  const { hostname, port } = new URL(demo.url);
  await assert.rejects(new Promise((resolve, reject) => {
    const socket = connect(
      { host: '127.0.0.1', port: Number(port), servername: hostname, ca: readFileSync(demo.ca_file), maxVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] },
      () => { socket.end(); resolve(); },
    );
    socket.once('error', reject);
  }));
});

// ASVS 5.0: 1.3.2, 14.3.2.
test('pages carry the headers that lock them down', async () => {
  const { headers } = await api('/sign-in', { token: null });
  const policy = headers['content-security-policy'] ?? '';
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  assert.match(headers['strict-transport-security'] ?? '', /max-age=\d{8}/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.match(headers['cache-control'] ?? '', /no-store/);
});

test('a foreign Host is misdirected', async () => {
  const { status } = await api('/sign-in', { token: null, headers: { host: 'evil.example' } });
  assert.equal(status, 421);
});

test('the API asks for a token, and says so', async () => {
  const { status, body } = await api('/api/v1/inverters', { token: null });
  assert.equal(status, 401);
  assert.match(JSON.stringify(body), /token/i);
});

test('every documented path of the OpenAPI page answers', async () => {
  const { status, body } = await api('/api/openapi.json', { token: null });
  assert.equal(status, 200);
  const { body: list } = await api('/api/v1/inverters');
  const id = list.items[0].id;
  const query = `?quantities=battery.voltage&from=${new Date(Date.now() - 3_600_000).toISOString()}&to=${new Date().toISOString()}&points=60`;
  for (const [path, verbs] of Object.entries(body.paths)) {
    if (!verbs.get) continue;
    const at = path.replace(/\{[a-z_]+\}/, id) + (/history/.test(path) ? query : '');
    const answer = await api(at);
    assert.equal(answer.status, 200, `${at}: ${JSON.stringify(answer.body).slice(0, 200)}`);
  }
});

test('history has arrays of one length per quantity, and gaps are null', async () => {
  const { body: list } = await api('/api/v1/inverters');
  const item = list.items.find((each) => 'battery.voltage' in each.latest);
  const [from, to] = [Date.now() - 25 * 3_600_000, Date.now()].map((ms) => new Date(ms).toISOString());
  const { status, body } = await api(`/api/v1/inverters/${item.id}/history?quantities=battery.voltage&from=${from}&to=${to}&points=500`);
  assert.equal(status, 200);
  const series = (body.quantities ?? body)['battery.voltage'];
  const lengths = new Set(['time', 'min', 'mean', 'max'].map((key) => series[key].length));
  assert.equal(lengths.size, 1);
  assert.ok(series.mean.some((value) => typeof value === 'number'));
  for (const [at, mean] of series.mean.entries()) {
    if (mean !== null) assert.ok(series.min[at] <= mean + 1e-9 && mean <= series.max[at] + 1e-9);
  }
});

test('a bad question gets an answer that says what to ask', async () => {
  const { body: list } = await api('/api/v1/inverters');
  const { status, body } = await api(`/api/v1/inverters/${list.items[0].id}/history?quantities=battery.volts`);
  assert.equal(status, 400);
  assert.match(JSON.stringify(body), /battery\.volts/);
});

test("someone else's inverter and one that is not there look alike", async () => {
  const missing = await api('/api/v1/inverters/AAAAAAAAAAAAAAAAAAAAAA/latest');
  assert.equal(missing.status, 404);
});
