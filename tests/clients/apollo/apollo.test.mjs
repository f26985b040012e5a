// Apollo Client: over HTTP, with automatic persisted queries, deferred parts by each of its generations, and live updates
// by multipart and by WebSocket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { Defer20220824Handler, GraphQL17Alpha9Handler } from '@apollo/client/incremental';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createHash } from 'node:crypto';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import {
  DEAR, DEFERRED, LIVE, PARTLY, RENAME, RENAME_IN_PARTS, STREAMED, authorization, limitedToken, narrowUrl, post, rename, renameUntilHeard, renaming, spending,
  unexpected, unique, until, url,
} from '../common/canopy.mjs';
import { proxy } from '../common/proxy.mjs';

const http = (more = {}) => new HttpLink({ uri: url, headers: { authorization }, ...more });
const client = (link = http(), more = {}) =>
  new ApolloClient({ link, cache: new InMemoryCache(), defaultOptions: { query: { fetchPolicy: 'no-cache' } }, ...more });

test('a query, by POST and by GET', async () => {
  for (const useGETForQueries of [false, true]) {
    const { data } = await client(http({ useGETForQueries })).query({ query: gql('{ viewer { reach } }') });
    assert.equal(data.viewer.reach, 'SUBTREE');
  }
});

test('a document that cannot run is told why', async () => {
  await assert.rejects(client().query({ query: gql('{ nonsense }') }), (error) => {
    assert.ok(CombinedGraphQLErrors.is(error));
    return error.errors[0].extensions.code === 'GRAPHQL_VALIDATION_FAILED';
  });
});

test('an answer in part has both', async () => {
  const limited = client(http({ headers: { authorization: `Bearer ${limitedToken}` } }));
  const { data, error } = await limited.query({ query: gql(PARTLY), errorPolicy: 'all' });
  assert.equal(data.orders, null);
  assert.deepEqual(error.errors.map((each) => each.extensions.code), ['FORBIDDEN']);
});

test('a stranger is told so', async () => {
  await assert.rejects(client(http({ headers: {} })).query({ query: gql('{ viewer { reach } }') }), (error) => {
    return error.statusCode === 401 || error.errors?.[0].extensions.code === 'UNAUTHENTICATED';
  });
});

test('whoever has spent its budget is told when to come again', async () => {
  const narrow = client(http({ uri: narrowUrl }));
  const refused = await spending(() => narrow.query({ query: gql(DEAR) }).then(() => undefined, (error) => error));
  const [{ extensions }] = refused.errors;
  assert.equal(extensions.code, 'RATE_LIMITED');
  assert.ok(extensions.retryAfter > 0);
});

test('a mutation, and one that is refused', async () => {
  const input = await renaming(unique('apollo'));
  const done = await client().mutate({ mutation: gql(RENAME), variables: { input } });
  assert.equal(done.data.accountUpdate.account.externalId, input.externalId);
  const late = { ...input, idempotencyKey: unique('apollo-late') };
  const { data } = await client().mutate({ mutation: gql(RENAME), variables: { input: late } });
  assert.deepEqual(data.accountUpdate.userErrors.map((each) => each.code), ['CONFLICT']);
});

test('an automatic persisted query is registered, then sent by its hash alone', async () => {
  const sent = [];
  const watched = (input, init) => {
    sent.push(JSON.parse(init.body));
    return fetch(input, init);
  };
  const query = gql(`query ${unique('Persisted').replaceAll('-', '_')} { viewer { reach } }`);
  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  for (const times of [1, 2]) {
    const link = ApolloLink.from([new PersistedQueryLink({ sha256 }), http({ fetch: watched })]);
    const { data } = await client(link).query({ query });
    assert.deepEqual([data.viewer.reach, times], ['SUBTREE', times]);
  }
  assert.deepEqual(sent.map((each) => Boolean(each.query)), [false, true, false]);
});

const HANDLERS = Object.entries({ Defer20220824Handler, GraphQL17Alpha9Handler });

for (const [name, Handler] of HANDLERS)
  test(`a deferred part comes after the rest, as ${name} reads it`, async () => {
    const results = [];
    const watching = client(http(), { incrementalHandler: new Handler() })
      .watchQuery({ query: gql(DEFERRED), fetchPolicy: 'network-only' })
      .subscribe((result) => results.push(result));
    await until(() => results.at(-1)?.dataState === 'complete', 'the last part');
    watching.unsubscribe();
    const told = results.filter((each) => each.data);
    assert.equal(told[0].data.viewer.reach, 'SUBTREE');
    assert.equal(told[0].data.viewer.account, undefined);
    assert.ok(told.at(-1).data.viewer.account.name);
  });

test('a list comes in parts, as GraphQL17Alpha9Handler reads it', async () => {
  const results = [];
  const watching = client(http(), { incrementalHandler: new GraphQL17Alpha9Handler() })
    .watchQuery({ query: gql(STREAMED), fetchPolicy: 'network-only' })
    .subscribe((result) => results.push(result));
  await until(() => results.at(-1)?.dataState === 'complete', 'the last part');
  watching.unsubscribe();
  const whole = await post(STREAMED);
  const told = results.at(-1).data.accounts.nodes.map(({ id, name }) => ({ id, name }));
  assert.deepEqual(told, whole.data.accounts.nodes);
  assert.equal(told.length, 5);
});

for (const [name, Handler] of HANDLERS)
  test(`of a mutation too a part may come later, as ${name} reads it`, async () => {
    const input = await renaming(unique('apollo-late'));
    const inParts = client(http(), { incrementalHandler: new Handler() });
    const { data } = await inParts.mutate({ mutation: gql(RENAME_IN_PARTS), variables: { input } });
    const { account } = data.accountUpdate;
    assert.equal(account.externalId, input.externalId);
    assert.ok(account.name && account.vendor.name);
  });

test('live updates come in parts', async () => {
  const heard = [];
  const listening = client()
    .subscribe({ query: gql(LIVE) })
    .subscribe({ next: ({ data }) => heard.push(data.accountChanged.account.externalId), error: unexpected });
  await renameUntilHeard(unique('apollo-parts'), heard);
  listening.unsubscribe();
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
  const heard = [];
  const overSocket = client(new GraphQLWsLink(socket));
  const listening = overSocket
    .subscribe({ query: gql(LIVE) })
    .subscribe({ next: ({ data }) => heard.push(data.accountChanged.account.externalId), error: unexpected });
  const { data } = await overSocket.query({ query: gql('{ viewer { reach } }') });
  assert.equal(data.viewer.reach, 'SUBTREE');
  const names = [unique('apollo-socket-1'), unique('apollo-socket-2')];
  await rename(names[0]);
  await until(() => heard.includes(names[0]), 'the event');
  way.cut();
  await until(() => connections > 1, 'the second connection');
  await overSocket.query({ query: gql('{ viewer { reach } }') });
  await rename(names[1]);
  await until(() => heard.includes(names[1]), 'the event after it');
  listening.unsubscribe();
  await socket.dispose();
  way.close();
});
