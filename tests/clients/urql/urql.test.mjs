// urql: @urql/core, whose `Accept` names every form there is, with its persisted exchange, and live updates over SSE and
// WebSockets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, fetchExchange, gql, subscriptionExchange } from '@urql/core';
import { persistedExchange } from '@urql/exchange-persisted';
import { createClient } from 'graphql-ws';
import { pipe, subscribe } from 'wonka';
import WebSocket from 'ws';
import { DEAR, DEFERRED, LIVE, PARTLY, RENAME, authorization, limitedToken, narrowUrl, rename, renameUntilHeard, renaming, spending, unique, until, url } from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';

const client = ({ exchanges = [fetchExchange], token = authorization, ...more } = {}) =>
  new Client({ url, exchanges, fetchSubscriptions: true, preferGetMethod: false, fetchOptions: { headers: { authorization: token } }, ...more });

test('a query, by POST and by GET', async () => {
  for (const preferGetMethod of [false, 'force']) {
    const { data, error } = await client({ preferGetMethod }).query('{ viewer { reach } }', {}).toPromise();
    assert.deepEqual([data?.viewer.reach, error], ['SUBTREE', undefined]);
  }
});

test('a document that cannot run is told why', async () => {
  for (const query of ['{ nonsense }', 'query A($id: ID!) { node(id: $id) { id } }']) {
    const { data, error } = await client().query(gql(query), {}).toPromise();
    assert.equal(data, undefined);
    assert.match(error.graphQLErrors[0].extensions.code, /GRAPHQL_VALIDATION_FAILED|BAD_USER_INPUT/);
  }
});

test('an answer in part has both', async () => {
  const { data, error } = await client({ token: `Bearer ${limitedToken}` }).query(PARTLY, {}).toPromise();
  assert.equal(data.orders, null);
  assert.deepEqual(error.graphQLErrors.map((each) => each.extensions.code), ['FORBIDDEN']);
});

test('a stranger is told so', async () => {
  const { error } = await client({ token: '' }).query('{ viewer { reach } }', {}).toPromise();
  assert.equal(error.response.status, 401);
});

test('whoever has spent its budget is told when to come again', async () => {
  const narrow = client({ url: narrowUrl, requestPolicy: 'network-only' });
  const { graphQLErrors, response } = await spending(async () => (await narrow.query(DEAR, {}).toPromise()).error);
  assert.equal(response.status, 429);
  assert.equal(graphQLErrors[0].extensions.code, 'RATE_LIMITED');
  assert.ok(Number(response.headers.get('retry-after')) > 0);
});

test('a mutation, and one that is refused', async () => {
  const input = await renaming(unique('urql'));
  const done = await client().mutation(RENAME, { input }).toPromise();
  assert.equal(done.data.accountUpdate.account.externalId, input.externalId);
  const late = await client().mutation(RENAME, { input: { ...input, idempotencyKey: unique('urql-late') } }).toPromise();
  assert.deepEqual(late.data.accountUpdate.userErrors.map((each) => each.code), ['CONFLICT']);
});

test('its persisted exchange registers a query, then sends its hash alone', async () => {
  const sent = [];
  const watched = (input, init) => {
    sent.push(init.body ? JSON.parse(init.body) : Object.fromEntries(new URL(input).searchParams));
    return fetch(input, init);
  };
  const name = unique('Persisted').replaceAll('-', '_');
  for (const preferGetForPersistedQueries of [false, true]) {
    const own = () => client({ exchanges: [persistedExchange({ preferGetForPersistedQueries }), fetchExchange], fetch: watched });
    for (const times of [1, 2]) {
      const { data, error } = await own().query(`query ${name}_${preferGetForPersistedQueries} { viewer { reach } }`, {}).toPromise();
      assert.deepEqual([data?.viewer.reach, error, times], ['SUBTREE', undefined, times]);
    }
  }
  assert.deepEqual(sent.map((each) => Boolean(each.query)), [false, true, false, false, true, false]);
});

test('live updates come over SSE', async () => {
  const heard = [];
  const { unsubscribe } = pipe(
    client().subscription(gql(LIVE), {}),
    subscribe(({ data }) => data && heard.push(data.accountChanged.account.externalId)),
  );
  await renameUntilHeard(unique('urql-live'), heard);
  unsubscribe();
});

test('live updates come over a WebSocket, also after it was cut', async () => {
  const way = await proxy(process.env.CANOPY_URL);
  let connections = 0;
  const socket = createClient({
    url: `ws://${way.host}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization },
    retryAttempts: 10,
    retryWait: () => new Promise((resolve) => setTimeout(resolve, 300)),
    shouldRetry: () => true,
    on: { connected: () => connections++ },
  });
  const forwardSubscription = (request) => ({
    subscribe: (sink) => ({ unsubscribe: socket.subscribe({ ...request, query: request.query ?? '' }, sink) }),
  });
  const live = client({ fetchSubscriptions: false, exchanges: [subscriptionExchange({ forwardSubscription, enableAllOperations: true }), fetchExchange] });
  const heard = [];
  const { unsubscribe } = pipe(
    live.subscription(gql(LIVE), {}),
    subscribe(({ data }) => data && heard.push(data.accountChanged.account.externalId)),
  );
  assert.equal((await live.query('{ viewer { reach } }', {}).toPromise()).data.viewer.reach, 'SUBTREE');
  const names = [unique('urql-socket-1'), unique('urql-socket-2')];
  await rename(names[0]);
  await until(() => heard.includes(names[0]), 'the event');
  way.cut();
  await until(() => connections > 1, 'the second connection');
  await live.query('query Again { viewer { reach } }', {}).toPromise();
  await rename(names[1]);
  await until(() => heard.includes(names[1]), 'the event after it');
  unsubscribe();
  await socket.dispose();
  way.close();
});

test('a deferred part comes after the rest', async () => {
  const results = [];
  const { unsubscribe } = pipe(client().query(gql(DEFERRED), {}), subscribe((result) => results.push(result)));
  await until(() => results.some(({ hasNext }) => !hasNext), 'the end');
  unsubscribe();
  assert.ok(results.length > 1, 'more than one result');
  assert.equal(results[0].data.viewer.account, undefined);
  assert.ok(results.at(-1).data.viewer.account.name);
});
