// graphql-ws: whose server is the reference of the protocol, and whose client most others use.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { DEAR, LIVE, PARTLY, RENAME, authorization, limitedToken, narrowUrl, rename, renaming, socketUrl, spending, unexpected, unique, until } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';

const made = [];
const client = (more = {}) => {
  const each = createClient({ url: socketUrl, webSocketImpl: WebSocket, connectionParams: { authorization }, ...more });
  made.push(each);
  return each;
};
after(() => Promise.all(made.map((each) => each.dispose())));

const once = (of, payload) =>
  new Promise((resolve, reject) => {
    let result;
    of.subscribe(payload, { next: (value) => (result = value), error: reject, complete: () => resolve(result) });
  });

test('a query', async () => {
  const { data, errors } = await once(client(), { query: '{ viewer { reach } }' });
  assert.deepEqual([data, errors], [{ viewer: { reach: 'SUBTREE' } }, undefined]);
});

test('variables, and the name of an operation', async () => {
  const query = 'query A($id: ID!) { node(id: $id) { id } } query B { viewer { reach } }';
  const { data } = await once(client(), { query, operationName: 'A', variables: { id: 'acc_0' } });
  assert.deepEqual(data, { node: null });
});

test('a document that cannot run is an error of its own', async () => {
  const shared = client();
  const heard = [];
  shared.subscribe({ query: LIVE }, { next: (value) => heard.push(value), error: unexpected, complete: () => {} });
  for (const query of ['{', '{ nonsense }', 'subscription { nonsense }'])
    await assert.rejects(once(shared, { query }), (errors) => errors[0].extensions.code.startsWith('GRAPHQL_'));
  const name = unique('ws-error');
  await rename(name);
  await until(() => heard.some(({ data }) => data.accountChanged.account.externalId === name), 'the event');
});

test('an answer in part has both', async () => {
  const limited = client({ connectionParams: { authorization: `Bearer ${limitedToken}` } });
  const { data, errors } = await once(limited, { query: PARTLY });
  assert.equal(data.orders, null);
  assert.deepEqual(errors.map((error) => [error.path, error.extensions.code]), [[['orders'], 'FORBIDDEN']]);
});

test('whoever has spent its budget is told when to come again, and stays', async () => {
  const happened = [];
  const on = { connected: () => happened.push('connected'), closed: () => happened.push('closed') };
  const narrow = client({ url: narrowUrl.replace(/^http/, 'ws'), lazyCloseTimeout: 10_000, on });
  const [{ extensions }] = await spending(() => once(narrow, { query: DEAR }).then(() => undefined, (errors) => errors));
  assert.equal(extensions.code, 'RATE_LIMITED');
  assert.ok(extensions.retryAfter > 0);
  assert.deepEqual(happened, ['connected']);
});

test('a mutation, and one that is refused', async () => {
  const input = await renaming(unique('ws'));
  const done = await once(client(), { query: RENAME, variables: { input } });
  assert.equal(done.data.accountUpdate.account.externalId, input.externalId);
  const late = await once(client(), { query: RENAME, variables: { input: { ...input, idempotencyKey: unique('ws-late') } } });
  assert.deepEqual(late.data.accountUpdate.userErrors.map((error) => error.code), ['CONFLICT']);
});

test('live updates, and no more of them once they are completed', async () => {
  const heard = [];
  const stop = client().subscribe({ query: LIVE }, { next: (value) => heard.push(value.data.accountChanged.account.externalId), error: unexpected, complete: () => {} });
  const [first, second] = [unique('ws-1'), unique('ws-2')];
  await once(made.at(-1), { query: '{ viewer { reach } }' }); // by then it listens
  await rename(first);
  await until(() => heard.includes(first), 'the event');
  stop();
  await rename(second);
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(!heard.includes(second));
});

test('who has no token is let in nowhere', async () => {
  const stranger = client({ connectionParams: {}, retryAttempts: 0 });
  await assert.rejects(once(stranger, { query: '{ viewer { reach } }' }), (event) => event.code === 4403);
});

test('a client that was cut off connects again and goes on after its last event', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const heard = [];
  const variables = {};
  const cut = client({
    url: `ws://${way.host}/graphql`,
    retryAttempts: 10,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 300)),
    shouldRetry: () => true,
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
  await once(cut, { query: '{ viewer { reach } }' });
  const names = [unique('cut-1'), unique('cut-2'), unique('cut-3')];
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
