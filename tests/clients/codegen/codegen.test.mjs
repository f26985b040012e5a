// graphql-codegen with TypeScript at its strictest: what was generated compiled, and runs by the ids of its manifest.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { authorization, limitedToken, narrowUrl, rename, renameUntilHeard, renaming, spending, token, unexpected, unique, until, url } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';
import { Client } from './build/client.js';

const manifest = JSON.parse(readFileSync(new URL('src/gql/persisted-documents.json', import.meta.url)));

test('each operation has an id in the manifest', () => {
  const names = Object.values(manifest).map((text) => /\b(?:query|mutation|subscription) (\w+)/.exec(text)?.[1]);
  assert.deepEqual(names.sort(), ['Children', 'Live', 'Prices', 'Rename']);
});

test('a query answers as its types say', async () => {
  const names = await new Client(url, token).resellers(3);
  assert.ok(names.length > 0 && names.length <= 3);
  assert.ok(names.every((name) => typeof name === 'string'));
});

test('money is a text, and null with an error for who may not see it', async () => {
  const { amount, codes } = await new Client(url, token).price();
  assert.match(amount, /^\d+\.\d+$/);
  assert.deepEqual(codes, []);
  assert.deepEqual(await new Client(url, limitedToken).price(), { amount: undefined, codes: ['FORBIDDEN'] });
});

test('a mutation is done, and refused with its code', async () => {
  const client = new Client(url, token);
  const input = await renaming(unique('codegen'));
  assert.deepEqual(await client.rename(input), { externalId: input.externalId, codes: [] });
  const again = await client.rename({ ...input, idempotencyKey: unique('outdated') });
  assert.deepEqual(again, { externalId: input.externalId, codes: ['CONFLICT'] });
});

test('whoever has spent its budget is told so with a code', async () => {
  const narrow = new Client(narrowUrl, token);
  await narrow.resellers(50);
  const refused = await spending(async () => (await narrow.price()).codes[0]);
  assert.equal(refused, 'RATE_LIMITED');
});

test('live updates are as their types say, also after the socket was cut', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const sockets = createClient({
    url: `ws://${way.host}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 10,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 300)),
    shouldRetry: () => true,
    on: { connected: () => connections++ },
  });
  const heard = [];
  const stop = new Client(url, token).listen(sockets, (name) => heard.push(name), unexpected);
  const [away, after] = [unique('codegen-away'), unique('codegen-after')];
  await renameUntilHeard(unique('codegen-before'), heard);
  way.cut();
  await rename(away);
  await until(() => connections > 1, 'the second connection');
  await rename(after);
  await until(() => heard.includes(after), 'the last event');
  assert.deepEqual(heard.slice(-2), [away, after]);
  stop();
  await sockets.dispose();
  way.close();
});
