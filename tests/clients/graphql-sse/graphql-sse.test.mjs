// graphql-sse, in its distinct connections mode.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createClient } from 'graphql-sse';
import { DEAR, DEFERRED, LIVE, PARTLY, RENAME, authorization, limitedToken, narrowUrl, rename, renameUntilHeard, renaming, spending, unexpected, unique, until, url } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';

const made = [];
const client = (more = {}) => {
  const each = createClient({ url, headers: { authorization }, retryAttempts: 0, ...more });
  made.push(each);
  return each;
};
after(() => made.forEach((each) => each.dispose()));

const all = (of, payload) =>
  new Promise((resolve, reject) => {
    const results = [];
    of.subscribe(payload, { next: (value) => results.push(value), error: reject, complete: () => resolve(results) });
  });

test('a query', async () => {
  const [{ data, errors }, ...rest] = await all(client(), { query: '{ viewer { reach } }' });
  assert.deepEqual([data, errors, rest], [{ viewer: { reach: 'SUBTREE' } }, undefined, []]);
});

test('a document that cannot run is told in the stream', async () => {
  for (const query of ['{', '{ nonsense }', 'subscription { nonsense }']) {
    const [{ errors }, ...rest] = await all(client(), { query });
    assert.ok(errors[0].extensions.code.startsWith('GRAPHQL_'));
    assert.deepEqual(rest, []);
  }
});

test('an answer in part has both', async () => {
  const [{ data, errors }] = await all(client({ headers: { authorization: `Bearer ${limitedToken}` } }), { query: PARTLY });
  assert.equal(data.orders, null);
  assert.deepEqual(errors.map((error) => error.extensions.code), ['FORBIDDEN']);
});

test('a mutation, and one that is refused', async () => {
  const input = await renaming(unique('sse'));
  const [{ data }] = await all(client(), { query: RENAME, variables: { input } });
  assert.equal(data.accountUpdate.account.externalId, input.externalId);
  const late = { ...input, idempotencyKey: unique('sse-late') };
  const [refused] = await all(client(), { query: RENAME, variables: { input: late } });
  assert.deepEqual(refused.data.accountUpdate.userErrors.map((each) => each.code), ['CONFLICT']);
});

test('whoever has spent its budget is told when to come again, by a status', async () => {
  const narrow = client({ url: narrowUrl });
  const { response } = await spending(() => all(narrow, { query: DEAR }).then(() => undefined, (error) => error));
  assert.equal(response.status, 429);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
});

test('a stranger is told so by a status', async () => {
  await assert.rejects(all(client({ headers: {} }), { query: '{ viewer { reach } }' }), (error) => error.response?.status === 401);
});

test('a deferred part comes after the rest', async () => {
  const results = await all(client(), { query: DEFERRED });
  assert.deepEqual(results[0].data, { viewer: { reach: 'SUBTREE' } });
  assert.equal(results[0].hasNext, true);
  assert.equal(results.at(-1).hasNext, false);
  const told = results.flatMap((each) => each.incremental ?? []);
  assert.ok(told.some((each) => each.data.account.name));
});

test('live updates, and the connection is left', async () => {
  const heard = [];
  const stop = client().subscribe({ query: LIVE }, { next: ({ data }) => heard.push(data.accountChanged.account.externalId), error: unexpected, complete: () => {} });
  await renameUntilHeard(unique('sse-live'), heard);
  stop();
});

test('a client that was cut off connects again and goes on after its last event', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const heard = [];
  const variables = {};
  const cut = client({
    url: `http://${way.host}/graphql`,
    retryAttempts: 10,
    retry: () => new Promise((resolve) => setTimeout(resolve, 300)),
    onMessage: undefined,
    on: { connected: () => connections++ },
  });
  cut.subscribe({ query: LIVE, variables }, {
    next: ({ data }) => {
      heard.push(data.accountChanged.account.externalId);
      variables.after = data.accountChanged.eventId;
    },
    error: unexpected,
    complete: () => {},
  });
  await until(() => connections === 1, 'the connection');
  const names = [unique('sse-1'), unique('sse-2'), unique('sse-3')];
  await rename(names[0]);
  await until(() => heard.includes(names[0]), 'the first event');
  way.cut();
  await rename(names[1]); // while it is away
  await until(() => connections > 1, 'the second connection');
  await rename(names[2]);
  await until(() => heard.includes(names[2]), 'the last event');
  assert.deepEqual(heard.filter((name) => names.includes(name)), names);
  way.close();
});

test('single connection mode is refused', async () => {
  const single = client({ singleConnection: true });
  await assert.rejects(all(single, { query: '{ viewer { reach } }' }), (error) => error.response?.status === 405);
});
